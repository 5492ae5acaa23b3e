// Containers that the runtime has forgotten: the machine restarted and its runtime began anew, or somebody removed them behind
// the agent's back. What was reported of them stands in for their records, as ended, so that restart counts go on and what
// must not run twice does not. Never revives anything.
import type { ContainerStatus } from '../../src/generated/schemas/core-v1.ts';
import { parseTime } from '../../src/machinery/time.ts';
import type { ContainerRecord } from '../runtime.ts';
import type { PodContext } from './context.ts';
import { latest } from './seen.ts';

/** As the kubelet says it. */
const unknown = {
  exitCode: 137,
  reason: 'ContainerStatusUnknown',
  message: 'The container could not be located when the pod was deleted.  The container used to be Running',
};

/** To be called once the runtime has been looked at for the first time. */
export function recall({ state, node }: PodContext): void {
  const records = { containers: [...state.containers.values()] };
  const { initContainerStatuses = [], containerStatuses = [], ephemeralContainerStatuses = [] } = state.status;
  for (const status of [...initContainerStatuses, ...containerStatuses, ...ephemeralContainerStatuses]) {
    if (latest(records, status.name)) continue;
    const record = recordOf(status, state.pod.metadata.uid, node.timers.now());
    if (record) state.containers.set(record.id, record);
  }
}

/** The runtime no longer has this instance. */
export function lose({ state, node }: PodContext, id: string): void {
  const record = state.containers.get(id);
  if (!record || record.lost) return;
  state.containers.delete(id);
  const newest = latest({ containers: [...state.containers.values(), record] }, record.name) === record;
  if (!newest || record.state === 'created' || state.termination) return;
  const end =
    record.state === 'exited' ? {} : { ...unknown, state: 'exited' as const, finishedAtMs: node.timers.now() };
  state.containers.set(id, { ...record, ...end, lost: true });
}

function recordOf(status: ContainerStatus, podUid: string, nowMs: number): ContainerRecord | undefined {
  const { running } = status.state ?? {};
  const terminated = status.state?.terminated ?? status.lastState?.terminated;
  const id = (running ? status.containerID : terminated?.containerID)?.split('://')[1];
  if (!id) return undefined;
  const startedAtMs = parseTime(running?.startedAt ?? terminated?.startedAt) ?? nowMs;
  return {
    id,
    // Of a sandbox that is no more.
    sandboxId: '',
    podUid,
    name: status.name,
    attempt: status.restartCount,
    state: 'exited',
    createdAtMs: startedAtMs,
    startedAtMs,
    finishedAtMs: running ? nowMs : (parseTime(terminated?.finishedAt) ?? nowMs),
    exitCode: terminated?.exitCode ?? 0,
    reason: terminated?.reason ?? '',
    message: terminated?.message ?? '',
    ...(running ? unknown : {}),
    image: status.image,
    imageRef: status.imageID,
    annotations: {},
    lost: true,
  };
}
