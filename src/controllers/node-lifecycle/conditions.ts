// What a node's silence and conditions say: conditions it gets, taints it wears, and whether the cluster is in disruption.
// Pure. Reasons, messages, taint keys and the disruption rule follow upstream's node lifecycle controller.
import type { Node, NodeCondition, Taint } from '../../generated/schemas/core-v1.ts';
import { formatTime, parseTime } from '../../machinery/time.ts';

export const notReadyTaint = 'node.kubernetes.io/not-ready';
export const unreachableTaint = 'node.kubernetes.io/unreachable';
const unschedulableTaint = 'node.kubernetes.io/unschedulable';

/** The conditions that only the node itself can know. */
const kubeletConditions = ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure'] as const;

const pressureTaints: Record<string, string> = {
  MemoryPressure: 'node.kubernetes.io/memory-pressure',
  DiskPressure: 'node.kubernetes.io/disk-pressure',
  PIDPressure: 'node.kubernetes.io/pid-pressure',
  NetworkUnavailable: 'node.kubernetes.io/network-unavailable',
};
const ownKeys = new Set([notReadyTaint, unreachableTaint, unschedulableTaint, ...Object.values(pressureTaints)]);

/** A new node may take this long until it first reports. */
export const startupGraceMs = 60_000;

export function readyStatus(node: Node): string {
  return node.status?.conditions?.find((condition) => condition.type === 'Ready')?.status ?? 'Unknown';
}

export interface Silence {
  /** Enough of it to call the node unreachable. */
  over: boolean;
  /** Look again then; undefined: the next contact or the node's link will say. */
  checkInMs: number | undefined;
}

/**
 * `lastContactMs` undefined: nobody has ever spoken for this node; it has the startup grace from its creation. While a
 * node is being heard nothing is scheduled: its link tells when it falls silent. Only near the end of the grace period, as
 * when the link's alarm came a little early, is another look booked.
 */
export function silenceOf(node: Node, lastContactMs: number | undefined, graceMs: number, nowMs: number): Silence {
  const reported = node.status?.conditions?.some((condition) => condition.type === 'Ready') ?? false;
  const created = parseTime(node.metadata.creationTimestamp) ?? nowMs;
  const allowed = reported ? graceMs : Math.max(graceMs, startupGraceMs);
  const since = Math.max(lastContactMs ?? created, created);
  const silentMs = nowMs - since;
  if (silentMs >= allowed) return { over: true, checkInMs: undefined };
  const near = lastContactMs === undefined || !reported || silentMs > graceMs / 2;
  return { over: false, checkInMs: near ? allowed - silentMs : undefined };
}

/** The conditions of a node that has fallen silent; undefined when they say so already. */
export function silentConditions(node: Node, nowMs: number): NodeCondition[] | undefined {
  const conditions = [...(node.status?.conditions ?? [])];
  let changed = false;
  for (const type of kubeletConditions) {
    const index = conditions.findIndex((condition) => condition.type === type);
    const current = conditions[index];
    if (current?.status === 'Unknown') continue;
    changed = true;
    const now = formatTime(nowMs);
    if (current === undefined) {
      conditions.push({
        type,
        status: 'Unknown',
        reason: 'NodeStatusNeverUpdated',
        message: 'Kubelet never posted node status.',
        lastHeartbeatTime: node.metadata.creationTimestamp,
        lastTransitionTime: now,
      });
    } else {
      const message = 'Kubelet stopped posting node status.';
      conditions[index] = {
        ...current,
        status: 'Unknown',
        reason: 'NodeStatusUnknown',
        message,
        lastTransitionTime: now,
      };
    }
  }
  return changed ? conditions : undefined;
}

