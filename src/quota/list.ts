// Arithmetic on lists of quantities by resource name, as quotas are kept (quota/v1/resources.go). Pure; arguments are never
// changed.
import {
  addQuantities,
  compareQuantities,
  formatQuantity,
  parseQuantity,
  type Quantity,
  subQuantities,
  zeroQuantity,
} from '../machinery/quantity.ts';

export type Usage = ReadonlyMap<string, Quantity>;
export type ResourceList = Readonly<Record<string, string>> | undefined;

export const usageOf = (list: ResourceList): Usage =>
  new Map(Object.entries(list ?? {}).map(([name, quantity]) => [name, parseQuantity(quantity)]));

export const listOf = (usage: Usage): Record<string, string> =>
  Object.fromEntries([...usage].map(([name, quantity]) => [name, formatQuantity(quantity)]));

/** Name by name; what one side lacks, it has none of. */
export function add(a: Usage, b: Usage): Usage {
  const sum = new Map(a);
  for (const [name, quantity] of b) sum.set(name, addQuantities(sum.get(name) ?? zeroQuantity, quantity));
  return sum;
}

/** What `a` has beyond `b`, never less than nothing. */
export function excess(a: Usage, b: Usage): Usage {
  const out = new Map<string, Quantity>();
  for (const [name, quantity] of a) {
    const rest = subQuantities(quantity, b.get(name) ?? zeroQuantity);
    out.set(name, rest.nanos < 0n ? zeroQuantity : rest);
  }
  for (const name of b.keys()) if (!a.has(name)) out.set(name, zeroQuantity);
  return out;
}

export function filter(usage: Usage, keep: (name: string, quantity: Quantity) => boolean): Usage {
  return new Map([...usage].filter(([name, quantity]) => keep(name, quantity)));
}

export const only = (usage: Usage, names: readonly string[]): Usage => filter(usage, (name) => names.includes(name));

export const nonZero = (usage: Usage): Usage => filter(usage, (_name, quantity) => quantity.nanos !== 0n);

/** Names whose quantity goes beyond that of `limits`. */
export const exceeded = (usage: Usage, limits: Usage): string[] =>
  [...usage].flatMap(([name, quantity]) => {
    const limit = limits.get(name);
    return limit !== undefined && compareQuantities(quantity, limit) > 0 ? [name] : [];
  });

export const negative = (usage: Usage): string[] =>
  [...usage].filter(([, quantity]) => quantity.nanos < 0n).map(([name]) => name);

export function equal(a: Usage, b: Usage): boolean {
  if (a.size !== b.size) return false;
  for (const [name, quantity] of a) if (b.get(name)?.nanos !== quantity.nanos) return false;
  return true;
}

/** `cpu=1,pods=2`, sorted. */
export const shown = (usage: Usage): string =>
  [...usage]
    .map(([name, quantity]) => `${name}=${formatQuantity(quantity)}`)
    .sort()
    .join(',');
