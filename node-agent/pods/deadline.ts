// The end of a pod by its activeDeadlineSeconds, counted from its start on the node.
import { parseTime } from '../../src/machinery/time.ts';
import type { PodContext } from './context.ts';
import { graceOf } from './plan.ts';
import type { Termination } from './seen.ts';

export function deadlineAtMs({ state }: PodContext): number | undefined {
  const seconds = state.pod.spec?.activeDeadlineSeconds;
  const startMs = parseTime(state.status.startTime);
  if (seconds === undefined || startMs === undefined || state.termination || state.rejected) return undefined;
  return startMs + seconds * 1000;
}

/** How a pod ends whose time is over, which is told; undefined: it is not over. */
export function pastDeadline(context: PodContext): Termination | undefined {
  const atMs = deadlineAtMs(context);
  const { state, node } = context;
  if (atMs === undefined || node.timers.now() < atMs) return undefined;
  const message = 'Pod was active on the node longer than the specified deadline';
  node.event(state.pod, undefined, 'Normal', 'DeadlineExceeded', message);
  return {
    graceSeconds: graceOf(state.pod),
    sinceMs: node.timers.now(),
    why: 'stopped',
    status: { reason: 'DeadlineExceeded', message },
  };
}
