import fc from 'fast-check';
import { expect, it } from 'vitest';
import { sealing } from '../../test/harness/cipher.ts';
import { openSql } from '../../test/harness/sql.ts';
import { ledgerContract } from './contract.ts';
import { Bench, write } from './contract-bench.ts';
import { createLedger } from './ledger.ts';
import { Model } from './model.ts';
import { type Change, CompactedError, type Ledger } from './types.ts';

ledgerContract('node:sqlite', (test) => test(openSql()));
ledgerContract('node:sqlite, sealed', (test) => test(openSql()), sealing(['k']));

it('writes two rows per write and one per tag that changes', async () => {
  const sql = openSql();
  const on = new Bench(sql);
  const cost = async (work: () => Promise<unknown>): Promise<number> => {
    const before = sql.rowsWritten();
    await work();
    return sql.rowsWritten() - before;
  };
  expect(await cost(() => on.put('a', '1', 0))).toBe(2);
  expect(await cost(() => on.put('a', '2', 1))).toBe(2);
  expect(await cost(() => on.put('a', '3', 2, ['x', 'y']))).toBe(4);
  expect(await cost(() => on.put('a', '4', 3, ['x', 'z']))).toBe(4);
  expect(await cost(() => on.put('a', '5', 4, ['x', 'z']))).toBe(2);
  expect(await cost(() => on.put('a', '6', 4))).toBe(0);
  expect(await cost(() => on.delete('a'))).toBe(4);
  // Six log rows and the head go, one mark is written.
  expect(await cost(async () => on.ledger.compact(6))).toBe(8);
});

const key = fc.constantFrom('p/a', 'p/b', 'p/b/c', 'q/a', 'q/b');
const tags = fc.uniqueArray(fc.constantFrom('t1', 't2', 't3'), { maxLength: 3 });
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ op: fc.constant('put' as const), key, tags, size: fc.nat(50) }) },
  { weight: 3, arbitrary: fc.record({ op: fc.constant('delete' as const), key }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('fail' as const), key }) },
  {
    weight: 1,
    arbitrary: fc.record({ op: fc.constant('compact' as const), share: fc.double({ min: 0, max: 1, noNaN: true }) }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('restart' as const), sealed: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('reseal' as const), rows: fc.integer({ min: 1, max: 5 }) }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('flush' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({ op: fc.constant('watch' as const), share: fc.double({ min: 0, max: 1, noNaN: true }) }),
  },
);

/** How rows are stored from one restart to the next; every key is there to read with. */
const policies = [
  undefined,
  sealing(['new', 'old']),
  sealing(['old', 'new'], (collection) => collection === 'q'),
  sealing(['new', 'old'], () => true),
];

/** A watcher: replays from a revision, then lives; after a restart it resumes behind the last change it saw. */
class Watcher {
  readonly from: number;
  readonly seen: Change[] = [];
  #stop = (): void => undefined;

  constructor(from: number) {
    this.from = from;
  }

  attach(ledger: Ledger): void {
    this.#stop();
    const { revision, unsubscribe } = ledger.subscribe((changes) => this.seen.push(...changes));
    this.#stop = unsubscribe;
    const after = this.seen.at(-1)?.revision ?? this.from;
    this.seen.push(...ledger.changes({ after }).changes.filter((change) => change.revision <= revision));
  }
}

