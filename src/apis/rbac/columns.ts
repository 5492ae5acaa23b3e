// The columns of roles and bindings.
import type { ClusterRoleBinding, RoleBinding, Subject } from '../../generated/schemas/rbac-v1.ts';
import type { KubeObject } from '../../machinery/meta.ts';
import type { Column } from '../../machinery/resource.ts';
import { ageColumn, createdAtColumn, nameColumn } from '../columns.ts';

export const roleColumns: readonly Column<KubeObject>[] = [nameColumn, createdAtColumn];

type Binding = RoleBinding | ClusterRoleBinding;

const subjects = (name: string, kind: string, text: (subject: Subject) => string): Column<Binding> => ({
  name,
  type: 'string',
  priority: 1,
  cell: (binding) =>
    (binding.subjects ?? [])
      .filter((subject) => subject.kind === kind)
      .map(text)
      .join(', '),
});

export const bindingColumns: readonly Column<Binding>[] = [
  nameColumn,
  {
    name: 'Role',
    type: 'string',
    cell: ({ roleRef }) => `${roleRef?.kind ?? ''}/${roleRef?.name ?? ''}`,
  },
  ageColumn,
  subjects('Users', 'User', ({ name }) => name ?? ''),
  subjects('Groups', 'Group', ({ name }) => name ?? ''),
  subjects('ServiceAccounts', 'ServiceAccount', ({ namespace, name }) => `${namespace ?? ''}/${name ?? ''}`),
];
