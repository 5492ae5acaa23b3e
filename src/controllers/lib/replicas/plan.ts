// Which pods a ReplicaSet, or what is seen as one, creates, deletes, adopts and releases, and the status that results. Pure.
// Pods that are finished or on their way out do not count; the number of active ones is brought to spec.replicas.
import type { ReplicaSet, ReplicaSetCondition, ReplicaSetStatus } from '../../../generated/schemas/apps-v1.ts';
import type { Pod } from '../../../generated/schemas/core-v1.ts';
import { pods as podToken } from '../../../generated/schemas/index.ts';
import type { New, OwnerReference } from '../../../machinery/meta.ts';
import { formatTime } from '../../../machinery/time.ts';
import type { Write } from '../../../reconcile/types.ts';
import { nonZero } from '../json.ts';
import { controllerOf, controllerReference } from '../owners.ts';
import { availableInMs, isActive, isReady, isTerminal, isTerminating } from '../pods.ts';
import { matchesPairs, matchesSelector } from '../selectors.ts';
import { earliest } from '../time.ts';
import { rankForDeletion } from './ranking.ts';

/** At most this many pods are created or deleted in one step, as upstream's burstReplicas. */
export const burstMax = 500;

export function desiredReplicas(set: ReplicaSet): number {
  return set.spec.replicas ?? 1;
}

/** Adopts matching orphans and releases owned pods that no longer match; each under the pod's resourceVersion. */
export function planClaims(set: ReplicaSet, pods: readonly Pod[]): Write[] {
  const writes: Write[] = [];
  for (const pod of pods) {
    const controller = controllerOf(pod);
    const matches = matchesSelector(set.spec.selector, pod.metadata.labels);
    if (controller?.uid === set.metadata.uid && !matches) {
      const rest = (pod.metadata.ownerReferences ?? []).filter((reference) => reference.uid !== set.metadata.uid);
      writes.push(referencesPatch(pod, rest));
    } else if (controller === undefined && matches && !isTerminating(pod) && !isDeleted(set) && isActive(pod)) {
      const references = [...(pod.metadata.ownerReferences ?? []), controllerReference(set)];
      writes.push(referencesPatch(pod, references));
    }
  }
  return writes;
}

function isDeleted(set: ReplicaSet): boolean {
  return set.metadata.deletionTimestamp !== undefined;
}

function referencesPatch(pod: Pod, ownerReferences: OwnerReference[]): Write {
  return {
    verb: 'patch',
    resource: podToken,
    namespace: pod.metadata.namespace,
    name: pod.metadata.name,
    type: 'merge',
    patch: { metadata: { uid: pod.metadata.uid, resourceVersion: pod.metadata.resourceVersion, ownerReferences } },
  };
}

/**
 * Creations or deletions that bring the active pods of `owned` to the desired number. `podsOfSiblings` are the active
 * pods of the ReplicaSets with the same owner: of two equal pods, the one on the more crowded node goes first.
 */
export function planReplicas(
  set: ReplicaSet,
  owned: readonly Pod[],
  podsOfSiblings: readonly Pod[],
  nowMs: number,
): Write[] {
  if (isDeleted(set)) return [];
  const active = owned.filter(isActive);
  const missing = desiredReplicas(set) - active.length;
  if (missing > 0) {
    return Array.from({ length: Math.min(missing, burstMax) }, () => ({
      verb: 'create' as const,
      resource: podToken,
      namespace: set.metadata.namespace,
      object: podOf(set),
    }));
  }
  if (missing === 0) return [];
  return rankForDeletion(active, podsOfSiblings, nowMs)
    .slice(0, Math.min(-missing, burstMax))
    .map((pod) => ({
      verb: 'delete' as const,
      resource: podToken,
      namespace: pod.metadata.namespace,
      name: pod.metadata.name,
      uid: pod.metadata.uid,
    }));
}

export function podOf(set: ReplicaSet): New<Pod> {
  const template = set.spec.template;
  const metadata = template?.metadata;
  return {
    metadata: {
      generateName: `${set.metadata.name}-`,
      ...(set.metadata.namespace === undefined ? {} : { namespace: set.metadata.namespace }),
      ...(metadata?.labels ? { labels: { ...metadata.labels } } : {}),
      ...(metadata?.annotations ? { annotations: { ...metadata.annotations } } : {}),
      ...(metadata?.finalizers ? { finalizers: [...metadata.finalizers] } : {}),
      ownerReferences: [controllerReference(set)],
    },
    ...(template?.spec ? { spec: structuredClone(template.spec) } : {}),
  };
}

/** What went wrong in the last creation or deletion, for the ReplicaFailure condition. */
export interface Failure {
  reason: 'FailedCreate' | 'FailedDelete';
  message: string;
}

export function statusOf(
  set: ReplicaSet,
  owned: readonly Pod[],
  failure: Failure | undefined,
  nowMs: number,
): ReplicaSetStatus {
  const active = owned.filter(isActive);
  const templateLabels = set.spec.template?.metadata?.labels ?? {};
  const ready = active.filter(isReady);
  const minReadySeconds = set.spec.minReadySeconds ?? 0;
  const conditions = conditionsOf(set.status?.conditions ?? [], failure, nowMs);
  return {
    replicas: active.length,
    ...nonZero({
      fullyLabeledReplicas: active.filter((pod) => matchesPairs(templateLabels, pod.metadata.labels)).length,
      readyReplicas: ready.length,
      availableReplicas: ready.filter((pod) => availableInMs(pod, minReadySeconds, nowMs) === 0).length,
      observedGeneration: Math.max(set.metadata.generation ?? 0, set.status?.observedGeneration ?? 0),
    }),
    terminatingReplicas: owned.filter((pod) => isTerminating(pod) && !isTerminal(pod)).length,
    ...(conditions.length > 0 ? { conditions } : {}),
  };
}

function conditionsOf(
  before: readonly ReplicaSetCondition[],
  failure: Failure | undefined,
  nowMs: number,
): ReplicaSetCondition[] {
  const others = before.filter((condition) => condition.type !== 'ReplicaFailure');
  if (failure === undefined) return others;
  const current = before.find((condition) => condition.type === 'ReplicaFailure');
  const condition: ReplicaSetCondition = current ?? {
    type: 'ReplicaFailure',
    status: 'True',
    reason: failure.reason,
    message: failure.message,
    lastTransitionTime: formatTime(nowMs),
  };
  return [...others, condition];
}

/** When the next ready pod becomes available. */
export function nextAvailabilityMs(set: ReplicaSet, owned: readonly Pod[], nowMs: number): number | undefined {
  const waits = owned
    .filter(isActive)
    .map((pod) => availableInMs(pod, set.spec.minReadySeconds ?? 0, nowMs))
    .filter((wait) => wait !== undefined && wait > 0);
  return earliest(...waits);
}
