// The status of a pod as the kubelet reports it: phase, conditions and container statuses, computed from what the planner
// sees too. Pure; conditions that others own are carried over, transition times move only when a status does.

import type {
  Container,
  ContainerState,
  ContainerStateTerminated,
  ContainerStatus,
  PodCondition,
  PodStatus,
} from '../../src/generated/schemas/core-v1.ts';
import { formatTime } from '../../src/machinery/time.ts';
import { qosClass } from '../resources/pod-resources.ts';
import type { ContainerRecord } from '../runtime.ts';
import { isFinished } from './plan.ts';
import { conditionsOf, resizeConditions } from './resize.ts';
import { ephemeralOf, type InstanceMemory, isSidecar, latest, previous, type Seen, startErrorUntilMs } from './seen.ts';

export interface StatusContext {
  hostIp: string;
  /** The pod's last known status: what the API server has, or what was reported since. */
  old: PodStatus;
  /** `containerd` */
  runtimeName: string;
}

type Phase = NonNullable<PodStatus['phase']>;
const ownedConditions = new Set([
  'PodReadyToStartContainers',
  'Initialized',
  'Ready',
  'ContainersReady',
  'PodScheduled',
  ...Object.values(resizeConditions),
]);

/** The node's own conditions as it last reported them, the others as the API has them now. */
export function mergedConditions(api: PodStatus | undefined, mine: PodStatus): PodCondition[] {
  const others = (api?.conditions ?? []).filter((c) => !ownedConditions.has(c.type));
  const kept = (mine.conditions ?? []).filter((c) => ownedConditions.has(c.type));
  const fallback = kept.length > 0 ? kept : (api?.conditions ?? []).filter((c) => ownedConditions.has(c.type));
  return [...others, ...fallback];
}

export function computeStatus(seen: Seen, context: StatusContext): PodStatus {
  const { pod, rejected } = seen;
  const spec = pod.spec!;
  const { old } = context;
  const startTime = old.startTime ?? formatTime(seen.nowMs);
  if (rejected) {
    return {
      ...old,
      phase: 'Failed',
      reason: rejected.reason,
      message: `Pod was rejected: ${rejected.message}`,
      startTime,
      qosClass: qosClass(pod),
      ...observed(seen),
    };
  }
  const sandbox = seen.sandboxes[0];
  const initialised = spec.containers.some((c) => latest(seen, c.name) !== undefined);
  const inits = (spec.initContainers ?? []).map((c) => containerStatus(seen, context, c, 'init', initialised));
  const containers = spec.containers.map((c) => containerStatus(seen, context, c, 'main', initialised));
  const ephemeral = ephemeralOf(pod).map((c) => containerStatus(seen, context, c, 'ephemeral', false));
  const ended =
    seen.termination !== undefined && !seen.containers.some((c) => c.state === 'running' || c.state === 'unknown');
  const terminal = ended || old.phase === 'Failed' || old.phase === 'Succeeded';
  let phase = phaseOf(seen, inits, containers, initialised, terminal);
  if (old.phase === 'Failed' || old.phase === 'Succeeded') phase = old.phase;
  const ended2 = seen.termination?.status;
  if (ended2) phase = 'Failed';
  const ips = spec.hostNetwork ? (sandbox ? [context.hostIp] : []) : (sandbox?.ips ?? []);
  const podIps = ips.length > 0 ? ips : (old.podIPs ?? []).map((i) => i.ip);
  const reason = ended2?.reason ?? old.reason;
  const message = ended2?.message ?? old.message;
  return {
    ...(reason === undefined ? {} : { reason }),
    ...(message === undefined ? {} : { message }),
    ...(old.nominatedNodeName === undefined ? {} : { nominatedNodeName: old.nominatedNodeName }),
    ...observed(seen),
    phase,
    conditions: conditions(seen, context, phase, inits, containers, ips.length > 0 && sandbox?.ready === true),
    hostIP: context.hostIp,
    hostIPs: [{ ip: context.hostIp }],
    ...(podIps.length > 0 ? { podIP: podIps[0], podIPs: podIps.map((ip) => ({ ip })) } : {}),
    startTime,
    ...(inits.length > 0 ? { initContainerStatuses: inits } : {}),
    containerStatuses: containers.toSorted(byName),
    ...(ephemeral.length > 0 ? { ephemeralContainerStatuses: ephemeral.toSorted(byName) } : {}),
    qosClass: qosClass(pod),
  };
}

