// PodTopologySpread: how far the numbers of like pods may differ between the values of a node label. DoNotSchedule
// constraints filter, ScheduleAnyway ones score. A pod without constraints gets upstream's system defaults: pods of one
// controller prefer other hosts (skew 3) and other zones (skew 5).
import type { Pod, TopologySpreadConstraint } from '../../generated/schemas/core-v1.ts';
import { matchesLabels } from '../../machinery/selectors.ts';
import { readSelector, withLabelKeys } from '../affinity.ts';
import { type NodeInfo, type Plugin, type PodInfo, type Rejection, type Snapshot, scoreMax } from '../framework.ts';
import { matchesRequired } from '../node-selection.ts';
import { tolerates } from '../tolerations.ts';

interface Constraint {
  key: string;
  maxSkew: number;
  minDomains: number;
  /** How many pods of this node count. */
  count(node: NodeInfo): number;
  /** Whether the node's pods and its domain count at all. */
  includes(node: NodeInfo): boolean;
  /** Whether the pod itself will count where it goes. */
  self: boolean;
}

const always = (): boolean => true;

function read(pod: Pod, constraint: TopologySpreadConstraint): Constraint {
  const selector = withLabelKeys(readSelector(constraint.labelSelector), pod, constraint.matchLabelKeys);
  const matches = (other: Pod): boolean =>
    other.metadata.namespace === pod.metadata.namespace &&
    !other.metadata.deletionTimestamp &&
    matchesLabels(selector, other.metadata.labels);
  const byAffinity = constraint.nodeAffinityPolicy !== 'Ignore';
  const byTaints = constraint.nodeTaintsPolicy === 'Honor';
  return {
    key: constraint.topologyKey,
    maxSkew: constraint.maxSkew,
    minDomains: constraint.minDomains ?? 1,
    count(node) {
      let count = 0;
      for (const other of node.pods.values()) if (matches(other.pod)) count++;
      return count;
    },
    includes: ({ node }) =>
      (!byAffinity || matchesRequired(pod, node)) &&
      (!byTaints ||
        (node.spec?.taints ?? []).every(
          (taint) => taint.effect === 'PreferNoSchedule' || tolerates(pod.spec?.tolerations, taint),
        )),
    self: matches(pod),
  };
}

function constraintsOf(pod: Pod, when: TopologySpreadConstraint['whenUnsatisfiable']): Constraint[] {
  const all = pod.spec?.topologySpreadConstraints ?? [];
  return all.filter((constraint) => constraint.whenUnsatisfiable === when).map((constraint) => read(pod, constraint));
}

function systemDefaults(ownerUid: string): Constraint[] {
  const count = (node: NodeInfo): number => node.owners.get(ownerUid) ?? 0;
  const common = { minDomains: 1, count, includes: always, self: true };
  return [
    { key: 'kubernetes.io/hostname', maxSkew: 3, ...common },
    { key: 'topology.kubernetes.io/zone', maxSkew: 5, ...common },
  ];
}

const labelOf = (node: NodeInfo, key: string): string | undefined => node.node.metadata.labels?.[key];
const hasAll = (node: NodeInfo, constraints: readonly Constraint[]): boolean =>
  constraints.every(({ key }) => labelOf(node, key) !== undefined);

const skewed: Rejection = {
  reasons: ["node(s) didn't match pod topology spread constraints"],
  unresolvable: false,
  elsewhere: true,
};
const unlabelled: Rejection = {
  reasons: ["node(s) didn't match pod topology spread constraints (missing required label)"],
  unresolvable: true,
};

function prepare({ pod }: PodInfo, snapshot: Snapshot): ((node: NodeInfo) => Rejection | undefined) | undefined {
  const constraints = constraintsOf(pod, 'DoNotSchedule');
  if (constraints.length === 0) return undefined;
  const eligible = snapshot.nodes.filter((node) => hasAll(node, constraints));
  const checks = constraints.map((constraint) => {
    const counts = new Map<string, number>();
    for (const node of eligible) {
      if (!constraint.includes(node)) continue;
      const value = labelOf(node, constraint.key)!;
      counts.set(value, (counts.get(value) ?? 0) + constraint.count(node));
    }
    const least = counts.size < constraint.minDomains ? 0 : Math.min(...counts.values());
    return { ...constraint, counts, least };
  });
  return (node) => {
    for (const { key, counts, least, self, maxSkew } of checks) {
      const value = labelOf(node, key);
      if (value === undefined) return unlabelled;
      if ((counts.get(value) ?? 0) + (self ? 1 : 0) - least > maxSkew) return skewed;
    }
    return undefined;
  };
}

function score({ pod, ownerUid }: PodInfo, nodes: readonly NodeInfo[], snapshot: Snapshot): number[] | undefined {
  const written = (pod.spec?.topologySpreadConstraints ?? []).length > 0;
  const constraints = written ? constraintsOf(pod, 'ScheduleAnyway') : ownerUid ? systemDefaults(ownerUid) : [];
  if (constraints.length === 0) return undefined;
  // By default a node without a zone is still spread over by host name.
  const ranked = (node: NodeInfo): boolean => !written || hasAll(node, constraints);
  const raw = nodes.map(() => 0);
  for (const constraint of constraints) {
    const counts = new Map<string, number>();
    for (const node of nodes) {
      const value = ranked(node) ? labelOf(node, constraint.key) : undefined;
      if (value !== undefined) counts.set(value, 0);
    }
    for (const node of snapshot.nodes) {
      const value = labelOf(node, constraint.key);
      const count = value === undefined ? undefined : counts.get(value);
      if (value === undefined || count === undefined || !ranked(node) || !constraint.includes(node)) continue;
      counts.set(value, count + constraint.count(node));
    }
    const weight = Math.log(counts.size + 2);
    for (const [i, node] of nodes.entries()) {
      const count = counts.get(labelOf(node, constraint.key) ?? '');
      if (count !== undefined) raw[i]! += count * weight + constraint.maxSkew - 1;
    }
  }
  const sums = raw.map((value, i) => (ranked(nodes[i]!) ? Math.round(value) : undefined));
  const known = sums.filter((sum) => sum !== undefined);
  const most = Math.max(0, ...known);
  const least = Math.min(...known);
  return sums.map((sum) => {
    if (sum === undefined) return 0;
    return most === 0 ? scoreMax : Math.floor((scoreMax * (most + least - sum)) / most);
  });
}

export const podTopologySpread: Plugin = { name: 'PodTopologySpread', order: 7, weight: 2, prepare, score };

export default podTopologySpread;
