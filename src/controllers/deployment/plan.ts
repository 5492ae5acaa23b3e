// One step of a Deployment: which ReplicaSet to create, how large each becomes, which to drop, and the status. Pure.
// A rollout either grows the new ReplicaSet or shrinks old ones in one step; changed statuses bring the next step.
import type { Deployment, DeploymentCondition, DeploymentStatus, ReplicaSet } from '../../generated/schemas/apps-v1.ts';
import type { Pod } from '../../generated/schemas/core-v1.ts';
import { replicaSets } from '../../generated/schemas/index.ts';
import type { New, OwnerReference } from '../../machinery/meta.ts';
import { equalJson } from '../../machinery/schema/json.ts';
import type { Write } from '../../reconcile/types.ts';
import { controllerOf, controllerReference } from '../lib/owners.ts';
import { isTerminal } from '../lib/pods.ts';
import { matchesSelector } from '../lib/selectors.ts';
import {
  maxRevision,
  newSetAnnotations,
  revisionAnnotation,
  revisionOf,
  sizeAnnotations,
  splitReplicaSets,
} from './revisions.ts';
import { isRolling } from './rounding.ts';
import { isScalingEvent, newSetSize, rollingSizes, type Sizes, scaledSizes, sizeOf } from './scaling.ts';
import {
  countedStatus,
  hasProgressDeadline,
  isComplete,
  newCondition,
  pausedConditions,
  rolloutStatus,
  withCondition,
} from './status.ts';
import { hashLabel, replicaSetName, templateHash } from './template-hash.ts';

export interface Observed {
  deployment: Deployment;
  /** ReplicaSets that the Deployment controls. */
  sets: readonly ReplicaSet[];
  /** Pods that match its selector; only looked at by the Recreate strategy. */
  pods: readonly Pod[];
  nowMs: number;
}

export interface Scaling {
  name: string;
  from: number;
  to: number;
}

export interface Plan {
  /** The new ReplicaSet, to be created before anything else. Plan again with it. */
  create?: New<ReplicaSet>;
  /** Updates and deletions of ReplicaSets. */
  writes: Write[];
  /** Resizes among `writes`, for the events. */
  scalings: Scaling[];
  status: DeploymentStatus;
  /** Value of the Deployment's revision annotation; undefined: leave it. */
  revision: string | undefined;
}

/** Adopts and releases ReplicaSets, each under its resourceVersion. */
export function planClaims(deployment: Deployment, sets: readonly ReplicaSet[]): Write[] {
  const writes: Write[] = [];
  for (const set of sets) {
    const controller = controllerOf(set);
    const matches = matchesSelector(deployment.spec.selector, set.metadata.labels);
    const references = set.metadata.ownerReferences ?? [];
    if (controller?.uid === deployment.metadata.uid && !matches) {
      writes.push(
        referencesPatch(
          set,
          references.filter((reference) => reference.uid !== deployment.metadata.uid),
        ),
      );
    } else if (
      controller === undefined &&
      matches &&
      !set.metadata.deletionTimestamp &&
      !deployment.metadata.deletionTimestamp
    ) {
      writes.push(referencesPatch(set, [...references, controllerReference(deployment)]));
    }
  }
  return writes;
}

function referencesPatch(set: ReplicaSet, ownerReferences: OwnerReference[]): Write {
  const { namespace, name, uid, resourceVersion } = set.metadata;
  return {
    verb: 'patch',
    resource: replicaSets,
    namespace,
    name,
    type: 'merge',
    patch: { metadata: { uid, resourceVersion, ownerReferences } },
  };
}

