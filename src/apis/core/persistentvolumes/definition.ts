// core/v1 PersistentVolume.

import type { PersistentVolume } from '../../../generated/schemas/core-v1.ts';
import { persistentVolumes } from '../../../generated/schemas/index.ts';
import { formatQuantity } from '../../../machinery/quantity.ts';
import { defineResource } from '../../../machinery/resource.ts';
import { formatTime } from '../../../machinery/time.ts';
import { ageColumn, nameColumn } from '../../columns.ts';
import { nodeTermWarnings } from '../../node-labels.ts';
import { Problems } from '../../problems.ts';
import { statusSubresource } from '../../subresources.ts';
import { accessModesText, classAnnotationWarnings, storageClassOf } from './access.ts';
import { defaultSources, sourceWarnings } from './sources.ts';
import { validateVolume, validateVolumeUpdate } from './validation.ts';

export default defineResource<PersistentVolume>({
  ...persistentVolumes,
  singular: 'persistentvolume',
  shortNames: ['pv'],
  schema: 'io.k8s.api.core.v1.PersistentVolume',
  strategy: {
    revalidatesMetadata: true,
    generation: false,
    returnDeletedObject: true,
    defaults(volume) {
      volume.spec ??= {};
      volume.status ??= {};
      volume.status.phase ??= 'Pending';
      volume.spec.persistentVolumeReclaimPolicy ??= 'Retain';
      volume.spec.volumeMode ??= 'Filesystem';
      defaultSources(volume.spec);
    },
    prepareForCreate(volume, context) {
      volume.status = { phase: 'Pending', lastPhaseTransitionTime: formatTime(context.clock.now()) };
    },
    prepareForUpdate(volume, old) {
      volume.status = old.status;
    },
    validate(volume) {
      const problems = new Problems();
      validateVolume(problems, volume);
      return problems.list;
    },
    validateUpdate(volume, old) {
      const problems = new Problems();
      // Upstream validates the whole once more, and lists each problem as often.
      validateVolume(problems, volume);
      validateVolumeUpdate(problems, volume, old);
      return problems.list;
    },
    warnings(volume) {
      const { spec } = volume;
      const recycled = spec.persistentVolumeReclaimPolicy === 'Recycle';
      return [
        ...classAnnotationWarnings(volume),
        ...(recycled
          ? [
              'spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning.',
            ]
          : []),
        ...(spec.nodeAffinity?.required?.nodeSelectorTerms ?? []).flatMap((term, i) =>
          nodeTermWarnings(`spec.nodeAffinity.required.nodeSelectorTerms[${i}]`, term),
        ),
        ...sourceWarnings(spec),
      ];
    },
  },
  columns: [
    nameColumn,
    {
      name: 'Capacity',
      type: 'string',
      doc: 'core.v1.PersistentVolumeSpec.capacity',
      cell: (volume) => formatQuantity(volume.spec?.capacity?.storage ?? '0'),
    },
    {
      name: 'Access Modes',
      type: 'string',
      doc: 'core.v1.PersistentVolumeSpec.accessModes',
      cell: (volume) => accessModesText(volume.spec?.accessModes),
    },
    {
      name: 'Reclaim Policy',
      type: 'string',
      doc: 'core.v1.PersistentVolumeSpec.persistentVolumeReclaimPolicy',
      cell: (volume) => volume.spec?.persistentVolumeReclaimPolicy ?? '',
    },
    {
      name: 'Status',
      type: 'string',
      doc: 'core.v1.PersistentVolumeStatus.phase',
      cell: (volume) => (volume.metadata.deletionTimestamp ? 'Terminating' : (volume.status?.phase ?? '')),
    },
    {
      name: 'Claim',
      type: 'string',
      doc: 'core.v1.PersistentVolumeSpec.claimRef',
      cell({ spec }) {
        const claim = spec?.claimRef;
        return claim ? `${claim.namespace ?? ''}/${claim.name ?? ''}` : '';
      },
    },
    { name: 'StorageClass', type: 'string', description: 'StorageClass of the pv', cell: storageClassOf },
    {
      name: 'VolumeAttributesClass',
      type: 'string',
      description: 'VolumeAttributesClass of the pv',
      cell: (volume) => volume.spec?.volumeAttributesClassName ?? '<unset>',
    },
    {
      name: 'Reason',
      type: 'string',
      doc: 'core.v1.PersistentVolumeStatus.reason',
      cell: (volume) => volume.status?.reason ?? '',
    },
    ageColumn,
    {
      name: 'VolumeMode',
      type: 'string',
      priority: 1,
      doc: 'core.v1.PersistentVolumeSpec.volumeMode',
      cell: (volume) => volume.spec?.volumeMode ?? '<unset>',
    },
  ],
  subresources: [
    statusSubresource<PersistentVolume>({
      prepare(volume, old, context) {
        volume.status ??= {};
        const { status } = volume;
        const before = old.status?.lastPhaseTransitionTime;
        const untouched = status.lastPhaseTransitionTime === undefined || status.lastPhaseTransitionTime === before;
        if (status.phase === old.status?.phase) {
          if (before !== undefined) status.lastPhaseTransitionTime ??= before;
        } else if (untouched) status.lastPhaseTransitionTime = formatTime(context.clock.now());
      },
    }),
  ],
});
