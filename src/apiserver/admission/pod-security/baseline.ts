// The checks of the baseline level: nothing that is known to lead from a pod to its node.

import { goQuoted } from '../../../machinery/errors.ts';
import type { AnyContainer, Check, CheckedPod, CheckPod, Violation } from './checks.ts';
import { containersText, hasOwnUsers, namesOf, plural, quoted, setters, settings, sorted, unless } from './checks.ts';

const always = (check: CheckPod) => [{ since: 0, check }];

/** A violation of those containers that have a value that they may not have; the detail is made of both. */
function ofContainers(
  { containers }: CheckedPod,
  reason: string,
  valuesOf: (container: AnyContainer) => readonly string[],
  detail: (names: string[], values: string[]) => string,
): Violation | undefined {
  const bad = containers.map((one) => [one.name, valuesOf(one)] as const).filter(([, values]) => values.length > 0);
  if (bad.length === 0) return undefined;
  return {
    reason,
    detail: detail(
      bad.map(([name]) => name),
      sorted(bad.flatMap(([, values]) => values)),
    ),
  };
}

const appArmorPrefix = 'container.apparmor.security.beta.kubernetes.io/';
const isAppArmorValue = (value: string): boolean =>
  value === '' || value === 'runtime/default' || value.startsWith('localhost/');
const confined = new Set(['RuntimeDefault', 'Localhost']);

function appArmorProfile(pod: CheckedPod): Violation | undefined {
  const types = settings<string>(pod, ({ appArmorProfile: profile }) => profile && (profile.type ?? ''));
  const isBad = (type: string | undefined): type is string => type !== undefined && !confined.has(type);
  const bad = types.containers.filter(({ value }) => isBad(value));
  const annotations = Object.entries(pod.annotations)
    .filter(([key, value]) => key.startsWith(appArmorPrefix) && !isAppArmorValue(value))
    .map(([key, value]) => `${key}=${goQuoted(value)}`)
    .sort();
  const count = annotations.length;
  const who = setters(
    isBad(types.pod),
    bad.map(({ name }) => name),
    ...(count > 0 ? [plural(count, 'annotation')] : []),
  );
  if (who === '') return undefined;
  const values = [...sorted([types.pod, ...bad.map(({ value }) => value)].filter(isBad)), ...annotations];
  return {
    reason: plural(values.length, 'forbidden AppArmor profile'),
    detail: `${who} must not set AppArmor profile type to ${quoted(values)}`,
  };
}

const defaultCapabilities = new Set([
  'AUDIT_WRITE',
  'CHOWN',
  'DAC_OVERRIDE',
  'FOWNER',
  'FSETID',
  'KILL',
  'MKNOD',
  'NET_BIND_SERVICE',
  'SETFCAP',
  'SETGID',
  'SETPCAP',
  'SETUID',
  'SYS_CHROOT',
]);

const capabilities: CheckPod = (pod) =>
  ofContainers(
    pod,
    'non-default capabilities',
    ({ securityContext }) => (securityContext?.capabilities?.add ?? []).filter((one) => !defaultCapabilities.has(one)),
    (names, values) =>
      `${containersText(names)} must not include ${quoted(values)} in securityContext.capabilities.add`,
  );

function hostNamespaces({ spec }: CheckedPod): Violation | undefined {
  const shared = (['hostNetwork', 'hostPID', 'hostIPC'] as const).filter((field) => spec[field]);
  if (shared.length === 0) return undefined;
  return { reason: 'host namespaces', detail: shared.map((field) => `${field}=true`).join(', ') };
}

function hostPathVolumes({ spec }: CheckedPod): Violation | undefined {
  const names = (spec.volumes ?? []).filter(({ hostPath }) => hostPath !== undefined).map(({ name }) => name);
  if (names.length === 0) return undefined;
  return { reason: 'hostPath volumes', detail: `${plural(names.length, 'volume')} ${quoted(names)}` };
}

