// Where a pod goes, or why nowhere: a pure function of a snapshot and a pod. Filters leave the nodes that can take it,
// scores choose among them. The message of a refusal is worded as kube-scheduler's FitError.
import { schedulerPlugins } from '../generated/scheduler-plugins.ts';
import type { NodeInfo, Plugin, PodInfo, Rejection, Snapshot } from './framework.ts';

const plugins: readonly Plugin[] = [...schedulerPlugins].sort((a, b) => a.order - b.order);

/** `elsewhere`: not only a change of a node itself can make it fit there, also one of other nodes' pods. */
export type Decision =
  | { type: 'bind'; nodeName: string }
  | { type: 'unschedulable'; message: string; elsewhere: boolean };

export interface PlanOptions {
  /** Chooses among equally good nodes: an integer below its argument. */
  pick?: (exclusiveMax: number) => number;
  /** Where in the list of nodes to begin, so that a large cluster is not always searched from the same end. */
  start?: number;
}

/** As upstream: in a large cluster it is enough to find a share of the nodes feasible, at least 100. */
function feasibleEnough(nodeCount: number): number {
  if (nodeCount <= 100) return nodeCount;
  const percent = Math.max(5, 50 - Math.floor(nodeCount / 125));
  return Math.max(100, Math.floor((nodeCount * percent) / 100));
}

type Filter = (node: NodeInfo) => Rejection | undefined;

/** All filters, made ready for one pod. */
function filterFor(pod: PodInfo, snapshot: Snapshot): Filter {
  const named: Filter[] = [];
  const filters: Filter[] = [];
  for (const plugin of plugins) {
    const names = plugin.preFilter?.(pod);
    if (names) named.push((node) => (names.has(node.name) ? undefined : notNamed(plugin.name)));
    if (plugin.filter) filters.push((node) => plugin.filter?.(pod, node));
    const prepared = plugin.prepare?.(pod, snapshot);
    if (prepared) filters.push(prepared);
  }
  const all = [...named, ...filters];
  return (node) => {
    for (const filter of all) {
      const rejection = filter(node);
      if (rejection) return rejection;
    }
    return undefined;
  };
}

/** Whether this node could take the pod. */
export function fits(snapshot: Snapshot, pod: PodInfo, node: NodeInfo): boolean {
  return filterFor(pod, snapshot)(node) === undefined;
}

export function plan(snapshot: Snapshot, pod: PodInfo, options: PlanOptions = {}): Decision {
  const { nodes } = snapshot;
  if (nodes.length === 0)
    return { type: 'unschedulable', message: 'no nodes available to schedule pods', elsewhere: false };
  const filter = filterFor(pod, snapshot);
  const feasible: NodeInfo[] = [];
  const rejections: Rejection[] = [];
  const enough = feasibleEnough(nodes.length);
  const start = options.start ?? 0;
  for (let i = 0; i < nodes.length && feasible.length < enough; i++) {
    const node = nodes[(start + i) % nodes.length]!;
    const rejection = filter(node);
    if (rejection) rejections.push(rejection);
    else feasible.push(node);
  }
  if (feasible.length === 0) {
    const elsewhere = rejections.some((rejection) => rejection.elsewhere);
    return { type: 'unschedulable', message: explain(pod, nodes.length, rejections), elsewhere };
  }
  return { type: 'bind', nodeName: best(pod, feasible, snapshot, options.pick ?? (() => 0)).name };
}

const notNamed = (plugin: string): Rejection => ({
  reasons: [`node(s) didn't satisfy plugin(s) [${plugin}]`],
  unresolvable: true,
});

function best(pod: PodInfo, nodes: readonly NodeInfo[], snapshot: Snapshot, pick: (max: number) => number): NodeInfo {
  if (nodes.length === 1) return nodes[0]!;
  const totals = nodes.map(() => 0);
  for (const plugin of plugins) {
    const given = plugin.score?.(pod, nodes, snapshot);
    if (given) for (const [i, score] of given.entries()) totals[i]! += (plugin.weight ?? 1) * score;
  }
  const most = Math.max(...totals);
  const winners = nodes.filter((_node, i) => totals[i] === most);
  return winners[winners.length === 1 ? 0 : pick(winners.length)]!;
}

function explain(pod: PodInfo, nodeCount: number, rejections: readonly Rejection[]): string {
  const why = histogram(rejections.flatMap((rejection) => rejection.reasons));
  // Nothing is preempted; this is what upstream says of a pod for which there are no victims.
  const preemption =
    pod.pod.spec?.preemptionPolicy === 'Never'
      ? 'not eligible due to preemptionPolicy=Never.'
      : `0/${nodeCount} nodes are available: ${histogram(
          rejections.map((rejection) =>
            rejection.unresolvable
              ? 'Preemption is not helpful for scheduling'
              : 'No preemption victims found for incoming pod',
          ),
        )}.`;
  return `0/${nodeCount} nodes are available: ${why}. no new claims to deallocate, preemption: ${preemption}`;
}

/** `1 Insufficient cpu, 2 node(s) …`, sorted as text. */
function histogram(reasons: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return [...counts]
    .map(([reason, count]) => `${count} ${reason}`)
    .sort((a, b) => (a < b ? -1 : 1))
    .join(', ');
}
