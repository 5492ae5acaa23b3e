// Warnings that a client gets for a pod or pod template that is valid and yet likely a mistake (api/pod:
// warningsForPodSpecAndMeta), in upstream's order. Those about files in volumes are in volume-warnings.ts.

import type {
  Container,
  ContainerPort,
  EnvVar,
  Pod,
  PodSpec,
  PodTemplateSpec,
  Volume,
} from '../../../generated/schemas/core-v1.ts';
import { ipWarnings } from '../../../machinery/cidr.ts';
import { isLabelValue } from '../../../machinery/names.ts';
import { formatQuantity, parseQuantity } from '../../../machinery/quantity.ts';
import { deepEqual, repeats } from '../../../machinery/validation.ts';
import { nodeLabelDeprecation, nodeTermWarnings } from '../../node-labels.ts';
import { appArmorAnnotation, appArmorProfileOf } from './app-armor.ts';
import { visitContainers } from './visit.ts';
import { pathWarnings } from './volume-warnings.ts';

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

function fractionWarnings(
  at: string,
  quantities: Readonly<Record<string, string>> | undefined,
  names: readonly string[] = ['memory', 'ephemeral-storage'],
): string[] {
  return names.flatMap((name) => {
    const quantity = quantities?.[name];
    if (quantity === undefined || parseQuantity(quantity).nanos % 1_000_000_000n === 0n) return [];
    return [`${at}[${name}]: fractional byte value "${formatQuantity(quantity)}" is invalid, must be an integer`];
  });
}

type Located = { at: string; container: Pick<Container, 'ports'> };
const portsOf = (containers: readonly Located[]): { at: string; port: ContainerPort }[] =>
  containers.flatMap(({ at, container }) =>
    (container.ports ?? []).map((port, i) => ({ at: `${at}.ports[${i}]`, port })),
  );

/** Two definitions of one port and protocol, across all containers. */
function portWarnings(containers: readonly Located[]): string[] {
  const out: string[] = [];
  const seen = new Map<string, { at: string; port: ContainerPort }[]>();
  for (const { at, port } of portsOf(containers)) {
    const [ip, host] = [port.hostIP ?? '', port.hostPort ?? 0];
    if (ip !== '' && host === 0)
      out.push(
        `${at}: hostIP set without hostPort: {Name:${port.name ?? ''} HostPort:0 ContainerPort:${port.containerPort} Protocol:${port.protocol} HostIP:${ip}}`,
      );
    const key = `${port.containerPort}/${port.protocol}`;
    const others = seen.get(key) ?? [];
    for (const other of others) {
      const [otherIp, otherHost] = [other.port.hostIP ?? '', other.port.hostPort ?? 0];
      if (ip === otherIp && host === otherHost) out.push(`${at}: duplicate port definition with ${other.at}`);
      else if (host === 0 || otherHost === 0) out.push(`${at}: overlapping port definition with ${other.at}`);
      else if (host === otherHost && (ip === '') !== (otherIp === ''))
        out.push(`${at}: dangerously ambiguous port definition with ${other.at}`);
    }
    seen.set(key, [...others, { at, port }]);
  }
  return out;
}

function portNameWarnings(containers: readonly Located[]): string[] {
  const first = new Map<string, string>();
  return portsOf(containers).flatMap(({ at, port: { name } }) => {
    if (!name) return [];
    const other = first.get(name);
    if (other !== undefined)
      return [
        `${at}: duplicate port name ${JSON.stringify(name)} with ${other}, services and probes that select ports by name will use ${other}`,
      ];
    first.set(name, at);
    return [];
  });
}

const nullSelector = 'a null labelSelector results in matching no pod';