const observed = (seen: Seen): { observedGeneration?: number } =>
  seen.pod.metadata.generation === undefined ? {} : { observedGeneration: seen.pod.metadata.generation };

/** As upstream lists all but init containers. */
const byName = (a: ContainerStatus, b: ContainerStatus): number => (a.name < b.name ? -1 : 1);

function containerStatus(
  seen: Seen,
  context: StatusContext,
  container: Container,
  role: 'init' | 'main' | 'ephemeral',
  initialised: boolean,
): ContainerStatus {
  const init = role === 'init' && !isSidecar(container);
  const record = latest(seen, container.name);
  const live = record?.state === 'created' ? undefined : record;
  const prior = live && previous(seen, live);
  const { initContainerStatuses = [], containerStatuses = [], ephemeralContainerStatuses = [] } = context.old;
  const old = [...initContainerStatuses, ...containerStatuses, ...ephemeralContainerStatuses].find(
    (s) => s.name === container.name,
  );
  const memory = live && seen.memory.get(live.id);
  const running = live?.state === 'running';
  const started = running && (memory?.started ?? false);
  let state: ContainerState = live
    ? stateOf(seen, context, live)
    : { waiting: waitingFor(seen, container.name) ?? initialWaiting(seen, initialised) };
  let lastState: ContainerState | undefined = prior && { terminated: terminatedOf(seen, context, prior) };
  // Instances may have been removed behind the agent's back; what was reported of them stays true.
  if (
    live &&
    !lastState &&
    old &&
    old.restartCount > 0 &&
    old.lastState?.terminated &&
    old.lastState.terminated.containerID !== idOf(context, live)
  )
    lastState = old.lastState;
  if (!live && old && (old.state?.terminated || old.lastState?.terminated))
    lastState = { terminated: old.state?.terminated ?? old.lastState?.terminated };
  // What is only ended to be started anew is never shown as ended: no API server lets it come back from there.
  const waiting = waitingFor(seen, container.name) ?? (memory?.restart ? initialWaiting(seen, initialised) : undefined);
  // One for debugging is never started again, though it could not be started at all.
  if (live && !running && waiting && role !== 'ephemeral' && !seen.termination && !isFinished(seen)) {
    if (state.terminated) lastState = { terminated: state.terminated };
    state = { waiting };
  }
  if (live && role === 'ephemeral' && !isFinished(seen) && startErrorUntilMs(seen, live) !== undefined)
    state = { waiting: { reason: 'RunContainerError', ...(live.message ? { message: live.message } : {}) } };
  const ready = init ? state.terminated?.exitCode === 0 : running && (memory?.ready ?? false);
  return {
    name: container.name,
    state,
    lastState: lastState ?? {},
    // Neither is ever said of a container for debugging.
    ready: role !== 'ephemeral' && ready,
    restartCount: live?.attempt ?? old?.restartCount ?? 0,
    image: live?.image || container.image || '',
    imageID: live?.imageRef ?? old?.imageID ?? '',
    ...(live ? { containerID: idOf(context, live) } : {}),
    ...(role === 'ephemeral' ? {} : { started: init ? running : started }),
    ...(live && !init ? resourcesOf(container, running ? memory : undefined) : {}),
    ...(container.volumeMounts?.length ? { volumeMounts: container.volumeMounts.map(mountStatus) } : {}),
    ...(live?.user ? { user: { linux: live.user } } : {}),
  };
}

const idOf = (context: StatusContext, record: ContainerRecord): string => `${context.runtimeName}://${record.id}`;

