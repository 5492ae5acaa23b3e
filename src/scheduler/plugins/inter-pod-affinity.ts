// InterPodAffinity: pods that must, may not, or would rather be together, counted per value of a node label; the wishes of
// pods that are already placed count as well.
import type { AffinityTerm } from '../affinity.ts';
import { type NodeInfo, type Plugin, type PodInfo, type Rejection, type Snapshot, scoreMax } from '../framework.ts';

/** Counts by label key and value. */
class Pairs {
  readonly #counts = new Map<string, Map<string, number>>();

  add({ node }: NodeInfo, key: string, count: number): void {
    const value = node.metadata.labels?.[key];
    if (value === undefined) return;
    let counts = this.#counts.get(key);
    if (!counts) {
      counts = new Map();
      this.#counts.set(key, counts);
    }
    counts.set(value, (counts.get(value) ?? 0) + count);
  }

  at({ node }: NodeInfo, key: string): number {
    const value = node.metadata.labels?.[key];
    return value === undefined ? 0 : (this.#counts.get(key)?.get(value) ?? 0);
  }

  get empty(): boolean {
    return this.#counts.size === 0;
  }

  /** The sum over all pairs that the node carries. */
  sum(node: NodeInfo): number {
    let sum = 0;
    for (const key of this.#counts.keys()) sum += this.at(node, key);
    return sum;
  }
}

const hasLabel = ({ node }: NodeInfo, key: string): boolean => node.metadata.labels?.[key] !== undefined;

const rejection = (reason: string, unresolvable: boolean): Rejection => ({
  reasons: [reason],
  unresolvable,
  elsewhere: true,
});
const unmet = rejection("node(s) didn't match pod affinity rules", true);
const repelled = rejection("node(s) didn't match pod anti-affinity rules", false);
const unwelcome = rejection("node(s) didn't satisfy existing pods anti-affinity rules", false);

function* placedPods(snapshot: Snapshot): Generator<[NodeInfo, PodInfo]> {
  for (const node of snapshot.nodes) for (const info of node.pods.values()) yield [node, info];
}

function prepare(
  { pod, affinities }: PodInfo,
  snapshot: Snapshot,
): ((node: NodeInfo) => Rejection | undefined) | undefined {
  const existing = new Pairs();
  for (const node of snapshot.nodes)
    for (const other of node.affine.values())
      for (const term of other.affinities?.forbidden ?? [])
        if (term.matches(pod)) existing.add(node, term.topologyKey, 1);
  const { required = [], forbidden = [] } = affinities ?? {};
  if (existing.empty && required.length === 0 && forbidden.length === 0) return undefined;
  const together = new Pairs();
  const apart = new Pairs();
  if (required.length > 0 || forbidden.length > 0)
    for (const [node, other] of placedPods(snapshot)) {
      if (required.length > 0 && required.every((term) => term.matches(other.pod)))
        for (const term of required) together.add(node, term.topologyKey, 1);
      for (const term of forbidden) if (term.matches(other.pod)) apart.add(node, term.topologyKey, 1);
    }
  // The first pod of a group that wants to be together may begin it.
  const first = together.empty && required.every((term) => term.matches(pod));
  const meets = (node: NodeInfo, term: AffinityTerm): boolean =>
    first ? hasLabel(node, term.topologyKey) : together.at(node, term.topologyKey) > 0;
  return (node) => {
    if (!required.every((term) => meets(node, term))) return unmet;
    if (forbidden.some((term) => apart.at(node, term.topologyKey) > 0)) return repelled;
    return existing.sum(node) > 0 ? unwelcome : undefined;
  };
}

function score({ pod, affinities }: PodInfo, nodes: readonly NodeInfo[], snapshot: Snapshot): number[] | undefined {
  const pairs = new Pairs();
  const preferred = affinities?.preferred ?? [];
  if (preferred.length > 0)
    for (const [node, other] of placedPods(snapshot))
      for (const term of preferred) if (term.matches(other.pod)) pairs.add(node, term.topologyKey, term.weight);
  for (const node of snapshot.nodes)
    for (const { affinities: theirs } of node.affine.values()) {
      // Upstream's hardPodAffinityWeight is 1.
      for (const term of theirs?.required ?? []) if (term.matches(pod)) pairs.add(node, term.topologyKey, 1);
      for (const term of theirs?.preferred ?? []) if (term.matches(pod)) pairs.add(node, term.topologyKey, term.weight);
    }
  if (pairs.empty) return undefined;
  const sums = nodes.map((node) => pairs.sum(node));
  const least = Math.min(...sums);
  const spread = Math.max(...sums) - least;
  return sums.map((sum) => (spread === 0 ? 0 : Math.floor((scoreMax * (sum - least)) / spread)));
}

export const interPodAffinity: Plugin = { name: 'InterPodAffinity', order: 8, weight: 2, prepare, score };

export default interPodAffinity;
