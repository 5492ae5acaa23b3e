// Validation and defaults of roles and bindings (rbac/validation, rbac/v1 defaults). Names are path segments, not DNS names.
import type {
  ClusterRole,
  ClusterRoleBinding,
  PolicyRule,
  Role,
  RoleBinding,
  Subject,
} from '../../generated/schemas/rbac-v1.ts';
import type { FieldError } from '../../machinery/errors.ts';
import { isDns1123Subdomain } from '../../machinery/names.ts';
import { deepEqual, invalid, isPathSegmentName, required, validateLabelSelector } from '../../machinery/validation.ts';
import { Problems } from '../problems.ts';

const group = 'rbac.authorization.k8s.io';

/** Upstream holds prefixes to the same rules as names. */
export const validateName = (name: string): string[] => isPathSegmentName(name, false);

export function validateRules(object: Role | ClusterRole, namespaced: boolean): FieldError[] {
  const problems = new Problems();
  (object.rules ?? []).forEach((rule, i) => {
    validateRule(problems, rule, namespaced, `rules[${i}]`);
  });
  return problems.list;
}

function validateRule(problems: Problems, rule: PolicyRule, namespaced: boolean, path: string): void {
  if (!rule.verbs?.length) problems.required(`${path}.verbs`, 'verbs must contain at least one value');
  if (rule.nonResourceURLs?.length) {
    const at = `${path}.nonResourceURLs`;
    if (namespaced) problems.invalid(at, rule.nonResourceURLs, 'namespaced rules cannot apply to non-resource URLs');
    if (rule.apiGroups?.length || rule.resources?.length || rule.resourceNames?.length)
      problems.invalid(at, rule.nonResourceURLs, 'rules cannot apply to both regular resources and non-resource URLs');
    return;
  }
  if (!rule.apiGroups?.length)
    problems.required(`${path}.apiGroups`, 'resource rules must supply at least one api group');
  if (!rule.resources?.length)
    problems.required(`${path}.resources`, 'resource rules must supply at least one resource');
}

export function validateAggregation({ aggregationRule: rule }: ClusterRole): FieldError[] {
  if (!rule) return [];
  const path = 'aggregationRule.clusterRoleSelectors';
  const selectors = rule.clusterRoleSelectors ?? [];
  if (selectors.length === 0)
    return [required(path, 'at least one clusterRoleSelector required if aggregationRule is non-nil')];
  return selectors.flatMap((selector, i) => {
    const at = `${path}[${i}]`;
    const wrong = validateLabelSelector(selector, at);
    return wrong.length === 0 ? [] : [...wrong, invalid(at, 'null', 'invalid label selector.')];
  });
}

type Binding = RoleBinding | ClusterRoleBinding;

export function defaultBinding(binding: Binding): void {
  if (binding.roleRef && !binding.roleRef.apiGroup) binding.roleRef.apiGroup = group;
  for (const subject of binding.subjects ?? [])
    if (!subject.apiGroup && (subject.kind === 'User' || subject.kind === 'Group')) subject.apiGroup = group;
}

export function validateBinding(binding: Binding, namespaced: boolean): FieldError[] {
  const problems = new Problems();
  const { apiGroup = '', kind = '', name = '' } = binding.roleRef ?? {};
  const kinds = namespaced ? ['Role', 'ClusterRole'] : ['ClusterRole'];
  if (apiGroup !== group) problems.notSupported('roleRef.apiGroup', apiGroup, [group]);
  if (!kinds.includes(kind)) problems.notSupported('roleRef.kind', kind, kinds);
  if (name === '') problems.required('roleRef.name');
  else problems.invalidAll('roleRef.name', name, validateName(name));
  (binding.subjects ?? []).forEach((subject, i) => {
    validateSubject(problems, subject, namespaced, `subjects[${i}]`);
  });
  return problems.list;
}

function validateSubject(problems: Problems, subject: Subject, namespaced: boolean, path: string): void {
  const { kind = '', name = '', apiGroup = '', namespace = '' } = subject;
  if (name === '') problems.required(`${path}.name`);
  switch (kind) {
    case 'ServiceAccount':
      if (name !== '') problems.invalidAll(`${path}.name`, name, isDns1123Subdomain(name));
      if (apiGroup !== '') problems.notSupported(`${path}.apiGroup`, apiGroup, ['']);
      if (!namespaced && namespace === '') problems.required(`${path}.namespace`);
      break;
    case 'User':
    case 'Group':
      if (apiGroup !== group) problems.notSupported(`${path}.apiGroup`, apiGroup, [group]);
      break;
    default:
      problems.notSupported(`${path}.kind`, kind, ['ServiceAccount', 'User', 'Group']);
  }
}

/** As upstream's strategies, which look at the whole once more. */
export function validateBindingUpdate(binding: Binding, old: Binding, namespaced: boolean): FieldError[] {
  const problems = new Problems();
  problems.addAll(validateBinding(binding, namespaced));
  if (!deepEqual(binding.roleRef, old.roleRef)) {
    // Shown by the names of its Go fields.
    const { apiGroup = '', kind = '', name = '' } = binding.roleRef ?? {};
    problems.invalid('roleRef', { APIGroup: apiGroup, Kind: kind, Name: name }, 'cannot change roleRef');
  }
  return problems.list;
}
