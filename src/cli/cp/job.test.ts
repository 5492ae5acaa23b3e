// What is said at the end of a copy.
import { expect, test } from 'vitest';
import { summary } from './job.ts';

test.each<[number, number, number, string]>([
  [12, 500e6, 3200, '12 files, 500 MB in 3.2 s (156 MB/s)'],
  [1, 107, 93, '1 file, 107 B in 0.1 s'],
  [0, 0, 0, '0 files, 0 B in 0.1 s'],
  [3, 5e9, 65_000, '3 files, 5.00 GB in 1 min 5 s (76.9 MB/s)'],
])('%s', (files, bytes, elapsedMs, text) => {
  expect(summary(files, { bytes, elapsedMs })).toBe(text);
});
