// Pods that no node will ever finish: those bound to a node that is gone, and terminating ones on a node that has been
// declared out of service. Pure; conditions as upstream's pod garbage collector sets them.
import type { Node, Pod } from '../../generated/schemas/core-v1.ts';
import { pods as podToken } from '../../generated/schemas/index.ts';
import { formatTime, parseTime } from '../../machinery/time.ts';
import type { Write } from '../../reconcile/types.ts';
import { isReady, isTerminal, isTerminating, podCondition } from '../lib/pods.ts';
import { earliest } from '../lib/time.ts';

/** A node may come back under its name within this time, and find its pods as they were. */
export const quarantineMs = 40_000;
const outOfService = 'node.kubernetes.io/out-of-service';

export interface GarbagePlan {
  writes: Write[];
  checkInMs: number | undefined;
}

/**
 * The quarantine is kept in the pods themselves: a Ready pod of a missing node is marked not Ready at first sight, and
 * collected when that is quarantineMs ago.
 */
export function planNodeGone(pods: readonly Pod[], nowMs: number): GarbagePlan {
  const writes: Write[] = [];
  let checkInMs: number | undefined;
  for (const pod of pods) {
    if (isReady(pod) && !isTerminal(pod)) {
      const conditions = (pod.status.conditions ?? []).map((condition) =>
        condition.type === 'Ready'
          ? { ...condition, status: 'False', lastTransitionTime: formatTime(nowMs) }
          : condition,
      );
      writes.push({
        verb: 'update',
        resource: podToken,
        subresource: 'status',
        object: { ...pod, status: { ...pod.status, conditions } } as Pod,
      });
      checkInMs = earliest(checkInMs, quarantineMs);
      continue;
    }
    const since = parseTime(podCondition(pod, 'Ready')?.lastTransitionTime ?? pod.metadata.creationTimestamp) ?? 0;
    const waitMs = since + quarantineMs - nowMs;
    if (waitMs > 0) checkInMs = earliest(checkInMs, waitMs);
    else writes.push(...forceDelete(pod, 'PodGC: node no longer exists', nowMs));
  }
  return { writes, checkInMs };
}

export function isOutOfService(node: Node): boolean {
  const ready = node.status?.conditions?.find((condition) => condition.type === 'Ready')?.status;
  return ready !== 'True' && (node.spec?.taints ?? []).some((taint) => taint.key === outOfService);
}

export function planOutOfService(pods: readonly Pod[], nowMs: number): Write[] {
  return pods.filter(isTerminating).flatMap((pod) => forceDelete(pod, undefined, nowMs));
}

function forceDelete(pod: Pod, why: string | undefined, nowMs: number): Write[] {
  const { namespace, name, uid } = pod.metadata;
  const conditions = why && [
    {
      type: 'DisruptionTarget',
      status: 'True',
      reason: 'DeletionByPodGC',
      message: why,
      lastTransitionTime: formatTime(nowMs),
    },
  ];
  const writes: Write[] = [];
  if (!isTerminal(pod)) {
    const patch = { metadata: { uid }, status: { phase: 'Failed', ...(conditions ? { conditions } : {}) } };
    writes.push({
      verb: 'patch',
      resource: podToken,
      namespace,
      name,
      subresource: 'status',
      type: 'strategic',
      patch,
    });
  }
  writes.push({ verb: 'delete', resource: podToken, namespace, name, uid, gracePeriodSeconds: 0 });
  return writes;
}
