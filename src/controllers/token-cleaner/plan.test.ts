import { expect, test } from 'vitest';
import { remainingMs } from './plan.ts';

const now = Date.UTC(2026, 0, 2);
const of = (expiration?: string) => remainingMs({ data: expiration === undefined ? {} : { expiration } }, now);

test.each([
  ['2026-01-02T00:00:10Z', 10_000],
  ['2026-01-02T01:00:00+01:00', 0],
  ['2026-01-01T00:00:00Z', -86_400_000],
  ['tomorrow', 0],
  ['2026-01-02', 0],
  ['2026-13-45T00:00:00Z', 0],
])('%s', (text, ms) => {
  expect(of(btoa(text))).toBe(ms);
});

test('what says nothing lasts; what is no base64 does not', () => {
  expect(of()).toBeUndefined();
  expect(of('')).toBeUndefined();
  expect(of('***')).toBe(0);
});
