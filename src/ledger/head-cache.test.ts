import { expect, it } from 'vitest';
import { HeadCache } from './head-cache.ts';
import type { LogRow } from './tables.ts';

const row = (value: string): LogRow => ({
  key: 'k',
  revision: 1,
  created: 1,
  previous: 0,
  deleted: 0,
  side: '',
  tags: '',
  value,
});

it('tells absence from ignorance', () => {
  const cache = new HeadCache();
  expect(cache.get('a')).toBeUndefined();
  cache.set('a', null);
  expect(cache.get('a')).toBeNull();
  cache.delete('a');
  expect(cache.get('a')).toBeUndefined();
});

it('drops what was not used for long, by size', () => {
  // Two generations of two rows each.
  const cache = new HeadCache(4 * 200);
  for (const key of ['a', 'b', 'c', 'd']) cache.set(key, row('x'.repeat(90)));
  cache.get('a');
  cache.set('e', row('x'.repeat(90)));
  cache.set('f', row('x'.repeat(90)));
  expect(['a', 'b', 'c', 'd', 'e', 'f'].filter((key) => cache.get(key))).toEqual(['a', 'e', 'f']);
});

it('never answers with a row that was replaced or deleted', () => {
  const cache = new HeadCache(10 * 200);
  for (let i = 0; i < 500; i++) {
    const key = `k${i % 13}`;
    if (i % 7 === 0) cache.delete(key);
    else cache.set(key, row(`${i}`.padEnd(90)));
    if (i % 7 === 0) expect(cache.get(key)).toBeUndefined();
    else expect(cache.get(key)?.value.trim()).toBe(`${i}`);
    expect(cache.size).toBeLessThan(14);
  }
});