function affinityWarnings(path: string, spec: PodSpec): string[] {
  return (['podAffinity', 'podAntiAffinity'] as const).flatMap((kind) => {
    const affinity = spec.affinity?.[kind];
    const at = `${path}.affinity.${kind}`;
    return [
      ...(affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []).flatMap((term, i) =>
        term.labelSelector
          ? []
          : [`${at}.requiredDuringSchedulingIgnoredDuringExecution[${i}].labelSelector: ${nullSelector}`],
      ),
      ...(affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).flatMap((term, i) =>
        term.podAffinityTerm?.labelSelector
          ? []
          : [
              `${at}.preferredDuringSchedulingIgnoredDuringExecution[${i}].podAffinityTerm.labelSelector: ${nullSelector}`,
            ],
      ),
    ];
  });
}

/** What steers pods to nodes: labels that have a successor, selectors that select nothing. */
function placementWarnings(path: string, spec: PodSpec): string[] {
  const selectors = Object.keys(spec.nodeSelector ?? {}).flatMap((key) => {
    const why = nodeLabelDeprecation(key);
    return why ? [`${path}.nodeSelector[${key}]: ${why}`] : [];
  });
  const affinity = spec.affinity?.nodeAffinity;
  const at = `${path}.affinity.nodeAffinity`;
  const required = affinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  const preferred = affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  return [
    ...selectors,
    ...required.flatMap((term, i) =>
      nodeTermWarnings(`${at}.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[${i}]`, term),
    ),
    ...preferred.flatMap(({ preference }, i) => {
      const term = `${at}.preferredDuringSchedulingIgnoredDuringExecution[${i}].preference`;
      const values = (preference?.matchExpressions ?? []).flatMap((expression, e) =>
        (expression.values ?? []).flatMap((value, v) =>
          isLabelValue(value).map((why) => `${term}.matchExpressions[${e}].values[${v}]: ${value} is invalid, ${why}`),
        ),
      );
      return [...nodeTermWarnings(term, preference), ...values];
    }),
    ...(spec.topologySpreadConstraints ?? []).flatMap(({ topologyKey = '', labelSelector }, i) => {
      const constraint = `${path}.topologySpreadConstraints[${i}]`;
      const why = nodeLabelDeprecation(topologyKey);
      return [
        ...(why ? [`${constraint}.topologyKey: ${topologyKey} is ${why}`] : []),
        ...(labelSelector ? [] : [`${constraint}.labelSelector: ${nullSelector}`]),
      ];
    }),
  ];
}

const deadAnnotations: Readonly<Record<string, string>> = {
  'scheduler.alpha.kubernetes.io/critical-pod': 'non-functional in v1.16+; use the "priorityClassName" field instead',
  'security.alpha.kubernetes.io/sysctls': 'non-functional in v1.11+; use the "sysctls" field instead',
  'security.alpha.kubernetes.io/unsafe-sysctls': 'non-functional in v1.11+; use the "sysctls" field instead',
};
const seccompPod = 'seccomp.security.alpha.kubernetes.io/pod';
const seccompContainer = 'container.seccomp.security.alpha.kubernetes.io/';
const noSeccomp = 'non-functional in v1.27+; use the "seccompProfile" field instead';

function volumeWarnings(path: string, volumes: readonly Volume[]): string[] {
  return volumes.flatMap((volume, i) => {
    const at = `${path}.volumes[${i}]`;
    const dead = Object.entries(deadSources).flatMap(([source, why]) =>
      volume[source as keyof Volume] === undefined
        ? []
        : [`${at}.${source === 'storageos' ? 'storageOS' : source}: ${why}`],
    );
    const claim = volume.ephemeral?.volumeClaimTemplate?.spec?.resources;
    const spec = `${at}.ephemeral.volumeClaimTemplate.spec.resources`;
    return [
      ...dead,
      ...fractionWarnings(`${spec}.requests`, claim?.requests, ['storage']),
      ...fractionWarnings(`${spec}.limits`, claim?.limits, ['storage']),
    ];
  });
}

