// Each check by what it lets pass and what it says of the rest, in every version of the standards. The pods are minimal:
// valid at the level, but for the one thing that a row changes.
import { describe, expect, test } from 'vitest';
import type { PodSecurityLevel } from '../../../configuration/pod-security.ts';
import type { Container, PodSpec } from '../../../generated/schemas/core-v1.ts';
import { checkedPod } from './checks.ts';
import { allChecks, detailsText, evaluate } from './evaluate.ts';

const newest = 36;
const minors = Array.from({ length: newest + 1 }, (_none, minor) => minor);

/** Restricted from the first version to the last. */
function valid(): { spec: PodSpec; annotations: Record<string, string> } {
  const securityContext = () => ({ allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } });
  return {
    spec: {
      securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
      initContainers: [{ name: 'i', image: 'x', securityContext: securityContext() }],
      containers: [{ name: 'c', image: 'x', securityContext: securityContext() }],
    } as PodSpec,
    annotations: {},
  };
}
type Pod = ReturnType<typeof valid>;
type Change = (pod: Pod, init: Container, container: Container) => void;

const merged = (target: object, source: object): void => {
  for (const [key, value] of Object.entries(source)) {
    const own = (target as Record<string, unknown>)[key];
    if (own && value && typeof own === 'object' && typeof value === 'object' && !Array.isArray(value))
      merged(own, value);
    else if (value === undefined) delete (target as Record<string, unknown>)[key];
    else (target as Record<string, unknown>)[key] = value;
  }
};
const spec =
  (part: object): Change =>
  (pod) =>
    merged(pod.spec, part);
const of =
  (part: object): Change =>
  (_pod, _init, container) =>
    merged(container, part);
const ofInit =
  (part: object): Change =>
  (_pod, init) =>
    merged(init, part);
const ofBoth =
  (part: object): Change =>
  (_pod, init, container) => {
    for (const one of [init, container]) merged(one, part);
  };
const annotated =
  (annotations: Record<string, string>): Change =>
  (pod) =>
    merged(pod.annotations, annotations);
const all =
  (...changes: Change[]): Change =>
  (...pod) => {
    for (const change of changes) change(...pod);
  };
const context = (part: object) => ({ securityContext: part });

function changed(change: Change) {
  const pod = valid();
  change(pod, pod.spec.initContainers?.[0] as Container, pod.spec.containers[0] as Container);
  return checkedPod(pod.spec, pod.annotations);
}
const said = (change: Change, level: PodSecurityLevel, version: string): string =>
  detailsText(evaluate({ level, version }, changed(change)));

interface Row {
  what: string;
  change: Change;
  /** What is said at each level; absent: it passes. */
  baseline?: string;
  /** Default: as at the baseline. */
  restricted?: string;
  /** The minors in which it is said; in the others it passes. */
  from?: number;
  until?: number;
  /** In the other versions something else is said, of which another row tells. */
  otherwise?: true;
}

const ephemeral = { name: 'e', image: 'x' };
const windows = spec({ os: { name: 'windows' } });
const ownUsers = spec({ hostUsers: false });
const appArmorKey = 'container.apparmor.security.beta.kubernetes.io/c';
const seccompKey = 'container.seccomp.security.alpha.kubernetes.io/';

