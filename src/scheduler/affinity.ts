// Terms of affinity and anti-affinity between pods, parsed once per pod: which pods a term means, and by which label of
// their nodes "together" is measured. Namespace selectors are honoured only when empty (all namespaces): the scheduler
// does not know the labels of namespaces, so any other selects none.
import type { Pod, PodAffinityTerm } from '../generated/schemas/core-v1.ts';
import type { LabelSelector } from '../machinery/meta.ts';
import { matchesLabels, nothing, type Selector, selectorFromObject } from '../machinery/selectors.ts';

export interface AffinityTerm {
  readonly topologyKey: string;
  matches(pod: Pod): boolean;
}

export interface WeightedTerm extends AffinityTerm {
  readonly weight: number;
}

export interface PodAffinities {
  readonly required: readonly AffinityTerm[];
  readonly forbidden: readonly AffinityTerm[];
  /** Preferred affinity with its weight, preferred anti-affinity with its weight negated. */
  readonly preferred: readonly WeightedTerm[];
}

/** A selector that cannot be read selects nothing. */
export function readSelector(selector: LabelSelector | undefined): Selector {
  try {
    return selectorFromObject(selector);
  } catch {
    return nothing;
  }
}

/** `matchLabelKeys`: the pod's own values of these labels are required too (or excluded). */
export function withLabelKeys(
  selector: Selector,
  pod: Pod,
  keys: readonly string[] | undefined,
  exclude = false,
): Selector {
  const own = pod.metadata.labels ?? {};
  const more = (keys ?? []).flatMap((key) => {
    const value = own[key];
    return value === undefined
      ? []
      : [{ key, operator: exclude ? ('notin' as const) : ('in' as const), values: [value] }];
  });
  return more.length === 0 ? selector : [...selector, ...more];
}

function readTerm(term: PodAffinityTerm, owner: Pod): AffinityTerm {
  let selector = withLabelKeys(readSelector(term.labelSelector), owner, term.matchLabelKeys);
  selector = withLabelKeys(selector, owner, term.mismatchLabelKeys, true);
  const namespaces = new Set(term.namespaces ?? []);
  const bySelector = term.namespaceSelector;
  const everywhere =
    bySelector !== undefined &&
    Object.keys(bySelector.matchLabels ?? {}).length === 0 &&
    (bySelector.matchExpressions ?? []).length === 0;
  if (namespaces.size === 0 && !bySelector) namespaces.add(owner.metadata.namespace ?? '');
  return {
    topologyKey: term.topologyKey,
    matches: (pod) =>
      (everywhere || namespaces.has(pod.metadata.namespace ?? '')) && matchesLabels(selector, pod.metadata.labels),
  };
}

export function readAffinities(pod: Pod): PodAffinities | undefined {
  const { podAffinity, podAntiAffinity } = pod.spec?.affinity ?? {};
  if (!podAffinity && !podAntiAffinity) return undefined;
  const preferred = (side: typeof podAffinity | typeof podAntiAffinity, sign: 1 | -1): WeightedTerm[] =>
    (side?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(({ podAffinityTerm, weight }) => ({
      ...readTerm(podAffinityTerm, pod),
      weight: sign * weight,
    }));
  return {
    required: (podAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []).map((term) => readTerm(term, pod)),
    forbidden: (podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []).map((term) =>
      readTerm(term, pod),
    ),
    preferred: [...preferred(podAffinity, 1), ...preferred(podAntiAffinity, -1)],
  };
}
