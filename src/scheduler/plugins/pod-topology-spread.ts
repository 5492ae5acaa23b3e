// PodTopologySpread, with upstream's system defaults alone: pods of one controller prefer other hosts (skew 3) and other
// zones (skew 5). Constraints written in the pod are not looked at yet.
import { type Plugin, scoreMax } from '../framework.ts';

const constraints = [
  { key: 'kubernetes.io/hostname', maxSkew: 3 },
  { key: 'topology.kubernetes.io/zone', maxSkew: 5 },
];

const podTopologySpread: Plugin = {
  name: 'PodTopologySpread',
  order: 7,
  weight: 2,
  score({ ownerUid }, nodes, snapshot) {
    if (ownerUid === undefined) return undefined;
    const raw = nodes.map(() => 0);
    for (const { key, maxSkew } of constraints) {
      const counts = new Map<string, number>();
      for (const { node } of nodes) {
        const value = node.metadata.labels?.[key];
        if (value !== undefined) counts.set(value, 0);
      }
      for (const info of snapshot.nodes) {
        const value = info.node.metadata.labels?.[key];
        const count = value === undefined ? undefined : counts.get(value);
        if (value !== undefined && count !== undefined) counts.set(value, count + (info.owners.get(ownerUid) ?? 0));
      }
      const weight = Math.log(counts.size + 2);
      for (const [i, { node }] of nodes.entries()) {
        const value = node.metadata.labels?.[key];
        if (value !== undefined) raw[i]! += (counts.get(value) ?? 0) * weight + maxSkew - 1;
      }
    }
    const scores = raw.map(Math.round);
    const most = Math.max(...scores);
    const least = Math.min(...scores);
    return scores.map((score) => (most === 0 ? scoreMax : Math.floor((scoreMax * (most + least - score)) / most)));
  },
};

export default podTopologySpread;
