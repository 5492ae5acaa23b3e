// What a node may write, and how it becomes ordinary writes of the API: its own Node, the status and the final deletion of
// its own pods, events. Checked here against the node's own scope (the core of upstream's node authorizer and
// NodeRestriction), then executed through the API server's normal pipeline. A write that would change nothing is not made.

import type {
  Event,
  Node,
  NodeCondition,
  NodeStatus,
  Pod,
  PodCondition,
  PodStatus,
} from '../../generated/schemas/core-v1.ts';
import { events, leases, nodes, pods } from '../../generated/schemas/index.ts';
import { ApiError, errors, goQuoted, type Status } from '../../machinery/errors.ts';
import type { KubeObject } from '../../machinery/meta.ts';
import { equalJson, isJsonObject } from '../../machinery/schema/json.ts';
import type { Clock, Log } from '../../ports/index.ts';
import type { NodeWrite, ReportResponse } from '../../protocol/node.ts';
import type { Client, Write } from '../../reconcile/types.ts';
import { forbiddenLabels } from './labels.ts';

type Result = ReportResponse['results'][number];

const leaseNamespace = 'kube-node-lease';
/** Kubelet's default. */
const leaseDurationSeconds = 40;

/** Upstream gives up on a status after as many conflicts. */
const attemptsMax = 5;

/** Pod conditions that the agent decides; all others are kept as they are (kubelet's PodConditionByKubelet). */
const agentPodConditions = new Set([
  'PodScheduled',
  'Ready',
  'Initialized',
  'ContainersReady',
  'PodReadyToStartContainers',
]);
/** And those of them that are over as soon as the agent says them no more. */
const passingPodConditions = new Set(['PodResizePending', 'PodResizeInProgress']);

/** Which claims are the pod's, and may so be read by its node, is not the node's to say. */
const othersFields = ['resourceClaimStatuses', 'extendedResourceClaimStatus'] as const;

export interface NodeWriteDeps {
  /** Acts as the node's user. */
  client: Client;
  clock: Clock;
  log: Log;
}

/** Applies the writes in order; a failure does not stop the rest. Never throws for a reason that lies in a write. */
export async function applyNodeWrites(
  deps: NodeWriteDeps,
  node: string,
  writes: readonly NodeWrite[],
): Promise<ReportResponse> {
  // Writes to different objects go side by side, so that they share a commit; those to one object keep their order.
  const chains = new Map<string, Promise<unknown>>();
  const results = writes.map((write) => {
    const key = chainKey(write);
    const result = (chains.get(key) ?? Promise.resolve()).then(() => applyOne(deps, node, write));
    chains.set(key, result);
    return result;
  });
  return { results: await Promise.all(results) };
}

function chainKey(write: NodeWrite): string {
  switch (write.type) {
    case 'podStatus':
    case 'podGone':
      return `pod/${write.namespace}/${write.name}`;
    case 'node':
    case 'nodeStatus':
      return 'node';
    case 'event':
      return `event/${JSON.stringify((write.object as { metadata?: unknown }).metadata)}`;
  }
}

async function applyOne(deps: NodeWriteDeps, node: string, write: NodeWrite): Promise<Result> {
  try {
    for (let attempt = 1; ; attempt++) {
      const status = await attemptOne(deps, node, write);
      if (!status) return { code: 200 };
      const raced = status.reason === 'Conflict' || (status.reason === 'AlreadyExists' && write.type !== 'event');
      if (raced && !isUidConflict(status) && attempt < attemptsMax) continue;
      return { code: status.code, message: status.message };
    }
  } catch (error) {
    const known = error instanceof ApiError ? error : errors.internal(error);
    if (known.reason === 'InternalError')
      deps.log.error('node write failed', { node, type: write.type, error: String(error) });
    return { code: known.code, message: known.message };
  }
}

const uidConflict = 'the UID in the precondition does not match';
const isUidConflict = (status: Status): boolean => status.message?.includes(uidConflict) ?? false;

/** One attempt; undefined: done. */
async function attemptOne(deps: NodeWriteDeps, node: string, write: NodeWrite): Promise<Status | undefined> {
  switch (write.type) {
    case 'podStatus': {
      const pod = await ownPod(deps, node, write);
      const status = mergePodStatus(pod.status, statusOf<PodStatus>(write.status));
      if (equalJson(status, pod.status)) return undefined;
      return one(deps, { verb: 'update', resource: pods, subresource: 'status', object: { ...pod, status } as Pod });
    }
    case 'podGone': {
      const pod = await ownPod(deps, node, write);
      if (!pod.metadata.deletionTimestamp)
        throw errors.forbidden(
          pods,
          write.name,
          `node "${node}" may only end the deletion of a pod that is being deleted`,
        );
      return one(deps, {
        verb: 'delete',
        resource: pods,
        namespace: write.namespace,
        name: write.name,
        uid: write.uid,
        gracePeriodSeconds: 0,
      });
    }
    case 'node':
      return registerNode(deps, node, write.object as unknown as Node);
    case 'nodeStatus':
      return updateNodeStatus(deps, node, statusOf<NodeStatus>(write.status));
    case 'event':
      return recordEvent(deps, node, write.object as unknown as Event);
  }
}

