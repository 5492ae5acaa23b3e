// Which config maps, secrets and service accounts a pod needs. The control plane tells of changes to these only while a pod of
// this node refers to them: what none refers to has to be forgotten with the last pod that did.
import type { Pod } from '../../src/generated/schemas/core-v1.ts';

/** `resource/namespace/name` of everything that the pod refers to, whether it exists or not. */
export function* referencesOf(pod: Pod): Iterable<string> {
  const { spec, metadata } = pod;
  if (!spec) return;
  const key = (resource: string, name: string | undefined): string => `${resource}/${metadata.namespace ?? ''}/${name}`;
  if (spec.serviceAccountName) yield key('serviceaccounts', spec.serviceAccountName);
  for (const pull of spec.imagePullSecrets ?? []) yield key('secrets', pull.name);
  for (const { configMap, secret, projected } of spec.volumes ?? []) {
    if (secret) yield key('secrets', secret.secretName);
    if (configMap) yield key('configmaps', configMap.name);
    for (const source of projected?.sources ?? []) {
      if (source.secret) yield key('secrets', source.secret.name);
      if (source.configMap) yield key('configmaps', source.configMap.name);
    }
  }
  const { containers, initContainers = [], ephemeralContainers = [] } = spec;
  for (const container of [...initContainers, ...containers, ...ephemeralContainers]) {
    for (const { valueFrom } of container.env ?? []) {
      if (valueFrom?.secretKeyRef) yield key('secrets', valueFrom.secretKeyRef.name);
      if (valueFrom?.configMapKeyRef) yield key('configmaps', valueFrom.configMapKeyRef.name);
    }
    for (const { secretRef, configMapRef } of container.envFrom ?? []) {
      if (secretRef) yield key('secrets', secretRef.name);
      if (configMapRef) yield key('configmaps', configMapRef.name);
    }
  }
}

export const referable = ['configmaps', 'secrets', 'serviceaccounts'] as const;
