// The eviction of a pod: a deletion that the disruption budget over it allows (pod/storage/eviction.go). All of it happens in
// one transaction, so there is nothing to conflict with and to retry. Who computes what a budget allows is its controller; here
// it is only counted down, and the pod noted as one that is about to go.

import type { Pod, PodCondition } from '../../../generated/schemas/core-v1.ts';
import { podDisruptionBudgets } from '../../../generated/schemas/index.ts';
import type { Eviction, PodDisruptionBudget } from '../../../generated/schemas/policy-v1.ts';
import { ApiError, errors, type FieldError } from '../../../machinery/errors.ts';
import type { Condition } from '../../../machinery/meta.ts';
import type { ActionContext, Subresource } from '../../../machinery/resource.ts';
import { matchesLabels, selectorFromObject } from '../../../machinery/selectors.ts';
import { formatTime } from '../../../machinery/time.ts';
import { validateLabelSelector } from '../../../machinery/validation.ts';

/** Evictions that its controller has not seen yet. */
const disruptedPodsMax = 2000;
const retryAfterSeconds = 10;

interface DeleteOptionsBody {
  dryRun?: string[];
  preconditions?: { uid?: string; resourceVersion?: string };
}
const optionsOf = (body: object): DeleteOptionsBody => (body as Partial<Eviction>).deleteOptions ?? {};

/** What has ended, has not begun, or is going already is no disruption. */
const needsNoBudget = ({ status, metadata }: Pod): boolean =>
  ['Succeeded', 'Failed', 'Pending'].includes(status?.phase ?? '') || metadata.deletionTimestamp !== undefined;

const isReady = ({ status }: Pod): boolean =>
  (status?.conditions ?? []).some((condition) => condition.type === 'Ready' && condition.status === 'True');

function budgetsOf(pod: Pod, context: ActionContext): PodDisruptionBudget[] {
  return context.list(podDisruptionBudgets).filter(({ spec: { selector } }) => {
    if (validateLabelSelector(selector, '').length > 0) return false;
    return matchesLabels(selectorFromObject(selector), pod.metadata.labels);
  });
}

const tooMany = (why: string, seconds?: number): ApiError =>
  new ApiError('TooManyRequests', "Cannot evict pod as it would violate the pod's disruption budget.", {
    causes: [{ reason: 'DisruptionBudget', message: why }],
    ...(seconds === undefined ? {} : { retryAfterSeconds: seconds }),
  });

/** An unhealthy pod takes nothing from the budget where that says so, or where all pods that it wants are healthy. */
function isSpared(pod: Pod, { spec, status }: PodDisruptionBudget): boolean {
  if (isReady(pod)) return false;
  const { currentHealthy = 0, desiredHealthy = 0 } = status;
  return spec.unhealthyPodEvictionPolicy === 'AlwaysAllow' || (currentHealthy >= desiredHealthy && desiredHealthy > 0);
}

function noDisruption({ metadata: { name }, status }: PodDisruptionBudget): ApiError {
  const failed = (status.conditions ?? []).find(
    (condition) =>
      condition.type === 'DisruptionAllowed' && condition.status === 'False' && condition.reason === 'SyncFailed',
  );
  if (failed)
    return tooMany(
      `The disruption budget ${name} does not allow evicting pods currently because it failed sync: ${failed.message}`,
    );
  const { currentHealthy = 0, desiredHealthy = 0 } = status;
  return tooMany(
    `The disruption budget ${name} needs ${desiredHealthy} healthy pods and has ${currentHealthy} currently`,
  );
}

/** The status of a budget that allows one disruption less. Throws where it allows none. */
function countedDown(budget: PodDisruptionBudget, podName: string, nowMs: number): PodDisruptionBudget['status'] {
  const { metadata, status } = budget;
  const { disruptionsAllowed = 0, disruptedPods = {}, observedGeneration = 0 } = status;
  const refused = (why: string): ApiError =>
    errors.forbidden({ group: 'policy', plural: 'poddisruptionbudget' }, metadata.name, why);
  if (observedGeneration < (metadata.generation ?? 0))
    throw tooMany(`The disruption budget ${metadata.name} is still being processed by the server.`, retryAfterSeconds);
  if (disruptionsAllowed < 0) throw refused('pdb disruptions allowed is negative');
  if (Object.keys(disruptedPods).length > disruptedPodsMax)
    throw refused('DisruptedPods map too big - too many evictions not confirmed by PDB controller');
  if (disruptionsAllowed === 0) throw noDisruption(budget);
  const now = formatTime(nowMs);
  return {
    ...status,
    disruptionsAllowed: disruptionsAllowed - 1,
    disruptedPods: { ...disruptedPods, [podName]: now },
    ...(disruptionsAllowed === 1 ? { conditions: withInsufficient(status.conditions, observedGeneration, now) } : {}),
  };
}

