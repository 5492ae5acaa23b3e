// Resizing, the pure part: what the node has allocated to a pod, whether it can give what the pod's spec asks for now, what
// of it is not in force yet, and how all that is said. Only CPU and memory of containers and sidecars are ever resized.
import type { Container, Node, Pod, PodCondition, ResourceRequirements } from '../../src/generated/schemas/core-v1.ts';
import { equalJson } from '../../src/machinery/schema/json.ts';
import { formatTime } from '../../src/machinery/time.ts';
import { amount, type PodLimits, podLimits, podRequest } from '../resources/pod-resources.ts';
import type { ContainerRecord } from '../runtime.ts';
import { admit } from './admission.ts';
import { isSidecar, type Seen } from './seen.ts';

/** Resources by container: what the node has agreed to. */
export type Allocation = Record<string, ResourceRequirements>;

/** What the spec asks for and the node does not give, or not yet. */
export interface PendingResize {
  reason: 'Infeasible' | 'Deferred';
  message: string;
  generation?: number;
}

/** What the node has agreed to and is not in force everywhere yet. */
export interface ResizeInProgress {
  generation?: number;
  /** Why the last attempt failed. */
  error?: string;
}

export interface ResizeState {
  pending?: PendingResize;
  inProgress?: ResizeInProgress;
}

/** Annotation of containers in the runtime: the resources that they were created with, as JSON. */
export const resourcesAnnotation = 'tiffin.dev/container-resources';

const resized = ['cpu', 'memory'] as const;

export function resizable(pod: Pod): Container[] {
  return [...(pod.spec?.initContainers ?? []).filter(isSidecar), ...(pod.spec?.containers ?? [])];
}

export function allocationOf(pod: Pod): Allocation {
  return Object.fromEntries(resizable(pod).map((c) => [c.name, c.resources ?? {}]));
}

/** The pod with what is allocated to it in place of what it asks for. */
export function withAllocation(pod: Pod, allocation: Allocation): Pod {
  if (!pod.spec || !differs(pod, allocation)) return pod;
  const given = (c: Container): Container => ({ ...c, resources: allocation[c.name] ?? c.resources ?? {} });
  const { containers, initContainers } = pod.spec;
  return {
    ...pod,
    spec: {
      ...pod.spec,
      containers: containers.map(given),
      ...(initContainers ? { initContainers: initContainers.map((c) => (isSidecar(c) ? given(c) : c)) } : {}),
    },
  };
}

export function differs(pod: Pod, allocation: Allocation): boolean {
  return resizable(pod).some((c) => changed(c.resources, allocation[c.name]).length > 0);
}

/** Which of CPU and memory are not the same. */
function changed(a: ResourceRequirements | undefined, b: ResourceRequirements | undefined): (typeof resized)[number][] {
  return resized.filter((name) =>
    (['requests', 'limits'] as const).some(
      (kind) => amount(a?.[kind]?.[name], name) !== amount(b?.[kind]?.[name], name),
    ),
  );
}

/** Why the pod cannot have what it asks for; undefined: it can. `others` with what is allocated to them. */
export function refusal(pod: Pod, others: readonly Pod[], node: Node | undefined): PendingResize | undefined {
  const allocatable = node?.status?.allocatable ?? {};
  for (const name of ['memory', 'cpu']) {
    if (allocatable[name] === undefined) continue;
    const [requested, capacity] = [podRequest(pod, name), amount(allocatable[name], name)];
    if (requested > capacity)
      return {
        reason: 'Infeasible',
        message: `Node didn't have enough capacity: ${name}, requested: ${requested}, capacity: ${capacity}`,
      };
  }
  const rejection = admit(pod, others, node);
  return rejection && { reason: 'Deferred', message: rejection.message };
}

/** The order in which pods that wait are looked at: those that ask for no more, then by priority, class and time. */
export function byTurn(a: Waiting, b: Waiting): number {
  return (
    Number(asksForMore(a)) - Number(asksForMore(b)) ||
    (b.pod.spec?.priority ?? 0) - (a.pod.spec?.priority ?? 0) ||
    Number(b.pod.status?.qosClass === 'Guaranteed') - Number(a.pod.status?.qosClass === 'Guaranteed') ||
    (a.sinceMs ?? Number.MAX_SAFE_INTEGER) - (b.sinceMs ?? Number.MAX_SAFE_INTEGER)
  );
}

export interface Waiting {
  pod: Pod;
  allocated: Pod;
  /** When it was first told to wait. */
  sinceMs?: number | undefined;
}