/** A reported status whose conditions can be merged; all else of it is checked by the API server when it is written. */
function statusOf<T extends PodStatus | NodeStatus>(reported: unknown): T {
  if (!isJsonObject(reported)) throw errors.badRequest('status: expected an object');
  const conditions = reported.conditions ?? [];
  if (!Array.isArray(conditions)) throw errors.badRequest('status.conditions: expected a list');
  conditions.forEach((condition, i) => {
    if (!isJsonObject(condition)) throw errors.badRequest(`status.conditions[${i}]: expected an object`);
    if (typeof condition.type !== 'string') throw errors.badRequest(`status.conditions[${i}].type: expected a string`);
  });
  return reported as T;
}

/** What is merged key by key must be a map of texts before it is. */
function checkTexts(field: string, map: unknown): void {
  if (map === undefined || map === null) return;
  if (!isJsonObject(map) || !Object.values(map).every((value) => typeof value === 'string'))
    throw errors.badRequest(`${field}: expected an object of strings`);
}

async function one(deps: NodeWriteDeps, write: Write): Promise<Status | undefined> {
  const [outcome] = await deps.client.write([write]);
  if (!outcome) throw new Error('a write without an outcome');
  return outcome.ok ? undefined : outcome.status;
}

async function ownPod(
  deps: NodeWriteDeps,
  node: string,
  of: { namespace: string; name: string; uid: string },
): Promise<Pod> {
  const pod = await deps.client.get(pods, of.namespace, of.name);
  if (!pod) throw errors.notFound(pods, of.name);
  if (pod.metadata.uid !== of.uid)
    throw errors.conflict(pods, of.name, `${uidConflict} the UID in record: ${of.uid} and ${pod.metadata.uid}`);
  if (pod.spec.nodeName !== node)
    throw errors.forbidden(
      pods,
      of.name,
      `node "${node}" can only update pod status for pods with spec.nodeName set to itself`,
    );
  return pod;
}

/** The agent's status, with the conditions and fields that others own kept. */
export function mergePodStatus(old: PodStatus | undefined, reported: PodStatus): PodStatus {
  const kept = (old?.conditions ?? []).filter(
    (condition: PodCondition) =>
      !passingPodConditions.has(condition.type) &&
      (!agentPodConditions.has(condition.type) || !reported.conditions?.some((other) => other.type === condition.type)),
  );
  const own = (reported.conditions ?? []).filter((condition) => !kept.some((other) => other.type === condition.type));
  const conditions = [...own, ...kept];
  const merged: PodStatus = { ...reported };
  if (conditions.length > 0) merged.conditions = conditions;
  if (old?.nominatedNodeName && !merged.nominatedNodeName) merged.nominatedNodeName = old.nominatedNodeName;
  if (old?.qosClass) merged.qosClass = old.qosClass;
  for (const field of othersFields) {
    delete merged[field];
    if (old?.[field] !== undefined) Object.assign(merged, { [field]: old[field] });
  }
  return merged;
}

/** Registers the node, or brings the labels and annotations it names and its status up to date. Taints count at registration only. */
async function registerNode(deps: NodeWriteDeps, name: string, wanted: Node): Promise<Status | undefined> {
  if (wanted.status) statusOf(wanted.status);
  checkTexts('metadata.labels', wanted.metadata?.labels);
  checkTexts('metadata.annotations', wanted.metadata?.annotations);
  if (wanted.metadata?.name !== name)
    throw errors.forbidden(nodes, wanted.metadata?.name ?? '', `node "${name}" is not allowed to modify other nodes`);
  const current = await deps.client.get(nodes, undefined, name);
  const labels = wanted.metadata.labels ?? {};
  const changed = Object.keys(labels).filter((key) => current?.metadata.labels?.[key] !== labels[key]);
  const refused = forbiddenLabels(changed);
  if (refused.length > 0) throw errors.forbidden(nodes, name, `is not allowed to modify labels: ${refused.join(', ')}`);
  if (!current) {
    const { taints, providerID, unschedulable } = wanted.spec ?? {};
    const failed = await one(deps, {
      verb: 'create',
      resource: nodes,
      object: {
        apiVersion: 'v1',
        kind: 'Node',
        metadata: { name, labels, annotations: wanted.metadata.annotations },
        spec: {
          ...(taints ? { taints } : {}),
          ...(providerID ? { providerID } : {}),
          ...(unschedulable ? { unschedulable } : {}),
        },
        status: wanted.status,
      } as unknown as KubeObject,
    });
    if (failed) return failed;
    await ensureLease(deps, name);
    return wanted.status ? updateNodeStatus(deps, name, wanted.status) : undefined;
  }
  await ensureLease(deps, name);
  const annotations = wanted.metadata.annotations ?? {};
  const stale =
    changed.length > 0 ||
    Object.entries(annotations).some(([key, value]) => current.metadata.annotations?.[key] !== value);
  if (stale) {
    const failed = await one(deps, {
      verb: 'update',
      resource: nodes,
      object: {
        ...current,
        metadata: {
          ...current.metadata,
          labels: { ...current.metadata.labels, ...labels },
          annotations: { ...current.metadata.annotations, ...annotations },
        },
      } as Node,
    });
    if (failed) return failed;
  }
  return wanted.status ? updateNodeStatus(deps, name, wanted.status) : undefined;
}

