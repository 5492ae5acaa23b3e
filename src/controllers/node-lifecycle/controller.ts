// Nodes: the only writer of the conditions and taints that follow from a node's silence, and of the evictions that
// follow from NoExecute taints. A node's link detects silence and enqueues the node's name; contacts say for how long.
//
// Keys: a node's name; `~cluster` puts the readiness taints with effect NoExecute on or off all nodes together, since
// whether a node may be emptied depends on how many others are lost. It never sets a condition back: a node that returns
// sees its own Node changed and reports its status, and its pods'.
import type { Node, Pod } from '../../generated/schemas/core-v1.ts';
import { nodes, pods } from '../../generated/schemas/index.ts';
import { equalJson } from '../../machinery/schema/json.ts';
import { formatTime, parseTime } from '../../machinery/time.ts';
import type { Controller, ObjectChange, ReconcileContext, Result, Write } from '../../reconcile/types.ts';
import { source } from '../../reconcile/types.ts';
import type { ControllerOptions, NodeContacts } from '../lib/options.ts';
import { isTerminal, podCondition } from '../lib/pods.ts';
import { earliest } from '../lib/time.ts';
import { writeAll, writeOne } from '../lib/write.ts';
import {
  evictable,
  readyStatus,
  silenceOf,
  silentConditions,
  withNoExecuteTaints,
  withNoScheduleTaints,
} from './conditions.ts';
import { planEvictions } from './eviction.ts';

const cluster = '~cluster';

export function create({ contacts }: ControllerOptions): Controller {
  return {
    name: 'node-controller',
    sources: [source(nodes, keysOfNode), source(pods, keysOfPod)],
    reconcile: (key, context) => (key === cluster ? reconcileCluster(context) : reconcileNode(key, contacts, context)),
  };
}

function keysOfNode({ type, object, previous }: ObjectChange<Node>): string[] {
  const readinessMoved = type === 'delete' || previous === undefined || readyStatus(previous) !== readyStatus(object);
  return readinessMoved ? [object.metadata.name, cluster] : [object.metadata.name];
}

/** A pod that has come to a node, or tolerates something else, may have to leave it. */
function keysOfPod({ type, object, previous }: ObjectChange<Pod>): string[] {
  const node = object.spec?.nodeName;
  if (type === 'delete' || !node) return [];
  const moved = previous?.spec?.nodeName !== node || !equalJson(previous.spec.tolerations, object.spec.tolerations);
  return moved ? [node] : [];
}

async function reconcileNode(name: string, contacts: NodeContacts, context: ReconcileContext): Promise<Result> {
  const { client, clock, config, events } = context;
  const [seen, lastContactMs] = await Promise.all([client.get(nodes, undefined, name), contacts.lastContact(name)]);
  if (seen === undefined) return {};
  let node = seen;

  const silence = silenceOf(node, lastContactMs, config.nodeGraceMs, clock.now());
  const conditions = silence.over ? silentConditions(node, clock.now()) : undefined;
  if (conditions !== undefined) {
    const wasReady = readyStatus(node) === 'True';
    const object = { ...node, status: { ...node.status, conditions } };
    node = await writeOne<Node>(client, { verb: 'update', resource: nodes, subresource: 'status', object });
    if (wasReady) events.record(node, 'Normal', 'NodeNotReady', `Node ${name} status is now: NodeNotReady`);
  }
  const taints = withNoScheduleTaints(node, clock.now());
  if (taints !== undefined) {
    const object = { ...node, spec: { ...node.spec, taints } };
    node = await writeOne<Node>(client, { verb: 'update', resource: nodes, object });
  }

  const noExecute = (node.spec?.taints ?? []).filter((taint) => taint.effect === 'NoExecute');
  const lost = readyStatus(node) !== 'True' && (node.status?.conditions ?? []).some(({ type }) => type === 'Ready');
  if (noExecute.length === 0 && !lost) return resultOf(silence.checkInMs);
  const bound = await client.list(pods, { fieldSelector: `spec.nodeName=${name}` });
  if (lost) await markNotReady(bound, context);
  const evictions = planEvictions(bound, noExecute, clock.now());
  await evict(evictions.now, context);
  return resultOf(
    earliest(silence.checkInMs, evictions.nextAtMs === undefined ? undefined : evictions.nextAtMs - clock.now()),
  );
}

