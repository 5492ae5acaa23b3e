// Keeps the wanted number of pods of a template, for any kind that can be seen as a ReplicaSet.
// Keys: `namespace/name` counts and scales; `adopt:namespace/name` only claims pods, so that orphans are looked for when one
// shows up and not at every step. It never touches pods of another controller.
import type { ReplicaSet, ReplicaSetStatus } from '../../../generated/schemas/apps-v1.ts';
import type { Pod } from '../../../generated/schemas/core-v1.ts';
import { pods } from '../../../generated/schemas/index.ts';
import type { KubeObject, ResourceToken } from '../../../machinery/meta.ts';
import { equalJson } from '../../../machinery/schema/json.ts';
import type {
  Controller,
  ObjectChange,
  Reader,
  ReconcileContext,
  Result,
  Write,
  WriteOutcome,
} from '../../../reconcile/types.ts';
import { source } from '../../../reconcile/types.ts';
import { keyOf, splitKey } from '../keys.ts';
import { controllerKey, controllerOf, isControlledBy } from '../owners.ts';
import { isActive } from '../pods.ts';
import { isEmptySelector, matchesSelector, selectorText } from '../selectors.ts';
import { isDeletionOfAbsent, isNamespaceTerminating, WriteFailed, writeAll } from '../write.ts';
import { desiredReplicas, type Failure, nextAvailabilityMs, planClaims, planReplicas, statusOf } from './plan.ts';

const adopt = 'adopt:';

interface Counting extends KubeObject {
  status?: unknown;
}

/** A kind whose objects each keep a number of pods. */
export interface ReplicaKind<T extends Counting> {
  /** The controller's name, under which it also records events. */
  readonly name: string;
  readonly resource: ResourceToken<T>;
  /** The object as a ReplicaSet; apiVersion, kind and metadata stay its own. */
  asSet(object: T): ReplicaSet;
  /** The object with a ReplicaSet's status. */
  withStatus(object: T, status: ReplicaSetStatus): T;
}

export function replicaController<T extends Counting>(kind: ReplicaKind<T>): Controller {
  return {
    name: kind.name,
    sources: [
      source(kind.resource, (change) => [keyOf(change.object)]),
      source(pods, (change, reader) => keysOfPod(kind, change, reader)),
    ],
    reconcile: (key, context) =>
      key.startsWith(adopt)
        ? reconcileClaims(kind, key.slice(adopt.length), context)
        : reconcileReplicas(kind, key, context),
  };
}

async function keysOfPod<T extends Counting>(
  { resource, asSet }: ReplicaKind<T>,
  change: ObjectChange<Pod>,
  reader: Reader,
): Promise<string[]> {
  const keys = new Set<string>();
  for (const pod of [change.object, change.previous]) {
    const key = pod && controllerKey(resource, pod);
    if (key !== undefined) keys.add(key);
  }
  const pod = change.object;
  if (change.type === 'put' && controllerOf(pod) === undefined && isActive(pod) && mayHaveChangedHands(change)) {
    const objects = await reader.list(resource, { namespace: pod.metadata.namespace });
    for (const set of objects.map(asSet)) {
      if (!isEmptySelector(set.spec.selector) && matchesSelector(set.spec.selector, pod.metadata.labels))
        keys.add(adopt + keyOf(set));
    }
  }
  return [...keys];
}

function mayHaveChangedHands({ object, previous }: ObjectChange<Pod>): boolean {
  return (
    previous === undefined ||
    !equalJson(previous.metadata.labels, object.metadata.labels) ||
    !equalJson(previous.metadata.ownerReferences, object.metadata.ownerReferences)
  );
}

async function reconcileClaims<T extends Counting>(
  { resource, asSet }: ReplicaKind<T>,
  key: string,
  { client }: ReconcileContext,
): Promise<Result> {
  const { namespace, name } = splitKey(key);
  const object = await client.get(resource, namespace, name);
  if (object === undefined) return {};
  const set = asSet(object);
  if (isEmptySelector(set.spec.selector)) return {};
  const matching = await client.list(pods, { namespace, labelSelector: selectorText(set.spec.selector) });
  await writeAll(client, planClaims(set, matching));
  return {};
}

