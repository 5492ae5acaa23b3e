// storage.k8s.io/v1 VolumeAttributesClass: immutable but for its metadata.

import { volumeAttributesClasses } from '../../../generated/schemas/index.ts';
import type { VolumeAttributesClass } from '../../../generated/schemas/storage-v1.ts';
import type { FieldError } from '../../../machinery/errors.ts';
import { defineResource } from '../../../machinery/resource.ts';
import { deepEqual } from '../../../machinery/validation.ts';
import { ageColumn, nameColumn } from '../../columns.ts';
import { Problems } from '../../problems.ts';
import { validateParameters, validateProvisioner } from '../validation.ts';

function validate(object: VolumeAttributesClass): FieldError[] {
  const problems = new Problems();
  validateProvisioner(problems, 'driverName', object.driverName);
  validateParameters(problems, 'parameters', object.parameters, false);
  return problems.list;
}

export default defineResource<VolumeAttributesClass>({
  ...volumeAttributesClasses,
  singular: 'volumeattributesclass',
  shortNames: ['vac'],
  schema: 'io.k8s.api.storage.v1.VolumeAttributesClass',
  strategy: {
    revalidatesMetadata: true,
    generation: false,
    returnDeletedObject: true,
    // Upstream says of an update first what changed, then what is wrong.
    validate: (object, context) => (context.operation === 'create' ? validate(object) : []),
    validateUpdate(object, old) {
      const problems = new Problems();
      for (const field of ['driverName', 'parameters'] as const)
        if (!deepEqual(object[field], old[field])) problems.forbidden(field, `updates to ${field} are forbidden.`);
      return [...problems.list, ...validate(object)];
    },
  },
  columns: [
    nameColumn,
    {
      name: 'DriverName',
      type: 'string',
      doc: 'storage.v1.VolumeAttributesClass.driverName',
      cell: (object) => object.driverName ?? '',
    },
    ageColumn,
  ],
});
