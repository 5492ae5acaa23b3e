// An answer that refuses something is of a length that somebody reads, whatever was sent.
import { expect, test } from 'vitest';
import { errors, type FieldError, toStatus } from './errors.ts';

const invalid = (problems: readonly FieldError[]) => toStatus(errors.invalid('', 'Pod', 'p', problems));
const problem = (n: number, badValue: unknown = 'x'): FieldError => ({
  type: 'Invalid',
  field: `spec.f[${n}]`,
  badValue,
  detail: 'no',
});
const many = (length: number, badValue?: unknown) => Array.from({ length }, (_, n) => problem(n, badValue));

test('all problems are named where that is possible', () => {
  const { message, details } = invalid(many(1000));
  expect(details?.causes).toHaveLength(1000);
  expect(details?.causes?.[999]).toEqual({
    reason: 'FieldValueInvalid',
    message: 'Invalid value: "x": no',
    field: 'spec.f[999]',
  });
  expect(message).toMatch(/spec\.f\[999\]: Invalid value: "x": no\]$/);
});

test('of many problems the first are named, and the others counted', () => {
  const { message, details } = invalid(many(60_000));
  expect(details?.causes).toHaveLength(1000);
  expect(message).toMatch(/spec\.f\[999\]: Invalid value: "x": no, and 59000 more\]$/);
});

test.each([
  ['a text', 'y'.repeat(1_000_000)],
  ['one whose quotation is longer', '\u0001'.repeat(1_000_000)],
  ['an object', { a: '<'.repeat(1_000_000) }],
])('a long value is shown in part: %s', (_name, value) => {
  const status = invalid(many(100, value));
  expect(status.details?.causes?.[0]?.message).toMatch(/\.\.\."?: no$/);
  expect(JSON.stringify(status).length).toBeLessThan(2_000_000);
});

test('a message has its bound, too', () => {
  expect(toStatus(errors.badRequest('z'.repeat(1_000_000))).message?.length).toBeLessThan(300_000);
});
