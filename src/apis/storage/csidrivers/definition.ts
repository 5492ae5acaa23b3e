// storage.k8s.io/v1 CSIDriver.

import { csiDrivers } from '../../../generated/schemas/index.ts';
import type { CSIDriver, CSIDriverSpec } from '../../../generated/schemas/storage-v1.ts';
import type { FieldError } from '../../../machinery/errors.ts';
import { defineResource } from '../../../machinery/resource.ts';
import { deepEqual } from '../../../machinery/validation.ts';
import { ageColumn, nameColumn } from '../../columns.ts';
import { fieldImmutableMessage, Problems } from '../../problems.ts';

const tokenSecondsMin = 600;
const tokenSecondsMax = 2 ** 32;
const updatePeriodSecondsMin = 10;

/** Upstream's paths: the first is not the field's name. */
const requiredFields = [
  ['attachRequired', 'attachedRequired'],
  ['podInfoOnMount', 'podInfoOnMount'],
  ['storageCapacity', 'storageCapacity'],
] as const;

function validateTokenRequests(problems: Problems, requests: CSIDriverSpec['tokenRequests']): void {
  const audiences = new Set<string>();
  (requests ?? []).forEach(({ audience = '', expirationSeconds }, i) => {
    const at = `spec.tokenRequests[${i}]`;
    if (audiences.has(audience)) {
      problems.duplicate(`${at}.audience`, audience);
      return;
    }
    audiences.add(audience);
    if (expirationSeconds === undefined) return;
    const path = `${at}.expirationSeconds`;
    if (expirationSeconds < tokenSecondsMin)
      problems.invalid(path, expirationSeconds, 'may not specify a duration less than 10 minutes');
    if (expirationSeconds > tokenSecondsMax)
      problems.invalid(path, expirationSeconds, 'may not specify a duration larger than 2^32 seconds');
  });
}

function validate({ spec }: CSIDriver): FieldError[] {
  const problems = new Problems();
  for (const [field, path] of requiredFields) if (spec?.[field] === undefined) problems.required(`spec.${path}`);
  if (spec?.fsGroupPolicy !== undefined)
    problems.oneOf(
      'spec.fsGroupPolicy',
      spec.fsGroupPolicy,
      ['File', 'None', 'ReadWriteOnceWithFSType'],
      'unsupported',
    );
  validateTokenRequests(problems, spec?.tokenRequests);
  for (const mode of spec?.volumeLifecycleModes ?? [])
    problems.oneOf('spec.volumeLifecycleModes', mode, ['Persistent', 'Ephemeral'], 'unsupported');
  if (spec?.seLinuxMount === undefined) problems.required('spec.seLinuxMount');
  const period = spec?.nodeAllocatableUpdatePeriodSeconds;
  if (period !== undefined && period < updatePeriodSecondsMin)
    problems.invalid('spec.nodeAllocatableUpdatePeriodSeconds', period, 'must be greater than or equal to 10 seconds');
  const inSecrets = spec?.serviceAccountTokenInSecrets;
  if (inSecrets !== undefined && !spec?.tokenRequests?.length)
    problems.invalid(
      'spec.serviceAccountTokenInSecrets',
      inSecrets,
      'serviceAccountTokenInSecrets is set but no tokenRequests are specified',
    );
  return problems.list;
}

export default defineResource<CSIDriver>({
  ...csiDrivers,
  singular: 'csidriver',
  schema: 'io.k8s.api.storage.v1.CSIDriver',
  strategy: {
    // Counted from the first change on, not from creation.
    generation: false,
    allowUnconditionalUpdate: false,
    returnDeletedObject: true,
    defaults(object) {
      object.spec ??= {};
      const { spec } = object;
      spec.attachRequired ??= true;
      spec.podInfoOnMount ??= false;
      spec.storageCapacity ??= false;
      spec.fsGroupPolicy ??= 'ReadWriteOnceWithFSType';
      if (!spec.volumeLifecycleModes?.length) spec.volumeLifecycleModes = ['Persistent'];
      spec.requiresRepublish ??= false;
      spec.seLinuxMount ??= false;
    },
    prepareForCreate(object) {
      // Behind a feature gate that is off in 1.36.
      delete object.spec.preventPodSchedulingIfMissing;
    },
    prepareForUpdate(object, old) {
      delete object.spec.preventPodSchedulingIfMissing;
      if (!deepEqual(object.spec, old.spec)) object.metadata.generation = (old.metadata.generation ?? 0) + 1;
    },
    validate,
    validateUpdate(object, old) {
      const problems = new Problems();
      for (const [field, path] of [
        ['attachRequired', 'attachedRequired'],
        ['volumeLifecycleModes', 'volumeLifecycleModes'],
      ] as const)
        if (!deepEqual(object.spec[field], old.spec[field]))
          problems.invalid(`spec.${path}`, object.spec[field] ?? null, fieldImmutableMessage);
      return problems.list;
    },
  },
  columns: [
    nameColumn,
    {
      name: 'AttachRequired',
      type: 'boolean',
      doc: 'storage.v1.CSIDriverSpec.attachRequired',
      cell: (object) => object.spec?.attachRequired ?? true,
    },
    {
      name: 'PodInfoOnMount',
      type: 'boolean',
      doc: 'storage.v1.CSIDriverSpec.podInfoOnMount',
      cell: (object) => object.spec?.podInfoOnMount ?? false,
    },
    {
      name: 'StorageCapacity',
      type: 'boolean',
      doc: 'storage.v1.CSIDriverSpec.storageCapacity',
      cell: (object) => object.spec?.storageCapacity ?? false,
    },
    {
      name: 'TokenRequests',
      type: 'string',
      doc: 'storage.v1.CSIDriverSpec.tokenRequests',
      cell: (object) => object.spec?.tokenRequests?.map((one) => one.audience ?? '').join(',') ?? '<unset>',
    },
    {
      name: 'RequiresRepublish',
      type: 'boolean',
      doc: 'storage.v1.CSIDriverSpec.requiresRepublish',
      cell: (object) => object.spec?.requiresRepublish ?? false,
    },
    {
      name: 'Modes',
      type: 'string',
      doc: 'storage.v1.CSIDriverSpec.volumeLifecycleModes',
      cell: (object) => object.spec?.volumeLifecycleModes?.join(',') || '<none>',
    },
    ageColumn,
  ],
});
