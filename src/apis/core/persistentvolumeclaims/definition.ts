// core/v1 PersistentVolumeClaim.

import type { PersistentVolumeClaim, PersistentVolumeClaimSpec } from '../../../generated/schemas/core-v1.ts';
import { persistentVolumeClaims } from '../../../generated/schemas/index.ts';
import { formatQuantity, parseQuantity } from '../../../machinery/quantity.ts';
import { defineResource } from '../../../machinery/resource.ts';
import { ageColumn, nameColumn } from '../../columns.ts';
import { Problems } from '../../problems.ts';
import { statusSubresource } from '../../subresources.ts';
import { accessModesText, classAnnotationWarnings, storageClassOf } from '../persistentvolumes/access.ts';
import { validateClaimSpec, validateClaimStatus, validateClaimUpdate } from './validation.ts';

/** dataSource, which says less, and dataSourceRef are kept the same; what the older field never could say is dropped. */
function alignSources(spec: PersistentVolumeClaimSpec, old: PersistentVolumeClaimSpec | undefined): void {
  const { dataSource, dataSourceRef } = spec;
  // Behind a feature gate that is off: references into other namespaces.
  if (dataSourceRef?.namespace && !old?.dataSourceRef) delete spec.dataSourceRef;
  if (!old?.dataSource && !old?.dataSourceRef && !spec.dataSourceRef && dataSource) {
    const of = `${dataSource.apiGroup ?? ''}/${dataSource.kind}`;
    if (of !== '/PersistentVolumeClaim' && of !== 'snapshot.storage.k8s.io/VolumeSnapshot') delete spec.dataSource;
  }
  if (spec.dataSource && !spec.dataSourceRef) spec.dataSourceRef = { ...spec.dataSource };
  else if (spec.dataSourceRef && !spec.dataSource && !spec.dataSourceRef.namespace) {
    const { namespace: _, ...local } = spec.dataSourceRef;
    spec.dataSource = local;
  }
}

function sizeWarnings(spec: PersistentVolumeClaimSpec): string[] {
  return (['requests', 'limits'] as const).flatMap((kind) => {
    const size = spec.resources?.[kind]?.storage;
    if (size === undefined || parseQuantity(size).nanos % 1_000_000_000n === 0n) return [];
    return [
      `spec.resources.${kind}[storage]: fractional byte value "${formatQuantity(size)}" is invalid, must be an integer`,
    ];
  });
}

/** Capacity and modes are those of the volume, once there is one. */
const bound = (claim: PersistentVolumeClaim, text: () => string): string => (claim.spec?.volumeName ? text() : '');

export default defineResource<PersistentVolumeClaim>({
  ...persistentVolumeClaims,
  singular: 'persistentvolumeclaim',
  shortNames: ['pvc'],
  schema: 'io.k8s.api.core.v1.PersistentVolumeClaim',
  strategy: {
    revalidatesMetadata: true,
    generation: false,
    returnDeletedObject: true,
    defaults(claim) {
      claim.spec ??= {};
      claim.spec.resources ??= {};
      claim.spec.volumeMode ??= 'Filesystem';
      claim.status ??= {};
      claim.status.phase ??= 'Pending';
    },
    prepareForCreate(claim) {
      claim.status = { phase: 'Pending' };
      alignSources(claim.spec, undefined);
    },
    prepareForUpdate(claim, old) {
      claim.status = old.status;
      alignSources(claim.spec, old.spec);
    },
    validate(claim) {
      const problems = new Problems();
      validateClaimSpec(problems, 'spec', claim.spec);
      return problems.list;
    },
    validateUpdate(claim, old) {
      const problems = new Problems();
      // Upstream validates the whole once more, and lists each problem as often.
      validateClaimSpec(problems, 'spec', claim.spec, old.spec);
      validateClaimUpdate(problems, claim, old);
      return problems.list;
    },
    warnings: (claim) => [...classAnnotationWarnings(claim), ...sizeWarnings(claim.spec)],
  },
  columns: [
    nameColumn,
    {
      name: 'Status',
      type: 'string',
      doc: 'core.v1.PersistentVolumeClaimStatus.phase',
      cell: (claim) => (claim.metadata.deletionTimestamp ? 'Terminating' : (claim.status?.phase ?? '')),
    },
    {
      name: 'Volume',
      type: 'string',
      doc: 'core.v1.PersistentVolumeClaimSpec.volumeName',
      cell: (claim) => claim.spec?.volumeName ?? '',
    },
    {
      name: 'Capacity',
      type: 'string',
      doc: 'core.v1.PersistentVolumeClaimStatus.capacity',
      cell: (claim) => bound(claim, () => formatQuantity(claim.status?.capacity?.storage ?? '0')),
    },
    {
      name: 'Access Modes',
      type: 'string',
      doc: 'core.v1.PersistentVolumeClaimStatus.accessModes',
      cell: (claim) => bound(claim, () => accessModesText(claim.status?.accessModes)),
    },
    { name: 'StorageClass', type: 'string', description: 'StorageClass of the pvc', cell: storageClassOf },
    {
      name: 'VolumeAttributesClass',
      type: 'string',
      description: 'VolumeAttributesClass of the pvc',
      cell: (claim) => claim.spec?.volumeAttributesClassName ?? '<unset>',
    },
    ageColumn,
    {
      name: 'VolumeMode',
      type: 'string',
      priority: 1,
      doc: 'core.v1.PersistentVolumeClaimSpec.volumeMode',
      cell: (claim) => claim.spec?.volumeMode ?? '<unset>',
    },
  ],
  subresources: [
    statusSubresource<PersistentVolumeClaim>({
      validate(claim) {
        const problems = new Problems();
        validateClaimStatus(problems, claim);
        return problems.list;
      },
    }),
  ],
});
