// Patches on the JSON of an object, by type.
import { ApiError } from '../machinery/errors.ts';
import type { Schemas } from '../machinery/schema/types.ts';

export function applyPatch(
  _schemas: Schemas,
  type: 'json' | 'merge' | 'strategic',
  base: Record<string, unknown>,
  patch: unknown,
  _schema: string,
): unknown {
  if (type !== 'merge') throw new ApiError('UnsupportedMediaType', `${type} patches are not served`);
  const merge = (old: unknown, change: unknown): unknown => {
    if (typeof change !== 'object' || change === null || Array.isArray(change)) return change;
    const result: Record<string, unknown> =
      typeof old === 'object' && old !== null && !Array.isArray(old) ? { ...old } : {};
    for (const [key, value] of Object.entries(change)) {
      if (value === null) delete result[key];
      else result[key] = merge(result[key], value);
    }
    return result;
  };
  return structuredClone(merge(base, patch));
}
