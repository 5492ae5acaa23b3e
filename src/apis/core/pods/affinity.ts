// matchLabelKeys and mismatchLabelKeys of pod affinity terms and spread constraints become expressions of their label selector
// when a pod is created, so that whoever places the pod reads the selector alone (pod strategy: mutatePodAffinity,
// mutateTopologySpreadConstraints).

import type { Pod, PodAffinityTerm } from '../../../generated/schemas/core-v1.ts';
import type { LabelSelectorRequirement } from '../../../machinery/meta.ts';

function expressions(
  keys: readonly string[] | undefined,
  operator: LabelSelectorRequirement['operator'],
  labels: Readonly<Record<string, string>>,
): LabelSelectorRequirement[] {
  return (keys ?? []).flatMap((key) => {
    const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
    return value === undefined ? [] : [{ key, operator, values: [value] }];
  });
}

type Selecting = Pick<PodAffinityTerm, 'labelSelector' | 'matchLabelKeys' | 'mismatchLabelKeys'>;

function expand(term: Selecting | undefined, labels: Readonly<Record<string, string>>): void {
  if (!term?.labelSelector) return;
  const added = [
    ...expressions(term.matchLabelKeys, 'In', labels),
    ...expressions(term.mismatchLabelKeys, 'NotIn', labels),
  ];
  if (added.length > 0)
    term.labelSelector.matchExpressions = [...(term.labelSelector.matchExpressions ?? []), ...added];
}

export function expandLabelKeys(pod: Pod): void {
  const labels = pod.metadata.labels ?? {};
  for (const kind of ['podAffinity', 'podAntiAffinity'] as const) {
    const affinity = pod.spec.affinity?.[kind];
    for (const term of affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []) expand(term, labels);
    for (const weighted of affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [])
      expand(weighted.podAffinityTerm, labels);
  }
  for (const constraint of pod.spec.topologySpreadConstraints ?? []) expand(constraint, labels);
}