const asksForMore = ({ pod, allocated }: Waiting): boolean =>
  resized.some((name) => podRequest(pod, name) > podRequest(allocated, name));

export interface Left {
  /** Running instances whose policy is to be restarted for it. */
  restart: ContainerRecord[];
  update: ContainerRecord[];
  /** The pod's own cgroup. */
  limits: PodLimits | undefined;
}

/** What of the allocation is not in force. */
export function left(seen: Seen): Left {
  const result: Left = { restart: [], update: [], limits: undefined };
  for (const container of resizable(seen.pod))
    for (const record of seen.containers) {
      const inForce = seen.memory.get(record.id)?.resources;
      if (record.name !== container.name || record.state !== 'running' || !inForce) continue;
      const names: string[] = changed(container.resources, inForce);
      const restarts = container.resizePolicy?.some(
        (p) => p.restartPolicy === 'RestartContainer' && names.includes(p.resourceName),
      );
      if (names.length > 0) result[restarts ? 'restart' : 'update'].push(record);
    }
  const limits = podLimits(seen.pod);
  if (seen.sandboxes.length > 0 && !equalJson(limits, seen.podLimits ?? null)) result.limits = limits;
  return result;
}

/** Whether everything allocated is in force, and nothing under way that knows an earlier allocation only. */
export function isDone(seen: Seen): boolean {
  const { restart, update, limits } = left(seen);
  if (restart.length > 0 || update.length > 0 || limits) return false;
  if ([...seen.busy].some((key) => key === 'sandbox' || key === 'resize' || key.startsWith('container:'))) return false;
  const ended = seen.containers.filter((c) => seen.memory.get(c.id)?.restart && c.state !== 'created');
  return ended.every((c) => seen.containers.some((n) => n.name === c.name && n.attempt > c.attempt));
}

/** As the kubelet's events tell a resize. */
export function resizeMessage(prefix: string, pod: Pod, generation: number | undefined, error?: string): string {
  const list = (containers: readonly Container[] = []) =>
    containers.length === 0
      ? undefined
      : containers.map(({ name, resources = {} }) => ({
          name,
          resources: { limits: sorted(resources.limits), requests: sorted(resources.requests) },
        }));
  const summary = {
    initContainers: list(pod.spec?.initContainers),
    containers: list(pod.spec?.containers),
    generation: generation ?? 0,
    error: error || undefined,
  };
  return `${prefix}: ${JSON.stringify(summary)}`;
}

const sorted = (list: Record<string, string> | undefined): Record<string, string> | undefined =>
  list && Object.fromEntries(Object.entries(list).sort(([a], [b]) => (a < b ? -1 : 1)));

export const resizeConditions = { pending: 'PodResizePending', inProgress: 'PodResizeInProgress' } as const;

/** The conditions of a pod that is being resized; a transition is a change of the reason. */
export function conditionsOf(resize: ResizeState, old: readonly PodCondition[], nowMs: number): PodCondition[] {
  const { pending, inProgress } = resize;
  const condition = (type: string, generation: number | undefined, reason?: string, message?: string): PodCondition => {
    const before = old.find((c) => c.type === type);
    const same = before?.lastTransitionTime !== undefined && (before.reason || undefined) === reason;
    return {
      type,
      ...(generation === undefined ? {} : { observedGeneration: generation }),
      status: 'True',
      lastTransitionTime: same ? before.lastTransitionTime : formatTime(nowMs),
      ...(reason === undefined ? {} : { reason }),
      ...(message === undefined ? {} : { message }),
    };
  };
  return [
    ...(pending ? [condition(resizeConditions.pending, pending.generation, pending.reason, pending.message)] : []),
    ...(inProgress
      ? [condition(resizeConditions.inProgress, inProgress.generation, inProgress.error && 'Error', inProgress.error)]
      : []),
  ];
}

/** What an earlier agent said of it. */
export function recalled(conditions: readonly PodCondition[] = []): ResizeState {
  const find = (type: string): PodCondition | undefined => conditions.find((c) => c.type === type);
  const [pending, inProgress] = [find(resizeConditions.pending), find(resizeConditions.inProgress)];
  const generation = (c: PodCondition): { generation?: number } =>
    c.observedGeneration === undefined ? {} : { generation: c.observedGeneration };
  return {
    ...(pending
      ? {
          pending: {
            reason: pending.reason === 'Infeasible' ? 'Infeasible' : 'Deferred',
            message: pending.message ?? '',
            ...generation(pending),
          },
        }
      : {}),
    ...(inProgress
      ? { inProgress: { ...generation(inProgress), ...(inProgress.message ? { error: inProgress.message } : {}) } }
      : {}),
  };
}
