// NodeAffinity: spec.nodeSelector and required node affinity filter, preferred node affinity scores.
import { normalize, type Plugin } from '../framework.ts';
import { matchesRequired, matchesTerm, requiredTerms } from '../node-selection.ts';

const nodeAffinity: Plugin = {
  name: 'NodeAffinity',
  order: 4,
  weight: 2,
  preFilter({ pod }) {
    const terms = requiredTerms(pod);
    if (!terms || terms.length === 0) return undefined;
    const names = new Set<string>();
    for (const term of terms) {
      const named = (term.matchFields ?? []).filter(
        (field) => field.key === 'metadata.name' && field.operator === 'In',
      );
      // A term that names no node leaves all in question.
      if (named.length === 0) return undefined;
      const [first, ...others] = named.map((field) => field.values ?? []);
      for (const name of first ?? []) if (others.every((values) => values.includes(name))) names.add(name);
    }
    return names;
  },
  filter: ({ pod }, { node }) =>
    matchesRequired(pod, node)
      ? undefined
      : { reasons: ["node(s) didn't match Pod's node affinity/selector"], unresolvable: true },
  score({ pod }, nodes) {
    const preferred = pod.spec?.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
    if (preferred.length === 0) return undefined;
    return normalize(
      nodes.map(({ node }) =>
        preferred.reduce((sum, { preference, weight }) => sum + (matchesTerm(preference, node) ? weight : 0), 0),
      ),
    );
  },
};

export default nodeAffinity;