/** The node's Lease exists while its Node does (kubelet's nodelease): written once, its renewTime filled in at reads. */
async function ensureLease(deps: NodeWriteDeps, name: string): Promise<void> {
  if (await deps.client.get(leases, leaseNamespace, name)) return;
  const node = await deps.client.get(nodes, undefined, name);
  if (!node) return;
  const ownerReferences = [{ apiVersion: 'v1', kind: 'Node', name, uid: node.metadata.uid }];
  const failed = await one(deps, {
    verb: 'create',
    resource: leases,
    namespace: leaseNamespace,
    object: {
      metadata: { name, namespace: leaseNamespace, ownerReferences },
      spec: { holderIdentity: name, leaseDurationSeconds },
    },
  });
  if (failed && failed.reason !== 'AlreadyExists')
    deps.log.warn('the node has no lease', { node: name, error: failed.message });
}

async function updateNodeStatus(deps: NodeWriteDeps, name: string, reported: NodeStatus): Promise<Status | undefined> {
  const current = await deps.client.get(nodes, undefined, name);
  if (!current) throw errors.notFound(nodes, name);
  const status = mergeNodeStatus(current.status, reported);
  if (equalJson(status, mergeNodeStatus(current.status, {}))) return undefined;
  return one(deps, { verb: 'update', resource: nodes, subresource: 'status', object: { ...current, status } as Node });
}

/**
 * The reported fields over the old ones; of conditions, those that others own are kept. Heartbeat times are not stored
 * (they are filled in at read), and a condition whose status stays keeps its transition time.
 */
export function mergeNodeStatus(old: NodeStatus | undefined, reported: NodeStatus): NodeStatus {
  const conditions = new Map<string, NodeCondition>();
  for (const { lastHeartbeatTime: _, ...condition } of old?.conditions ?? []) conditions.set(condition.type, condition);
  for (const { lastHeartbeatTime: _, ...condition } of reported.conditions ?? []) {
    const before = conditions.get(condition.type);
    const stays = before?.status === condition.status && before.lastTransitionTime;
    conditions.set(condition.type, stays ? { ...condition, lastTransitionTime: before.lastTransitionTime } : condition);
  }
  const merged: NodeStatus = { ...old, ...reported };
  if (conditions.size > 0) merged.conditions = [...conditions.values()];
  return merged;
}

/**
 * Events are created, or updated (a count that rises) where the name is taken already: by one that this node recorded itself.
 * They are about the node or what runs on it, as far as that is still there.
 */
async function recordEvent(deps: NodeWriteDeps, node: string, reported: Event): Promise<Status | undefined> {
  const namespace = reported.metadata?.namespace;
  const name = reported.metadata?.name;
  if (typeof namespace !== 'string' || typeof name !== 'string' || !namespace || !name)
    throw errors.badRequest('an event needs a namespace and a name');
  if (!isJsonObject(reported.involvedObject)) throw errors.badRequest('an event needs an involvedObject');
  const refuse = (why: string) => errors.forbidden(events, name, `node ${goQuoted(node)} ${why}`);
  if (!(await concerns(deps, node, reported))) throw refuse('can only record events of itself and of its pods');
  const event: Event = { ...reported, source: { ...reported.source, host: node }, reportingInstance: node };
  const failed = await one(deps, { verb: 'create', resource: events, namespace, object: event });
  if (failed?.reason !== 'AlreadyExists') return failed;
  const current = await deps.client.get(events, namespace, name);
  if (!current) return one(deps, { verb: 'create', resource: events, namespace, object: event });
  if (current.reportingInstance !== node) throw refuse('can only update events that it recorded itself');
  return one(deps, {
    verb: 'update',
    resource: events,
    object: {
      ...event,
      metadata: {
        ...current.metadata,
        ...event.metadata,
        uid: current.metadata.uid,
        resourceVersion: current.metadata.resourceVersion,
      },
    },
  });
}

async function concerns({ client }: NodeWriteDeps, node: string, { involvedObject }: Event): Promise<boolean> {
  const { kind, namespace = '', name = '' } = involvedObject ?? {};
  if (kind === 'Node') return name === node;
  if (kind !== 'Pod') return false;
  const pod = await client.get(pods, namespace, name);
  // What is told of a pod's end comes after it.
  return !pod || pod.metadata.uid !== involvedObject.uid || pod.spec.nodeName === node;
}
