// A claim grows only when it is bound and its storage class lets it.
import type { PersistentVolumeClaim } from '../../generated/schemas/core-v1.ts';
import { persistentVolumeClaims, storageClasses } from '../../generated/schemas/index.ts';
import type { StorageClass } from '../../generated/schemas/storage-v1.ts';
import { errors } from '../../machinery/errors.ts';
import { groupResource } from '../../machinery/meta.ts';
import { compareQuantities } from '../../machinery/quantity.ts';
import type { AdmissionPlugin, AdmissionRequest } from './chain.ts';

const classAnnotation = 'volume.beta.kubernetes.io/storage-class';
const sizeOf = (claim: PersistentVolumeClaim): string => claim.spec?.resources?.requests?.storage ?? '0';
const classOf = ({ metadata, spec }: PersistentVolumeClaim): string =>
  metadata.annotations?.[classAnnotation] ?? spec?.storageClassName ?? '';

export const persistentVolumeClaimResize: AdmissionPlugin = {
  name: 'PersistentVolumeClaimResize',
  validate(request) {
    const { operation, definition, subresource, name, object, old } = request;
    if (operation !== 'UPDATE' || subresource !== '') return;
    if (groupResource(definition) !== groupResource(persistentVolumeClaims)) return;
    const claim = object as PersistentVolumeClaim;
    const before = old as PersistentVolumeClaim;
    if (compareQuantities(sizeOf(claim), sizeOf(before)) <= 0) return;
    if (before.status?.phase !== 'Bound')
      throw errors.forbidden(definition, name, 'Only bound persistent volume claims can be expanded');
    if (!mayGrow(request, claim, before))
      throw errors.forbidden(
        definition,
        name,
        'only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize',
      );
  },
};

function mayGrow({ context }: AdmissionRequest, claim: PersistentVolumeClaim, before: PersistentVolumeClaim): boolean {
  const name = classOf(claim);
  if (name === '' || name !== classOf(before)) return false;
  return context.get<StorageClass>(storageClasses, undefined, name)?.allowVolumeExpansion ?? false;
}