it('agrees with the model under random writes, failures, compaction, restarts, new keys and watchers', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const sql = openSql();
      const model = new Model();
      const clock = { now: () => 0 };
      // Without a cipher only until something was sealed.
      let policy = policies[0];
      const open = (): Ledger =>
        createLedger({
          sql,
          clock,
          config: { historyMs: 1000, historyBytesMax: 1e9 },
          ...(policy ? { sealing: policy } : {}),
        });
      let ledger = open();
      let pending: Promise<unknown>[] = [];
      const watchers: Watcher[] = [];
      const flush = async (): Promise<void> => {
        await Promise.all(pending);
        pending = [];
        expect(ledger.revision).toBe(model.revision);
      };
      let serial = 0;
      for (const step of steps) {
        switch (step.op) {
          case 'put': {
            const value = `${++serial}${'v'.repeat(step.size)}`;
            model.put(step.key, value, `s${value.slice(0, 8)}`, step.tags);
            pending.push(ledger.commit((tx) => write(tx, step.key, value, undefined, step.tags)));
            break;
          }
          case 'delete': {
            const value = `${++serial}`;
            if (model.at(step.key)) model.delete(step.key, value, 'd');
            pending.push(ledger.commit((tx) => tx.delete(step.key, () => ({ value, side: 'd' }))));
            break;
          }
          case 'fail': {
            const failing = ledger.commit((tx) => {
              write(tx, step.key, 'never', undefined, ['t1']);
              throw new Error('planned');
            });
            pending.push(expect(failing).rejects.toThrow('planned'));
            break;
          }
          case 'compact':
            await flush();
            ledger.compact(Math.floor(step.share * model.revision));
            model.compacted = Math.max(model.compacted, Math.floor(step.share * model.revision));
            break;
          case 'restart': {
            await flush();
            const before = ledger.size();
            policy = policies[step.sealed] ?? policy;
            ledger = open();
            expect(ledger.size()).toEqual(before);
            for (const watcher of watchers) {
              if ((watcher.seen.at(-1)?.revision ?? watcher.from) >= model.compacted) watcher.attach(ledger);
              else watchers.splice(watchers.indexOf(watcher), 1);
            }
            break;
          }
          case 'reseal':
            ledger.sealed.reseal({ rows: step.rows });
            break;
          case 'flush':
            await flush();
            break;
          case 'watch': {
            // Works that are still queued come later, live.
            const from = Math.max(model.compacted, Math.floor(step.share * ledger.revision));
            const watcher = new Watcher(from);
            watcher.attach(ledger);
            watchers.push(watcher);
            break;
          }
        }
      }
      await flush();
      for (const watcher of watchers) expect(watcher.seen).toEqual(model.changes(watcher.from));
      compare(ledger, model);
      compare(open(), model);
      for (ledger = open(); ledger.sealed.reseal({ rows: 3 }); );
      compare(open(), model);
      const { keys } = ledger.sealed.status();
      const sealed = policy?.keyOf('p') ? ledger.size().rows : 0;
      if (!policy?.keyOf('p') || policy.keyOf('q'))
        expect(keys.filter((one) => one.name === policy?.keyOf('p')?.name || one.rows > 0)).toEqual(
          policy?.keyOf('p') ? [expect.objectContaining({ rows: sealed })] : [],
        );
      const live = model.list('', '~').reduce((sum, e) => sum + e.key.length + e.value.length + e.side.length, 0);
      expect(ledger.size().liveBytes).toBe(live);
      ledger.compact(ledger.revision);
      expect(ledger.size()).toEqual({ liveBytes: live, historyBytes: 0, rows: model.list('', '~').length });
      expect(sql.exec<{ n: number }>('SELECT count(*) AS n FROM ledger_log')[0]?.n).toBe(ledger.size().rows);
      expect(sql.exec<{ n: number }>('SELECT count(*) AS n FROM ledger_head')[0]?.n).toBe(ledger.size().rows);
    }),
    { numRuns: 150 },
  );
});

function compare(ledger: Ledger, model: Model): void {
  const ranges = [
    { start: '', end: '~' },
    { start: 'p/', end: 'p0' },
    { start: 'p/b', end: 'q/b' },
  ];
  if (model.compacted > 0)
    expect(() => ledger.range({ ...ranges[0]!, revision: model.compacted - 1 })).toThrow(CompactedError);
  for (let revision = model.compacted; revision <= model.revision; revision++) {
    for (const range of ranges) {
      const expected = model.list(range.start, range.end, revision);
      expect(ledger.range({ ...range, revision }).entries).toEqual(expected);
      expect(ledger.count({ ...range, revision })).toBe(expected.length);
      const paged = [];
      for (let after: string | undefined, more = true; more; ) {
        const page = ledger.range({ ...range, revision, limit: 2, ...(after === undefined ? {} : { after }) });
        paged.push(...page.entries);
        more = page.more;
        after = page.entries.at(-1)?.key;
      }
      expect(paged).toEqual(expected);
    }
    for (const key of ['p/a', 'p/b', 'q/a']) expect(ledger.get(key, revision)).toEqual(model.at(key, revision));
    expect(ledger.changes({ after: revision })).toEqual({ changes: model.changes(revision), through: model.revision });
  }
  for (const tag of ['t1', 't2', 't3'])
    expect(ledger.range({ ...ranges[0]!, tag }).entries).toEqual(model.list('', '~', model.revision, tag));
}
