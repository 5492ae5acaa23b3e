// Who uses a claim: any pod that is bound to a node and names it, finished or not, since the node may still have the volume.
// The claim of an ephemeral volume is used until its pod has left the node, for the pod may itself wait for the claim to go. Pure.
import type { PersistentVolumeClaim, Pod, Volume } from '../../generated/schemas/core-v1.ts';
import { isControlledBy } from '../lib/owners.ts';

export const finalizer = 'kubernetes.io/pvc-protection';

/** Names of the claims that a pod may use. */
export function claimNames(pod: Pod): string[] {
  return (pod.spec?.volumes ?? []).flatMap((volume) => {
    const name = volume.persistentVolumeClaim?.claimName ?? ephemeralClaim(pod, volume);
    return name === undefined ? [] : [name];
  });
}

export function usesClaim(pod: Pod, claim: PersistentVolumeClaim): boolean {
  if (!pod.spec.nodeName) return false;
  return (pod.spec.volumes ?? []).some(
    (volume) =>
      volume.persistentVolumeClaim?.claimName === claim.metadata.name ||
      (ephemeralClaim(pod, volume) === claim.metadata.name && !hasLeft(pod) && isControlledBy(claim, pod)),
  );
}

/** Whether a pod that looks so may have stopped using a claim. */
export function mayHaveReleased(pod: Pod): boolean {
  return !pod.spec?.nodeName || hasLeft(pod) || pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
}

const ephemeralClaim = (pod: Pod, volume: Volume): string | undefined =>
  volume.ephemeral && `${pod.metadata.name}-${volume.name}`;

const hasLeft = ({ metadata }: Pod): boolean =>
  metadata.deletionTimestamp !== undefined && metadata.deletionGracePeriodSeconds === 0;
