// Resizing, as it goes on in one pod: what the API asks for against what the node has allocated. The manager judges, for all
// pods together; the planner carries out what was allocated; this keeps both in the pod's state and tells of it.
import type { Pod, ResourceRequirements } from '../../src/generated/schemas/core-v1.ts';
import type { ContainerRecord } from '../runtime.ts';
import { type PodContext, seenOf, specOf } from './context.ts';
import {
  type Allocation,
  allocationOf,
  differs,
  isDone,
  type PendingResize,
  recalled,
  resizable,
  resizeMessage,
  resourcesAnnotation,
  withAllocation,
} from './resize.ts';
import type { InstanceMemory } from './seen.ts';

/** The state of a pod that this agent has not known until now; an earlier one may have. */
export function adopt({ state, node }: PodContext): void {
  const { pod } = state;
  const statuses = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])];
  const said = statuses.flatMap(({ name, resources }): [string, ResourceRequirements][] =>
    resources ? [[name, resources]] : [],
  );
  const known = node.allocation(pod.metadata.uid) ?? Object.fromEntries(said);
  state.allocation = { ...allocationOf(pod), ...only(known, pod) };
  state.resize = recalled(pod.status?.conditions);
  state.pod = withAllocation(pod, state.allocation);
}

function only(allocation: Allocation, pod: Pod): Allocation {
  const names = new Set(resizable(pod).map((c) => c.name));
  return Object.fromEntries(Object.entries(allocation).filter(([name]) => names.has(name)));
}

/** The API object as it is now; what it newly asks for waits for {@link settle}. */
export function desire({ state }: PodContext, pod: Pod): void {
  state.desired = pod;
  state.pod = withAllocation(pod, state.allocation);
  if (!differs(pod, state.allocation)) delete state.resize.pending;
}

export const isWaiting = ({ state }: PodContext): boolean =>
  !state.termination && !state.rejected && differs(state.desired, state.allocation);

/** The manager's verdict on what the pod asks for; undefined: it can have it. */
export function settle({ state, node }: PodContext, refused: PendingResize | undefined): void {
  const { desired } = state;
  const { uid, generation } = desired.metadata;
  const when = generation === undefined ? {} : { generation };
  const { pending } = state.resize;
  if (refused) {
    const same = pending?.reason === refused.reason && pending.message === refused.message;
    if (same && pending.generation === generation) return;
    state.resize.pending = { ...refused, ...when };
    const text = resizeMessage(`Pod resize ${refused.reason}`, desired, generation, refused.message);
    node.event(desired, undefined, 'Warning', `Resize${refused.reason}`, text);
  } else {
    state.allocation = allocationOf(desired);
    state.pod = desired;
    state.resize = { inProgress: when };
    state.retryAtMs.delete('resize');
    state.volumesStale = true;
    const text = resizeMessage('Pod resize started', desired, generation);
    node.event(desired, undefined, 'Normal', 'ResizeStarted', text);
  }
  node.noteAllocation(uid, state.allocation);
}

/** Ends what is in force everywhere. */
export function finish(context: PodContext): void {
  const { state, node } = context;
  const { inProgress } = state.resize;
  if (!inProgress || !isDone(seenOf(context))) return;
  delete state.resize.inProgress;
  if (state.termination || state.rejected) return;
  const text = resizeMessage('Pod resize completed', state.pod, inProgress.generation);
  node.event(state.pod, undefined, 'Normal', 'ResizeCompleted', text);
}

/** What is known of an instance that is seen for the first time. */
export function firstMemory(context: PodContext, record: ContainerRecord): InstanceMemory {
  return { started: false, ready: false, resources: inForce(context, record) };
}

/** What limits an instance that is seen for the first time: what was last said of it, or what it was created with. */
function inForce({ state }: PodContext, record: ContainerRecord): ResourceRequirements {
  const { initContainerStatuses = [], containerStatuses = [] } = state.status;
  const said = [...initContainerStatuses, ...containerStatuses].find((s) => s.containerID?.endsWith(`//${record.id}`));
  if (said?.resources) return said.resources;
  try {
    const created: unknown = JSON.parse(record.annotations[resourcesAnnotation] ?? 'null');
    if (typeof created === 'object' && created !== null) return created;
  } catch {
    // Somebody else's annotation.
  }
  return specOf(state.pod, record.name)?.resources ?? {};
}
