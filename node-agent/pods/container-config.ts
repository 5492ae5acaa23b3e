// The CRI configuration of one container instance: command, environment, mounts, limits, security. Pure; the mounts' host
// paths are prepared by others. Throws ConfigError in the kubelet's words.
import type { Container, Pod } from '../../src/generated/schemas/core-v1.ts';
import { instanceLog } from '../logs/paths.ts';
import type { Objects } from '../objects.ts';
import { containerResources } from '../resources/pod-resources.ts';
import { type ContainerConfig, type Image, labels, type Mount } from '../runtime.ts';
import { ConfigError, environment, expand } from './env.ts';
import type { FieldContext } from './field-ref.ts';
import { containerHash, hashAnnotation } from './plan.ts';
import { resourcesAnnotation } from './resize.ts';
import { namespaceOptions, seccomp } from './sandbox-config.ts';

export const terminationPathAnnotation = 'io.kubernetes.container.terminationMessagePath';

const maskedPaths = [
  '/proc/asound',
  '/proc/acpi',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/sys/firmware',
  '/sys/devices/virtual/powercap',
];
const readonlyPaths = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];

export interface ContainerSettings {
  fields: FieldContext;
  objects: Objects;
  image: Image;
  mounts: Mount[];
  memoryCapacityBytes: number;
  seccompDirectory: string;
  /** The container whose processes it joins. */
  targetId?: string | undefined;
}

export function containerConfig(container: Container, attempt: number, s: ContainerSettings): ContainerConfig {
  const { pod } = s.fields;
  const spec = pod.spec!;
  const envs = environment(container, s.fields, s.objects);
  const values = new Map(envs.map((e) => [e.key, e.value]));
  const expanded = (list: readonly string[] | undefined): string[] =>
    (list ?? []).map((t) => expand(t, (n) => values.get(n)));
  return {
    metadata: { name: container.name, attempt },
    // By id: the tag may move between the check and the start.
    image: { image: s.image.id, user_specified_image: container.image ?? '' },
    command: expanded(container.command),
    args: expanded(container.args),
    working_dir: container.workingDir ?? '',
    envs,
    mounts: s.mounts,
    labels: {
      [labels.containerName]: container.name,
      [labels.podName]: pod.metadata.name,
      [labels.podNamespace]: pod.metadata.namespace ?? '',
      [labels.podUid]: pod.metadata.uid,
    },
    annotations: {
      [hashAnnotation]: containerHash(container),
      [resourcesAnnotation]: JSON.stringify(container.resources ?? {}),
      'io.kubernetes.container.restartCount': String(attempt),
      [terminationPathAnnotation]: container.terminationMessagePath ?? '',
      'io.kubernetes.container.terminationMessagePolicy': container.terminationMessagePolicy ?? 'File',
      'io.kubernetes.pod.terminationGracePeriod': String(spec.terminationGracePeriodSeconds ?? 30),
    },
    log_path: instanceLog(container.name, attempt),
    stdin: container.stdin ?? false,
    stdin_once: container.stdinOnce ?? false,
    tty: container.tty ?? false,
    linux: {
      resources: containerResources(pod, container, s.memoryCapacityBytes),
      security_context: security(pod, container, s),
    },
  };
}

function security(pod: Pod, container: Container, s: ContainerSettings): ContainerConfig['linux']['security_context'] {
  const forPod = pod.spec?.securityContext;
  const own = container.securityContext;
  const user = own?.runAsUser ?? forPod?.runAsUser;
  const group = own?.runAsGroup ?? forPod?.runAsGroup;
  if (own?.runAsNonRoot ?? forPod?.runAsNonRoot) checkNonRoot(pod, container, user, s.image);
  const privileged = own?.privileged ?? false;
  const runAsUser = user ?? (s.image.uid === undefined ? undefined : s.image.uid);
  const unmasked = privileged || own?.procMount === 'Unmasked';
  const profile = privileged ? undefined : seccomp(own?.seccompProfile ?? forPod?.seccompProfile, s.seccompDirectory);
  return {
    capabilities: { add_capabilities: own?.capabilities?.add ?? [], drop_capabilities: own?.capabilities?.drop ?? [] },
    privileged,
    namespace_options: namespaceOptions(pod, s.targetId),
    ...(runAsUser !== undefined
      ? { run_as_user: { value: runAsUser } }
      : s.image.username
        ? { run_as_username: s.image.username }
        : {}),
    ...(group === undefined ? {} : { run_as_group: { value: group } }),
    readonly_rootfs: own?.readOnlyRootFilesystem ?? false,
    supplemental_groups: [
      ...(forPod?.fsGroup === undefined ? [] : [forPod.fsGroup]),
      ...(forPod?.supplementalGroups ?? []),
    ],
    supplemental_groups_policy: forPod?.supplementalGroupsPolicy === 'Strict' ? 'Strict' : 'Merge',
    no_new_privs: own?.allowPrivilegeEscalation === false,
    masked_paths: unmasked ? [] : maskedPaths,
    readonly_paths: unmasked ? [] : readonlyPaths,
    seccomp: profile ?? { profile_type: 'Unconfined', localhost_ref: '' },
  };
}

function checkNonRoot(pod: Pod, container: Container, user: number | undefined, image: Image): void {
  const where = `(pod: "${pod.metadata.name}_${pod.metadata.namespace}(${pod.metadata.uid})", container: ${container.name})`;
  if (user !== undefined) {
    if (user === 0) throw new ConfigError(`container's runAsUser breaks non-root policy ${where}`);
    return;
  }
  if (image.uid === undefined && image.username !== '') {
    throw new ConfigError(
      `container has runAsNonRoot and image has non-numeric user (${image.username}), cannot verify user is non-root ${where}`,
    );
  }
  if ((image.uid ?? 0) === 0) throw new ConfigError(`container has runAsNonRoot and image will run as root ${where}`);
}
