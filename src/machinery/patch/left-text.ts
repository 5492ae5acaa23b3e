// The document that a patch leaves, as messages show it: whatever the patch went into has its members sorted, everything else
// is as it was written. (Upstream's library opens the former into maps, and keeps the latter as text.)

import { isJsonObject } from '../schema/json.ts';

const text = (value: unknown): string =>
  JSON.stringify(value).replace(/[<>&\u2028\u2029]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);

const own = (of: unknown, key: string): unknown => (isJsonObject(of) && Object.hasOwn(of, key) ? of[key] : undefined);

const sortedText = (of: Record<string, unknown>, inner: (key: string, value: unknown) => string): string =>
  `{${Object.keys(of)
    .filter((key) => of[key] !== undefined)
    .sort()
    .map((key) => `${text(key)}:${inner(key, of[key])}`)
    .join(',')}}`;

/** What is new is gone through for nulls, and so is sorted to the ground. */
function groundText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(groundText).join(',')}]`;
  return isJsonObject(value) ? sortedText(value, (_, inner) => groundText(inner)) : text(value);
}

/** What a merge patch makes of `base`. */
export function mergedText(base: unknown, patch: unknown, left: unknown): string {
  if (!isJsonObject(base)) return groundText(left);
  if (!isJsonObject(left)) return text(left);
  return sortedText(left, (key, value) => {
    const change = own(patch, key);
    return change === undefined ? text(value) : mergedText(own(base, key), change, value);
  });
}

/** Members by name, and what was opened within them. */
type Opened = Map<string, Opened>;

/** What a JSON patch makes of a document. */
export function jsonPatchedText(patch: unknown, left: unknown): string {
  const opened: Opened = new Map();
  for (const operation of Array.isArray(patch) ? patch : [])
    for (const path of [own(operation, 'path'), own(operation, 'from')])
      if (typeof path === 'string') open(opened, path);
  const shown = (value: unknown, within: Opened | undefined): string => {
    if (within === undefined) return text(value);
    if (Array.isArray(value)) return `[${value.map((item, i) => shown(item, within.get(String(i)))).join(',')}]`;
    return isJsonObject(value) ? sortedText(value, (key, inner) => shown(inner, within.get(key))) : text(value);
  };
  return shown(left, opened);
}

/** All on the way to what `path` names. */
function open(from: Opened, path: string): void {
  let at = from;
  for (const part of path.split('/').slice(1, -1)) {
    const name = part.replaceAll('~1', '/').replaceAll('~0', '~');
    const next: Opened = at.get(name) ?? new Map();
    at.set(name, next);
    at = next;
  }
}
