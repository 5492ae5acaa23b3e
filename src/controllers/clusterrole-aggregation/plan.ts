// What the aggregating cluster roles should allow. Pure.
import type { ClusterRole, PolicyRule } from '../../generated/schemas/rbac-v1.ts';
import { deepEqual } from '../../machinery/validation.ts';
import { matchesSelector } from '../lib/selectors.ts';

/** The rules of all roles that the selectors select, in the order of selectors and names, each once. */
export function aggregatedRules(role: ClusterRole, all: readonly ClusterRole[]): PolicyRule[] {
  const byName = [...all].sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  const out: PolicyRule[] = [];
  for (const selector of role.aggregationRule?.clusterRoleSelectors ?? [])
    for (const source of byName) {
      if (source.metadata.name === role.metadata.name || !matchesSelector(selector, source.metadata.labels)) continue;
      for (const rule of source.rules ?? []) if (!out.some((other) => deepEqual(other, rule))) out.push(rule);
    }
  return out;
}

/** The roles whose rules are not what they should be, as they should be. */
export function outdated(all: readonly ClusterRole[]): ClusterRole[] {
  return all.flatMap((role) => {
    if (!role.aggregationRule || role.metadata.deletionTimestamp !== undefined) return [];
    const rules = aggregatedRules(role, all);
    return deepEqual(rules, role.rules) ? [] : [{ ...role, rules }];
  });
}
