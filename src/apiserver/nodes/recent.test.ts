import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { openSql } from '../../../test/harness/sql.ts';
import type { Change } from '../../ledger/types.ts';
import { testServer } from '../testing.ts';
import { RecentChanges } from './recent.ts';
import { referencesIn } from './reference-index.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Makes objects, and counts the changes that an observer of them holds in the end. */
async function held(path: string, object: (n: number) => object, count: number) {
  const { call, ledger } = await testServer(openSql());
  const recent = new RecentChanges(ledger.revision, referencesIn(ledger));
  const seen: WeakRef<Change>[] = [];
  const first = ledger.revision;
  ledger.subscribe((changes) => {
    // Others hold what they are shown: a copy of each is nobody's but the observer's.
    const copies = changes.map((change) => ({ ...change }));
    for (const copy of copies) seen.push(new WeakRef(copy));
    recent.observe(ledger, copies);
  });
  for (let n = 0; n < count; n++) expect((await call('POST', path, object(n))).code).toBe(201);
  await new Promise((resolve) => setTimeout(resolve));
  collect();
  return { recent, first, last: ledger.revision, alive: seen.filter((one) => one.deref() !== undefined).length };
}

const text = 'x'.repeat(1_000_000);

it('holds nothing of what concerns nobody', async () => {
  const { recent, first, alive } = await held(
    '/api/v1/namespaces/default/configmaps',
    (n) => ({ metadata: { name: `c${n}` }, data: { text } }),
    5,
  );
  expect(alive).toBe(0);
  expect(recent.of('n1', first)).toEqual([]);
});

it('lets the oldest of what concerns somebody go', async () => {
  const { recent, first, last, alive } = await held(
    '/api/v1/namespaces/default/services',
    (n) => ({
      metadata: { name: `s${n}`, annotations: { text: text.slice(0, 250_000) } },
      spec: { ports: [{ port: 1 }] },
    }),
    80,
  );
  expect(alive).toBeLessThan(70);
  expect(alive).toBeGreaterThan(30);
  expect(recent.of('n1', first)).toBeUndefined();
  expect(recent.of('n1', last - 2)).toHaveLength(1);
});
