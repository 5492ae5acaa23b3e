// Warnings that a client gets for a pod spec that is valid and yet likely a mistake (api/pod: warningsForPodSpecAndMeta).

import type {
  Container,
  ContainerPort,
  EnvVar,
  PodSpec,
  PodTemplateSpec,
  Volume,
} from '../../../generated/schemas/core-v1.ts';
import { formatQuantity, parseQuantity } from '../../../machinery/quantity.ts';

/** Volume sources that no longer do anything, and since when. */
const deadSources: Partial<Record<keyof Volume, string>> = {
  photonPersistentDisk: 'deprecated in v1.11, non-functional in v1.16+',
  gitRepo: 'deprecated in v1.11, and disabled by default in v1.33+',
  scaleIO: 'deprecated in v1.16, non-functional in v1.22+',
  flocker: 'deprecated in v1.22, non-functional in v1.25+',
  storageos: 'deprecated in v1.22, non-functional in v1.25+',
  quobyte: 'deprecated in v1.22, non-functional in v1.25+',
  glusterfs: 'deprecated in v1.25, non-functional in v1.26+',
  cephfs: 'deprecated in v1.28, non-functional in v1.31+',
  rbd: 'deprecated in v1.28, non-functional in v1.31+',
};

function envWarnings(at: string, env: readonly EnvVar[] | undefined): string[] {
  const seen = new Set<string>();
  return (env ?? []).flatMap((variable, i) => {
    if (!seen.has(variable.name)) {
      seen.add(variable.name);
      return [];
    }
    // A later value that builds on the earlier one of the same name is meant.
    const reference = `$(${variable.name})`;
    const builds = !variable.valueFrom && variable.value !== reference && variable.value?.includes(reference);
    return builds
      ? []
      : [`${at}.env[${i}]: hides previous definition of "${variable.name}", which may be dropped when using apply`];
  });
}

function fractionWarnings(at: string, quantities: Readonly<Record<string, string>> | undefined): string[] {
  return ['memory', 'ephemeral-storage'].flatMap((name) => {
    const quantity = quantities?.[name];
    if (quantity === undefined || parseQuantity(quantity).nanos % 1_000_000_000n === 0n) return [];
    return [`${at}[${name}]: fractional byte value "${formatQuantity(quantity)}" is invalid, must be an integer`];
  });
}

/** Two definitions of one port and protocol, across all containers. */
function portWarnings(containers: readonly { at: string; container: Container }[]): string[] {
  const out: string[] = [];
  const seen = new Map<string, { at: string; port: ContainerPort }[]>();
  for (const { at: base, container } of containers)
    (container.ports ?? []).forEach((port, i) => {
      const at = `${base}.ports[${i}]`;
      const key = `${port.containerPort}/${port.protocol}`;
      const others = seen.get(key) ?? [];
      for (const other of others) {
        const [ip, otherIp] = [port.hostIP ?? '', other.port.hostIP ?? ''];
        const [host, otherHost] = [port.hostPort ?? 0, other.port.hostPort ?? 0];
        if (ip === otherIp && host === otherHost) out.push(`${at}: duplicate port definition with ${other.at}`);
        else if (host === 0 || otherHost === 0) out.push(`${at}: overlapping port definition with ${other.at}`);
        else if (host === otherHost && (ip === '') !== (otherIp === ''))
          out.push(`${at}: dangerously ambiguous port definition with ${other.at}`);
      }
      seen.set(key, [...others, { at, port }]);
    });
  return out;
}

function affinityWarnings(path: string, spec: PodSpec): string[] {
  const why = 'a null labelSelector results in matching no pod';
  return (['podAffinity', 'podAntiAffinity'] as const).flatMap((kind) => {
    const affinity = spec.affinity?.[kind];
    const at = `${path}.affinity.${kind}`;
    return [
      ...(affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []).flatMap((term, i) =>
        term.labelSelector ? [] : [`${at}.requiredDuringSchedulingIgnoredDuringExecution[${i}].labelSelector: ${why}`],
      ),
      ...(affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).flatMap((term, i) =>
        term.podAffinityTerm?.labelSelector
          ? []
          : [`${at}.preferredDuringSchedulingIgnoredDuringExecution[${i}].podAffinityTerm.labelSelector: ${why}`],
      ),
    ];
  });
}

/** `path` is that of the template: `spec.template`. */
export function podTemplateWarnings(
  path: string,
  template: PodTemplateSpec | undefined,
  _old: PodTemplateSpec | undefined,
): string[] {
  return template?.spec ? podWarnings(`${path}.spec`, template.spec) : [];
}

export function podWarnings(path: string, spec: PodSpec): string[] {
  const out: string[] = [];
  (spec.volumes ?? []).forEach((volume, i) => {
    for (const [source, why] of Object.entries(deadSources))
      if (volume[source as keyof Volume] !== undefined) out.push(`${path}.volumes[${i}].${source}: ${why}`);
  });
  (spec.hostAliases ?? []).forEach((alias, i, all) => {
    if (all.findIndex((one) => one.ip === alias.ip) < i)
      out.push(`${path}.hostAliases[${i}].ip: duplicate ip "${alias.ip}"`);
  });
  const secrets = spec.imagePullSecrets ?? [];
  secrets.forEach((reference, i) => {
    if (secrets.findIndex((one) => one.name === reference.name) < i)
      out.push(`${path}.imagePullSecrets[${i}].name: duplicate name "${reference.name ?? ''}"`);
  });
  secrets.forEach((reference, i) => {
    if (!reference.name) out.push(`${path}.imagePullSecrets[${i}].name: invalid empty name ""`);
  });
  out.push(...fractionWarnings(`${path}.overhead`, spec.overhead));
  const containers = (['initContainers', 'containers'] as const).flatMap((kind) =>
    (spec[kind] ?? []).map((container, i) => ({ at: `${path}.${kind}[${i}]`, container })),
  );
  for (const { at, container } of containers)
    out.push(
      ...fractionWarnings(`${at}.resources.limits`, container.resources?.limits),
      ...fractionWarnings(`${at}.resources.requests`, container.resources?.requests),
      ...envWarnings(at, container.env),
    );
  out.push(...portWarnings(containers));
  if (spec.terminationGracePeriodSeconds !== undefined && spec.terminationGracePeriodSeconds < 0)
    out.push(
      `${path}.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1`,
    );
  return [...out, ...affinityWarnings(path, spec)];
}
