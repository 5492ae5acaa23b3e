// Kubernetes quantities (k8s.io/apimachinery/pkg/api/resource): exact, immutable numbers such as `100m`, `1.5Gi`, `1e3`.
//
// A quantity is a whole number of nano-units plus the format it is printed in; finer input is rounded away from zero, as
// upstream does. Canonical strings have no fraction digits and the largest suffix that keeps the value exact.
// Worked example: '1.5Gi' → 1610612736 units, BinarySI → '1536Mi'; '0.5' → 500 milli, DecimalSI → '500m'.

export type QuantityFormat = 'DecimalSI' | 'BinarySI' | 'DecimalExponent';

export interface Quantity {
  /** Value × 10⁹. */
  readonly nanos: bigint;
  readonly format: QuantityFormat;
}

/** A quantity, or text that is one. */
export type QuantityLike = Quantity | string | number;

export const quantityFormatWrong =
  "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
const numericWrong = 'unable to parse numeric part of quantity';
const suffixWrong = "unable to parse quantity's suffix";

/** Text that is no quantity; the message is upstream's. */
export class QuantityError extends Error {
  override readonly name = 'QuantityError';
}

const nano = 1_000_000_000n;
const binaryMax = (2n ** 63n - 1n) * nano;
/** Beyond these exponents nothing is meant in earnest, and powers would only cost time. */
const exponentMax = 1000;
const decimalSuffixes: Record<string, number> = { n: -9, u: -6, m: -3, '': 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 };
const decimalByExponent = new Map(Object.entries(decimalSuffixes).map(([suffix, exponent]) => [exponent, suffix]));
const binarySuffixes = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];
const shape = /^([+-]?)([0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$/;

interface Scale {
  base: 2 | 10;
  exponent: number;
  format: QuantityFormat;
}

function scaleOf(suffix: string): Scale | undefined {
  if (Object.hasOwn(decimalSuffixes, suffix))
    return { base: 10, exponent: decimalSuffixes[suffix] as number, format: 'DecimalSI' };
  const binary = binarySuffixes.indexOf(suffix);
  if (binary > 0) return { base: 2, exponent: binary * 10, format: 'BinarySI' };
  const match = /^[eE]([-+]?[0-9]+)$/.exec(suffix);
  if (!match) return undefined;
  const exponent = Number(match[1]);
  return Math.abs(exponent) <= exponentMax ? { base: 10, exponent, format: 'DecimalExponent' } : undefined;
}

const divideAway = (value: bigint, by: bigint): bigint => {
  const quotient = value / by;
  if (quotient * by === value) return quotient;
  return value < 0n ? quotient - 1n : quotient + 1n;
};

function parse(text: string): Quantity {
  const match = shape.exec(text);
  if (!match) throw new QuantityError(quantityFormatWrong);
  const [whole = '', fraction = '', rest] = (match[2] as string).split('.');
  if (rest !== undefined) throw new QuantityError(quantityFormatWrong);
  if (whole === '' && fraction === '') throw new QuantityError(numericWrong);
  if (whole.length + fraction.length > exponentMax) throw new QuantityError(numericWrong);
  const scale = scaleOf(match[3] as string);
  if (!scale) throw new QuantityError(suffixWrong);

  const digits = BigInt(whole + fraction);
  let nanos: bigint;
  if (scale.base === 10) {
    const exponent = scale.exponent + 9 - fraction.length;
    nanos = exponent >= 0 ? digits * 10n ** BigInt(exponent) : divideAway(digits, 10n ** BigInt(-exponent));
  } else {
    nanos = divideAway(digits * 2n ** BigInt(scale.exponent) * nano, 10n ** BigInt(fraction.length));
    if (nanos > binaryMax) nanos = binaryMax;
  }
  const format = scale.format === 'BinarySI' && nanos > 0n && nanos < nano ? 'DecimalSI' : scale.format;
  return { nanos: match[1] === '-' ? -nanos : nanos, format };
}

/** Texts repeat endlessly (`100m`, `64Mi`): parsing them once is what makes the scheduler's sums cheap. */
const parsed = new Map<string, Quantity>();
const parsedMax = 4096;

/** Throws {@link QuantityError}. */
export function parseQuantity(value: QuantityLike): Quantity {
  if (typeof value === 'object') return value;
  const text = String(value);
  const known = parsed.get(text);
  if (known) return known;
  const quantity = parse(text);
  if (parsed.size >= parsedMax) parsed.clear();
  if (text.length <= 32) parsed.set(text, quantity);
  return quantity;
}

/** The reason why `text` is no quantity, or undefined. */
export function quantityProblem(text: string): string | undefined {
  try {
    parseQuantity(text);
    return undefined;
  } catch (error) {
    if (error instanceof QuantityError) return error.message;
    throw error;
  }
}

function decimalText(nanos: bigint, format: QuantityFormat): string {
  let mantissa = nanos;
  let exponent = -9;
  const ceiling = format === 'DecimalSI' ? 18 : Number.POSITIVE_INFINITY;
  while (exponent < ceiling && mantissa % 1000n === 0n) {
    mantissa /= 1000n;
    exponent += 3;
  }
  if (format === 'DecimalSI') return `${mantissa}${decimalByExponent.get(exponent)}`;
  return exponent === 0 ? `${mantissa}` : `${mantissa}e${exponent}`;
}

const canonical = new Map<string, string>();

/** The canonical string. */
export function formatQuantity(value: QuantityLike): string {
  if (typeof value !== 'string' || value.length > 32) return print(parseQuantity(value));
  const known = canonical.get(value);
  if (known !== undefined) return known;
  const text = print(parseQuantity(value));
  if (canonical.size >= parsedMax) canonical.clear();
  canonical.set(value, text);
  return text;
}

function print({ nanos, format }: Quantity): string {
  if (nanos === 0n) return '0';
  if (format !== 'BinarySI') return decimalText(nanos, format);
  const units = nanos / nano;
  if (units * nano !== nanos || (units > -1024n && units < 1024n)) return decimalText(nanos, 'DecimalSI');
  let mantissa = units;
  let step = 0;
  while (step < 6 && mantissa % 1024n === 0n) {
    mantissa /= 1024n;
    step++;
  }
  return `${mantissa}${binarySuffixes[step]}`;
}

export const zeroQuantity: Quantity = { nanos: 0n, format: 'DecimalSI' };

export function compareQuantities(a: QuantityLike, b: QuantityLike): -1 | 0 | 1 {
  const left = parseQuantity(a).nanos;
  const right = parseQuantity(b).nanos;
  return left < right ? -1 : left > right ? 1 : 0;
}

/** Format follows the first operand, or the second when the first is zero. */
export function addQuantities(a: QuantityLike, b: QuantityLike): Quantity {
  const left = parseQuantity(a);
  const right = parseQuantity(b);
  return { nanos: left.nanos + right.nanos, format: left.nanos === 0n ? right.format : left.format };
}

export function subQuantities(a: QuantityLike, b: QuantityLike): Quantity {
  const left = parseQuantity(a);
  const right = parseQuantity(b);
  return { nanos: left.nanos - right.nanos, format: left.nanos === 0n ? right.format : left.format };
}

export const maxQuantity = (a: QuantityLike, b: QuantityLike): Quantity =>
  compareQuantities(a, b) < 0 ? parseQuantity(b) : parseQuantity(a);

/** Thousandths, rounded away from zero: CPU millicores. */
export const asMilliBigInt = (value: QuantityLike): bigint => divideAway(parseQuantity(value).nanos, 1_000_000n);
/** {@link asMilliBigInt} as a number; exact up to 2⁵³. */
export const toNumberMilli = (value: QuantityLike): number => Number(asMilliBigInt(value));
/** Whole units, rounded away from zero. */
export const asBigInt = (value: QuantityLike): bigint => divideAway(parseQuantity(value).nanos, nano);
/** Whole units (bytes of memory, counts), rounded away from zero; exact up to 2⁵³. */
export const asBytes = (value: QuantityLike): number => Number(asBigInt(value));

/** Of `count` whole units, e.g. bytes as BinarySI. */
export const quantityOf = (count: bigint | number, format: QuantityFormat = 'DecimalSI'): Quantity => ({
  nanos: BigInt(count) * nano,
  format,
});
