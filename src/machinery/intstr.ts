// IntOrString (k8s.io/apimachinery/pkg/util/intstr): a number of things, or a percentage of them.

export type IntOrString = number | string;

/** Scales `25%` of `total`; numbers pass. Undefined when the string is no percentage. */
export function scaledValue(value: IntOrString, total: number, roundUp: boolean): number | undefined {
  if (typeof value === 'number') return value;
  const match = /^([+-]?\d+)%$/.exec(value);
  if (!match) return undefined;
  const share = (Number(match[1]) * total) / 100;
  return roundUp ? Math.ceil(share) : Math.floor(share);
}

/** The integer in the value: a number, or a string of digits; 0 for anything else (IntValue upstream). */
export function intValue(value: IntOrString): number {
  if (typeof value === 'number') return value;
  return /^[+-]?\d+$/.test(value) ? Number(value) : 0;
}

/** The number before `%`, when the value is a percentage. */
export function percentOf(value: IntOrString): number | undefined {
  const match = typeof value === 'string' ? /^([0-9]+)%$/.exec(value) : null;
  return match ? Number(match[1]) : undefined;
}
