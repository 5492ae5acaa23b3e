// New claims and volumes get the finalizer that keeps them while they are in use; controllers take it away.
import { persistentVolumeClaims, persistentVolumes } from '../../generated/schemas/index.ts';
import { groupResource } from '../../machinery/meta.ts';
import type { AdmissionPlugin } from './chain.ts';

const finalizers = new Map([
  [groupResource(persistentVolumeClaims), 'kubernetes.io/pvc-protection'],
  [groupResource(persistentVolumes), 'kubernetes.io/pv-protection'],
]);

export const storageObjectInUseProtection: AdmissionPlugin = {
  name: 'StorageObjectInUseProtection',
  admit({ operation, subresource, definition, object }) {
    if (operation !== 'CREATE' || subresource !== '' || object === undefined) return;
    const finalizer = finalizers.get(groupResource(definition));
    if (finalizer === undefined || object.metadata.finalizers?.includes(finalizer)) return;
    object.metadata.finalizers = [...(object.metadata.finalizers ?? []), finalizer];
  },
};
