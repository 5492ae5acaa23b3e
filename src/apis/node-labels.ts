// Node labels that have a successor, and the warnings for whatever selects nodes by them (pkg/api/node).

import type { NodeSelectorTerm } from '../generated/schemas/core-v1.ts';
import type { LabelSelector } from '../machinery/meta.ts';

const deprecated: Readonly<Record<string, string>> = {
  'beta.kubernetes.io/arch': 'deprecated since v1.14; use "kubernetes.io/arch" instead',
  'beta.kubernetes.io/os': 'deprecated since v1.14; use "kubernetes.io/os" instead',
  'failure-domain.beta.kubernetes.io/region': 'deprecated since v1.17; use "topology.kubernetes.io/region" instead',
  'failure-domain.beta.kubernetes.io/zone': 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
  'beta.kubernetes.io/instance-type': 'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead',
  'app.kubernetes.io/created-by': 'deprecated since v1.9',
  'scheduler.alpha.kubernetes.io/preferAvoidPods': 'deprecated since v1.22; use Taints and Tolerations instead',
  'node-role.kubernetes.io/master': 'use "node-role.kubernetes.io/control-plane" instead',
};

/** Why the label is not to be used any more; undefined: it is fine. */
export const nodeLabelDeprecation = (key: string): string | undefined =>
  Object.hasOwn(deprecated, key) ? deprecated[key] : undefined;

function expressionWarnings(path: string, expressions: readonly { key?: string }[] | undefined): string[] {
  return (expressions ?? []).flatMap(({ key = '' }, i) => {
    const why = nodeLabelDeprecation(key);
    return why ? [`${path}.matchExpressions[${i}].key: ${key} is ${why}`] : [];
  });
}

export const nodeTermWarnings = (path: string, term: NodeSelectorTerm | undefined): string[] =>
  expressionWarnings(path, term?.matchExpressions);

export function nodeSelectorWarnings(path: string, selector: LabelSelector | undefined): string[] {
  const labels = Object.keys(selector?.matchLabels ?? {}).flatMap((key) => {
    const why = nodeLabelDeprecation(key);
    return why ? [`${path}.matchLabels.${key}: ${why}`] : [];
  });
  return [...expressionWarnings(path, selector?.matchExpressions), ...labels];
}
