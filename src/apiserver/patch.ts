// Patches on the JSON of an object, by type.
import { applyJsonPatch, applyMergePatch, applyStrategicMergePatch } from '../machinery/patch/index.ts';
import type { Schemas } from '../machinery/schema/types.ts';

export function applyPatch(
  schemas: Schemas,
  type: 'json' | 'merge' | 'strategic',
  base: Record<string, unknown>,
  patch: unknown,
  schema: string,
): unknown {
  switch (type) {
    case 'json':
      return applyJsonPatch(base, patch);
    case 'merge':
      return applyMergePatch(base, patch);
    case 'strategic':
      return applyStrategicMergePatch(schemas, schema, base, patch);
  }
}