export function plan(seen: Observed): Plan {
  const { deployment, sets, nowMs } = seen;
  const { newSet, oldSets } = splitReplicaSets(deployment, sets);
  let conditions = pausedConditions(deployment, nowMs);

  if (deployment.metadata.deletionTimestamp !== undefined) {
    const status = countedStatus(deployment, sets, newSet, new Map(), deployment.status?.conditions ?? [], nowMs);
    return { writes: [], scalings: [], status, revision: undefined };
  }
  if (newSet && hasProgressDeadline(deployment) && !conditions.some(({ type }) => type === 'Progressing')) {
    conditions = withCondition(
      conditions,
      newCondition(
        'Progressing',
        'True',
        'FoundNewReplicaSet',
        `Found new replica set "${newSet.metadata.name}"`,
        nowMs,
      ),
    );
  }
  if (deployment.spec.paused || isScalingEvent(deployment, sets)) {
    const sizes = scaledSizes(deployment, newSet, oldSets);
    const status = countedStatus(deployment, sets, newSet, sizes, conditions, nowMs);
    return assemble(seen, newSet, oldSets, sizes, status, deployment.spec.paused === true);
  }
  return isRolling(deployment)
    ? planRolling(seen, newSet, oldSets, conditions)
    : planRecreate(seen, newSet, oldSets, conditions);
}

function planRolling(
  seen: Observed,
  newSet: ReplicaSet | undefined,
  oldSets: ReplicaSet[],
  conditions: DeploymentCondition[],
): Plan {
  const { deployment, sets, nowMs } = seen;
  if (newSet === undefined) return planCreation(seen, oldSets, newSetSize(deployment, oldSets, 0), conditions);
  const sizes = rollingSizes(deployment, newSet, oldSets);
  const status = rolloutStatus(deployment, sets, newSet, sizes, conditions, nowMs);
  return assemble(seen, newSet, oldSets, sizes, status, sizes.size === 0 && isComplete(deployment, status));
}

/** Everything old has to be gone, to the last process, before the new one starts. */
function planRecreate(
  seen: Observed,
  newSet: ReplicaSet | undefined,
  oldSets: ReplicaSet[],
  conditions: DeploymentCondition[],
): Plan {
  const { deployment, sets, pods, nowMs } = seen;
  const sizes: Sizes = new Map(oldSets.filter((set) => sizeOf(set) > 0).map((set) => [set.metadata.name, 0]));
  const oldUids = new Set(oldSets.map((set) => set.metadata.uid));
  const oldPodsLeft =
    oldSets.some((set) => (set.status?.replicas ?? 0) > 0) ||
    pods.some((pod) => oldUids.has(controllerOf(pod)?.uid ?? '') && !isTerminal(pod));
  const wanted = deployment.spec.replicas ?? 1;
  if (sizes.size === 0 && !oldPodsLeft) {
    if (newSet === undefined) return planCreation(seen, oldSets, wanted, conditions);
    if (sizeOf(newSet) !== wanted) sizes.set(newSet.metadata.name, wanted);
  }
  const status = rolloutStatus(deployment, sets, newSet, sizes, conditions, nowMs);
  return assemble(seen, newSet, oldSets, sizes, status, sizes.size === 0 && isComplete(deployment, status));
}

/** The status that comes with a created ReplicaSet; what follows its creation is planned when it is there. */
function planCreation(seen: Observed, oldSets: ReplicaSet[], size: number, conditions: DeploymentCondition[]): Plan {
  const { deployment, sets, nowMs } = seen;
  const create = newReplicaSet(deployment, oldSets, size);
  const name = create.metadata.name ?? '';
  const after = hasProgressDeadline(deployment)
    ? withCondition(
        conditions,
        newCondition('Progressing', 'True', 'NewReplicaSetCreated', `Created new replica set "${name}"`, nowMs),
      )
    : conditions;
  const status = rolloutStatus(deployment, sets, undefined, new Map(), after, nowMs);
  status.unavailableReplicas = (status.unavailableReplicas ?? 0) + size;
  if (status.unavailableReplicas === 0) delete status.unavailableReplicas;
  return { create, writes: [], scalings: [], status, revision: create.metadata.annotations?.[revisionAnnotation] };
}

