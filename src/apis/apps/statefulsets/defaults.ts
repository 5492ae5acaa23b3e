// Defaults of a StatefulSet (SetDefaults_StatefulSet, and those of the claims that it makes).

import type { StatefulSet } from '../../../generated/schemas/apps-v1.ts';
import { defaultPodTemplate } from '../../core/podspec/defaults.ts';

export const emptyStatus = (): StatefulSet['status'] => ({ replicas: 0, availableReplicas: 0 });

export function defaultStatefulSet(set: StatefulSet): void {
  set.spec ??= {} as StatefulSet['spec'];
  set.status = { ...emptyStatus(), ...set.status };
  const { spec } = set;
  spec.serviceName ??= '';
  spec.podManagementPolicy ||= 'OrderedReady';
  spec.updateStrategy ??= {};
  if (!spec.updateStrategy.type) {
    spec.updateStrategy.type = 'RollingUpdate';
    spec.updateStrategy.rollingUpdate ??= {};
  }
  if (spec.updateStrategy.type === 'RollingUpdate' && spec.updateStrategy.rollingUpdate)
    spec.updateStrategy.rollingUpdate.partition ??= 0;
  spec.persistentVolumeClaimRetentionPolicy ??= {};
  spec.persistentVolumeClaimRetentionPolicy.whenDeleted ||= 'Retain';
  spec.persistentVolumeClaimRetentionPolicy.whenScaled ||= 'Retain';
  spec.replicas ??= 1;
  spec.revisionHistoryLimit ??= 10;
  spec.template ??= {};
  defaultPodTemplate(spec.template);
  for (const claim of spec.volumeClaimTemplates ?? []) {
    // These are whole objects upstream too, and are printed so.
    claim.apiVersion = 'v1';
    claim.kind = 'PersistentVolumeClaim';
    claim.metadata ??= {} as typeof claim.metadata;
    claim.spec ??= {};
    claim.spec.resources ??= {};
    claim.spec.volumeMode ??= 'Filesystem';
    claim.status ??= {};
    claim.status.phase ||= 'Pending';
  }
}