/** NoSchedule taints that the conditions and spec.unschedulable call for. */
function noScheduleKeys(node: Node): Set<string> {
  const keys = new Set<string>();
  const ready = node.status?.conditions?.find((condition) => condition.type === 'Ready')?.status;
  if (ready === 'False') keys.add(notReadyTaint);
  if (ready === 'Unknown') keys.add(unreachableTaint);
  for (const { type, status } of node.status?.conditions ?? []) {
    const key = pressureTaints[type];
    if (key !== undefined && status === 'True') keys.add(key);
  }
  if (node.spec?.unschedulable) keys.add(unschedulableTaint);
  return keys;
}

/** All taints with the controller's NoSchedule ones brought up to date; undefined when they are. */
export function withNoScheduleTaints(node: Node, nowMs: number): Taint[] | undefined {
  const ready = node.status?.conditions?.find((condition) => condition.type === 'Ready');
  const wanted = noScheduleKeys(node);
  // A node is born with the not-ready taint (admission) and keeps it until it has reported.
  if (ready === undefined) wanted.add(notReadyTaint);
  return withTaints(node, 'NoSchedule', (key) => ownKeys.has(key), wanted, nowMs);
}

/** All taints with the NoExecute ones of readiness brought up to date; `evicting` false takes them off. */
export function withNoExecuteTaints(node: Node, evicting: boolean, nowMs: number): Taint[] | undefined {
  const wanted = new Set<string>();
  const ready = node.status?.conditions?.find((condition) => condition.type === 'Ready')?.status;
  if (evicting && ready === 'False') wanted.add(notReadyTaint);
  if (evicting && ready === 'Unknown') wanted.add(unreachableTaint);
  return withTaints(node, 'NoExecute', (key) => key === notReadyTaint || key === unreachableTaint, wanted, nowMs);
}

function withTaints(
  node: Node,
  effect: Taint['effect'],
  isOurs: (key: string) => boolean,
  wanted: ReadonlySet<string>,
  nowMs: number,
): Taint[] | undefined {
  const taints = node.spec?.taints ?? [];
  const present = new Set(taints.filter((taint) => taint.effect === effect).map((taint) => taint.key));
  const kept = taints.filter((taint) => taint.effect !== effect || !isOurs(taint.key) || wanted.has(taint.key));
  const added = [...wanted]
    .filter((key) => !present.has(key))
    .map((key) => ({ key, effect, timeAdded: formatTime(nowMs) }));
  return added.length === 0 && kept.length === taints.length ? undefined : [...kept, ...added];
}

/** Nodes so labelled do not count when disruption is judged. */
const excludedLabel = 'node.kubernetes.io/exclude-disruption';

/** A zone in partial disruption: this share of its nodes, and more than this many. */
const disruptedShare = 0.55;
const disruptedMoreThan = 2;

/**
 * Which nodes may be emptied. When most nodes of the cluster or of a zone are not Ready, or none is Ready at all, the
 * fault is more likely on the way to them than in them, and nothing is evicted. A zone that is lost altogether while the
 * others stand is emptied.
 */
export function evictable(nodes: readonly Node[]): (node: Node) => boolean {
  const zones = new Map<string, { ready: number; lost: number }>();
  const everywhere = { ready: 0, lost: 0 };
  for (const node of nodes) {
    if (node.metadata.labels?.[excludedLabel] !== undefined) continue;
    const zone = zones.get(zoneOf(node)) ?? { ready: 0, lost: 0 };
    zones.set(zoneOf(node), zone);
    for (const count of [zone, everywhere]) readyStatus(node) === 'True' ? count.ready++ : count.lost++;
  }
  const isPartlyLost = ({ ready, lost }: { ready: number; lost: number }): boolean =>
    ready > 0 && lost > disruptedMoreThan && lost / (lost + ready) >= disruptedShare;
  const disrupted = everywhere.ready === 0 || isPartlyLost(everywhere);
  return (node) => !disrupted && !isPartlyLost(zones.get(zoneOf(node)) ?? everywhere);
}

function zoneOf({ metadata: { labels } }: Node): string {
  return `${labels?.['topology.kubernetes.io/region'] ?? ''}/${labels?.['topology.kubernetes.io/zone'] ?? ''}`;
}
