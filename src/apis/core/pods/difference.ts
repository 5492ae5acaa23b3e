// What differs between two objects, as the messages about immutable parts show it: the members that differ, one a line, old
// before new. Upstream prints a diff of its internal types there.

import { deepEqual } from '../../../machinery/validation.ts';

export function difference(old: object, now: object): string {
  const before = old as Record<string, unknown>;
  const after = now as Record<string, unknown>;
  const lines: string[] = [];
  for (const key of [...new Set([...Object.keys(before), ...Object.keys(after)])].sort()) {
    if (deepEqual(before[key], after[key])) continue;
    if (before[key] !== undefined) lines.push(`- \t${key}: ${JSON.stringify(before[key])}`);
    if (after[key] !== undefined) lines.push(`+ \t${key}: ${JSON.stringify(after[key])}`);
  }
  return lines.join('\n');
}
