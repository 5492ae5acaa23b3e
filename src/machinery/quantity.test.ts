import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addQuantities,
  asBytes,
  asMilliBigInt,
  compareQuantities,
  formatQuantity,
  parseQuantity,
  QuantityError,
  quantityFormatWrong,
  quantityProblem,
  subQuantities,
} from './quantity.ts';

describe('canonical strings', () => {
  it.each([
    ['0', '0'],
    ['0.0', '0'],
    ['00', '0'],
    ['0Mi', '0'],
    ['100m', '100m'],
    ['1000m', '1'],
    ['0.5', '500m'],
    ['1.5Gi', '1536Mi'],
    ['1024Mi', '1Gi'],
    ['128Mi', '128Mi'],
    ['1000Ki', '1000Ki'],
    ['512', '512'],
    ['1024', '1024'],
    ['2000', '2k'],
    ['1e3', '1e3'],
    ['1E3', '1e3'],
    ['12e6', '12e6'],
    ['1e4', '10e3'],
    ['100E-2', '1'],
    ['1E', '1E'],
    ['1G', '1G'],
    ['1500M', '1500M'],
    ['0.1Ki', '102400m'],
    ['0.000000000001', '1n'],
    ['-0.0000000000001', '-1n'],
    ['.5', '500m'],
    ['1.', '1'],
    ['-100m', '-100m'],
    ['+5', '5'],
    ['1Ki', '1Ki'],
    ['1023Ki', '1023Ki'],
    ['1Ei', '1Ei'],
    ['64Ei', '9223372036854775807'],
    ['1000E', '1000E'],
  ])('%s → %s', (text, canonical) => expect(formatQuantity(text)).toBe(canonical));
});

it.each([
  ['', quantityFormatWrong],
  ['abc', quantityFormatWrong],
  ['1.2.3', quantityFormatWrong],
  ['1 Gi', quantityFormatWrong],
  ['Gi', quantityFormatWrong],
  ['1i', "unable to parse quantity's suffix"],
  ['1KI', quantityFormatWrong],
  ['1e', "unable to parse quantity's suffix"],
  ['1Mi2', "unable to parse quantity's suffix"],
  ['1e99999999999', "unable to parse quantity's suffix"],
  ['.', 'unable to parse numeric part of quantity'],
  ['9'.repeat(5000), 'unable to parse numeric part of quantity'],
])('refuses %j', (text, message) => {
  expect(quantityProblem(text)).toBe(message);
  expect(() => parseQuantity(text)).toThrow(QuantityError);
});

it('rounds up to bytes and millis', () => {
  expect(asBytes('1500m')).toBe(2);
  expect(asBytes('1Gi')).toBe(1073741824);
  expect(asMilliBigInt('1n')).toBe(1n);
  expect(asMilliBigInt('2')).toBe(2000n);
});

it('adds and subtracts, the format following the first operand that is not zero', () => {
  expect(formatQuantity(addQuantities('1Gi', '512Mi'))).toBe('1536Mi');
  expect(formatQuantity(addQuantities('0', '1Mi'))).toBe('1Mi');
  expect(formatQuantity(subQuantities('1', '250m'))).toBe('750m');
});

const suffixes = ['n', 'u', 'm', '', 'k', 'M', 'G', 'T', 'P', 'E', 'Ki', 'Mi', 'Gi', 'Ti', 'e3', 'e-3', 'E6'];
const texts = fc
  .tuple(fc.constantFrom('', '-', '+'), fc.nat(999_999), fc.option(fc.nat(999_999)), fc.constantFrom(...suffixes))
  .map(([sign, whole, fraction, suffix]) => `${sign}${whole}${fraction === null ? '' : `.${fraction}`}${suffix}`);

it('round trips and keeps order', () => {
  fc.assert(
    fc.property(texts, texts, (a, b) => {
      const canonical = formatQuantity(a);
      expect(compareQuantities(canonical, a)).toBe(0);
      expect(formatQuantity(canonical)).toBe(canonical);
      expect(compareQuantities(a, b) + compareQuantities(b, a)).toBe(0);
      expect(compareQuantities(subQuantities(addQuantities(a, b), b), a)).toBe(0);
      const difference = parseQuantity(a).nanos - parseQuantity(b).nanos;
      expect(compareQuantities(a, b)).toBe(difference < 0n ? -1 : difference > 0n ? 1 : 0);
    }),
  );
});

it('never fails otherwise than with QuantityError', () => {
  fc.assert(fc.property(fc.string(), (text) => void quantityProblem(text)));
});
