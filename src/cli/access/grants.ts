// Who was given what: the bindings of a cluster with the rules of their roles, a line for each subject. It explains; the API
// server decides.
import type {
  ClusterRole,
  ClusterRoleBinding,
  PolicyRule,
  Role,
  RoleBinding,
  RoleRef,
} from '../../generated/schemas/rbac-v1.ts';

/** The RBAC objects of a cluster, of all namespaces. */
export interface Policy {
  clusterRoles: readonly ClusterRole[];
  roles: readonly Role[];
  clusterRoleBindings: readonly ClusterRoleBinding[];
  roleBindings: readonly RoleBinding[];
}

export interface Grant {
  /** A user's name or a group's; a ServiceAccount is a user like any other. */
  subject: { kind: 'User' | 'Group'; name: string };
  /** Empty: in every namespace and at the cluster scope. */
  namespace: string;
  role: Pick<RoleRef, 'kind' | 'name'>;
  binding: string;
  /** The binding is one that every cluster has. */
  builtIn: boolean;
  /** Undefined: there is no such role. */
  rules: readonly PolicyRule[] | undefined;
}

/** By subject, then by namespace. */
export function grantsOf({ clusterRoles, roles, clusterRoleBindings, roleBindings }: Policy): Grant[] {
  const rulesOf = new Map<string, readonly PolicyRule[]>();
  for (const { metadata, rules } of clusterRoles) rulesOf.set(`ClusterRole/${metadata.name}`, rules ?? []);
  for (const { metadata, rules } of roles) rulesOf.set(`Role/${metadata.namespace}/${metadata.name}`, rules ?? []);
  const grants: Grant[] = [];
  for (const { metadata, roleRef, subjects } of [...clusterRoleBindings, ...roleBindings]) {
    const namespace = metadata.namespace ?? '';
    const key = roleRef.kind === 'Role' ? `Role/${namespace}/${roleRef.name}` : `ClusterRole/${roleRef.name}`;
    for (const { kind, name, namespace: own = namespace } of subjects ?? [])
      grants.push({
        subject: {
          kind: kind === 'Group' ? 'Group' : 'User',
          name: kind === 'ServiceAccount' ? `system:serviceaccount:${own}:${name}` : name,
        },
        namespace,
        role: { kind: roleRef.kind, name: roleRef.name },
        binding: metadata.name,
        builtIn: metadata.labels?.['kubernetes.io/bootstrapping'] !== undefined,
        rules: rulesOf.get(key),
      });
  }
  const order = ({ subject, namespace, role }: Grant) => [subject.kind, subject.name, namespace, role.name].join('\0');
  return grants.sort((a, b) => (order(a) < order(b) ? -1 : 1));
}

/** Whether it comes with every cluster, for its own parts; `system:masters` is people's. */
export function isOfTheSystem({ subject, builtIn }: Grant): boolean {
  return builtIn && subject.name !== 'system:masters';
}

/** The groups that a user of this name is in without anybody saying so. */
export function ownGroups(user: string): string[] {
  const [, namespace] = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(user) ?? [];
  if (user === 'system:anonymous') return ['system:unauthenticated'];
  return [
    ...(namespace ? ['system:serviceaccounts', `system:serviceaccounts:${namespace}`] : []),
    ...(user.startsWith('system:node:') ? ['system:nodes'] : []),
    'system:authenticated',
  ];
}

/** Whether a grant is this user's, by name or by one of the groups. */
export function concerns({ subject: { kind, name } }: Grant, user: string, groups: readonly string[]): boolean {
  return kind === 'Group' ? groups.includes(name) : name === user;
}

/** What somebody may have meant by a name: a group or a service account that is called so, as `tiffin access` is asked for it. */
export function likely(user: string, grants: readonly Grant[]): string[] {
  const meant = grants.flatMap(({ subject: { kind, name } }) => {
    if (kind === 'Group') return name === user ? [`--group ${name}`] : [];
    return name.startsWith('system:serviceaccount:') && name.endsWith(`:${user}`) ? [name] : [];
  });
  return [...new Set(meant)];
}
