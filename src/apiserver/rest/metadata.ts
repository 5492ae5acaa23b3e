// Metadata's own rules, which hold for every kind.
import type { FieldError } from '../../machinery/errors.ts';
import type { ObjectMeta } from '../../machinery/meta.ts';
import type { AnyResource } from '../../machinery/resource.ts';
import { validateObjectMeta } from '../../machinery/validation.ts';

export function validateMetadata(definition: AnyResource, metadata: ObjectMeta): FieldError[] {
  return validateObjectMeta(metadata, {
    namespaced: definition.namespaced,
    validateName: definition.strategy.validateName,
  });
}
