// storage.k8s.io/v1 StorageClass.

import type { TopologySelectorTerm } from '../../../generated/schemas/core-v1.ts';
import { storageClasses } from '../../../generated/schemas/index.ts';
import type { StorageClass } from '../../../generated/schemas/storage-v1.ts';
import { isQualifiedName } from '../../../machinery/names.ts';
import { defineResource } from '../../../machinery/resource.ts';
import { deepEqual, repeats } from '../../../machinery/validation.ts';
import { ageColumn, nameColumn } from '../../columns.ts';
import { nodeLabelDeprecation } from '../../node-labels.ts';
import { fieldImmutableMessage, Problems } from '../../problems.ts';
import { validateParameters, validateProvisioner } from '../validation.ts';

const defaultAnnotations = [
  'storageclass.kubernetes.io/is-default-class',
  'storageclass.beta.kubernetes.io/is-default-class',
];

/** Terms that mean the same are duplicates: a map from key to a set of values, as text. */
function meaning(term: TopologySelectorTerm): string {
  const values = new Map((term.matchLabelExpressions ?? []).map((one) => [one.key ?? '', [...new Set(one.values)]]));
  return JSON.stringify([...values].map(([key, set]) => [key, set.sort()]).sort());
}

/** Problems of terms that are like others: each is one with each of them. */
const repetitionsMax = 1000;

function validateTopologies(problems: Problems, terms: readonly TopologySelectorTerm[]): void {
  // Upstream holds a term against as many empty ones as there are terms, too.
  const seen = new Map([[meaning({}), terms.length]]);
  let left = repetitionsMax;
  terms.forEach((term, i) => {
    const at = `allowedTopologies[${i}].matchLabelExpressions`;
    const keys = new Set<string>();
    (term.matchLabelExpressions ?? []).forEach(({ key = '', values = [] }, j) => {
      if (values.length === 0) problems.required(`${at}[${j}].values`);
      const repeated = repeats(values);
      values.forEach((value, k) => {
        if (repeated[k]) problems.duplicate(`${at}[${j}].values[${k}]`, value);
      });
      problems.invalidAll(`${at}[${j}].key`, key, isQualifiedName(key));
      if (keys.has(key)) problems.duplicate(`${at}[${j}].key`, key);
      keys.add(key);
    });
    const own = meaning(term);
    const before = seen.get(own) ?? 0;
    for (let i = 0; i < before && left > 0; i++, left--) problems.duplicate(at, '');
    seen.set(own, before + 1);
  });
}

export default defineResource<StorageClass>({
  ...storageClasses,
  singular: 'storageclass',
  shortNames: ['sc'],
  schema: 'io.k8s.api.storage.v1.StorageClass',
  strategy: {
    revalidatesMetadata: true,
    generation: false,
    returnDeletedObject: true,
    defaults(object) {
      object.reclaimPolicy ??= 'Delete';
      object.volumeBindingMode ??= 'Immediate';
    },
    validate(object) {
      const problems = new Problems();
      validateProvisioner(problems, 'provisioner', object.provisioner);
      validateParameters(problems, 'parameters', object.parameters, true);
      problems.oneOf('reclaimPolicy', object.reclaimPolicy, ['Delete', 'Retain'], 'fine');
      problems.oneOf(
        'volumeBindingMode',
        object.volumeBindingMode,
        ['Immediate', 'WaitForFirstConsumer'],
        'unsupported',
      );
      validateTopologies(problems, object.allowedTopologies ?? []);
      return problems.list;
    },
    validateUpdate(object, old) {
      const problems = new Problems();
      for (const field of ['parameters', 'provisioner', 'reclaimPolicy'] as const)
        if (!deepEqual(object[field], old[field])) problems.forbidden(field, `updates to ${field} are forbidden.`);
      if (object.volumeBindingMode !== old.volumeBindingMode)
        problems.invalid('volumeBindingMode', object.volumeBindingMode ?? null, fieldImmutableMessage);
      return problems.list;
    },
    warnings: (object) =>
      (object.allowedTopologies ?? []).flatMap((term, i) =>
        (term.matchLabelExpressions ?? []).flatMap(({ key = '' }, j) => {
          const why = nodeLabelDeprecation(key);
          return why ? [`allowedTopologies[${i}].matchLabelExpressions[${j}].key: ${why}`] : [];
        }),
      ),
  },
  columns: [
    {
      ...nameColumn,
      cell: ({ metadata: { name, annotations } }) =>
        defaultAnnotations.some((key) => annotations?.[key] === 'true') ? `${name} (default)` : name,
    },
    {
      name: 'Provisioner',
      type: 'string',
      doc: 'storage.v1.StorageClass.provisioner',
      cell: (object) => object.provisioner ?? '',
    },
    {
      name: 'ReclaimPolicy',
      type: 'string',
      doc: 'storage.v1.StorageClass.reclaimPolicy',
      cell: (object) => object.reclaimPolicy ?? 'Delete',
    },
    {
      name: 'VolumeBindingMode',
      type: 'string',
      doc: 'storage.v1.StorageClass.volumeBindingMode',
      cell: (object) => object.volumeBindingMode ?? 'Immediate',
    },
    {
      name: 'AllowVolumeExpansion',
      type: 'string',
      doc: 'storage.v1.StorageClass.allowVolumeExpansion',
      cell: (object) => object.allowVolumeExpansion ?? false,
    },
    ageColumn,
  ],
});
