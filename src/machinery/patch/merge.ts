// JSON merge patch (RFC 7386): null deletes, objects merge, everything else replaces. As in the library that upstream uses,
// objects within a list lose their nulls, unless the list takes the place of an object.

import { errors } from '../errors.ts';
import { copyJson, isJsonObject, setOwn } from '../schema/json.ts';

export type Json = Record<string, unknown>;

export { copyJson, isJsonObject };

function merge(target: unknown, patch: unknown): unknown {
  if (Array.isArray(patch) && !isJsonObject(target)) return pruned(patch);
  if (!isJsonObject(patch)) return copyJson(patch);
  const out: Json = {};
  if (isJsonObject(target)) for (const key of Object.keys(target)) setOwn(out, key, target[key]);
  for (const key of Object.keys(patch)) {
    const value = patch[key];
    if (value === null) delete out[key];
    else if (value !== undefined) setOwn(out, key, merge(Object.hasOwn(out, key) ? out[key] : undefined, value));
  }
  return out;
}

function pruned(value: unknown): unknown {
  return Array.isArray(value) ? value.map(pruned) : merge(undefined, value);
}

/** Returns the patched document; `document` is not changed but may share parts with the result. Throws ApiError BadRequest. */
export function applyMergePatch(document: unknown, patch: unknown): unknown {
  if (!isJsonObject(patch)) throw errors.badRequest('Invalid JSON Patch');
  return merge(document, patch);
}
