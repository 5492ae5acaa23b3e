// What the planner of one pod sees: the desired pod, what the runtime reports, and what only this agent knows. Plain data.
import type { Container, EphemeralContainer, Pod, ResourceRequirements } from '../../src/generated/schemas/core-v1.ts';
import type { PodLimits } from '../resources/pod-resources.ts';
import type { ContainerRecord, Sandbox } from '../runtime.ts';
import type { ResizeState } from './resize.ts';

/** What the agent knows of one container instance beyond the runtime's record; gone after a restart of the agent. */
export interface InstanceMemory {
  /** The startup probe has passed, or there is none. */
  started: boolean;
  /** The last readiness verdict; without a readiness probe the same as started. */
  ready: boolean;
  /** A probe's verdict that the instance has to be killed. */
  failedProbe?: 'liveness' | 'startup';
  /** Its postStart hook failed: killed, and shown as waiting for this reason until its next start. */
  failedHook?: string;
  /** It was ended to be started anew, whatever the pod's restart policy. */
  restart?: true;
  /** What limits it; undefined: what the pod says. */
  resources?: ResourceRequirements;
  oomKilled?: boolean;
  terminationMessage?: string;
}

export interface Waiting {
  reason: string;
  message?: string;
}

export interface Termination {
  /** Seconds that containers have between SIGTERM and SIGKILL, hooks included. At least 1. */
  graceSeconds: number;
  sinceMs: number;
  /** `deleted`: the API object is going. `removed`: it is gone. `stopped`: it stays, with `status` as its end. */
  why: 'deleted' | 'removed' | 'stopped';
  /** Status reason and message for a pod that the node itself ends. */
  status?: { reason: string; message: string };
}

export interface Backoff {
  ms: number;
  updatedAtMs: number;
}

export interface Seen {
  pod: Pod;
  nowMs: number;
  /** Newest first. */
  sandboxes: readonly Sandbox[];
  containers: readonly ContainerRecord[];
  memory: ReadonlyMap<string, InstanceMemory>;
  /** Keys of actions under way. */
  busy: ReadonlySet<string>;
  volumesMounted: boolean;
  /** Something that volumes are made of has changed since they were last written. */
  volumesStale: boolean;
  /** Volumes, cgroup and network of a pod that has ended are given back. */
  released: boolean;
  /** Containers whose image is present for their next start. */
  imagesReady: ReadonlySet<string>;
  /** Earliest time of an action that failed, by its key. */
  retryAtMs: ReadonlyMap<string, number>;
  backoffs: ReadonlyMap<string, Backoff>;
  /** Why a container does not run, as its last attempt to start said. */
  waiting: ReadonlyMap<string, Waiting>;
  resize?: ResizeState;
  /** What the pod's cgroup was last held to. */
  podLimits?: PodLimits;
  termination?: Termination;
  /** The pod was refused by the node's own admission. */
  rejected?: { reason: string; message: string };
}

export function isSidecar(container: Container): boolean {
  return container.restartPolicy === 'Always';
}

/** Containers that were added to debug a pod that runs: started once, never again, and nothing is said of the pod by them. */
export function ephemeralOf(pod: Pod): readonly EphemeralContainer[] {
  return pod.spec?.ephemeralContainers ?? [];
}

const startErrorShownMs = 1000;

/**
 * Until when a container for debugging that could not be started is shown as waiting, with the reason: `kubectl debug` prints
 * why one waits, and never why one has ended. Undefined: it is not, or no longer, shown so.
 */
export function startErrorUntilMs(seen: Seen, record: ContainerRecord): number | undefined {
  if (record.state !== 'exited' || record.reason !== 'StartError' || seen.termination) return undefined;
  const untilMs = record.finishedAtMs + startErrorShownMs;
  return seen.nowMs >= record.finishedAtMs && seen.nowMs < untilMs ? untilMs : undefined;
}

/** The newest instance of a container; `sandboxId` narrows it to one sandbox. */
export function latest(
  seen: { containers: readonly ContainerRecord[] },
  name: string,
  sandboxId?: string,
): ContainerRecord | undefined {
  let best: ContainerRecord | undefined;
  for (const c of seen.containers) {
    if (c.name !== name || (sandboxId !== undefined && c.sandboxId !== sandboxId)) continue;
    if (!best || c.attempt > best.attempt || (c.attempt === best.attempt && c.createdAtMs > best.createdAtMs)) best = c;
  }
  return best;
}

/** The newest instance before `than` that ran. */
export function previous(
  seen: { containers: readonly ContainerRecord[] },
  than: ContainerRecord,
): ContainerRecord | undefined {
  return latest(
    { containers: seen.containers.filter((c) => c.attempt < than.attempt && c.state !== 'created') },
    than.name,
  );
}
