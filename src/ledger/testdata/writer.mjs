// Writes to a ledger in the file that it is given until it is killed. Prints a line for every acknowledged write and for
// every change that a watcher hears: `ack REVISION VALUE`, `saw REVISION VALUE`. Compacts now and then. With names of keys as
// a third argument rows are sealed under the first, and what lies there otherwise is stored again meanwhile.
import fs from 'node:fs';
import { sealing } from '../../../test/harness/cipher.ts';
import { openSql } from '../../../test/harness/sql.ts';
import { createLedger } from '../ledger.ts';

const [path, round, keys] = process.argv.slice(2);
const ledger = createLedger({
  sql: openSql(path),
  clock: { now: () => Date.now() },
  config: { historyMs: 60_000, historyBytesMax: 20_000 },
  schedule: (drain) => setImmediate(drain),
  ...(keys ? { sealing: sealing(keys.split(',')) } : {}),
});
ledger.subscribe((changes) => {
  for (const change of changes) print(`saw ${change.revision} ${change.value}`);
});

function print(line) {
  fs.writeSync(1, `${line}\n`);
}

/** Row by row beside the writers: it is killed somewhere in between. */
const again = () => ledger.sealed.reseal({ rows: 1 }) && setImmediate(again);

async function writer(id) {
  for (let i = 0; ; i++) {
    const value = `${round}/${id}/${i}`;
    const result = await ledger.commit((tx) =>
      i % 7 === 6
        ? tx.delete(`k/${id}`, () => ({ value, side: '' }))
        : tx.put(`k/${id}`, () => ({ value, side: 'x'.repeat(200), tags: [`t=${i % 3}`] })),
    );
    print(`ack ${result.revision} ${value}`);
  }
}
again();
await Promise.all(Array.from({ length: 8 }, (_, id) => writer(id)));
