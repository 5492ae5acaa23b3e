// storage.k8s.io/v1 CSIStorageCapacity: what it is about may not change, only how much there is.

import { csiStorageCapacities } from '../../../generated/schemas/index.ts';
import type { CSIStorageCapacity } from '../../../generated/schemas/storage-v1.ts';
import { isDns1123Subdomain } from '../../../machinery/names.ts';
import { compareQuantities, formatQuantity } from '../../../machinery/quantity.ts';
import { defineResource } from '../../../machinery/resource.ts';
import { deepEqual, validateLabelSelector } from '../../../machinery/validation.ts';
import { createdAtColumn, nameColumn } from '../../columns.ts';
import { nodeSelectorWarnings } from '../../node-labels.ts';
import { fieldImmutableMessage, isNegativeMessage, Problems } from '../../problems.ts';

export default defineResource<CSIStorageCapacity>({
  ...csiStorageCapacities,
  singular: 'csistoragecapacity',
  schema: 'io.k8s.api.storage.v1.CSIStorageCapacity',
  strategy: {
    revalidatesMetadata: true,
    generation: false,
    allowUnconditionalUpdate: false,
    validate(object) {
      const problems = new Problems();
      const name = object.storageClassName ?? '';
      problems.addAll(validateLabelSelector(object.nodeTopology, 'nodeTopology'));
      problems.invalidAll('storageClassName', name, isDns1123Subdomain(name));
      if (object.capacity !== undefined && compareQuantities(object.capacity, '0') < 0)
        problems.invalid('capacity', formatQuantity(object.capacity), isNegativeMessage);
      return problems.list;
    },
    validateUpdate(object, old) {
      const problems = new Problems();
      for (const field of ['nodeTopology', 'storageClassName'] as const)
        if (!deepEqual(object[field], old[field]))
          problems.invalid(field, object[field] ?? null, fieldImmutableMessage);
      return problems.list;
    },
    warnings: (object) => nodeSelectorWarnings('nodeTopology', object.nodeTopology),
  },
  columns: [nameColumn, createdAtColumn],
});
