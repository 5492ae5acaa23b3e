// Deployments: rolls pod templates out over ReplicaSets. Creates, sizes and drops ReplicaSets; never touches a pod.
// Keys: `namespace/name` brings the rollout a step on; `adopt:namespace/name` only claims ReplicaSets.
import type { Deployment, ReplicaSet } from '../../generated/schemas/apps-v1.ts';
import type { Pod } from '../../generated/schemas/core-v1.ts';
import { deployments, pods, replicaSets } from '../../generated/schemas/index.ts';
import type { New } from '../../machinery/meta.ts';
import { equalJson } from '../../machinery/schema/json.ts';
import type { Controller, ObjectChange, Reader, ReconcileContext, Result, Write } from '../../reconcile/types.ts';
import { source } from '../../reconcile/types.ts';
import { keyOf, splitKey } from '../lib/keys.ts';
import type { ControllerOptions } from '../lib/options.ts';
import { controllerKey, controllerOf, isControlledBy } from '../lib/owners.ts';
import { isTerminal } from '../lib/pods.ts';
import { isEmptySelector, matchesSelector, selectorText } from '../lib/selectors.ts';
import { isNamespaceTerminating, WriteFailed, writeAll, writeOne } from '../lib/write.ts';
import { type Plan, plan, planClaims } from './plan.ts';
import { revisionAnnotation } from './revisions.ts';
import { isRolling } from './rounding.ts';
import { hasProgressDeadline, newCondition, progressCheckInMs, withCondition } from './status.ts';
import { sameTemplate } from './template-hash.ts';

const adopt = 'adopt:';

export function create(_options: ControllerOptions): Controller {
  return {
    name: 'deployment-controller',
    sources: [
      source(deployments, (change) => [keyOf(change.object)]),
      source(replicaSets, keysOfReplicaSet),
      source(pods, keysOfPod),
    ],
    reconcile: (key, context) =>
      key.startsWith(adopt) ? reconcileClaims(key.slice(adopt.length), context) : reconcileDeployment(key, context),
  };
}

async function keysOfReplicaSet(change: ObjectChange<ReplicaSet>, reader: Reader): Promise<string[]> {
  const keys = new Set<string>();
  for (const set of [change.object, change.previous]) {
    const key = set && controllerKey(deployments, set);
    if (key !== undefined) keys.add(key);
  }
  const set = change.object;
  if (change.type === 'put' && controllerOf(set) === undefined && set.metadata.deletionTimestamp === undefined) {
    for (const deployment of await reader.list(deployments, { namespace: set.metadata.namespace })) {
      const { selector } = deployment.spec;
      if (!isEmptySelector(selector) && matchesSelector(selector, set.metadata.labels))
        keys.add(adopt + keyOf(deployment));
    }
  }
  return [...keys];
}

/** Only Recreate waits for pods themselves: when one has gone or finished, look again. */
async function keysOfPod(change: ObjectChange<Pod>, reader: Reader): Promise<string[]> {
  const gone =
    change.type === 'delete' || (isTerminal(change.object) && !(change.previous && isTerminal(change.previous)));
  const setKey = gone ? controllerKey(replicaSets, change.object) : undefined;
  if (setKey === undefined) return [];
  const { namespace, name } = splitKey(setKey);
  const set = await reader.get(replicaSets, namespace, name);
  const key = set && controllerKey(deployments, set);
  if (key === undefined) return [];
  const deployment = await reader.get(deployments, namespace, splitKey(key).name);
  return deployment && !isRolling(deployment) ? [key] : [];
}

async function reconcileClaims(key: string, { client }: ReconcileContext): Promise<Result> {
  const { namespace, name } = splitKey(key);
  const deployment = await client.get(deployments, namespace, name);
  if (deployment === undefined || isEmptySelector(deployment.spec.selector)) return {};
  const matching = await client.list(replicaSets, { namespace, labelSelector: selectorText(deployment.spec.selector) });
  await writeAll(client, planClaims(deployment, matching));
  return {};
}

async function reconcileDeployment(key: string, context: ReconcileContext): Promise<Result> {
  const { client, clock, events } = context;
  const { namespace, name } = splitKey(key);
  const deployment = await client.get(deployments, namespace, name);
  if (deployment === undefined) return {};
  if (isEmptySelector(deployment.spec.selector)) return observeSelectingAll(deployment, context);

  const unobserved = deployment.status?.observedGeneration !== deployment.metadata.generation;
  const labelSelector = selectorText(deployment.spec.selector);
  const [ownedSets, matchingSets, matchingPods] = await Promise.all([
    client.list(replicaSets, { namespace, ownerUid: deployment.metadata.uid }),
    unobserved ? client.list(replicaSets, { namespace, labelSelector }) : Promise.resolve([]),
    isRolling(deployment) ? Promise.resolve([]) : client.list(pods, { namespace, labelSelector }),
  ]);
  const known = new Map([...ownedSets, ...matchingSets].map((set) => [set.metadata.uid, set]));
  for (const outcome of await writeAll(client, planClaims(deployment, [...known.values()]))) {
    if (outcome.ok) known.set(outcome.object.metadata.uid, outcome.object as ReplicaSet);
  }
  const sets = [...known.values()].filter((set) => isControlledBy(set, deployment));

  const next = plan({ deployment, sets, pods: matchingPods, nowMs: clock.now() });
  if (next.create !== undefined && !(await createSet(deployment, next.create, context))) return {};

  const writes = [...next.writes, ...statusWrites(deployment, next)];
  const outcomes = writes.length > 0 ? await client.write(writes) : [];
  writes.forEach((write, i) => {
    const scaling =
      write.verb === 'update' && outcomes[i]?.ok
        ? next.scalings.find((s) => s.name === write.object.metadata.name)
        : undefined;
    if (scaling === undefined || write.verb !== 'update' || write.subresource !== undefined) return;
    const direction = scaling.to > scaling.from ? 'up' : 'down';
    events.record(
      deployment,
      'Normal',
      'ScalingReplicaSet',
      `Scaled ${direction} replica set ${scaling.name} from ${scaling.from} to ${scaling.to}`,
    );
  });
  const failed = outcomes.find((outcome) => !outcome.ok);
  if (failed && !failed.ok) throw new WriteFailed(failed.status);
  await ensureRevision(deployment, next.revision, context);

  const requeueAfterMs = progressCheckInMs(deployment, next.status, clock.now());
  return requeueAfterMs === undefined ? {} : { requeueAfterMs };
}

