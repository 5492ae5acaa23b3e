// Which pods a node's NoExecute taints drive out, and when. Pure; follows upstream's taint eviction controller, but
// counts from the taint's timeAdded (or the pod's binding, if later), so that a deadline survives a restart.
import type { Pod, Taint, Toleration } from '../../generated/schemas/core-v1.ts';
import { parseTime } from '../../machinery/time.ts';
import { isTerminating, podCondition } from '../lib/pods.ts';

/** When the pod has to go: milliseconds since the epoch; undefined: it may stay. */
export function evictionTime(pod: Pod, taints: readonly Taint[], nowMs: number): number | undefined {
  let earliest: number | undefined;
  for (const taint of taints) {
    if (taint.effect !== 'NoExecute') continue;
    const tolerating = (pod.spec.tolerations ?? []).filter((toleration) => tolerates(toleration, taint));
    if (tolerating.length === 0) return nowMs;
    const seconds = tolerating.map((toleration) => toleration.tolerationSeconds).filter((value) => value !== undefined);
    if (seconds.length === 0) continue;
    const start = Math.max(parseTime(taint.timeAdded) ?? nowMs, boundAt(pod) ?? 0);
    const due = start + Math.max(0, Math.min(...seconds)) * 1000;
    earliest = earliest === undefined ? due : Math.min(earliest, due);
  }
  return earliest;
}

function boundAt(pod: Pod): number | undefined {
  return parseTime(podCondition(pod, 'PodScheduled')?.lastTransitionTime ?? pod.metadata.creationTimestamp);
}

/** core/v1 Toleration.ToleratesTaint. */
export function tolerates(toleration: Toleration, taint: Taint): boolean {
  if (toleration.effect && toleration.effect !== taint.effect) return false;
  if (toleration.key && toleration.key !== taint.key) return false;
  const operator = toleration.operator || 'Equal';
  if (operator === 'Exists') return true;
  if (operator === 'Equal') return Boolean(toleration.key) && (toleration.value ?? '') === (taint.value ?? '');
  const [wanted, actual] = [Number(toleration.value), Number(taint.value)];
  return operator === 'Gt' ? actual > wanted : actual < wanted;
}

export interface Evictions {
  now: Pod[];
  /** When the next one is due. */
  nextAtMs: number | undefined;
}

export function planEvictions(pods: readonly Pod[], taints: readonly Taint[], nowMs: number): Evictions {
  const now: Pod[] = [];
  let nextAtMs: number | undefined;
  for (const pod of pods) {
    if (isTerminating(pod)) continue;
    const due = evictionTime(pod, taints, nowMs);
    if (due === undefined) continue;
    if (due <= nowMs) now.push(pod);
    else nextAtMs = Math.min(nextAtMs ?? due, due);
  }
  return { now, nextAtMs };
}
