// The status of a Deployment: counts and the conditions Available, Progressing, ReplicaFailure. Pure.
// Reasons and messages are upstream's; lastUpdateTime of Progressing moves with every sign of progress, and the progress
// deadline counts from it.
import type { Deployment, DeploymentCondition, DeploymentStatus, ReplicaSet } from '../../generated/schemas/apps-v1.ts';
import { formatTime, parseTime } from '../../machinery/time.ts';
import { nonZero } from '../lib/json.ts';
import { desiredReplicas, maxUnavailable } from './rounding.ts';
import { type Sizes, sizeOf } from './scaling.ts';

type Conditions = readonly DeploymentCondition[];

export function conditionOf(conditions: Conditions | undefined, type: string): DeploymentCondition | undefined {
  return conditions?.find((condition) => condition.type === type);
}

export function newCondition(
  type: string,
  status: string,
  reason: string,
  message: string,
  nowMs: number,
): DeploymentCondition {
  const now = formatTime(nowMs);
  return { type, status, reason, message, lastUpdateTime: now, lastTransitionTime: now };
}

/** Replaces the condition of the same type, unless it says the same already; keeps the time of the last transition. */
export function withCondition(conditions: Conditions, condition: DeploymentCondition): DeploymentCondition[] {
  const current = conditionOf(conditions, condition.type);
  if (current?.status === condition.status && current.reason === condition.reason) return [...conditions];
  const kept =
    current?.status === condition.status ? { ...condition, lastTransitionTime: current.lastTransitionTime } : condition;
  return [...withoutCondition(conditions, condition.type), kept];
}

export function withoutCondition(conditions: Conditions, type: string): DeploymentCondition[] {
  return conditions.filter((condition) => condition.type !== type);
}

export function hasProgressDeadline({ spec }: Deployment): boolean {
  return spec.progressDeadlineSeconds !== undefined && spec.progressDeadlineSeconds !== 2 ** 31 - 1;
}

const sum = (sets: readonly ReplicaSet[], count: (set: ReplicaSet) => number | undefined): number =>
  sets.reduce((total, set) => total + (count(set) ?? 0), 0);

/** Counts, and Available; the other conditions are taken over from `conditions`. */
export function countedStatus(
  deployment: Deployment,
  all: readonly ReplicaSet[],
  newSet: ReplicaSet | undefined,
  sizes: Sizes,
  conditions: Conditions,
  nowMs: number,
): DeploymentStatus {
  const available = sum(all, (set) => set.status?.availableReplicas);
  const wantedTotal = all.reduce((total, set) => total + (sizes.get(set.metadata.name) ?? sizeOf(set)), 0);
  const availability =
    available >= desiredReplicas(deployment) - maxUnavailable(deployment)
      ? newCondition('Available', 'True', 'MinimumReplicasAvailable', 'Deployment has minimum availability.', nowMs)
      : newCondition(
          'Available',
          'False',
          'MinimumReplicasUnavailable',
          'Deployment does not have minimum availability.',
          nowMs,
        );
  return {
    ...nonZero({
      observedGeneration: deployment.metadata.generation,
      replicas: sum(all, (set) => set.status?.replicas),
      updatedReplicas: newSet?.status?.replicas,
      readyReplicas: sum(all, (set) => set.status?.readyReplicas),
      availableReplicas: available,
      unavailableReplicas: Math.max(0, wantedTotal - available),
    }),
    terminatingReplicas: sum(all, (set) => set.status?.terminatingReplicas),
    ...(deployment.status?.collisionCount === undefined ? {} : { collisionCount: deployment.status.collisionCount }),
    conditions: withCondition(conditions, availability),
  };
}

export function isComplete(deployment: Deployment, status: DeploymentStatus): boolean {
  const wanted = desiredReplicas(deployment);
  return (
    (status.updatedReplicas ?? 0) === wanted &&
    (status.replicas ?? 0) === wanted &&
    (status.availableReplicas ?? 0) === wanted &&
    (status.observedGeneration ?? 0) >= (deployment.metadata.generation ?? 0)
  );
}

function isProgressing(before: DeploymentStatus, after: DeploymentStatus): boolean {
  const old = (status: DeploymentStatus): number => (status.replicas ?? 0) - (status.updatedReplicas ?? 0);
  return (
    (after.updatedReplicas ?? 0) > (before.updatedReplicas ?? 0) ||
    old(after) < old(before) ||
    (after.readyReplicas ?? 0) > (before.readyReplicas ?? 0) ||
    (after.availableReplicas ?? 0) > (before.availableReplicas ?? 0)
  );
}

function isTimedOut(deployment: Deployment, conditions: Conditions, nowMs: number): boolean {
  const condition = conditionOf(conditions, 'Progressing');
  if (condition === undefined || condition.reason === 'NewReplicaSetAvailable') return false;
  if (condition.reason === 'ProgressDeadlineExceeded') return true;
  return (parseTime(condition.lastUpdateTime) ?? 0) + (deployment.spec.progressDeadlineSeconds ?? 0) * 1000 < nowMs;
}