function resultOf(requeueAfterMs: number | undefined): Result {
  return requeueAfterMs === undefined ? {} : { requeueAfterMs };
}

/** Pods of a node that is not Ready are not Ready either: Services leave them. */
async function markNotReady(bound: readonly Pod[], { client, clock, events }: ReconcileContext): Promise<void> {
  const ready = bound.filter((pod) => !isTerminal(pod) && podCondition(pod, 'Ready')?.status === 'True');
  const writes = ready.map((pod): Write => {
    const conditions = (pod.status.conditions ?? []).map((condition) =>
      condition.type === 'Ready'
        ? { ...condition, status: 'False', lastTransitionTime: formatTime(clock.now()) }
        : condition,
    );
    return {
      verb: 'update',
      resource: pods,
      subresource: 'status',
      object: { ...pod, status: { ...pod.status, conditions } } as Pod,
    };
  });
  const outcomes = await writeAll(client, writes);
  for (const outcome of outcomes)
    if (outcome.ok) events.record(outcome.object, 'Warning', 'NodeNotReady', 'Node is not ready');
}

/** As upstream: the reason into the status, then an ordinary deletion with the pod's own grace. */
async function evict(leaving: readonly Pod[], { client, clock, events }: ReconcileContext): Promise<void> {
  const writes: Write[] = [];
  for (const pod of leaving) {
    const { namespace, name, uid } = pod.metadata;
    const condition = {
      type: 'DisruptionTarget',
      status: 'True',
      reason: 'DeletionByTaintManager',
      message: 'Taint manager: deleting due to NoExecute taint',
      lastTransitionTime: formatTime(clock.now()),
    };
    const patch = { metadata: { uid }, status: { conditions: [condition] } };
    writes.push({ verb: 'patch', resource: pods, namespace, name, subresource: 'status', type: 'strategic', patch });
    writes.push({ verb: 'delete', resource: pods, namespace, name, uid });
    events.record(pod, 'Normal', 'TaintManagerEviction', `Marking for deletion Pod ${namespace}/${name}`);
  }
  const outcomes = writes.length > 0 ? await client.write(writes) : [];
  const deletions = writes.flatMap((write, i) =>
    write.verb === 'delete' && outcomes[i] ? [{ write, outcome: outcomes[i] }] : [],
  );
  for (const { write, outcome } of deletions) {
    if (!outcome.ok && outcome.status.code !== 404 && outcome.status.code !== 409)
      throw new Error(`evicting ${write.name}: ${outcome.status.message}`);
  }
}

/**
 * Settles before it taints: nodes that are lost together are noticed up to a heartbeat apart, and the first of them must
 * not be emptied before the others have been counted.
 */
async function reconcileCluster({ client, clock, config }: ReconcileContext): Promise<Result> {
  const all = await client.list(nodes);
  const mayEvict = evictable(all);
  const nowMs = clock.now();
  const writes: Write[] = [];
  let settlesInMs: number | undefined;
  for (const node of all) {
    const ready = node.status?.conditions?.find((condition) => condition.type === 'Ready');
    const settled = (parseTime(ready?.lastTransitionTime) ?? nowMs) + config.nodeHeartbeatMs - nowMs;
    const lost = ready !== undefined && ready.status !== 'True';
    if (lost && settled > 0 && mayEvict(node)) {
      settlesInMs = earliest(settlesInMs, settled);
      continue;
    }
    const taints = withNoExecuteTaints(node, lost && mayEvict(node), nowMs);
    if (taints !== undefined)
      writes.push({ verb: 'update', resource: nodes, object: { ...node, spec: { ...node.spec, taints } } as Node });
  }
  await writeAll(client, writes);
  return resultOf(settlesInMs);
}
