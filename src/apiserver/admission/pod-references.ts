// What of the API a pod refers to, for those that may refer to nothing: the pods that a node makes itself. Pure.
import type { Container, Pod, Volume } from '../../generated/schemas/core-v1.ts';
import { referencesSecret } from './secret-references.ts';

/** The first that is found, as upstream names it. */
export function apiReference(pod: Pod): string | undefined {
  const { spec } = pod;
  if (spec.serviceAccountName) return 'serviceaccounts';
  if (referencesSecret(pod)) return 'secrets';
  if (referencesConfigMap(pod)) return 'configmaps';
  if (spec.resourceClaims?.length) return 'resourceclaims';
  for (const volume of spec.volumes ?? []) {
    const found = ofVolume(volume);
    if (found) return found;
  }
  return undefined;
}

function referencesConfigMap({ spec }: Pod): boolean {
  const containers = [
    ...(spec.containers ?? []),
    ...(spec.initContainers ?? []),
    ...((spec.ephemeralContainers ?? []) as unknown as Container[]),
  ];
  return (
    containers.some(
      ({ env, envFrom }) =>
        env?.some(({ valueFrom }) => valueFrom?.configMapKeyRef) || envFrom?.some((source) => source.configMapRef),
    ) ||
    (spec.volumes ?? []).some(
      ({ configMap, projected }) => configMap || projected?.sources?.some((source) => source.configMap),
    )
  );
}

function ofVolume({ csi, glusterfs, persistentVolumeClaim, ephemeral, projected }: Volume): string | undefined {
  if (csi) return 'csidrivers (via CSI volumes)';
  if (glusterfs) return 'endpoints (via glusterFS volumes)';
  if (persistentVolumeClaim) return 'persistentvolumeclaims';
  if (ephemeral) return 'persistentvolumeclaims (via ephemeral volumes)';
  for (const source of projected?.sources ?? []) {
    if (source.serviceAccountToken) return 'serviceaccounts (via projected volumes)';
    if (source.clusterTrustBundle) return 'clustertrustbundles';
    if (source.podCertificate) return 'podcertificates';
  }
  return undefined;
}
