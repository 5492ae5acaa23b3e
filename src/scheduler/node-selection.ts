// Whether a node meets node selector terms: k8s.io/component-helpers/scheduling/corev1/nodeaffinity.
// Terms are alternatives; a term's requirements must all hold; a term without any requirement matches nothing.
import type { Node, NodeSelectorRequirement, NodeSelectorTerm, Pod } from '../generated/schemas/core-v1.ts';
import { type LabelOperator, matchesLabels } from '../machinery/selectors.ts';

const operators: Record<NodeSelectorRequirement['operator'], LabelOperator> = {
  In: 'in',
  NotIn: 'notin',
  Exists: 'exists',
  DoesNotExist: '!',
  Gt: 'gt',
  Lt: 'lt',
};

function meets(requirements: readonly NodeSelectorRequirement[], labels: Record<string, string> | undefined): boolean {
  return requirements.every(({ key, operator, values = [] }) =>
    matchesLabels([{ key, operator: operators[operator], values }], labels),
  );
}

export function matchesTerm(term: NodeSelectorTerm, node: Node): boolean {
  const { matchExpressions = [], matchFields = [] } = term;
  if (matchExpressions.length === 0 && matchFields.length === 0) return false;
  return meets(matchExpressions, node.metadata.labels) && meets(matchFields, { 'metadata.name': node.metadata.name });
}

/** spec.nodeSelector and the required node affinity. */
export function matchesRequired(pod: Pod, node: Node): boolean {
  const labels = node.metadata.labels ?? {};
  for (const [key, value] of Object.entries(pod.spec?.nodeSelector ?? {})) if (labels[key] !== value) return false;
  const terms = requiredTerms(pod);
  return !terms || terms.some((term) => matchesTerm(term, node));
}

export function requiredTerms(pod: Pod): NodeSelectorTerm[] | undefined {
  return pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
}