/** {@link countedStatus} with the progress of the rollout and the failures of the ReplicaSets. */
export function rolloutStatus(
  deployment: Deployment,
  all: readonly ReplicaSet[],
  newSet: ReplicaSet | undefined,
  sizes: Sizes,
  conditions: Conditions,
  nowMs: number,
): DeploymentStatus {
  const status = countedStatus(deployment, all, newSet, sizes, conditions, nowMs);
  status.conditions = withFailures(progress(deployment, status, conditions, newSet, nowMs), all, newSet);
  return status;
}

function progress(
  deployment: Deployment,
  status: DeploymentStatus,
  before: Conditions,
  newSet: ReplicaSet | undefined,
  nowMs: number,
): DeploymentCondition[] {
  const conditions = status.conditions ?? [];
  if (!hasProgressDeadline(deployment)) return withoutCondition(conditions, 'Progressing');
  const current = conditionOf(before, 'Progressing');
  const done = (status.replicas ?? 0) === (status.updatedReplicas ?? 0) && current?.reason === 'NewReplicaSetAvailable';
  if (done) return conditions;
  const subject = newSet ? `ReplicaSet "${newSet.metadata.name}"` : `Deployment "${deployment.metadata.name}"`;
  const condition = (value: string, reason: string, what: string): DeploymentCondition =>
    newCondition('Progressing', value, reason, `${subject} ${what}`, nowMs);

  if (isComplete(deployment, status)) {
    return withCondition(conditions, condition('True', 'NewReplicaSetAvailable', 'has successfully progressed.'));
  }
  if (isProgressing(deployment.status ?? {}, status)) {
    const next = condition('True', 'ReplicaSetUpdated', 'is progressing.');
    if (current?.status === 'True') next.lastTransitionTime = current.lastTransitionTime;
    return [...withoutCondition(conditions, 'Progressing'), next];
  }
  if (isTimedOut(deployment, conditions, nowMs)) {
    return withCondition(conditions, condition('False', 'ProgressDeadlineExceeded', 'has timed out progressing.'));
  }
  return conditions;
}

/** A ReplicaSet's ReplicaFailure, the new one's before the others'. */
function withFailures(
  conditions: Conditions,
  all: readonly ReplicaSet[],
  newSet: ReplicaSet | undefined,
): DeploymentCondition[] {
  const candidates = newSet ? [newSet, ...all] : all;
  const failure = candidates
    .flatMap((set) => set.status?.conditions ?? [])
    .find(({ type }) => type === 'ReplicaFailure');
  if (failure === undefined) return withoutCondition(conditions, 'ReplicaFailure');
  return withCondition(conditions, {
    type: 'ReplicaFailure',
    status: failure.status,
    ...(failure.reason === undefined ? {} : { reason: failure.reason }),
    ...(failure.message === undefined ? {} : { message: failure.message }),
    ...(failure.lastTransitionTime === undefined
      ? {}
      : { lastTransitionTime: failure.lastTransitionTime, lastUpdateTime: failure.lastTransitionTime }),
  });
}

/** Progressing while paused is Unknown, so that a pause never counts against the deadline. */
export function pausedConditions(deployment: Deployment, nowMs: number): DeploymentCondition[] {
  const conditions = deployment.status?.conditions ?? [];
  if (!hasProgressDeadline(deployment)) return conditions;
  const reason = conditionOf(conditions, 'Progressing')?.reason;
  if (reason === 'ProgressDeadlineExceeded') return conditions;
  if (deployment.spec.paused && reason !== 'DeploymentPaused') {
    return withCondition(
      conditions,
      newCondition('Progressing', 'Unknown', 'DeploymentPaused', 'Deployment is paused', nowMs),
    );
  }
  if (!deployment.spec.paused && reason === 'DeploymentPaused') {
    return withCondition(
      conditions,
      newCondition('Progressing', 'Unknown', 'DeploymentResumed', 'Deployment is resumed', nowMs),
    );
  }
  return conditions;
}

/** When to look whether the deadline has passed; a second late, as lastUpdateTime has whole seconds. */
export function progressCheckInMs(deployment: Deployment, status: DeploymentStatus, nowMs: number): number | undefined {
  const condition = conditionOf(status.conditions, 'Progressing');
  if (deployment.spec.paused || !hasProgressDeadline(deployment) || condition === undefined) return undefined;
  if (isComplete(deployment, status) || condition.reason === 'ProgressDeadlineExceeded') return undefined;
  if (condition.reason === 'NewReplicaSetAvailable') return undefined;
  const due = (parseTime(condition.lastUpdateTime) ?? nowMs) + (deployment.spec.progressDeadlineSeconds ?? 0) * 1000;
  return Math.max(0, due - nowMs) + 1000;
}
