// What the aggregating cluster roles should allow. Pure.
//
// What an aggregating role holds now is of no account: a role that aggregates it aggregates what it is to hold, which is what the
// roles with rules of their own allow that are reached from it. So all follow in one round, and roles that aggregate each other
// come to rest (upstream copies their rules in turns, which in a circle need not end).
import type { ClusterRole, PolicyRule } from '../../generated/schemas/rbac-v1.ts';
import { deepEqual } from '../../machinery/validation.ts';
import { matchesSelector } from '../lib/selectors.ts';

/** The rules of all roles that the selectors reach, in the order of selectors and names, each once. */
function aggregatedRules(role: ClusterRole, byName: readonly ClusterRole[]): PolicyRule[] {
  const rules = new Map<string, PolicyRule>();
  const reached = new Set([role.metadata.name]);
  const reach = ({ aggregationRule }: ClusterRole): void => {
    for (const selector of aggregationRule?.clusterRoleSelectors ?? [])
      for (const source of byName) {
        const { name, labels } = source.metadata;
        if (reached.has(name) || !matchesSelector(selector, labels)) continue;
        reached.add(name);
        if (source.aggregationRule) reach(source);
        else for (const rule of source.rules ?? []) rules.set(textOf(rule), rules.get(textOf(rule)) ?? rule);
      }
  };
  reach(role);
  return [...rules.values()];
}

const textOf = ({ verbs, apiGroups, resources, resourceNames, nonResourceURLs }: PolicyRule): string =>
  JSON.stringify([verbs, apiGroups ?? [], resources ?? [], resourceNames ?? [], nonResourceURLs ?? []]);

/** The roles whose rules are not what they should be, as they should be. */
export function outdated(all: readonly ClusterRole[]): ClusterRole[] {
  const byName = [...all].sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  return all.flatMap((role) => {
    if (!role.aggregationRule || role.metadata.deletionTimestamp !== undefined) return [];
    const rules = aggregatedRules(role, byName);
    return deepEqual(rules, role.rules ?? []) ? [] : [{ ...role, rules }];
  });
}