/** What is allocated, and what is in force; of what does not run any more, what it would have now. */
function resourcesOf(
  container: Container,
  memory: InstanceMemory | undefined,
): Pick<ContainerStatus, 'allocatedResources' | 'resources'> {
  const { resources = {} } = container;
  return {
    ...(resources.requests ? { allocatedResources: resources.requests } : {}),
    resources: memory?.resources ?? resources,
  };
}

function mountStatus(m: NonNullable<Container['volumeMounts']>[number]): {
  name: string;
  mountPath: string;
  readOnly?: boolean;
  recursiveReadOnly?: string;
} {
  return {
    name: m.name,
    mountPath: m.mountPath,
    ...(m.readOnly ? { readOnly: true, recursiveReadOnly: 'Disabled' } : {}),
  };
}

const waitingFor = (seen: Seen, name: string): { reason: string; message?: string } | undefined =>
  seen.waiting.get(name);

function initialWaiting(seen: Seen, initialised: boolean): { reason: string } {
  const hasInits = (seen.pod.spec?.initContainers?.length ?? 0) > 0;
  return { reason: hasInits && !initialised ? 'PodInitializing' : 'ContainerCreating' };
}

function stateOf(seen: Seen, context: StatusContext, record: ContainerRecord): ContainerState {
  if (record.state === 'running') return { running: { startedAt: formatTime(record.startedAtMs) } };
  return { terminated: terminatedOf(seen, context, record) };
}

function terminatedOf(seen: Seen, context: StatusContext, record: ContainerRecord): ContainerStateTerminated {
  const memory = seen.memory.get(record.id);
  const message = memory?.terminationMessage || record.message;
  const reason =
    memory?.oomKilled && record.exitCode !== 0
      ? 'OOMKilled'
      : record.reason || (record.exitCode === 0 ? 'Completed' : 'Error');
  return {
    exitCode: record.exitCode,
    reason,
    ...(message ? { message } : {}),
    startedAt: formatTime(Math.max(0, record.startedAtMs)),
    finishedAt: formatTime(Math.max(0, record.finishedAtMs)),
    containerID: idOf(context, record),
  };
}

/** The kubelet's getPhase. */
function phaseOf(
  seen: Seen,
  inits: ContainerStatus[],
  containers: ContainerStatus[],
  initialised: boolean,
  terminal: boolean,
): Phase {
  const spec = seen.pod.spec!;
  const sidecars = new Set((spec.initContainers ?? []).filter(isSidecar).map((c) => c.name));
  let pending = 0;
  let failed = 0;
  for (const s of inits) {
    if (sidecars.has(s.name)) {
      if (!initialised && !(s.state?.running && s.started)) pending++;
      continue;
    }
    const { terminated, waiting } = s.state ?? {};
    if (terminated) failed += terminated.exitCode === 0 ? 0 : 1;
    else if (waiting && s.lastState?.terminated) failed += s.lastState.terminated.exitCode === 0 ? 0 : 1;
    else pending++;
  }
  let running = 0;
  let waiting = 0;
  let stopped = 0;
  let succeeded = 0;
  for (const s of containers) {
    if (s.state?.running) running++;
    else if (s.state?.terminated) {
      stopped++;
      if (s.state.terminated.exitCode === 0) succeeded++;
    } else if (s.lastState?.terminated) stopped++;
    else waiting++;
  }
  if (failed > 0 && spec.restartPolicy === 'Never') return 'Failed';
  if (terminal && running === 0) {
    // A pod that is ended before all its containers ran has not succeeded.
    return stopped > 0 && stopped === succeeded && waiting === 0 ? 'Succeeded' : 'Failed';
  }
  if ((pending > 0 || failed > 0) && !initialised) return 'Pending';
  if (waiting > 0) return 'Pending';
  if (running > 0) return 'Running';
  if (stopped > 0) {
    if (spec.restartPolicy === 'OnFailure' || spec.restartPolicy === 'Never') {
      if (stopped === succeeded) return 'Succeeded';
      if (spec.restartPolicy === 'Never') return 'Failed';
    }
    return 'Running';
  }
  return 'Pending';
}

interface Verdict {
  status: 'True' | 'False';
  reason?: string;
  message?: string;
}

