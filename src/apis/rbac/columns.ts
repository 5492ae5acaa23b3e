// The columns of roles and bindings.
import type { ClusterRoleBinding, RoleBinding, Subject } from '../../generated/schemas/rbac-v1.ts';
import type { KubeObject } from '../../machinery/meta.ts';
import type { Column } from '../../machinery/resource.ts';
import { ageColumn, createdAtColumn, nameColumn } from '../columns.ts';

export const roleColumns: readonly Column<KubeObject>[] = [nameColumn, createdAtColumn];

type Binding = RoleBinding | ClusterRoleBinding;

const subjects = (
  name: string,
  kind: string,
  binding: string,
  text: (subject: Subject) => string,
): Column<Binding> => ({
  name,
  description: `${name} in the ${binding}`,
  type: 'string',
  priority: 1,
  cell: (binding) =>
    (binding.subjects ?? [])
      .filter((subject) => subject.kind === kind)
      .map(text)
      .join(', '),
});

const resolved = 'If the RoleRef cannot be resolved, the Authorizer must return an error. This field is immutable.';

const columnsOf = (binding: string, roleRef: string): readonly Column<Binding>[] => [
  nameColumn,
  {
    name: 'Role',
    type: 'string',
    description: `${roleRef} ${resolved}`,
    cell: (object) => `${object.roleRef?.kind ?? ''}/${object.roleRef?.name ?? ''}`,
  },
  ageColumn,
  subjects('Users', 'User', binding, ({ name }) => name ?? ''),
  subjects('Groups', 'Group', binding, ({ name }) => name ?? ''),
  subjects('ServiceAccounts', 'ServiceAccount', binding, ({ namespace, name }) => `${namespace ?? ''}/${name ?? ''}`),
];

export const roleBindingColumns = columnsOf(
  'roleBinding',
  'RoleRef can reference a Role in the current namespace or a ClusterRole in the global namespace.',
);
export const clusterRoleBindingColumns = columnsOf(
  'clusterRoleBinding',
  'RoleRef can only reference a ClusterRole in the global namespace.',
);
