// What the lifecycle steps of a pod work on: its mutable state, and the capabilities of the node. Steps change the state only
// through the fields here; the worker plans again after each of them.
import path from 'node:path';
import type { Container, Pod, PodStatus } from '../../src/generated/schemas/core-v1.ts';
import type { Log, Timers } from '../../src/ports/index.ts';
import type { ImageManager } from '../images/manager.ts';
import { podLogs } from '../logs/paths.ts';
import type { Objects } from '../objects.ts';
import type { Prober } from '../probes/probe.ts';
import type { Cgroups } from '../resources/cgroups.ts';
import type { PodLimits } from '../resources/pod-resources.ts';
import type { ContainerRecord, Image, Runtime, Sandbox } from '../runtime.ts';
import type { Volumes } from '../volumes/manager.ts';
import type { PayloadSource } from '../volumes/payload.ts';
import type { FieldContext } from './field-ref.ts';
import type { Allocation, ResizeState } from './resize.ts';
import type { Backoff, InstanceMemory, Seen, Termination, Waiting } from './seen.ts';

export interface NodeFacts {
  hostIp: string;
  hostName: string;
  clusterDomain: string;
  dnsAddress: string;
  memoryCapacityBytes: number;
  allocatable: { cpuMilli: number; memoryBytes: number };
  hostDns: { servers: string[]; searches: string[]; options: string[] };
}

/** Bounds how many sandboxes and containers are being started at once. */
export interface Gate {
  /** `first`: before all that waits without it. */
  run<T>(work: () => Promise<T>, first?: boolean): Promise<T>;
}

export interface Node {
  runtime: Runtime;
  volumes: Volumes;
  images: ImageManager;
  cgroups: Cgroups;
  prober: Prober;
  objects: Objects;
  timers: Timers;
  log: Log;
  gate: Gate;
  facts(): NodeFacts;
  /** Directory of all pods' logs; '' on simulated nodes: nothing is written. */
  logsDirectory: string;
  seccompDirectory: string;
  token(pod: Pod, audience: string | undefined, expirationSeconds: number): Promise<string>;
  event(pod: Pod, fieldPath: string | undefined, type: 'Normal' | 'Warning', reason: string, message: string): void;
  reportStatus(pod: Pod, status: PodStatus): void;
  reportGone(pod: Pod): void;
  /** What was allocated to the pod when that last differed from what it asked for; outlives this agent. */
  allocation(uid: string): Allocation | undefined;
  noteAllocation(uid: string, allocation: Allocation): void;
}

export interface PodState {
  /** The API object with what the node has allocated to it in place of what it asks for: what all steps work by. */
  pod: Pod;
  /** The API object itself. */
  desired: Pod;
  allocation: Allocation;
  resize: ResizeState;
  /** What the pod's cgroup was last held to; undefined when this agent does not know. */
  podLimits: PodLimits | undefined;
  sandboxes: Sandbox[];
  containers: Map<string, ContainerRecord>;
  memory: Map<string, InstanceMemory>;
  busy: Set<string>;
  volumesMounted: boolean;
  volumesStale: boolean;
  released: boolean;
  images: Map<string, Image>;
  retryAtMs: Map<string, number>;
  failures: Map<string, number>;
  backoffs: Map<string, Backoff>;
  waiting: Map<string, Waiting>;
  termination: Termination | undefined;
  rejected: { reason: string; message: string } | undefined;
  /** What was reported last. */
  status: PodStatus;
  /** No Ready node sends new connections any more, or there is no reason to wait for that. */
  drained: boolean;
  drainWaiters: (() => void)[];
  forgotten: boolean;
}

export interface PodContext {
  state: PodState;
  node: Node;
}

export function newState(pod: Pod): PodState {
  return {
    pod,
    desired: pod,
    allocation: {},
    resize: {},
    podLimits: undefined,
    sandboxes: [],
    containers: new Map(),
    memory: new Map(),
    busy: new Set(),
    volumesMounted: false,
    volumesStale: false,
    released: false,
    images: new Map(),
    retryAtMs: new Map(),
    failures: new Map(),
    backoffs: new Map(),
    waiting: new Map(),
    termination: undefined,
    rejected: undefined,
    status: pod.status ?? {},
    drained: false,
    drainWaiters: [],
    forgotten: false,
  };
}

export function seenOf({ state, node }: PodContext): Seen {
  return {
    pod: state.pod,
    nowMs: node.timers.now(),
    sandboxes: state.sandboxes,
    containers: [...state.containers.values()],
    memory: state.memory,
    busy: state.busy,
    volumesMounted: state.volumesMounted,
    volumesStale: state.volumesStale,
    released: state.released,
    imagesReady: new Set(state.images.keys()),
    retryAtMs: state.retryAtMs,
    backoffs: state.backoffs,
    waiting: state.waiting,
    resize: state.resize,
    ...(state.podLimits ? { podLimits: state.podLimits } : {}),
    ...(state.termination ? { termination: state.termination } : {}),
    ...(state.rejected ? { rejected: state.rejected } : {}),
  };
}

export function specOf(pod: Pod, name: string): Container | undefined {
  const { initContainers = [], containers = [], ephemeralContainers = [] } = pod.spec ?? {};
  return [...initContainers, ...containers, ...ephemeralContainers].find((c) => c.name === name);
}

/** `spec.containers{web}`: how events name a container. */
export function fieldPathOf(pod: Pod, name: string): string {
  const kinds = ['initContainers', 'ephemeralContainers'] as const;
  const kind = kinds.find((k) => pod.spec?.[k]?.some((c) => c.name === name)) ?? 'containers';
  return `spec.${kind}{${name}}`;
}

export function fieldsOf({ state, node }: PodContext): FieldContext {
  const facts = node.facts();
  const podIps = state.pod.spec?.hostNetwork ? [facts.hostIp] : (state.sandboxes[0]?.ips ?? []);
  return { pod: state.pod, podIps, hostIp: facts.hostIp, allocatable: facts.allocatable };
}

export function payloadSource(context: PodContext): PayloadSource {
  return {
    objects: context.node.objects,
    fields: fieldsOf(context),
    token: (audience, seconds) => context.node.token(context.state.pod, audience, seconds),
  };
}

export function logDirectory({ state, node }: PodContext): string {
  return node.logsDirectory === '' ? '' : podLogs(node.logsDirectory, state.pod.metadata);
}

/** Host file of an instance's termination message; '' on simulated nodes. */
export function terminationFile({ state, node }: PodContext, name: string, attempt: number): string {
  const directory = node.volumes.podDirectory(state.pod.metadata.uid);
  return directory === '' ? '' : path.join(directory, 'containers', name, String(attempt));
}

/** Doubles from 500 ms to `maxMs` with each failure of the same step. */
export function retryLater({ state, node }: PodContext, key: string, maxMs: number): void {
  const failures = state.failures.get(key) ?? 0;
  state.failures.set(key, failures + 1);
  state.retryAtMs.set(key, node.timers.now() + Math.min(maxMs, 500 * 2 ** failures));
}

export function succeeded({ state }: PodContext, key: string): void {
  state.failures.delete(key);
  state.retryAtMs.delete(key);
}

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