const rows: Row[] = [
  { what: 'nothing', change: () => {} },
  { what: 'sysctls none', change: spec({ securityContext: { sysctls: [] } }) },
  // appArmorProfile
  {
    what: 'AppArmor profiles of the pod and a container',
    change: all(
      spec(context({ appArmorProfile: { type: 'RuntimeDefault' } })),
      of(context({ appArmorProfile: { type: 'Localhost', localhostProfile: 'p' } })),
      annotated({ [appArmorKey]: 'localhost/p' }),
    ),
  },
  {
    what: 'no AppArmor',
    change: spec(context({ appArmorProfile: { type: 'Unconfined' } })),
    baseline: 'forbidden AppArmor profile (pod must not set AppArmor profile type to "Unconfined")',
  },
  {
    what: 'no AppArmor by an annotation',
    change: annotated({ [appArmorKey]: 'unconfined' }),
    baseline: `forbidden AppArmor profile (annotation must not set AppArmor profile type to "${appArmorKey}="unconfined"")`,
  },
  {
    what: 'no AppArmor anywhere',
    change: all(
      spec(context({ appArmorProfile: { type: 'Unconfined' } })),
      ofBoth(context({ appArmorProfile: { type: 'Unconfined' } })),
      annotated({ [appArmorKey]: 'x', [`${appArmorKey}z`]: 'y' }),
    ),
    baseline: `forbidden AppArmor profiles (pod and containers "i", "c" and annotations must not set AppArmor profile type to "Unconfined", "${appArmorKey}="x"", "${appArmorKey}z="y"")`,
  },
  // capabilities
  { what: 'a capability less than all', change: of(context({ capabilities: { add: ['NET_BIND_SERVICE'] } })) },
  {
    what: 'a default capability',
    change: of(context({ capabilities: { add: ['CHOWN'] } })),
    restricted:
      'unrestricted capabilities (container "c" must not include "CHOWN" in securityContext.capabilities.add)',
    from: 22,
  },
  {
    what: 'the right to administer',
    otherwise: true,
    change: ofBoth(context({ capabilities: { add: ['SYS_ADMIN', 'NET_RAW', 'KILL'] } })),
    baseline:
      'non-default capabilities (containers "i", "c" must not include "NET_RAW", "SYS_ADMIN" in securityContext.capabilities.add)',
    until: 21,
  },
  {
    what: 'the right to administer, newer',
    otherwise: true,
    change: ofInit(context({ capabilities: { add: ['SYS_ADMIN'] } })),
    baseline:
      'non-default capabilities (container "i" must not include "SYS_ADMIN" in securityContext.capabilities.add)',
    restricted:
      'unrestricted capabilities (container "i" must not include "SYS_ADMIN" in securityContext.capabilities.add)',
    from: 22,
  },
  {
    what: 'capabilities that are kept',
    change: all(
      ofInit({ securityContext: undefined }),
      ofInit(context({ allowPrivilegeEscalation: false })),
      of(context({ capabilities: { drop: ['KILL'], add: ['CHOWN'] } })),
    ),
    restricted:
      'unrestricted capabilities (containers "i", "c" must set securityContext.capabilities.drop=["ALL"]; container "c" must not include "CHOWN" in securityContext.capabilities.add)',
    from: 22,
  },
  {
    what: 'capabilities of a pod of Windows',
    change: all(windows, of(context({ capabilities: { drop: [] } }))),
    restricted: 'unrestricted capabilities (container "c" must set securityContext.capabilities.drop=["ALL"])',
    from: 22,
    until: 24,
  },
  // hostNamespaces
  {
    what: 'namespaces of the host',
    change: spec({ hostNetwork: true, hostPID: true, hostIPC: true }),
    baseline: 'host namespaces (hostNetwork=true, hostPID=true, hostIPC=true)',
  },
  { what: 'namespaces of its own', change: spec({ hostNetwork: false, hostPID: false, hostIPC: false }) },
  // hostPathVolumes, restrictedVolumes
  {
    what: 'volumes that are allowed',
    change: spec({
      volumes: [
        'configMap',
        'csi',
        'downwardAPI',
        'emptyDir',
        'ephemeral',
        'image',
        'persistentVolumeClaim',
        'projected',
        'secret',
      ].map((name) => ({ name, [name]: {} })),
    }),
  },
  {
    what: 'paths of the host',
    change: spec({
      volumes: [
        { name: 'a', hostPath: { path: '/' } },
        { name: 'b', hostPath: { path: '/b' } },
      ],
    }),
    baseline: 'hostPath volumes (volumes "a", "b")',
    restricted: 'restricted volume types (volumes "a", "b" use restricted volume type "hostPath")',
  },
  {
    what: 'other volumes',
    change: spec({
      volumes: [
        { name: 'a', nfs: {} },
        { name: 'b', iscsi: {} },
        { name: 'c', emptyDir: {} },
      ],
    }),
    restricted: 'restricted volume types (volumes "a", "b" use restricted volume types "iscsi", "nfs")',
  },
  {
    what: 'one other volume',
    change: spec({ volumes: [{ name: 'a', nfs: {} }] }),
    restricted: 'restricted volume types (volume "a" uses restricted volume type "nfs")',
  },
  // hostPorts
  { what: 'a port', change: of({ ports: [{ containerPort: 1 }, { containerPort: 2, hostPort: 0 }] }) },
  {
    what: 'a port of the host',
    change: of({ ports: [{ containerPort: 1, hostPort: 80 }] }),
    baseline: 'hostPort (container "c" uses hostPort 80)',
  },
  {
    what: 'ports of the host',
    change: all(
      of({
        ports: [
          { containerPort: 1, hostPort: 9 },
          { containerPort: 2, hostPort: 80 },
        ],
      }),
      ofInit({ ports: [{ containerPort: 2, hostPort: 80 }] }),
    ),
    baseline: 'hostPort (containers "i", "c" use hostPorts 80, 9)',
  },
  // hostProbesAndHostLifecycle
  {
    what: 'probes of itself',
    change: of({
      livenessProbe: { httpGet: { port: 1, host: '' } },
      startupProbe: { exec: { command: [] } },
      lifecycle: { preStop: { sleep: { seconds: 1 } } },
    }),
  },
  {
    what: 'a probe of another',
    change: of({ readinessProbe: { tcpSocket: { port: 1, host: '10.0.0.1' } } }),
    baseline: 'probe or lifecycle host (container "c" uses probe or lifecycle host "10.0.0.1")',
    from: 34,
  },
  {
    what: 'hooks and probes of others',
    change: all(
      of({
        livenessProbe: { httpGet: { port: 1, host: 'z' } },
        startupProbe: { tcpSocket: { port: 1, host: 'y' } },
        lifecycle: { postStart: { httpGet: { port: 1, host: 'b' } } },
      }),
      ofInit({ lifecycle: { preStop: { tcpSocket: { port: 1, host: 'a' } } } }),
    ),
    baseline: 'probe or lifecycle host (containers "c", "i" use probe or lifecycle hosts "a", "b", "y", "z")',
    from: 34,
  },
  // privileged
  { what: 'not privileged', change: of(context({ privileged: false })) },
  {
    what: 'privileged',
    change: ofBoth(context({ privileged: true })),
    baseline: 'privileged (containers "i", "c" must not set securityContext.privileged=true)',
  },
  // procMount
  { what: 'an ordinary /proc', change: of(context({ procMount: 'Default' })) },
  {
    what: 'an unmasked /proc',
    change: of(context({ procMount: 'Unmasked' })),
    baseline: 'procMount (container "c" must not set securityContext.procMount to "Unmasked")',
  },
  {
    what: 'an unmasked /proc among own users, before',
    otherwise: true,
    change: all(ownUsers, of(context({ procMount: 'Unmasked' }))),
    baseline: 'procMount (container "c" must not set securityContext.procMount to "Unmasked")',
    until: 34,
  },
  {
    what: 'an unmasked /proc among own users',
    otherwise: true,
    change: all(ownUsers, of(context({ procMount: 'Unmasked' }))),
    restricted: 'procMount (container "c" must not set securityContext.procMount to "Unmasked")',
    from: 35,
  },
  // seLinuxOptions
  {
    what: 'types of containers',
    change: all(
      spec(context({ seLinuxOptions: { type: 'container_t', level: 's0' } })),
      of(context({ seLinuxOptions: { type: '' } })),
    ),
  },
  {
    what: 'a type of container engines',
    change: of(context({ seLinuxOptions: { type: 'container_engine_t' } })),
    baseline: 'seLinuxOptions (container "c" set forbidden securityContext.seLinuxOptions: type "container_engine_t")',
    until: 30,
  },
  {
    what: 'user, role and types',
    change: all(
      spec(context({ seLinuxOptions: { type: 'b', user: 'u' } })),
      ofBoth(context({ seLinuxOptions: { type: 'a', role: 'r' } })),
    ),
    baseline:
      'seLinuxOptions (pod and containers "i", "c" set forbidden securityContext.seLinuxOptions: types "a", "b"; user may not be set; role may not be set)',
  },
  {
    what: 'a role',
    change: spec(context({ seLinuxOptions: { role: 'r' } })),
    baseline: 'seLinuxOptions (pod set forbidden securityContext.seLinuxOptions: role may not be set)',
  },
  // seccompProfile
  {
    what: 'annotations that are allowed',
    change: annotated({
      'seccomp.security.alpha.kubernetes.io/pod': 'docker/default',
      [`${seccompKey}c`]: 'localhost/x',
    }),
  },
  {
    what: 'annotations that are not',
    change: annotated({
      'seccomp.security.alpha.kubernetes.io/pod': 'unconfined',
      [`${seccompKey}c`]: '',
      [`${seccompKey}other`]: 'unconfined',
    }),
    baseline: `seccompProfile (forbidden annotations ${seccompKey}c="", seccomp.security.alpha.kubernetes.io/pod="unconfined")`,
    until: 18,
  },
  {
    what: 'no seccomp',
    change: all(
      spec(context({ seccompProfile: { type: 'Unconfined' } })),
      ofBoth(context({ seccompProfile: { type: 'Unconfined' } })),
    ),
    baseline:
      'seccompProfile (pod and containers "i", "c" must not set securityContext.seccompProfile.type to "Unconfined")',
    from: 19,
  },
  {
    what: 'no seccomp said of the pod',
    change: all(spec(context({ seccompProfile: undefined })), of(context({ seccompProfile: { type: 'Localhost' } }))),
    restricted:
      'seccompProfile (pod or container "i" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")',
    from: 19,
  },
  {
    what: 'no seccomp said of Windows',
    change: all(windows, spec(context({ seccompProfile: undefined }))),
    restricted:
      'seccompProfile (pod or containers "i", "c" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")',
    from: 19,
    until: 24,
  },
  // sysctls
  {
    what: 'sysctls of the pod',
    change: spec(
      context({
        sysctls: [
          { name: 'net.ipv4.tcp_syncookies', value: '1' },
          { name: 'kernel.shm_rmid_forced', value: '1' },
        ],
      }),
    ),
  },
  {
    what: 'sysctls of the node',
    change: spec(
      context({
        sysctls: [
          { name: 'vm.b', value: '1' },
          { name: 'vm.a', value: '1' },
        ],
      }),
    ),
    baseline: 'forbidden sysctls (vm.b, vm.a)',
  },
  ...(
    [
      ['net.ipv4.ip_local_reserved_ports', 27],
      ['net.ipv4.tcp_keepalive_time', 29],
      ['net.ipv4.tcp_fin_timeout', 29],
      ['net.ipv4.tcp_keepalive_intvl', 29],
      ['net.ipv4.tcp_keepalive_probes', 29],
      ['net.ipv4.tcp_rmem', 32],
      ['net.ipv4.tcp_wmem', 32],
      ['net.ipv4.tcp_notsent_lowat', 37],
    ] as const
  ).map(([name, safe]) => ({
    what: name,
    change: spec(context({ sysctls: [{ name, value: '1' }] })),
    baseline: `forbidden sysctls (${name})`,
    until: safe - 1,
  })),
  // windowsHostProcess
  {
    what: 'processes of the host',
    change: all(
      spec(context({ windowsOptions: { hostProcess: true } })),
      of(context({ windowsOptions: { hostProcess: true } })),
    ),
    baseline: 'hostProcess (pod and container "c" must not set securityContext.windowsOptions.hostProcess=true)',
  },
  { what: 'no processes of the host', change: of(context({ windowsOptions: { hostProcess: false } })) },
  // allowPrivilegeEscalation
  {
    what: 'escalation',
    change: all(
      ofInit(context({ allowPrivilegeEscalation: true })),
      of(context({ allowPrivilegeEscalation: undefined })),
    ),
    restricted:
      'allowPrivilegeEscalation != false (containers "i", "c" must set securityContext.allowPrivilegeEscalation=false)',
    from: 8,
  },
  {
    what: 'escalation on Windows',
    change: all(windows, of(context({ allowPrivilegeEscalation: undefined }))),
    restricted:
      'allowPrivilegeEscalation != false (container "c" must set securityContext.allowPrivilegeEscalation=false)',
    from: 8,
    until: 24,
  },
  // runAsNonRoot
  {
    what: 'containers that are not root',
    change: all(spec(context({ runAsNonRoot: undefined })), ofBoth(context({ runAsNonRoot: true }))),
  },
  {
    what: 'a container that may be root',
    change: spec(context({ runAsNonRoot: undefined })),
    restricted: 'runAsNonRoot != true (pod or containers "i", "c" must set securityContext.runAsNonRoot=true)',
  },
  {
    what: 'a pod and a container that may be root',
    change: all(spec(context({ runAsNonRoot: false })), of(context({ runAsNonRoot: false }))),
    restricted: 'runAsNonRoot != true (pod and container "c" must not set securityContext.runAsNonRoot=false)',
  },
  {
    what: 'root among own users',
    change: all(ownUsers, spec(context({ runAsNonRoot: undefined }))),
    restricted: 'runAsNonRoot != true (pod or containers "i", "c" must set securityContext.runAsNonRoot=true)',
    until: 34,
  },
  // runAsUser
  { what: 'another user', change: all(spec(context({ runAsUser: 1000 })), of(context({ runAsUser: 1 }))) },
  {
    what: 'user 0',
    change: all(spec(context({ runAsUser: 0 })), ofBoth(context({ runAsUser: 0 }))),
    restricted: 'runAsUser=0 (pod and containers "i", "c" must not set runAsUser=0)',
    from: 23,
  },
  {
    what: 'user 0 among own users',
    change: all(ownUsers, of(context({ runAsUser: 0 }))),
    restricted: 'runAsUser=0 (container "c" must not set runAsUser=0)',
    from: 23,
    until: 34,
  },
  // what was started later
  {
    what: 'an ephemeral container',
    change: spec({
      ephemeralContainers: [
        {
          ...ephemeral,
          securityContext: { privileged: true, allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
        },
      ],
    }),
    baseline: 'privileged (container "e" must not set securityContext.privileged=true)',
  },
];

describe.each(rows)('$what', ({ change, baseline, restricted = baseline, from = 0, until = newest }) => {
  // Where a row of a check has different words in other versions, those are of another row.
  const within = (minor: number) => minor >= from && minor <= until;
  test('at the baseline', () => {
    for (const minor of minors.filter(within)) expect(said(change, 'baseline', `v1.${minor}`)).toBe(baseline ?? '');
  });
  test('restricted', () => {
    for (const minor of minors.filter(within)) expect(said(change, 'restricted', `v1.${minor}`)).toBe(restricted ?? '');
  });
  test('latest is the newest', () => {
    for (const level of ['baseline', 'restricted'] as const) {
      const latest = said(change, level, 'latest');
      expect(said(change, level, `v1.${newest}`)).toBe(latest);
      expect(said(change, level, 'v1.9223372036854775807')).toBe(latest);
    }
  });
  test('privileged says nothing', () => expect(said(change, 'privileged', 'latest')).toBe(''));
});

const elsewhere = rows.filter(({ from, until, otherwise }) => (from ?? until) !== undefined && !otherwise);
test.each(elsewhere)('$what passes in other versions', ({ change, from = 0, until = newest }) => {
  for (const minor of minors.filter((one) => one < from || one > until))
    for (const level of ['baseline', 'restricted'] as const)
      expect(said(change, level, `v1.${minor}`), `${minor}`).toBe('');
});

test('every check has a row that it refuses', () => {
  const refused = (check: (typeof allChecks)[number]) =>
    rows.some(({ change }) => check.versions.some((version) => version.check(changed(change)) !== undefined));
  expect(allChecks.filter((check) => !refused(check)).map(({ id }) => id)).toEqual([]);
});

/** The pod without any one of its parts, however deep. */
function* without(value: unknown): Iterable<() => void> {
  if (typeof value !== 'object' || value === null) return;
  for (const [key, part] of Object.entries(value)) {
    yield* without(part);
    yield () => {
      if (Array.isArray(value)) value.splice(Number(key), 1);
      else delete (value as Record<string, unknown>)[key];
    };
  }
}

test.each(rows)('$what, with any part missing, is an answer', ({ change }) => {
  const text = JSON.stringify(changed(change).spec);
  const count = [...without(JSON.parse(text))].length;
  for (let index = 0; index < count; index++) {
    const spec = JSON.parse(text);
    [...without(spec)][index]?.();
    for (const level of ['baseline', 'restricted'] as const)
      expect(() => detailsText(evaluate({ level, version: 'latest' }, checkedPod(spec)))).not.toThrow();
  }
});

test('several violations, the baseline first', () => {
  const pod = checkedPod({ hostPID: true, containers: [{ name: 'c' }] } as PodSpec);
  expect(detailsText(evaluate({ level: 'restricted', version: 'latest' }, pod))).toBe(
    'host namespaces (hostPID=true), ' +
      'allowPrivilegeEscalation != false (container "c" must set securityContext.allowPrivilegeEscalation=false), ' +
      'unrestricted capabilities (container "c" must set securityContext.capabilities.drop=["ALL"]), ' +
      'runAsNonRoot != true (pod or container "c" must set securityContext.runAsNonRoot=true), ' +
      'seccompProfile (pod or container "c" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")',
  );
});