function conditions(
  seen: Seen,
  context: StatusContext,
  phase: Phase,
  inits: ContainerStatus[],
  containers: ContainerStatus[],
  sandboxReady: boolean,
): PodCondition[] {
  const containersReady = containersReadyOf(phase, seen, inits, containers);
  const verdicts: [string, Verdict][] = [
    ['PodReadyToStartContainers', { status: sandboxReady ? 'True' : 'False' }],
    ['Initialized', initializedOf(phase, seen, inits, containers)],
    ['Ready', readyOf(seen, context, containersReady)],
    ['ContainersReady', containersReady],
    ['PodScheduled', { status: 'True' }],
  ];
  const old = context.old.conditions ?? [];
  const now = formatTime(seen.nowMs);
  const own = verdicts.map(([type, verdict]): PodCondition => {
    const before = old.find((c) => c.type === type);
    return {
      type,
      ...(seen.pod.metadata.generation === undefined ? {} : { observedGeneration: seen.pod.metadata.generation }),
      status: verdict.status,
      lastTransitionTime:
        before?.status === verdict.status && before.lastTransitionTime ? before.lastTransitionTime : now,
      ...(verdict.reason === undefined ? {} : { reason: verdict.reason }),
      ...(verdict.message === undefined ? {} : { message: verdict.message }),
    };
  });
  const resize = phase === 'Succeeded' || phase === 'Failed' ? {} : (seen.resize ?? {});
  return [...old.filter((c) => !ownedConditions.has(c.type)), ...conditionsOf(resize, old, seen.nowMs), ...own];
}

function initializedOf(phase: Phase, seen: Seen, inits: ContainerStatus[], containers: ContainerStatus[]): Verdict {
  if (phase === 'Succeeded') return { status: 'True', reason: 'PodCompleted' };
  const sidecars = new Set((seen.pod.spec!.initContainers ?? []).filter(isSidecar).map((c) => c.name));
  // Once an ordinary container exists, initialisation is over, whatever the init containers' records say now.
  if (containers.some((c) => c.containerID !== undefined)) return { status: 'True' };
  const incomplete = inits.filter((s) => (sidecars.has(s.name) ? !s.started : !s.ready)).map((s) => s.name);
  if (incomplete.length === 0) return { status: 'True' };
  return {
    status: 'False',
    reason: 'ContainersNotInitialized',
    message: `containers with incomplete status: [${incomplete.join(' ')}]`,
  };
}

function containersReadyOf(phase: Phase, seen: Seen, inits: ContainerStatus[], containers: ContainerStatus[]): Verdict {
  if (phase === 'Succeeded') return { status: 'False', reason: 'PodCompleted' };
  if (phase === 'Failed') return { status: 'False', reason: 'PodFailed' };
  const sidecars = new Set((seen.pod.spec!.initContainers ?? []).filter(isSidecar).map((c) => c.name));
  const unready = [...inits.filter((s) => sidecars.has(s.name)), ...containers]
    .filter((s) => !s.ready)
    .map((s) => s.name);
  if (unready.length === 0) return { status: 'True' };
  return {
    status: 'False',
    reason: 'ContainersNotReady',
    message: `containers with unready status: [${unready.join(' ')}]`,
  };
}

function readyOf(seen: Seen, context: StatusContext, containersReady: Verdict): Verdict {
  if (containersReady.status === 'False') return containersReady;
  const problems: string[] = [];
  for (const { conditionType } of seen.pod.spec!.readinessGates ?? []) {
    const condition = (seen.pod.status?.conditions ?? context.old.conditions ?? []).find(
      (c) => c.type === conditionType,
    );
    if (!condition) problems.push(`corresponding condition of pod readiness gate "${conditionType}" does not exist.`);
    else if (condition.status !== 'True')
      problems.push(`the status of pod readiness gate "${conditionType}" is not "True", but ${condition.status}`);
  }
  if (problems.length > 0) return { status: 'False', reason: 'ReadinessGatesNotReady', message: problems.join(', ') };
  return { status: 'True' };
}