const hostPorts: CheckPod = (pod) =>
  ofContainers(
    pod,
    'hostPort',
    ({ ports }) => (ports ?? []).flatMap(({ hostPort }) => (hostPort ? [String(hostPort)] : [])),
    (names, ports) =>
      `${containersText(names)} ${plural(names.length, 'uses', 'use')} ${plural(ports.length, 'hostPort')} ${ports.join(', ')}`,
  );

/** What the node would be made to call, of whoever the pod names. */
const calledHosts = ({ livenessProbe, readinessProbe, startupProbe, lifecycle }: AnyContainer): string[] =>
  [livenessProbe, readinessProbe, startupProbe, lifecycle?.postStart, lifecycle?.preStop].flatMap((handler) =>
    [handler?.httpGet?.host, handler?.tcpSocket?.host].filter((host): host is string => Boolean(host)),
  );

const hostProbes: CheckPod = (pod) =>
  ofContainers(
    pod,
    'probe or lifecycle host',
    calledHosts,
    (names, hosts) =>
      `${containersText(sorted(names))} ${plural(names.length, 'uses', 'use')} ${plural(hosts.length, 'probe or lifecycle host')} ${quoted(hosts)}`,
  );

function privileged({ containers }: CheckedPod): Violation | undefined {
  const bad = containers.filter(({ securityContext }) => securityContext?.privileged);
  if (bad.length === 0) return undefined;
  return {
    reason: 'privileged',
    detail: `${containersText(namesOf(bad))} must not set securityContext.privileged=true`,
  };
}

export const unmaskedProc: CheckPod = (pod) =>
  ofContainers(
    pod,
    'procMount',
    ({ securityContext }) => {
      const type = securityContext?.procMount;
      return type === undefined || type === 'Default' ? [] : [type];
    },
    (names, types) => `${containersText(names)} must not set securityContext.procMount to ${quoted(types)}`,
  );

const containerTypes = ['', 'container_t', 'container_init_t', 'container_kvm_t'];

const seLinux =
  (allowed: ReadonlySet<string>): CheckPod =>
  (pod) => {
    const options = settings(pod, (context) => context.seLinuxOptions);
    type Options = typeof options.pod;
    const isBad = (one: Options): boolean =>
      one !== undefined && (!allowed.has(one.type ?? '') || Boolean(one.user) || Boolean(one.role));
    const bad = options.containers.filter(({ value }) => isBad(value));
    const who = setters(
      isBad(options.pod),
      bad.map(({ name }) => name),
    );
    if (who === '') return undefined;
    const set = [options.pod, ...options.containers.map(({ value }) => value)];
    const types = sorted(set.map((one) => one?.type ?? '').filter((type) => !allowed.has(type)));
    const what = [
      ...(types.length > 0 ? [`${plural(types.length, 'type')} ${quoted(types)}`] : []),
      ...(set.some((one) => one?.user) ? ['user may not be set'] : []),
      ...(set.some((one) => one?.role) ? ['role may not be set'] : []),
    ];
    return {
      reason: 'seLinuxOptions',
      detail: `${who} set forbidden securityContext.seLinuxOptions: ${what.join('; ')}`,
    };
  };

const seccompOfPod = 'seccomp.security.alpha.kubernetes.io/pod';
const seccompPrefix = 'container.seccomp.security.alpha.kubernetes.io/';
const isSeccompValue = (value: string): boolean =>
  value === 'runtime/default' || value === 'docker/default' || value.startsWith('localhost/');

/** Before there were fields for it. */
function seccompAnnotations({ annotations, containers }: CheckedPod): Violation | undefined {
  const keys = [seccompOfPod, ...containers.map(({ name }) => `${seccompPrefix}${name}`)];
  const bad = sorted(
    keys.flatMap((key) => {
      const value = Object.hasOwn(annotations, key) ? annotations[key] : undefined;
      return value === undefined || isSeccompValue(value) ? [] : [`${key}=${goQuoted(value)}`];
    }),
  );
  if (bad.length === 0) return undefined;
  return { reason: 'seccompProfile', detail: `forbidden ${plural(bad.length, 'annotation')} ${bad.join(', ')}` };
}

