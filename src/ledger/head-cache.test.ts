import { expect, it } from 'vitest';
import { HeadCache } from './head-cache.ts';
import type { LogRow } from './store.ts';

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

it('drops what was used longest ago, by size', () => {
  const cache = new HeadCache(3 * 200);
  for (const key of ['a', 'b', 'c']) cache.set(key, row('x'.repeat(90)));
  cache.get('a');
  cache.set('d', row('x'.repeat(90)));
  expect(['a', 'b', 'c', 'd'].filter((key) => cache.get(key))).toEqual(['a', 'c', 'd']);
  cache.set('e', row('x'.repeat(1000)));
  expect(cache.size).toBe(0);
});
