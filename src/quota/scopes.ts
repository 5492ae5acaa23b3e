// Scopes of quotas: which objects a quota is about at all.
import type { ResourceQuotaSpec, ScopedResourceSelectorRequirement } from '../generated/schemas/core-v1.ts';

/** The requirements of both notations. */
export function scopesOf(spec: ResourceQuotaSpec | undefined): ScopedResourceSelectorRequirement[] {
  return [
    ...(spec?.scopes ?? []).map((scopeName) => ({ scopeName, operator: 'Exists' as const })),
    ...(spec?.scopeSelector?.matchExpressions ?? []),
  ];
}

/** Whether one of the values that an object has under a scope is meant; an object may have none. */
export function matchesScopeValue(requirement: ScopedResourceSelectorRequirement, has: readonly string[]): boolean {
  const values = requirement.values ?? [];
  switch (requirement.operator) {
    case 'Exists':
      return has.length > 0;
    case 'DoesNotExist':
      return has.length === 0;
    case 'In':
      return has.some((value) => values.includes(value));
    case 'NotIn':
      return has.length === 0 || has.some((value) => !values.includes(value));
    default:
      return false;
  }
}