export function unconfinedSeccomp(pod: CheckedPod): Violation | undefined {
  const types = settings<string>(pod, ({ seccompProfile: profile }) => profile && (profile.type ?? ''));
  const isBad = (type: string | undefined): type is string => type !== undefined && !confined.has(type);
  const bad = types.containers.filter(({ value }) => isBad(value));
  const who = setters(
    isBad(types.pod),
    bad.map(({ name }) => name),
  );
  if (who === '') return undefined;
  const values = sorted([types.pod, ...bad.map(({ value }) => value)].filter(isBad));
  return {
    reason: 'seccompProfile',
    detail: `${who} must not set securityContext.seccompProfile.type to ${quoted(values)}`,
  };
}

/** Sysctls that belong to a pod's own namespaces, by the version that first let them pass. */
const safeSysctls: readonly (readonly [since: number, names: readonly string[]])[] = [
  [
    0,
    [
      'kernel.shm_rmid_forced',
      'net.ipv4.ip_local_port_range',
      'net.ipv4.tcp_syncookies',
      'net.ipv4.ping_group_range',
      'net.ipv4.ip_unprivileged_port_start',
    ],
  ],
  [27, ['net.ipv4.ip_local_reserved_ports']],
  [
    29,
    [
      'net.ipv4.tcp_keepalive_time',
      'net.ipv4.tcp_fin_timeout',
      'net.ipv4.tcp_keepalive_intvl',
      'net.ipv4.tcp_keepalive_probes',
    ],
  ],
  [32, ['net.ipv4.tcp_rmem', 'net.ipv4.tcp_wmem']],
];

function sysctls(version: number): CheckPod {
  const safe = new Set(safeSysctls.filter(([since]) => since <= version).flatMap(([, names]) => names));
  return ({ spec }) => {
    const bad = (spec.securityContext?.sysctls ?? []).map(({ name }) => name).filter((name) => !safe.has(name));
    return bad.length === 0 ? undefined : { reason: 'forbidden sysctls', detail: bad.join(', ') };
  };
}

function windowsHostProcess(pod: CheckedPod): Violation | undefined {
  const set = settings(pod, (context) => context.windowsOptions?.hostProcess);
  const who = setters(
    set.pod === true,
    set.containers.filter(({ value }) => value).map(({ name }) => name),
  );
  if (who === '') return undefined;
  return { reason: 'hostProcess', detail: `${who} must not set securityContext.windowsOptions.hostProcess=true` };
}

const level = 'baseline';
export const baselineChecks: readonly Check[] = [
  { level, id: 'appArmorProfile', versions: always(appArmorProfile) },
  { level, id: 'capabilities_baseline', versions: always(capabilities) },
  { level, id: 'hostNamespaces', versions: always(hostNamespaces) },
  { level, id: 'hostPathVolumes', versions: always(hostPathVolumes) },
  { level, id: 'hostPorts', versions: always(hostPorts) },
  { level, id: 'hostProbesAndHostLifecycle', versions: [{ since: 34, check: hostProbes }] },
  { level, id: 'privileged', versions: always(privileged) },
  {
    level,
    id: 'procMount',
    versions: [...always(unmaskedProc), { since: 35, check: unless(hasOwnUsers, unmaskedProc) }],
  },
  {
    level,
    id: 'seLinuxOptions',
    versions: [
      ...always(seLinux(new Set(containerTypes))),
      { since: 31, check: seLinux(new Set([...containerTypes, 'container_engine_t'])) },
    ],
  },
  {
    level,
    id: 'seccompProfile_baseline',
    versions: [...always(seccompAnnotations), { since: 19, check: unconfinedSeccomp }],
  },
  { level, id: 'sysctls', versions: safeSysctls.map(([since]) => ({ since, check: sysctls(since) })) },
  { level, id: 'windowsHostProcess', versions: always(windowsHostProcess) },
];
