// Validation of ResourceQuotas (core/validation: ValidateResourceQuota): what may be bounded, and which scopes go with it.
import type {
  ResourceQuota,
  ResourceQuotaSpec,
  ScopedResourceSelectorRequirement,
} from '../../../generated/schemas/core-v1.ts';
import { fieldImmutableMessage, type Problems } from '../../problems.ts';
import { validateQuantity } from '../podspec/resources.ts';
import { isStandardQuotaResource, validateQuotaResourceName } from './names.ts';

type ResourceList = Record<string, string> | undefined;

export function validateQuotaResources(problems: Problems, path: string, resources: ResourceList): void {
  for (const [name, quantity] of Object.entries(resources ?? {})) {
    const at = `${path}[${name}]`;
    validateQuotaResourceName(problems, at, name);
    validateQuantity(problems, at, name, quantity);
  }
}

const podCounts = ['pods'];
const podResources = [...podCounts, 'cpu', 'memory', 'limits.cpu', 'limits.memory', 'requests.cpu', 'requests.memory'];
/** The standard resources that a scope narrows. */
const scopeResources: Readonly<Record<string, readonly string[]>> = {
  BestEffort: podCounts,
  NotBestEffort: podResources,
  Terminating: podResources,
  NotTerminating: podResources,
  PriorityClass: podResources,
  CrossNamespacePodAffinity: podResources,
  VolumeAttributesClass: ['persistentvolumeclaims', 'requests.storage'],
};
const isScope = (scope: string): boolean => Object.hasOwn(scopeResources, scope);
/** Scopes that a selector only asks the presence of. */
const presenceOnly = new Set([
  'BestEffort',
  'NotBestEffort',
  'Terminating',
  'NotTerminating',
  'CrossNamespacePodAffinity',
]);
const exclusive = [
  ['BestEffort', 'NotBestEffort'],
  ['Terminating', 'NotTerminating'],
] as const;

/** The bounded resources that the scope cannot narrow. */
function misfits(spec: ResourceQuotaSpec, scope: string): string[] {
  const fitting = isScope(scope) ? scopeResources[scope] : undefined;
  return Object.keys(spec.hard ?? {}).filter(
    (name) => fitting !== undefined && isStandardQuotaResource(name) && !fitting.includes(name),
  );
}

function validateExclusive(problems: Problems, path: string, spec: ResourceQuotaSpec, scopes: readonly string[]): void {
  for (const pair of exclusive)
    if (pair.every((scope) => scopes.includes(scope)))
      problems.invalid(path, spec.scopes ?? null, 'conflicting scopes');
}

function validateScopes(problems: Problems, path: string, spec: ResourceQuotaSpec): void {
  const scopes = spec.scopes ?? [];
  for (const scope of scopes) {
    if (!isScope(scope)) problems.invalid(path, scopes, 'unsupported scope');
    for (const _ of misfits(spec, scope)) problems.invalid(path, scopes, 'unsupported scope applied to resource');
  }
  validateExclusive(problems, path, spec, scopes);
}

function validateScopeSelector(problems: Problems, path: string, spec: ResourceQuotaSpec): void {
  if (!spec.scopeSelector) return;
  const requirements = spec.scopeSelector.matchExpressions ?? [];
  for (const requirement of requirements) validateRequirement(problems, path, spec, requirement);
  validateExclusive(
    problems,
    path,
    spec,
    requirements.map((requirement) => requirement.scopeName ?? ''),
  );
}

function validateRequirement(
  problems: Problems,
  path: string,
  spec: ResourceQuotaSpec,
  { scopeName: scope = '' as never, operator = '' as never, values }: ScopedResourceSelectorRequirement,
): void {
  if (!isScope(scope)) problems.invalid(`${path}.scopeName`, scope, 'unsupported scope');
  for (const _ of misfits(spec, scope))
    problems.invalid(path, selectorShown(spec), 'unsupported scope applied to resource');
  if (presenceOnly.has(scope) && operator !== 'Exists')
    problems.invalid(
      `${path}.operator`,
      operator,
      "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity",
    );
  switch (operator) {
    case 'In':
    case 'NotIn':
      if (!values?.length)
        problems.required(
          `${path}.values`,
          "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector",
        );
      break;
    case 'Exists':
    case 'DoesNotExist':
      if (values?.length)
        problems.invalid(
          `${path}.values`,
          values,
          "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector",
        );
      break;
    default:
      problems.invalid(`${path}.operator`, operator, 'not a valid selector operator');
  }
}

/** The selector as upstream prints it: by the names of its Go fields. */
function selectorShown(spec: ResourceQuotaSpec): unknown {
  return {
    MatchExpressions: (spec.scopeSelector?.matchExpressions ?? []).map(({ scopeName, operator, values }) => ({
      ScopeName: scopeName ?? '',
      Operator: operator ?? '',
      Values: values ?? null,
    })),
  };
}

export function validateQuota(problems: Problems, { spec = {} }: ResourceQuota): void {
  validateQuotaResources(problems, 'spec.hard', spec.hard);
  validateScopes(problems, 'spec.scopes', spec);
  validateScopeSelector(problems, 'spec.scopeSelector.matchExpressions', spec);
}

export function validateQuotaUpdate(problems: Problems, quota: ResourceQuota, old: ResourceQuota): void {
  const scopes = new Set<string>(quota.spec?.scopes);
  const before = new Set<string>(old.spec?.scopes);
  if (scopes.size !== before.size || [...scopes].some((scope) => !before.has(scope)))
    problems.invalid('spec.scopes', quota.spec?.scopes ?? null, fieldImmutableMessage);
}
