// The order of merged lists in a strategic merge patch: elements the patch names come in the patch's order, elements only the
// server has keep their place among them. Elements are scalars (mergeKey '') or maps compared by their merge key.

import { isJsonObject } from './merge.ts';

const identity = (item: unknown, mergeKey: string): unknown =>
  mergeKey !== '' && isJsonObject(item) ? item[mergeKey] : item;

function positions(order: readonly unknown[], mergeKey: string): Map<unknown, number> {
  const out = new Map<unknown, number>();
  order.forEach((item, i) => {
    const key = identity(item, mergeKey);
    if (!out.has(key)) out.set(key, i);
  });
  return out;
}

/** Elements that `list` names, and the others. */
export function partition(
  items: readonly unknown[],
  list: readonly unknown[],
  mergeKey: string,
): [named: unknown[], others: unknown[]] {
  const known = positions(list, mergeKey);
  const named: unknown[] = [];
  const others: unknown[] = [];
  for (const item of items) (known.has(identity(item, mergeKey)) ? named : others).push(item);
  return [named, others];
}

function sorted(items: readonly unknown[], order: Map<unknown, number>, mergeKey: string): unknown[] {
  const rank = (item: unknown): number => order.get(identity(item, mergeKey)) ?? Number.MAX_SAFE_INTEGER;
  return [...items].sort((a, b) => rank(a) - rank(b));
}

/** Both parts sorted by their own order, then zipped: a server-only element goes before a patched one that followed it on the server. */
export function normalizeOrder(
  ofPatch: readonly unknown[],
  ofServer: readonly unknown[],
  patchOrder: readonly unknown[],
  serverOrder: readonly unknown[],
  mergeKey: string,
): unknown[] {
  const server = positions(serverOrder, mergeKey);
  const left = sorted(ofServer, server, mergeKey);
  const right = sorted(ofPatch, positions(patchOrder, mergeKey), mergeKey);
  const out: unknown[] = [];
  let i = 0;
  let j = 0;
  while (i < left.length && j < right.length) {
    const l = server.get(identity(left[i], mergeKey));
    const r = server.get(identity(right[j], mergeKey));
    if (l !== undefined && r !== undefined && l < r) out.push(left[i++]);
    else out.push(right[j++]);
  }
  return [...out, ...left.slice(i), ...right.slice(j)];
}

export const uniqueScalars = (items: readonly unknown[]): unknown[] => [...new Set(items)];

export function deleteScalars(items: readonly unknown[], gone: readonly unknown[]): unknown[] {
  const set = new Set(gone);
  return items.filter((item) => !set.has(item));
}
