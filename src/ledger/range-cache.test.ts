import { expect, it } from 'vitest';
import { RangeCache } from './range-cache.ts';
import type { Entry } from './types.ts';

const entry = (key: string, value: string): Entry => ({ key, value, side: '', revision: 1, createRevision: 1 });

it('forgets the ranges that a written key is in, and no others', () => {
  const cache = new RangeCache();
  for (const prefix of ['q/', 'q/ns/', 'p/', 'p/ns/']) cache.set(prefix, []);
  cache.touch('q/ns/x');
  expect(['q/', 'q/ns/', 'p/', 'p/ns/'].map((prefix) => cache.get(prefix))).toEqual([undefined, undefined, [], []]);
});

it('is bounded in all, not only by range', () => {
  const cache = new RangeCache(100_000);
  for (let n = 0; n < 1000; n++) {
    cache.set(`p/${n}/`, [entry(`p/${n}/a`, 'x'.repeat(20_000))]);
    expect(cache.size).toBeLessThan(5);
  }
  expect(cache.get('p/999/')).toHaveLength(1);
});

it('has room again for what was taken away, or put in its own place', () => {
  const cache = new RangeCache(100_000);
  const put = (prefix: string) => cache.set(prefix, [entry(`${prefix}a`, 'x'.repeat(30_000))]);
  for (let n = 0; n < 10; n++) put('p/1/');
  put('p/2/');
  cache.touch('p/1/a');
  put('q/1/');
  put('q/2/');
  expect(['p/1/', 'p/2/', 'q/1/', 'q/2/'].map((prefix) => cache.get(prefix)?.length)).toEqual([undefined, 1, 1, 1]);
});

it('keeps no range that is large by itself', () => {
  const cache = new RangeCache();
  cache.set('p/', [entry('p/a', 'x'.repeat(60_000))]);
  cache.set(
    'q/',
    Array.from({ length: 51 }, (_, n) => entry(`q/${n}`, '')),
  );
  expect([cache.get('p/'), cache.get('q/')]).toEqual([undefined, undefined]);
});
