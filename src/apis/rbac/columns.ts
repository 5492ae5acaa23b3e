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
  description: `${name} in the ${binding.charAt(0).toLowerCase()}${binding.slice(1)}`,
  type: 'string',
  priority: 1,
  cell: (binding) =>
    (binding.subjects ?? [])
      .filter((subject) => subject.kind === kind)
      .map(text)
      .join(', '),
});

const columnsOf = (kind: 'RoleBinding' | 'ClusterRoleBinding'): readonly Column<Binding>[] => [
  nameColumn,
  {
    name: 'Role',
    type: 'string',
    doc: `rbac.v1beta1.${kind}.roleRef`,
    cell: (object) => `${object.roleRef?.kind ?? ''}/${object.roleRef?.name ?? ''}`,
  },
  ageColumn,
  subjects('Users', 'User', kind, ({ name }) => name ?? ''),
  subjects('Groups', 'Group', kind, ({ name }) => name ?? ''),
  subjects('ServiceAccounts', 'ServiceAccount', kind, ({ namespace, name }) => `${namespace ?? ''}/${name ?? ''}`),
];

export const roleBindingColumns = columnsOf('RoleBinding');
export const clusterRoleBindingColumns = columnsOf('ClusterRoleBinding');
