// Which Secrets, ConfigMaps and ServiceAccounts a pod needs to run: what its node must be given along with it.

import type { Container, Pod } from '../../generated/schemas/core-v1.ts';
import { configMaps, secrets, serviceAccounts } from '../../generated/schemas/index.ts';
import { objectKey } from '../../machinery/meta.ts';

/** Ledger keys of everything that the pod refers to, whether it exists or not. */
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
    secret(volume.secret?.secretName);
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
