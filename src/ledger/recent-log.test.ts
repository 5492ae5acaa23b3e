import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { RecentLog } from './recent-log.ts';
import type { Change } from './types.ts';

const change = (revision: number, key = 'a', value = 'x'): Change => ({
  type: 'put',
  key,
  revision,
  createRevision: revision,
  value,
  side: '',
});
const revisions = (changes: Change[] | undefined) => changes?.map(({ revision }) => revision);

it('answers from the first revision that it keeps', () => {
  const log = new RecentLog(7);
  log.add([change(8), change(9, 'b')]);
  log.add([change(10)]);
  expect(log.since(6, undefined, -1)).toBeUndefined();
  expect(revisions(log.since(7, undefined, -1))).toEqual([8, 9, 10]);
  expect(revisions(log.since(7, undefined, 2))).toEqual([8, 9]);
  expect(revisions(log.since(7, { start: 'b', end: 'c' }, -1))).toEqual([9]);
  expect(revisions(log.since(10, undefined, -1))).toEqual([]);
});

it('lets the oldest go, and says so', () => {
  const log = new RecentLog(0, 10_000);
  for (let revision = 1; revision <= 5000; revision++) log.add([change(revision, 'a', 'x'.repeat(100))]);
  const kept = log.since(4990, undefined, -1);
  expect(revisions(kept)).toEqual([4991, 4992, 4993, 4994, 4995, 4996, 4997, 4998, 4999, 5000]);
  expect(log.since(4000, undefined, -1)).toBeUndefined();
});

it('holds nothing of what it has let go, however few and large its changes are', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const log = new RecentLog(0, 10_000);
  const added: WeakRef<Change>[] = [];
  for (let revision = 1; revision <= 100; revision++) {
    const one = change(revision, 'a', 'x'.repeat(4000));
    added.push(new WeakRef(one));
    log.add([one]);
  }
  await new Promise((resolve) => setTimeout(resolve));
  collect();
  expect(added.filter((one) => one.deref() !== undefined)).toHaveLength(2);
  expect(revisions(log.since(98, undefined, -1))).toEqual([99, 100]);
});
