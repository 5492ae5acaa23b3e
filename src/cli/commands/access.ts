// `tiffin access`: who may do what, a line for each subject and role, from the cluster's bindings.
import { columns, printable } from '../access/columns.ts';
import { concerns, type Grant, grantsOf, isOfTheSystem, likely, ownGroups, type Policy } from '../access/grants.ts';
import { summary } from '../access/summary.ts';
import { Api, type TargetOptions, targetOf } from '../api.ts';

interface AccessOptions extends TargetOptions {
  namespace?: string;
  group?: string[];
  all?: boolean;
  full?: boolean;
}

/** Of a phrase, unless all are asked for. */
const thingsMax = 6;

/** `user`: only what this user has. */
export async function access(user: string | undefined, options: AccessOptions): Promise<void> {
  const api = new Api(targetOf(options));
  try {
    const grants = grantsOf(await policyOf(api));
    const asked = user !== undefined || options.group !== undefined;
    const groups = [...(user === undefined ? [] : ownGroups(user)), ...(options.group ?? [])];
    const here = grants.filter(
      ({ namespace }) => namespace === '' || [undefined, namespace].includes(options.namespace),
    );
    const whose = (grant: Grant) =>
      asked ? concerns(grant, user ?? '', groups) : options.all || !isOfTheSystem(grant);
    const shown = here.filter(whose);
    print(shown, options.full ? Number.POSITIVE_INFINITY : thingsMax);
    if (!asked && shown.length < here.length)
      console.log(`\n${here.length - shown.length} more are the cluster's own: --all`);
    const also = user === undefined ? [] : likely(user, grants);
    if (also.length > 0)
      console.log(`\nDid you mean: ${also.map((one) => `tiffin access ${printable(one)}`).join(', or ')}`);
    if (user?.startsWith('system:node:'))
      console.log('\nA node may also do what its own pods need: docs/node-access.md');
  } finally {
    api.close();
  }
}

function print(grants: readonly Grant[], thingsMax: number): void {
  if (grants.length === 0) {
    console.log('nothing was given');
    return;
  }
  const rows = grants.map(({ subject, namespace, role, rules }) => [
    `${subject.kind === 'Group' ? 'group ' : ''}${subject.name}`,
    namespace || '(everywhere)',
    role.kind === 'Role' ? `${role.name} (Role)` : role.name,
    rules ? summary(rules, thingsMax) : 'nothing: there is no such role',
  ]);
  console.log(columns([['WHO', 'WHERE', 'ROLE', 'MAY'], ...rows]));
}

async function policyOf(api: Api): Promise<Policy> {
  const list = async <T>(plural: string): Promise<T[]> => {
    const path = `/apis/rbac.authorization.k8s.io/v1/${plural}`;
    return (await api.json<{ items: T[] }>('GET', path)).items;
  };
  const [clusterRoles, roles, clusterRoleBindings, roleBindings] = await Promise.all([
    list<Policy['clusterRoles'][number]>('clusterroles'),
    list<Policy['roles'][number]>('roles'),
    list<Policy['clusterRoleBindings'][number]>('clusterrolebindings'),
    list<Policy['roleBindings'][number]>('rolebindings'),
  ]);
  return { clusterRoles, roles, clusterRoleBindings, roleBindings };
}
