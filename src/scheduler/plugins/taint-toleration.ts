// TaintToleration: NoSchedule and NoExecute taints must be tolerated; PreferNoSchedule taints that are not cost score.
import { normalize, type Plugin } from '../framework.ts';
import { tolerates } from '../tolerations.ts';

const taintToleration: Plugin = {
  name: 'TaintToleration',
  order: 3,
  weight: 3,
  filter({ pod }, { node }) {
    for (const taint of node.spec?.taints ?? []) {
      if (taint.effect === 'PreferNoSchedule' || tolerates(pod.spec?.tolerations, taint)) continue;
      return { reasons: ['node(s) had untolerated taint(s)'], unresolvable: true };
    }
    return undefined;
  },
  score({ pod }, nodes) {
    const soft = (pod.spec?.tolerations ?? []).filter(({ effect }) => !effect || effect === 'PreferNoSchedule');
    const counts = nodes.map(
      ({ node }) =>
        (node.spec?.taints ?? []).filter((taint) => taint.effect === 'PreferNoSchedule' && !tolerates(soft, taint))
          .length,
    );
    return counts.every((count) => count === 0) ? undefined : normalize(counts, true);
  },
};

export default taintToleration;