function listWarnings(path: string, spec: PodSpec): string[] {
  const aliases = spec.hostAliases ?? [];
  const secrets = spec.imagePullSecrets ?? [];
  const repeatedIps = repeats(aliases.map(({ ip }) => ip));
  const repeatedNames = repeats(secrets.map(({ name }) => name));
  return [
    ...aliases.flatMap(({ ip }, i) => (repeatedIps[i] ? [`${path}.hostAliases[${i}].ip: duplicate ip "${ip}"`] : [])),
    ...secrets.flatMap(({ name }, i) =>
      repeatedNames[i] ? [`${path}.imagePullSecrets[${i}].name: duplicate name "${name ?? ''}"`] : [],
    ),
    ...secrets.flatMap(({ name }, i) => (name ? [] : [`${path}.imagePullSecrets[${i}].name: invalid empty name ""`])),
  ];
}

type Annotations = Readonly<Record<string, string>>;

/** `base`: of a template its path and a dot, otherwise nothing. */
function warnings(base: string, annotations: Annotations, spec: PodSpec): string[] {
  const path = `${base}spec`;
  const noted = (key: string): string => `${base}metadata.annotations[${key}]`;
  const containers = visitContainers(path, spec);
  const podProfile = spec.securityContext?.appArmorProfile;
  const out = [
    ...placementWarnings(path, spec),
    ...Object.entries(deadAnnotations).flatMap(([key, why]) =>
      annotations[key] === undefined ? [] : [`${noted(key)}: ${why}`],
    ),
    ...volumeWarnings(path, spec.volumes ?? []),
    ...pathWarnings(spec.volumes ?? []),
    ...listWarnings(path, spec),
    ...fractionWarnings(`${path}.overhead`, spec.overhead),
  ];
  if (!spec.securityContext?.seccompProfile && annotations[seccompPod] !== undefined)
    out.push(`${noted(seccompPod)}: ${noSeccomp}`);
  for (const { at, container } of containers) {
    const seccomp = `${seccompContainer}${container.name}`;
    if (!container.securityContext?.seccompProfile && annotations[seccomp] !== undefined)
      out.push(`${noted(seccomp)}: ${noSeccomp}`);
    const appArmor = `${appArmorAnnotation}${container.name}`;
    const annotation = annotations[appArmor];
    if (base !== '' && annotation !== undefined && !container.securityContext?.appArmorProfile)
      if (!podProfile || !deepEqual(podProfile, appArmorProfileOf(annotation)))
        out.push(`${noted(appArmor)}: deprecated since v1.30; use the "appArmorProfile" field instead`);
    const { limits, requests } = container.resources ?? {};
    for (const name of ['memory', 'ephemeral-storage'])
      out.push(
        ...fractionWarnings(`${at}.resources.limits`, limits, [name]),
        ...fractionWarnings(`${at}.resources.requests`, requests, [name]),
      );
    out.push(...envWarnings(at, container.env));
  }
  out.push(...portWarnings(containers), ...portNameWarnings(containers));
  if (spec.terminationGracePeriodSeconds !== undefined && spec.terminationGracePeriodSeconds < 0)
    out.push(
      `${path}.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1`,
    );
  return [
    ...out,
    ...affinityWarnings(path, spec),
    ...(spec.dnsConfig?.nameservers ?? []).flatMap((server, i) =>
      ipWarnings(`${path}.dnsConfig.nameservers[${i}]`, server),
    ),
    ...(spec.hostAliases ?? []).flatMap(({ ip = '' }, i) => ipWarnings(`${path}.hostAliases[${i}].ip`, ip)),
  ];
}

/** `path` is that of the template: `spec.template`. */
export const podTemplateWarnings = (path: string, template: PodTemplateSpec | undefined): string[] =>
  template?.spec ? warnings(`${path}.`, template.metadata?.annotations ?? {}, template.spec) : [];

export const podWarnings = ({ metadata, spec }: Pod): string[] => warnings('', metadata.annotations ?? {}, spec);
