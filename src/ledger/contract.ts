// The contract of the ledger as a suite: the same cases run over node:sqlite and over SQLite in workerd.
import { describe, expect, it } from 'vitest';
import type { Sql } from '../ports/index.ts';
import { Bench, write } from './contract-bench.ts';
import type { SealingOptions } from './sealing.ts';
import { type Change, CompactedError, FutureRevisionError } from './types.ts';

const all = { start: '', end: '~' };

/** `withSql` runs `test` against an empty database. `sealing`: how its rows are stored; nothing else may tell. */
export function ledgerContract(
  name: string,
  withSql: (test: (sql: Sql) => Promise<void>) => Promise<void>,
  sealing?: SealingOptions,
): void {
  describe(`ledger over ${name}`, () => {
    const scenario = (title: string, test: (on: Bench) => Promise<void>): void => {
      it(title, () => withSql((sql) => test(new Bench(sql, sealing))));
    };

    scenario('gives dense revisions and keeps createRevision', async (on) => {
      expect(on.ledger.revision).toBe(0);
      expect(await on.put('a', '1')).toEqual({ ok: true, revision: 1 });
      expect(await on.put('b', '1')).toEqual({ ok: true, revision: 2 });
      expect(await on.put('a', '2')).toEqual({ ok: true, revision: 3 });
      expect(on.ledger.get('a')).toEqual({ key: 'a', value: '2', side: 's2', revision: 3, createRevision: 1 });
      expect(on.ledger.get('absent')).toBeUndefined();
    });

    scenario('refuses a write whose precondition does not hold', async (on) => {
      await on.put('a', '1');
      expect(await on.put('a', '2', 0)).toMatchObject({ ok: false, reason: 'exists', current: { value: '1' } });
      expect(await on.put('b', '2', 7)).toEqual({ ok: false, reason: 'absent', current: undefined });
      expect(await on.put('a', '2', 7)).toMatchObject({ ok: false, reason: 'conflict', current: { revision: 1 } });
      expect(await on.delete('a', 7)).toMatchObject({ ok: false, reason: 'conflict' });
      expect(await on.delete('b')).toEqual({ ok: false, reason: 'absent', current: undefined });
      expect(await on.put('a', '2', 1)).toEqual({ ok: true, revision: 2 });
      expect(await on.delete('a', 2)).toEqual({ ok: true, revision: 3 });
      expect(await on.put('a', '3', 0)).toEqual({ ok: true, revision: 4 });
      expect(on.ledger.get('a')?.createRevision).toBe(4);
    });

    scenario('shows build the revision and the current entry', async (on) => {
      await on.put('a', '1');
      const seen: unknown[] = [];
      await on.ledger.commit((tx) => {
        tx.put('a', (revision, current) => {
          seen.push(revision, current?.value);
          return { value: `at ${revision}`, side: '', tags: [] };
        });
        seen.push(tx.get('a')?.value, tx.revision);
      });
      expect(seen).toEqual([2, '1', 'at 2', 2]);
    });

    scenario('reads the past', async (on) => {
      await on.put('a', '1');
      await on.put('a', '2');
      await on.delete('a');
      await on.put('a', '4');
      expect([0, 1, 2, 3, 4].map((r) => on.ledger.get('a', r)?.value)).toEqual([undefined, '1', '2', undefined, '4']);
      const lists = [0, 1, 2, 3, 4].map((revision) => on.ledger.range({ ...all, revision }));
      expect(lists.map((list) => list.entries.map((entry) => entry.value))).toEqual([[], ['1'], ['2'], [], ['4']]);
      expect(lists.map((list) => list.revision)).toEqual([0, 1, 2, 3, 4]);
      expect([0, 1, 2, 3, 4].map((revision) => on.ledger.count({ ...all, revision }))).toEqual([0, 1, 1, 0, 1]);
      expect(() => on.ledger.get('a', 5)).toThrow(FutureRevisionError);
    });

    scenario('pages a range at a fixed revision', async (on) => {
      for (const key of ['p/a', 'p/b', 'p/c', 'p/d', 'q/a']) await on.put(key, '1');
      const range = { start: 'p/', end: 'p0' };
      const first = on.ledger.range({ ...range, limit: 2 });
      expect(first).toMatchObject({ more: true, revision: 5, entries: [{ key: 'p/a' }, { key: 'p/b' }] });
      await on.delete('p/c');
      await on.put('p/bb', 'new');
      const rest = on.ledger.range({ ...range, after: 'p/b', limit: 2, revision: first.revision });
      expect(rest).toMatchObject({ more: false, entries: [{ key: 'p/c' }, { key: 'p/d' }] });
      expect(on.ledger.count({ ...range, after: 'p/b' })).toBe(2);
      expect(on.ledger.range({ ...range, withoutValues: true }).entries[0]).toMatchObject({ value: '', side: 's1' });
    });

    scenario('reads no more than so many bytes at once, but always goes on', async (on) => {
      const sizes = [10, 10, 3000, 10, 5000, 5000, 10];
      for (const [i, size] of sizes.entries()) await on.put(`p/${i}`, 'é'.repeat(size / 2));
      const range = { start: 'p/', end: 'p0', bytesMax: 4000 };
      const counts = (read: (after: string | undefined) => { entries: { key: string }[]; more: boolean }): number[] => {
        const seen: number[] = [];
        for (let after: string | undefined; ; ) {
          const { entries, more } = read(after);
          seen.push(entries.length);
          after = entries.at(-1)?.key;
          if (!more) return seen;
        }
      };
      const past = on.ledger.revision;
      const page = (limit: number) => (after: string | undefined) =>
        on.ledger.range({ ...range, limit, ...(after === undefined ? {} : { after }) });
      expect(counts(page(500))).toEqual([4, 1, 1, 1]);
      expect(counts(page(3))).toEqual([3, 1, 1, 1, 1]);
      expect(on.ledger.range(range)).toMatchObject({ more: true, entries: [{}, {}, {}, {}] });
      expect(on.ledger.range({ ...range, withoutValues: true }).entries).toHaveLength(7);
      await on.put('p/0', 'x'.repeat(9000));
      // At hand without a statement, and read.
      for (const ledger of [on.ledger, on.reopen()]) {
        const changes = (after: number, limit = 500) => {
          const page = ledger.changes({ after, limit, bytesMax: 4000 });
          return [page.changes.length, page.through];
        };
        expect([changes(0), changes(0, 2), changes(4), changes(7), changes(8)]).toEqual([
          [4, 4],
          [2, 2],
          [1, 5],
          [1, 8],
          [0, 8],
        ]);
      }
      const restarted = on.reopen();
      expect(restarted.range({ ...range, revision: past }).entries).toHaveLength(4);
      expect(restarted.range(range).entries).toHaveLength(1);
    });

    scenario('joins the values of a range', async (on) => {
      for (const key of ['p/c', 'p/a', 'p/b', 'q/a']) await on.put(key, `"${key}"}`);
      const joined = (limit: number, after?: string, revision?: number) =>
        on.ledger.text({
          start: 'p/',
          end: 'p0',
          limit,
          before: '{',
          between: ',',
          ...(after === undefined ? {} : { after }),
          ...(revision === undefined ? {} : { revision }),
        });
      expect(joined(2)).toEqual({ text: '{"p/a"},{"p/b"}', count: 2, last: 'p/b' });
      expect(joined(2, 'p/b')).toEqual({ text: '{"p/c"}', count: 1, last: 'p/c' });
      expect(joined(2, 'p/c')).toEqual({ text: '', count: 0, last: '' });
      await on.delete('p/a');
      expect(joined(9)).toMatchObject({ text: '{"p/b"},{"p/c"}', count: 2 });
      expect(joined(9, undefined, 4)).toMatchObject({ text: '{"p/a"},{"p/b"},{"p/c"}', count: 3 });
    });

    scenario('does not join what no string of SQLite can hold', async (on) => {
      for (let i = 0; i < 16; i++) await on.put(`k${i}`, 'x'.repeat(1_400_000));
      const joined = on.ledger.text({ ...all, limit: 100, before: '', between: '' });
      expect(joined === undefined || joined.text.length === 16 * 1_400_000).toBe(true);
      expect(on.ledger.text({ ...all, limit: 2, before: '', between: '' })?.text.length).toBe(2_800_000);
    });

    scenario('serves hot keys as they are after every kind of write', async (on) => {
      expect(on.ledger.get('a')).toBeUndefined();
      await on.put('a', '1');
      expect(on.ledger.get('a')?.value).toBe('1');
      await on.ledger
        .commit((tx) => {
          write(tx, 'a', 'undone');
          write(tx, 'b', 'undone');
          throw new Error('after writing');
        })
        .catch(() => undefined);
      expect([on.ledger.get('a')?.value, on.ledger.get('b')]).toEqual(['1', undefined]);
      await on.delete('a');
      expect(on.ledger.get('a')).toBeUndefined();
      on.ledger.compact(2);
      expect(on.ledger.get('a')).toBeUndefined();
      expect(await on.put('a', '3', 0)).toEqual({ ok: true, revision: 3 });
      expect(on.ledger.get('a')).toMatchObject({ value: '3', createRevision: 3 });
    });

    scenario('shows a small range as it is after every kind of write', async (on) => {
      const range = { start: 'p/n/', end: 'p/n0' };
      const keys = (limit?: number) =>
        on.ledger.range({ ...range, ...(limit ? { limit } : {}) }).entries.map(({ key, value }) => `${key}=${value}`);
      expect(keys()).toEqual([]);
      await on.put('p/n/a', '1');
      await on.put('p/other/a', '1');
      expect([keys(), keys()]).toEqual([['p/n/a=1'], ['p/n/a=1']]);
      on.ledger.range(range).entries.pop();
      await on.put('p/n/b', '1');
      expect([keys(), keys(1), on.ledger.range({ ...range, limit: 1 }).more]).toEqual([
        ['p/n/a=1', 'p/n/b=1'],
        ['p/n/a=1'],
        true,
      ]);
      await on.ledger
        .commit((tx) => {
          write(tx, 'p/n/c', 'undone');
          expect(tx.range(range).entries).toHaveLength(3);
          throw new Error('after writing');
        })
        .catch(() => undefined);
      expect(keys()).toHaveLength(2);
      await on.delete('p/n/a');
      expect(keys()).toEqual(['p/n/b=1']);
    });

    scenario('finds rows by tag', async (on) => {
      await on.put('a', '1', undefined, ['node=n1', 'x']);
      await on.put('b', '1', undefined, ['node=n1']);
      await on.put('a', '2', undefined, ['node=n2', 'x']);
      const tagged = (tag: string): string[] => on.ledger.range({ ...all, tag }).entries.map((entry) => entry.key);
      expect([tagged('node=n1'), tagged('node=n2'), tagged('x'), tagged('y')]).toEqual([['b'], ['a'], ['a'], []]);
      expect(on.ledger.count({ ...all, tag: 'x' })).toBe(1);
      expect(on.ledger.range({ start: 'b', end: '~', tag: 'x' }).entries).toEqual([]);
      await on.delete('a');
      expect([tagged('node=n2'), tagged('x')]).toEqual([[], []]);
      expect(() => on.ledger.range({ ...all, tag: 'x', revision: 1 })).toThrow();
    });

    scenario('replays changes with what they superseded', async (on) => {
      await on.put('a', '1');
      await on.put('b', '1');
      await on.put('a', '2');
      await on.delete('a');
      await on.put('a', '5');
      const changes = on.ledger.changes({ after: 1, range: { start: 'a', end: 'b' } });
      expect(changes.through).toBe(5);
      expect(changes.changes).toEqual([
        {
          type: 'put',
          key: 'a',
          revision: 3,
          createRevision: 1,
          value: '2',
          side: 's2',
          previous: { revision: 1, value: '1', side: 's1' },
        },
        {
          type: 'delete',
          key: 'a',
          revision: 4,
          createRevision: 1,
          value: 'gone 2',
          side: 'gone',
          previous: { revision: 3, value: '2', side: 's2' },
        },
        { type: 'put', key: 'a', revision: 5, createRevision: 5, value: '5', side: 's5' },
      ]);
      expect(on.ledger.changes({ after: 0, limit: 2 })).toMatchObject({
        through: 2,
        changes: [{ revision: 1 }, { revision: 2 }],
      });
      expect(on.ledger.changes({ after: 5 })).toEqual({ changes: [], through: 5 });
      expect(() => on.ledger.changes({ after: 6 })).toThrow(FutureRevisionError);
    });

    scenario('commits a group in one transaction and tells listeners once, after it', async (on) => {
      const heard: { revisions: number[]; revision: number; committed: number }[] = [];
      on.ledger.subscribe((changes, revision) => {
        heard.push({ revisions: changes.map((change) => change.revision), revision, committed: on.ledger.revision });
      });
      const before = on.transactions;
      await Promise.all([on.put('a', '1'), on.put('b', '1'), on.put('a', '2')]);
      expect(on.transactions - before).toBe(1);
      expect(heard).toEqual([{ revisions: [1, 2, 3], revision: 3, committed: 3 }]);
      await on.ledger.commit((tx) => tx.get('a'));
      expect(heard).toHaveLength(1);
    });

    scenario('undoes a work that throws, and it alone', async (on) => {
      const heard: Change[] = [];
      on.ledger.subscribe((changes) => heard.push(...changes));
      const late = on.ledger.commit((tx) => {
        write(tx, 'x', '1');
        throw new Error('after writing');
      });
      const early = on.ledger.commit(() => {
        throw new Error('before writing');
      });
      const building = on.ledger.commit((tx) =>
        tx.put('y', () => {
          throw new Error('in build');
        }),
      );
      const results = await Promise.allSettled([
        on.put('a', '1'),
        late,
        on.put('b', '2'),
        early,
        building,
        on.put('c', '3'),
      ]);
      expect(results.map((r) => (r.status === 'fulfilled' ? r.value : (r.reason as Error).message))).toEqual([
        { ok: true, revision: 1 },
        'after writing',
        { ok: true, revision: 2 },
        'before writing',
        'in build',
        { ok: true, revision: 3 },
      ]);
      expect(on.ledger.get('x')).toBeUndefined();
      expect(on.ledger.revision).toBe(3);
      expect(heard.map((change) => change.key)).toEqual(['a', 'b', 'c']);
      expect(on.ledger.size()).toEqual(on.reopen().size());
    });

    scenario('refuses values that no row can hold', async (on) => {
      const large = 'é'.repeat(1_100_000);
      await expect(on.put('a', large)).rejects.toThrow('too large');
      expect(await on.put('a', 'x'.repeat(1_500_000))).toMatchObject({ ok: true, revision: 1 });
    });

    scenario('forgets what is compacted and keeps what is live', async (on) => {
      await on.put('a', '1');
      await on.put('b', '1');
      await on.put('a', '3');
      await on.delete('b');
      await on.put('c', '5');
      on.ledger.compact(3);
      expect(on.ledger.compactedRevision).toBe(3);
      expect(() => on.ledger.get('a', 2)).toThrow(CompactedError);
      expect(() => on.ledger.range({ ...all, revision: 2 })).toThrow(CompactedError);
      expect(() => on.ledger.changes({ after: 2 })).toThrow(CompactedError);
      expect(on.ledger.range({ ...all, revision: 3 }).entries.map((e) => [e.key, e.value])).toEqual([
        ['a', '3'],
        ['b', '1'],
      ]);
      expect(on.ledger.changes({ after: 3 }).changes).toMatchObject([
        { revision: 4, previous: { revision: 2 } },
        { revision: 5 },
      ]);
      on.ledger.compact(5);
      expect(on.ledger.size()).toMatchObject({ rows: 2, historyBytes: 0 });
      expect(() => on.ledger.compact(6)).toThrow(FutureRevisionError);
      on.ledger.compact(4);
      expect(on.ledger.compactedRevision).toBe(5);
    });

    scenario('keeps its revisions over a restart, even when all is deleted and compacted', async (on) => {
      await on.put('a', '1');
      await on.delete('a');
      on.ledger.compact(2);
      const again = on.reopen();
      expect([again.revision, again.compactedRevision]).toEqual([2, 2]);
      expect(again.size()).toEqual({ liveBytes: 0, historyBytes: 0, rows: 0 });
      expect(await again.commit((tx) => write(tx, 'a', '3', 0))).toEqual({ ok: true, revision: 3 });
    });

    scenario('compacts by age, then has nothing more to do', async (on) => {
      await on.put('a', '1');
      on.nowMs += 400;
      await on.put('a', '2');
      expect(on.ledger.compactDue(on.nowMs)).toBe(1000 + 1200);
      on.nowMs += 700;
      expect(on.ledger.compactDue(on.nowMs)).toBe(1400 + 1200);
      expect(on.ledger.compactedRevision).toBe(1);
      on.nowMs = 2600;
      expect(on.ledger.compactDue(on.nowMs)).toBeUndefined();
      expect([on.ledger.compactedRevision, on.ledger.size().rows]).toEqual([2, 1]);
    });

    scenario('compacts by size on its own', async (on) => {
      for (let i = 0; i < 50; i++) await on.put('a', `${i}:${'x'.repeat(1000)}`);
      expect(on.ledger.size().historyBytes).toBeLessThanOrEqual(10_000);
      expect(on.ledger.size().historyBytes).toBeGreaterThan(8_000);
      expect(on.ledger.get('a', on.ledger.revision - 5)?.value).toMatch(/^44:/);
      expect(on.reopen().size()).toEqual(on.ledger.size());
    });

    scenario('joins replay and live changes without gap or duplicate', async (on) => {
      await on.put('a', '1');
      const seen: number[] = [];
      const { revision, unsubscribe } = on.ledger.subscribe((changes) => {
        for (const change of changes) seen.push(change.revision);
      });
      const pending = Promise.all([on.put('b', '2'), on.put('c', '3')]);
      const replay = on.ledger.changes({ after: 0 }).changes.filter((change) => change.revision <= revision);
      await pending;
      expect([...replay.map((change) => change.revision), ...seen]).toEqual([1, 2, 3]);
      unsubscribe();
      await on.put('d', '4');
      expect(seen).toEqual([2, 3]);
    });

    scenario('lets no transaction be used after its end', async (on) => {
      const tx = await on.ledger.commit((view) => view);
      expect(() => write(tx, 'a', '1')).toThrow('over');
    });
  });
}