async function reconcileReplicas<T extends Counting>(
  kind: ReplicaKind<T>,
  key: string,
  context: ReconcileContext,
): Promise<Result> {
  const { client, clock } = context;
  const { namespace, name } = splitKey(key);
  const object = await client.get(kind.resource, namespace, name);
  if (object === undefined) return {};
  const set = kind.asSet(object);

  const unobserved = set.status?.observedGeneration !== set.metadata.generation;
  const [ownedPods, matching] = await Promise.all([
    client.list(pods, { namespace, ownerUid: set.metadata.uid }),
    unobserved && !isEmptySelector(set.spec.selector)
      ? client.list(pods, { namespace, labelSelector: selectorText(set.spec.selector) })
      : Promise.resolve([]),
  ]);
  const known = new Map([...ownedPods, ...matching].map((pod) => [pod.metadata.uid, pod]));
  const claims = planClaims(set, [...known.values()]);
  for (const outcome of await writeAll(client, claims)) {
    if (outcome.ok) known.set(outcome.object.metadata.uid, outcome.object as Pod);
  }
  const owned = [...known.values()].filter((pod) => isControlledBy(pod, set));

  const siblings = await podsOfSiblings(kind, set, owned, context);
  const writes = planReplicas(set, owned, siblings, clock.now());
  const outcomes = writes.length > 0 ? await client.write(writes) : [];
  const failed = recordOutcomes(set, writes, outcomes, context);

  const after = withOutcomes(owned, writes, outcomes);
  const nowMs = clock.now();
  const counted = kind.withStatus(object, statusOf(set, after, failed?.failure, nowMs));
  if (!equalJson(counted.status, object.status)) {
    await writeAll(client, [{ verb: 'update', resource: kind.resource, subresource: 'status', object: counted }]);
  }
  if (failed !== undefined && !isNamespaceTerminating(failed.status.status)) throw failed.status;
  if (failed === undefined && stillWrong(set, after)) return { requeueAfterMs: 0 };
  const requeueAfterMs = nextAvailabilityMs(set, after, nowMs);
  return requeueAfterMs === undefined ? {} : { requeueAfterMs };
}

/** More than one burst was due. */
function stillWrong(set: ReplicaSet, owned: readonly Pod[]): boolean {
  return set.metadata.deletionTimestamp === undefined && owned.filter(isActive).length !== desiredReplicas(set);
}

/** Read only when some, not all, pods have to go: then crowding decides between equals. */
async function podsOfSiblings<T extends Counting>(
  { resource, asSet }: ReplicaKind<T>,
  set: ReplicaSet,
  owned: readonly Pod[],
  { client }: ReconcileContext,
): Promise<Pod[]> {
  const active = owned.filter(isActive).length;
  const wanted = desiredReplicas(set);
  const owner = controllerOf(set);
  if (owner === undefined || wanted === 0 || active <= wanted) return [];
  const namespace = set.metadata.namespace;
  const sets = await client.list(resource, { namespace, ownerUid: owner.uid });
  const others = sets
    .map(asSet)
    .filter((other) => other.metadata.uid !== set.metadata.uid && (other.status?.replicas ?? 0) > 0);
  const lists = await Promise.all(
    others.map((other) => client.list(pods, { namespace, ownerUid: other.metadata.uid })),
  );
  return lists.flat().filter(isActive);
}

/** Events for what was done; the first failure, told once and not per pod. */
function recordOutcomes(
  set: ReplicaSet,
  writes: readonly Write[],
  outcomes: readonly WriteOutcome[],
  { events }: ReconcileContext,
): { failure: Failure; status: WriteFailed } | undefined {
  let first: { failure: Failure; status: WriteFailed } | undefined;
  outcomes.forEach((outcome, i) => {
    const write = writes[i];
    const creating = write?.verb === 'create';
    if (outcome.ok) {
      const { name } = outcome.object.metadata;
      if (creating) events.record(set, 'Normal', 'SuccessfulCreate', `Created pod: ${name}`);
      else events.record(set, 'Normal', 'SuccessfulDelete', `Deleted pod: ${name}`);
    } else if (first === undefined && !isDeletionOfAbsent(write, outcome.status)) {
      const status = new WriteFailed(outcome.status);
      first = { failure: { reason: creating ? 'FailedCreate' : 'FailedDelete', message: status.message }, status };
    }
  });
  if (first !== undefined && !isNamespaceTerminating(first.status.status)) {
    const doing = first.failure.reason === 'FailedCreate' ? 'creating' : 'deleting';
    events.record(set, 'Warning', first.failure.reason, `Error ${doing}: ${first.failure.message}`);
  }
  return first;
}

/** The owned pods as they are after the writes, so that one status write tells it all. */
function withOutcomes(owned: readonly Pod[], writes: readonly Write[], outcomes: readonly WriteOutcome[]): Pod[] {
  const after = new Map(owned.map((pod) => [pod.metadata.uid, pod]));
  writes.forEach((write, i) => {
    const outcome = outcomes[i];
    if (write.verb === 'create' && outcome?.ok) after.set(outcome.object.metadata.uid, outcome.object as Pod);
    if (write.verb === 'delete' && write.uid !== undefined) {
      const left = outcome?.ok ? (outcome.object as Pod) : undefined;
      if (
        left?.metadata?.uid === write.uid &&
        left.metadata.deletionTimestamp !== undefined &&
        left.metadata.deletionGracePeriodSeconds !== 0
      ) {
        after.set(write.uid, left);
      } else if (outcome?.ok || (outcome && isDeletionOfAbsent(write, outcome.status))) after.delete(write.uid);
    }
  });
  return [...after.values()];
}