function withInsufficient(conditions: readonly Condition[] = [], observedGeneration: number, now: string): Condition[] {
  const before = conditions.find((condition) => condition.type === 'DisruptionAllowed');
  const condition: Condition = {
    type: 'DisruptionAllowed',
    status: 'False',
    ...(observedGeneration === 0 ? {} : { observedGeneration }),
    lastTransitionTime: before?.status === 'False' ? before.lastTransitionTime : now,
    reason: 'InsufficientPods',
    message: '',
  };
  return before ? conditions.map((one) => (one === before ? condition : one)) : [...conditions, condition];
}

function chargeBudget(pod: Pod, context: ActionContext): void {
  const [budget, ...others] = budgetsOf(pod, context);
  if (others.length > 0)
    throw new ApiError(
      'InternalError',
      'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.',
    );
  if (!budget || isSpared(pod, budget)) return;
  context.store(podDisruptionBudgets, {
    ...budget,
    status: countedDown(budget, pod.metadata.name, context.clock.now()),
  });
}

/** What tells the pod's owner why it goes. */
function markDisrupted(pod: Pod, nowMs: number): void {
  const { generation } = pod.metadata;
  const conditions = pod.status?.conditions ?? [];
  const before = conditions.find((condition) => condition.type === 'DisruptionTarget');
  const condition: PodCondition = {
    type: 'DisruptionTarget',
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    status: 'True',
    lastTransitionTime: before?.status === 'True' ? before.lastTransitionTime : formatTime(nowMs),
    reason: 'EvictionByEvictionAPI',
    message: 'Eviction API: evicting',
  };
  pod.status = {
    ...pod.status,
    conditions: before ? conditions.map((one) => (one === before ? condition : one)) : [...conditions, condition],
  };
}

function requirePreconditions(
  { metadata }: Pod,
  { uid, resourceVersion }: { uid?: string; resourceVersion?: string },
): void {
  const refuse = (what: string, wanted: string, found: string, perhaps: string): never => {
    throw errors.conflict(
      { group: '', plural: 'Pod' },
      metadata.name,
      `the ${what} in the precondition (${wanted}) does not match the ${what} in record (${found}). The object might have been ${perhaps}`,
    );
  };
  if (uid && uid !== metadata.uid) refuse('UID', uid, metadata.uid, 'deleted and then recreated');
  if (resourceVersion && resourceVersion !== metadata.resourceVersion)
    refuse('ResourceVersion', resourceVersion, metadata.resourceVersion, 'modified');
}

function apply(pod: Pod, body: Record<string, unknown>, context: ActionContext): FieldError[] {
  const name = (body as Partial<Eviction>).metadata?.name ?? '';
  if (name !== pod.metadata.name) throw errors.badRequest('name in URL does not match name in Eviction object');
  if (!needsNoBudget(pod)) chargeBudget(pod, context);
  const options = optionsOf(body);
  // A dry run leaves the conditions, and so the preconditions, to the deletion.
  if (context.dryRun) context.delete(options);
  else {
    requirePreconditions(pod, options.preconditions ?? {});
    markDisrupted(pod, context.clock.now());
    context.delete({ ...options, preconditions: undefined });
  }
  return [];
}

export const eviction: Subresource<Pod> = {
  name: 'eviction',
  verbs: ['create'],
  kind: {
    group: 'policy',
    version: 'v1',
    otherVersions: ['v1beta1'],
    kind: 'Eviction',
    schema: 'io.k8s.api.policy.v1.Eviction',
  },
  behaviour: { type: 'action', dryRun: (body) => (optionsOf(body).dryRun?.length ?? 0) > 0, apply },
};
