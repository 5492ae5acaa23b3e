// NodeResourcesFit: requests against what is left of the node's allocatable, and the number of pods. Scores nodes by how
// little of their cpu and memory would be requested (LeastAllocated).
import { type NodeInfo, type Plugin, type PodInfo, scoreMax } from '../framework.ts';

function free(capacity: number, requested: number): number | undefined {
  if (capacity <= 0) return undefined;
  return requested > capacity ? 0 : Math.floor(((capacity - requested) * scoreMax) / capacity);
}

function leastAllocated(pod: PodInfo, node: NodeInfo): number {
  const shares = [
    free(node.allocatable.get('cpu') ?? 0, node.scored.milliCpu + pod.scored.milliCpu),
    free(node.allocatable.get('memory') ?? 0, node.scored.memory + pod.scored.memory),
  ].filter((share) => share !== undefined);
  return shares.length === 0 ? 0 : Math.floor(shares.reduce((sum, share) => sum + share, 0) / shares.length);
}

const nodeResourcesFit: Plugin = {
  name: 'NodeResourcesFit',
  order: 6,
  weight: 1,
  filter(pod, node) {
    const reasons: string[] = [];
    let unresolvable = false;
    if (node.pods.size + 1 > (node.allocatable.get('pods') ?? 0)) reasons.push('Too many pods');
    for (const [name, wanted] of pod.requests) {
      if (wanted === 0 || name === 'pods') continue;
      const allocatable = node.allocatable.get(name) ?? 0;
      if (wanted <= allocatable - (node.requested.get(name) ?? 0)) continue;
      reasons.push(`Insufficient ${name}`);
      if (wanted > allocatable) unresolvable = true;
    }
    return reasons.length === 0 ? undefined : { reasons, unresolvable };
  },
  score: (pod, nodes) => nodes.map((node) => leastAllocated(pod, node)),
};

export default nodeResourcesFit;
