// JSON merge patch (RFC 7386): null deletes, objects merge, everything else replaces.

import { errors } from '../errors.ts';
import { setOwn } from '../schema/json.ts';

export type Json = Record<string, unknown>;

export const isJsonObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A deep copy of a JSON value, whatever its keys. */
export function copyJson<T>(value: T): T {
  if (Array.isArray(value)) return value.map(copyJson) as T;
  if (!isJsonObject(value)) return value;
  const out: Json = {};
  for (const key of Object.keys(value)) setOwn(out, key, copyJson(value[key]));
  return out as T;
}

function merge(target: unknown, patch: unknown): unknown {
  if (!isJsonObject(patch)) return copyJson(patch);
  const out: Json = {};
  if (isJsonObject(target)) for (const key of Object.keys(target)) setOwn(out, key, target[key]);
  for (const key of Object.keys(patch)) {
    const value = patch[key];
    if (value === null) delete out[key];
    else setOwn(out, key, merge(Object.hasOwn(out, key) ? out[key] : undefined, value));
  }
  return out;
}

/** Returns the patched document; `document` is not changed but may share parts with the result. Throws ApiError BadRequest. */
export function applyMergePatch(document: unknown, patch: unknown): unknown {
  if (!isJsonObject(patch)) throw errors.badRequest('Invalid JSON Patch');
  return merge(document, patch);
}
