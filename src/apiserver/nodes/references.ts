// What a pod refers to. Secrets, ConfigMaps and its ServiceAccount its node is given along with it; these and its claims the
// node may read. Pure; says nothing of whether they exist.

import type { Container, Pod, Volume } from '../../generated/schemas/core-v1.ts';
import {
  configMaps,
  persistentVolumeClaims,
  resourceClaims,
  secrets,
  serviceAccounts,
} from '../../generated/schemas/index.ts';
import { objectKey } from '../../machinery/meta.ts';

/** Marks a pod that a node made to show what it runs without the control plane. */
export const mirrorAnnotation = 'kubernetes.io/config.mirror';

/** Ledger keys of everything that the pod needs to be run. */
export function referencesOf(pod: Pod): Set<string> {
  const keys = new Set<string>();
  const namespace = pod.metadata.namespace;
  const secret = (name: string | undefined): void => {
    if (name) keys.add(objectKey(secrets, namespace, name));
  };
  const configMap = (name: string | undefined): void => {
    if (name) keys.add(objectKey(configMaps, namespace, name));
  };
  const { spec } = pod;
  if (spec.serviceAccountName) keys.add(objectKey(serviceAccounts, namespace, spec.serviceAccountName));
  for (const pull of spec.imagePullSecrets ?? []) secret(pull.name);
  for (const volume of spec.volumes ?? []) {
    for (const name of secretsOfVolume(volume)) secret(name);
    configMap(volume.configMap?.name);
    for (const source of volume.projected?.sources ?? []) {
      secret(source.secret?.name);
      configMap(source.configMap?.name);
    }
  }
  const containers = [
    ...(spec.initContainers ?? []),
    ...(spec.containers ?? []),
    ...((spec.ephemeralContainers ?? []) as unknown as Container[]),
  ];
  for (const container of containers) {
    for (const variable of container.env ?? []) {
      secret(variable.valueFrom?.secretKeyRef?.name);
      configMap(variable.valueFrom?.configMapKeyRef?.name);
    }
    for (const from of container.envFrom ?? []) {
      secret(from.secretRef?.name);
      configMap(from.configMapRef?.name);
    }
  }
  return keys;
}

/** Other volume sources refer to their secret by one of these members. */
const secretMembers = ['secretRef', 'nodePublishSecretRef'] as const;

function secretsOfVolume(volume: Volume): (string | undefined)[] {
  const names = [volume.secret?.secretName, volume.azureFile?.secretName];
  for (const source of Object.values(volume)) {
    if (typeof source !== 'object' || source === null) continue;
    for (const member of secretMembers) names.push((source as Record<string, { name?: string }>)[member]?.name);
  }
  return names;
}

/**
 * Ledger keys of everything that the pod's node may read on its account. Of a mirror pod nothing: a node makes those itself, and
 * must not let itself in by what it writes into one.
 */
export function relatedTo(pod: Pod): Set<string> {
  const { metadata, spec, status } = pod;
  if (metadata.annotations?.[mirrorAnnotation] !== undefined) return new Set();
  const keys = referencesOf(pod);
  const { namespace } = metadata;
  for (const { name, persistentVolumeClaim, ephemeral } of spec.volumes ?? []) {
    const claim = persistentVolumeClaim?.claimName ?? (ephemeral ? `${metadata.name}-${name}` : undefined);
    if (claim) keys.add(objectKey(persistentVolumeClaims, namespace, claim));
  }
  const devices = (spec.resourceClaims ?? []).map(
    ({ name, resourceClaimName }) =>
      resourceClaimName ?? status?.resourceClaimStatuses?.find((made) => made.name === name)?.resourceClaimName,
  );
  for (const claim of [...devices, status?.extendedResourceClaimStatus?.resourceClaimName])
    if (claim) keys.add(objectKey(resourceClaims, namespace, claim));
  return keys;
}