function newReplicaSet(deployment: Deployment, oldSets: readonly ReplicaSet[], size: number): New<ReplicaSet> {
  const { template, selector, minReadySeconds } = deployment.spec;
  const hash = templateHash(template, deployment.status?.collisionCount);
  const labels = { ...template.metadata?.labels, [hashLabel]: hash };
  return {
    metadata: {
      name: replicaSetName(deployment.metadata.name, hash),
      namespace: deployment.metadata.namespace,
      labels,
      annotations: newSetAnnotations(deployment, {}, maxRevision(oldSets) + 1n, false),
      ownerReferences: [controllerReference(deployment)],
    },
    spec: {
      replicas: size,
      ...(minReadySeconds ? { minReadySeconds } : {}),
      selector: { ...selector, matchLabels: { ...selector.matchLabels, [hashLabel]: hash } },
      template: { ...template, metadata: { ...template.metadata, labels } as NonNullable<typeof template.metadata> },
    },
  };
}

function assemble(
  seen: Observed,
  newSet: ReplicaSet | undefined,
  oldSets: readonly ReplicaSet[],
  sizes: Sizes,
  status: DeploymentStatus,
  cleanUp: boolean,
): Plan {
  const { deployment } = seen;
  const writes: Write[] = [];
  const scalings: Scaling[] = [];
  let revision: string | undefined;
  for (const set of newSet ? [newSet, ...oldSets] : oldSets) {
    let annotations = set.metadata.annotations ?? {};
    let minReadySeconds = set.spec.minReadySeconds ?? 0;
    if (set === newSet) {
      annotations = newSetAnnotations(deployment, annotations, maxRevision(oldSets) + 1n, true);
      minReadySeconds = deployment.spec.minReadySeconds ?? 0;
      revision = annotations[revisionAnnotation];
    }
    const size = sizes.get(set.metadata.name);
    if (size !== undefined) annotations = { ...annotations, ...sizeAnnotations(deployment) };
    const from = sizeOf(set);
    const to = size ?? from;
    const same =
      to === from &&
      minReadySeconds === (set.spec.minReadySeconds ?? 0) &&
      equalJson(annotations, set.metadata.annotations ?? {});
    if (same) continue;
    const spec = {
      ...set.spec,
      replicas: to,
      ...(minReadySeconds || set.spec.minReadySeconds ? { minReadySeconds } : {}),
    };
    writes.push({
      verb: 'update',
      resource: replicaSets,
      object: { ...set, metadata: { ...set.metadata, annotations }, spec } as ReplicaSet,
    });
    if (to !== from) scalings.push({ name: set.metadata.name, from, to });
  }
  if (cleanUp) writes.push(...planCleanup(deployment, oldSets));
  return { writes, scalings, status, revision };
}

/** Old ReplicaSets beyond the history limit, the lowest revisions first, once nothing of them is left. */
export function planCleanup(deployment: Deployment, oldSets: readonly ReplicaSet[]): Write[] {
  const limit = deployment.spec.revisionHistoryLimit;
  if (limit === undefined || limit === 2 ** 31 - 1) return [];
  const alive = oldSets.filter((set) => set.metadata.deletionTimestamp === undefined);
  const surplus = alive.length - limit;
  if (surplus <= 0) return [];
  return [...alive]
    .sort((a, b) => (revisionOf(a) < revisionOf(b) ? -1 : 1))
    .slice(0, surplus)
    .filter(
      (set) =>
        (set.status?.replicas ?? 0) === 0 &&
        sizeOf(set) === 0 &&
        (set.metadata.generation ?? 0) <= (set.status?.observedGeneration ?? 0),
    )
    .map(({ metadata: { namespace, name, uid, resourceVersion } }) => ({
      verb: 'delete' as const,
      resource: replicaSets,
      namespace,
      name,
      uid,
      resourceVersion,
      propagationPolicy: 'Background' as const,
    }));
}
