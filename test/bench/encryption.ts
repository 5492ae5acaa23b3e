// npm run bench encryption: what it costs that Secrets are stored encrypted, in one process, without network. The same
// requests over two databases in memory, one sealed and one not, in turns; and of ConfigMaps, which are plain in both: there
// the ratio must be one. Under Node, not workerd.
import { testServer } from '../../src/apiserver/testing.ts';
import { createLedger } from '../../src/ledger/ledger.ts';
import type { Ledger } from '../../src/ledger/types.ts';
import { defaultClusterConfig } from '../../src/ports/index.ts';
import { sealing } from '../harness/cipher.ts';
import { openSql } from '../harness/sql.ts';
import { percentile } from './stats.ts';

const objects = 500;
const rounds = 400;
const dataBytes = 1000;
const collection = (plural: string) => `/api/v1/namespaces/default/${plural}`;

async function server(sealed: boolean) {
  const clock = { now: () => 0 };
  const options = sealing(['k'], (of) => of !== 'secrets');
  const sql = openSql();
  const open = () =>
    createLedger({ sql, clock, config: defaultClusterConfig, ...(sealed ? { sealing: options } : {}) });
  const ledger = open();
  const test = await testServer(openSql(), { ledger });
  for (const plural of ['secrets', 'configmaps'])
    for (let n = 0; n < objects; n++)
      await test.call('POST', collection(plural), {
        metadata: { name: `o${n}` },
        data: { a: 'eHh4'.repeat(dataBytes / 4) },
      });
  return { ...test, cold: open };
}

type Server = Awaited<ReturnType<typeof server>>;
const cases: Record<string, (on: Server, plural: string, n: number, cold: Ledger) => unknown> = {
  get: (on, plural, n) => on.call('GET', `${collection(plural)}/o${n % objects}`),
  'update of one': (on, plural, n) =>
    on.call('PUT', `${collection(plural)}/o${n % objects}`, {
      metadata: { name: `o${n % objects}` },
      data: { a: 'eHh4'.repeat(dataBytes / 4 - (n % 9)) },
    }),
  'list of 500': (on, plural) => on.call('GET', collection(plural)),
  // What was read before is open in memory: a ledger that has just begun has nothing.
  'range of 500, first read': (_on, plural, _n, cold) => cold.range({ start: `${plural}/`, end: `${plural}0` }),
  'history of 500, first read': (_on, plural, _n, cold) =>
    cold.changes({ after: 0, range: { start: `${plural}/`, end: `${plural}0` }, limit: 500 }),
};

export async function measureEncryption(): Promise<void> {
  const [plain, sealed] = [await server(false), await server(true)];
  for (const [name, work] of Object.entries(cases))
    for (const plural of ['secrets', 'configmaps']) {
      const times: Record<'plain' | 'sealed', number[]> = { plain: [], sealed: [] };
      for (let n = -50; n < rounds; n++) {
        const turn = [['plain', plain] as const, ['sealed', sealed] as const];
        for (const [kind, on] of n % 2 === 0 ? turn : turn.reverse()) {
          const ledger = name.includes('first read') ? on.cold() : on.ledger;
          const begun = performance.now();
          await work(on, plural, n + 50, ledger);
          if (n >= 0) times[kind].push((performance.now() - begun) * 1000);
        }
      }
      const [without, with_] = [percentile(times.plain, 50), percentile(times.sealed, 50)];
      console.log(
        `${plural.padEnd(10)} ${name.padEnd(25)} ${without.toFixed(0).padStart(6)} µs plain  ${with_.toFixed(0).padStart(6)} µs  ×${(with_ / without).toFixed(2)}`,
      );
    }
}