function observeSelectingAll(deployment: Deployment, { client, events }: ReconcileContext): Promise<Result> {
  events.record(
    deployment,
    'Warning',
    'SelectingAll',
    'This deployment is selecting all pods. A non-empty selector is required.',
  );
  const { generation } = deployment.metadata;
  if ((deployment.status?.observedGeneration ?? 0) >= (generation ?? 0)) return Promise.resolve({});
  const status = { ...deployment.status, observedGeneration: generation };
  return writeAll(client, [statusUpdate(deployment, status, undefined)]).then(() => ({}));
}

function statusWrites(deployment: Deployment, { status, revision }: Plan): Write[] {
  const annotated = revision === undefined || deployment.metadata.annotations?.[revisionAnnotation] === revision;
  return annotated && equalJson(status, deployment.status) ? [] : [statusUpdate(deployment, status, revision)];
}

function statusUpdate(deployment: Deployment, status: Deployment['status'], revision: string | undefined): Write {
  const annotations =
    revision === undefined
      ? deployment.metadata.annotations
      : { ...deployment.metadata.annotations, [revisionAnnotation]: revision };
  const object = {
    ...deployment,
    metadata: { ...deployment.metadata, ...(annotations ? { annotations } : {}) },
    status,
  };
  return { verb: 'update', resource: deployments, subresource: 'status', object };
}

/** A status update carries the revision annotation too, as upstream's does; where a server keeps metadata out of it, patch. */
async function ensureRevision(
  deployment: Deployment,
  revision: string | undefined,
  { client }: ReconcileContext,
): Promise<void> {
  if (revision === undefined || deployment.metadata.annotations?.[revisionAnnotation] === revision) return;
  const { namespace, name, uid } = deployment.metadata;
  const current = await client.get(deployments, namespace, name);
  if (current?.metadata.uid !== uid || current.metadata.annotations?.[revisionAnnotation] === revision) return;
  const patch = { metadata: { uid, annotations: { [revisionAnnotation]: revision } } };
  await writeAll(client, [{ verb: 'patch', resource: deployments, namespace, name, type: 'merge', patch }]);
}

/** False when the name was taken by another template: the collision count has been raised, and its change brings us back. */
async function createSet(deployment: Deployment, set: New<ReplicaSet>, context: ReconcileContext): Promise<boolean> {
  const { client, clock, events } = context;
  const { namespace } = deployment.metadata;
  const name = set.metadata.name ?? '';
  const [outcome] = await client.write([{ verb: 'create', resource: replicaSets, namespace, object: set }]);
  if (outcome?.ok) {
    const replicas = (outcome.object as ReplicaSet).spec.replicas ?? 0;
    if (replicas > 0)
      events.record(deployment, 'Normal', 'ScalingReplicaSet', `Scaled up replica set ${name} from 0 to ${replicas}`);
    return true;
  }
  const failure = outcome?.ok === false ? outcome.status : undefined;
  if (failure === undefined) throw new Error('a write was not answered');
  if (failure.reason === 'AlreadyExists') {
    const existing = await client.get(replicaSets, namespace, name);
    if (
      existing &&
      isControlledBy(existing, deployment) &&
      sameTemplate(existing.spec.template, deployment.spec.template)
    )
      return true;
    const collisionCount = (deployment.status?.collisionCount ?? 0) + 1;
    await writeAll(client, [statusUpdate(deployment, { ...deployment.status, collisionCount }, undefined)]);
    return false;
  }
  if (isNamespaceTerminating(failure)) return false;
  const message = `Failed to create new replica set "${name}": ${failure.message ?? failure.reason ?? ''}`;
  if (hasProgressDeadline(deployment)) {
    const condition = newCondition('Progressing', 'False', 'ReplicaSetCreateError', message, clock.now());
    const conditions = withCondition(deployment.status?.conditions ?? [], condition);
    const status = { ...deployment.status, conditions };
    if (!equalJson(status, deployment.status)) await writeOne(client, statusUpdate(deployment, status, undefined));
  }
  events.record(deployment, 'Warning', 'ReplicaSetCreateError', message);
  throw new WriteFailed(failure);
}
