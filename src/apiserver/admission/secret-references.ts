// Which Secrets a pod refers to, as the admission of service accounts asks. Pure.
import type { Container, EphemeralContainer, Pod, ServiceAccount, Volume } from '../../generated/schemas/core-v1.ts';

type AnyContainer = Container | EphemeralContainer;

/** Names of secrets by the member that other volume sources refer to them with. */
const references = ['secretRef', 'nodePublishSecretRef', 'nodeStageSecretRef'] as const;

function volumeSecret(volume: Volume): boolean {
  if (volume.secret || volume.azureFile?.secretName) return true;
  if (volume.projected?.sources?.some((source) => source.secret)) return true;
  return Object.values(volume).some(
    (source) => typeof source === 'object' && source !== null && references.some((reference) => reference in source),
  );
}

const envSecrets = (container: AnyContainer) =>
  (container.env ?? []).flatMap(({ name, valueFrom }) =>
    valueFrom?.secretKeyRef ? [{ variable: name, secret: valueFrom.secretKeyRef.name ?? '' }] : [],
  );
const sourceSecrets = (container: AnyContainer): string[] =>
  (container.envFrom ?? []).flatMap(({ secretRef }) => (secretRef ? [secretRef.name ?? ''] : []));

/** Whether the pod refers to any secret at all. */
export function referencesSecret({ spec }: Pod): boolean {
  const containers: AnyContainer[] = [
    ...(spec.containers ?? []),
    ...(spec.initContainers ?? []),
    ...(spec.ephemeralContainers ?? []),
  ];
  return (
    (spec.imagePullSecrets?.length ?? 0) > 0 ||
    (spec.volumes ?? []).some(volumeSecret) ||
    containers.some((container) => envSecrets(container).length > 0 || sourceSecrets(container).length > 0)
  );
}

/** Of an account that lists the secrets its pods may use: what the pod uses beyond them. */
export function foreignSecret(account: ServiceAccount, { spec }: Pod, ephemeral: boolean): string | undefined {
  const { name } = account.metadata;
  const mountable = new Set((account.secrets ?? []).map((secret) => secret.name));
  const pullable = new Set((account.imagePullSecrets ?? []).map((secret) => secret.name));
  const refused = (what: string, of = 'secret'): string =>
    `${what} is not allowed because service account ${name} does not reference that ${of}`;
  const inContainers = (containers: readonly AnyContainer[] | undefined, kind: string): string | undefined => {
    for (const container of containers ?? []) {
      for (const { variable, secret } of envSecrets(container))
        if (!mountable.has(secret))
          return refused(`${kind} ${container.name} with envVar ${variable} referencing secret.secretName="${secret}"`);
      for (const secret of sourceSecrets(container))
        if (!mountable.has(secret))
          return refused(`${kind} ${container.name} with envFrom referencing secret.secretName="${secret}"`);
    }
    return undefined;
  };
  if (ephemeral) return inContainers(spec.ephemeralContainers, 'ephemeral container');
  for (const { secret } of spec.volumes ?? [])
    if (secret && !mountable.has(secret.secretName ?? ''))
      return refused(`volume with secret.secretName="${secret.secretName ?? ''}"`);
  const inside = inContainers(spec.initContainers, 'init container') ?? inContainers(spec.containers, 'container');
  if (inside !== undefined) return inside;
  const pull = (spec.imagePullSecrets ?? []).findIndex((secret) => !pullable.has(secret.name));
  return pull < 0
    ? undefined
    : refused(`imagePullSecrets[${pull}].name="${spec.imagePullSecrets?.[pull]?.name ?? ''}"`, 'imagePullSecret');
}
