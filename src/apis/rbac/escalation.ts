// Nobody gives what they have not: who writes a role must hold all of its rules, or be allowed to `escalate` it; who writes a
// binding must hold the rules of its role, or be allowed to `bind` it (upstream's policy-based storage). What deletes an object
// in the end, its finalizers and owners, anybody may change who may update it.
import { clusterRoles, roles } from '../../generated/schemas/index.ts';
import type { ClusterRole, ClusterRoleBinding, Role, RoleBinding, RoleRef } from '../../generated/schemas/rbac-v1.ts';
import { errors, goQuoted } from '../../machinery/errors.ts';
import type { KubeObject, ResourceToken } from '../../machinery/meta.ts';
import { compacted, type Rule, ruleText, uncovered } from '../../machinery/policy-rules.ts';
import type { Authority, StrategyContext } from '../../machinery/resource.ts';
import { deepEqual } from '../../machinery/validation.ts';

const { group } = roles;

/** Whatever a role may come to allow that selects others. */
const everything: readonly Rule[] = [
  { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
  { verbs: ['*'], nonResourceURLs: ['*'] },
];

export function authorizeRole(
  role: Role | ClusterRole,
  old: Role | ClusterRole | undefined,
  { user }: StrategyContext,
  authority: Authority,
): void {
  const { plural } = role.kind === clusterRoles.kind ? clusterRoles : roles;
  const { name, namespace = '' } = role.metadata;
  const { requestName } = authority;
  if (authority.may({ verb: 'escalate', group, resource: plural, namespace, name: requestName })) return;
  if (old && changesOnlyItsEnd(role, old)) return;
  const missing = missingText(role.rules ?? [], authority, user);
  if (missing) throw errors.forbidden({ group, plural }, name, missing);
  if ((aggregates(role) || (old && aggregates(old))) && uncovered(everything, authority.rules).length > 0)
    throw errors.forbidden({ group, plural }, name, 'must have cluster-admin privileges to use the aggregationRule');
}

const aggregates = (role: Role | ClusterRole): boolean =>
  'aggregationRule' in role && (role.aggregationRule?.clusterRoleSelectors?.length ?? 0) > 0;

export function authorizeBinding(
  binding: RoleBinding | ClusterRoleBinding,
  old: RoleBinding | ClusterRoleBinding | undefined,
  context: StrategyContext,
  authority: Authority,
): void {
  const { roleRef, metadata } = binding;
  const { name, namespace = '' } = metadata;
  const token = tokenOf(roleRef, namespace);
  // Validation refuses it.
  if (!token || !roleRef.name) return;
  if (old && changesOnlyItsEnd(binding, old)) return;
  const { plural } = token;
  if (
    authority.may({ verb: 'bind', group: roleRef.apiGroup ?? group, resource: plural, namespace, name: roleRef.name })
  )
    return;
  const role = context.get(token, token.namespaced ? namespace : undefined, roleRef.name);
  if (!role) throw errors.notFound({ group, plural }, roleRef.name);
  const missing = missingText(role.rules ?? [], authority, context.user);
  if (missing)
    throw errors.forbidden({ group, plural: namespace === '' ? 'clusterrolebindings' : 'rolebindings' }, name, missing);
}

function tokenOf(roleRef: RoleRef | undefined, namespace: string): ResourceToken<Role | ClusterRole> | undefined {
  if (roleRef?.kind === 'ClusterRole') return clusterRoles;
  return roleRef?.kind === 'Role' && namespace !== '' ? roles : undefined;
}

/** What the user would give without having it, in upstream's words; undefined: nothing. */
function missingText(rules: readonly Rule[], authority: Authority, user: StrategyContext['user']): string | undefined {
  const missing = uncovered(rules, authority.rules);
  if (missing.length === 0) return undefined;
  const texts = [...new Set(compacted(missing).map(ruleText))].sort();
  const groups = user.groups.map(goQuoted).join(' ');
  // Whoever writes hears of resources, where whoever is refused hears of kinds.
  const unresolved = authority.errors.map((text) => text.replace(/^((?:cluster)?role)(\.rbac\.)/, '$1s$2'));
  const tail =
    unresolved.length === 0
      ? ''
      : `; resolution errors: [${unresolved.length === 1 ? unresolved[0] : `[${unresolved.join(', ')}]`}]`;
  return `user ${goQuoted(user.name)} (groups=[${groups}]) is attempting to grant RBAC permissions not currently held:\n${texts.join('\n')}${tail}`;
}

function changesOnlyItsEnd(object: KubeObject, old: KubeObject): boolean {
  const { ownerReferences: _owners, finalizers: _finalizers, managedFields: _fields, ...metadata } = object.metadata;
  const { ownerReferences: _was, finalizers: _were, managedFields: _had, ...before } = old.metadata;
  return deepEqual({ ...object, metadata }, { ...old, metadata: before });
}
