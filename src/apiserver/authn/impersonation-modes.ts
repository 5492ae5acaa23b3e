// The ways in which somebody may be allowed to act as another, in the order in which upstream tries them; and what must be
// allowed for each thing that is asked for of the other user.
import { goQuoted } from '../../machinery/errors.ts';
import { isDns1123Label, isDns1123Subdomain, regexMessage } from '../../machinery/names.ts';
import { type Attributes, forbidden } from '../authz/authorizer.ts';
import type { User } from '../core.ts';
import type { WantedUser } from './impersonation.ts';

export interface Mode {
  readonly name: string;
  readonly verb: string;
  /** Of one kind of user, and only for what may be done in his name; otherwise for everything. */
  readonly constrained: boolean;
  serves(wanted: WantedUser, requestor: User): boolean;
  /** Whom authorizers are asked about, where it is not the requestor as he is. */
  as?(requestor: User): User;
  /** Nodes are not told apart. */
  readonly anyNode?: boolean;
}

/** Of `system:serviceaccount:NAMESPACE:NAME`. */
function serviceAccountOf(username: string): { namespace: string; name: string } | undefined {
  const [, namespace = '', name = ''] = /^system:serviceaccount:([^:]*):([^:]*)$/.exec(username) ?? [];
  if (isDns1123Label(namespace).length > 0 || isDns1123Subdomain(name).length > 0) return undefined;
  return { namespace, name };
}

/** Of `system:node:NAME`. */
export function nodeOf(username: string): string | undefined {
  const name = username.startsWith('system:node:') ? username.slice('system:node:'.length) : '';
  return isDns1123Subdomain(name).length === 0 ? name : undefined;
}

const onlyName = ({ uid, groups, extra }: WantedUser): boolean => uid === '' && groups.length === 0 && extra.size === 0;

const constrained = (name: string, serves: Mode['serves'], more: Partial<Mode> = {}): Mode => ({
  name,
  verb: `impersonate:${name}`,
  constrained: true,
  serves,
  ...more,
});

export const modes: readonly Mode[] = [
  // A service account, the node on which it runs.
  constrained(
    'associated-node',
    (wanted, requestor) => {
      const node = nodeOf(wanted.name);
      const own = requestor.extra?.['authentication.kubernetes.io/node-name'];
      const associated = node !== undefined && own?.length === 1 && own[0] === node;
      return onlyName(wanted) && associated && serviceAccountOf(requestor.name) !== undefined;
    },
    {
      anyNode: true,
      as: (requestor) => ({
        ...requestor,
        extra: { 'authentication.kubernetes.io/associated-node-keys': Object.keys(requestor.extra ?? {}).sort() },
      }),
    },
  ),
  constrained('arbitrary-node', (wanted) => onlyName(wanted) && nodeOf(wanted.name) !== undefined),
  constrained('serviceaccount', (wanted) => onlyName(wanted) && serviceAccountOf(wanted.name) !== undefined),
  constrained('user-info', ({ name }) => nodeOf(name) === undefined && serviceAccountOf(name) === undefined),
  { name: 'legacy', verb: 'impersonate', constrained: false, serves: () => true },
];

/** As many of one kind are asked about at once, first. */
const manyMin = 4;
const authentication = { group: 'authentication.k8s.io', version: 'v1' } as const;

/** The groups of the impersonated user, once all that is wanted of him is allowed. Rejects as `require` does. */
export async function authorizeIdentity(
  mode: Mode,
  wanted: WantedUser,
  requestor: User,
  require: (attributes: Attributes) => Promise<void>,
): Promise<readonly string[]> {
  const asked = (resource: string, of: Partial<Attributes>): Attributes => ({
    user: requestor,
    verb: mode.verb,
    isResource: true,
    path: '',
    ...(mode.constrained ? authentication : { group: '', version: 'v1' }),
    namespace: '',
    resource,
    subresource: '',
    name: '',
    ...of,
  });
  const groups = await authorizeName(mode, wanted, asked, require);
  if (wanted.uid !== '') await require(asked('uids', { ...authentication, name: wanted.uid }));
  await authorizeGroups(mode, wanted.groups, asked, require);
  await authorizeExtra(mode, wanted.extra, asked, require);
  return groups;
}

type Asked = (resource: string, of: Partial<Attributes>) => Attributes;
type Require = (attributes: Attributes) => Promise<void>;

async function authorizeName(
  mode: Mode,
  { name, groups }: WantedUser,
  asked: Asked,
  require: Require,
): Promise<readonly string[]> {
  const node = mode.constrained ? nodeOf(name) : undefined;
  if (node !== undefined) {
    await require(asked('nodes', { name: mode.anyNode ? '*' : node }));
    return ['system:nodes'];
  }
  const account = serviceAccountOf(name);
  if (!account) {
    await require(asked('users', { name }));
    return groups;
  }
  await require(asked('serviceaccounts', account));
  return groups.length > 0 ? groups : ['system:serviceaccounts', `system:serviceaccounts:${account.namespace}`];
}

async function authorizeGroups(mode: Mode, groups: readonly string[], asked: Asked, require: Require): Promise<void> {
  if (mode.constrained) {
    if (groups.includes(''))
      throw forbidden(asked('groups', {}), 'impersonating the empty string group is not allowed');
    if (groups.includes('system:masters'))
      throw forbidden(
        asked('groups', { name: 'system:masters' }),
        'impersonating the system:masters group is not allowed',
      );
    if (groups.length >= manyMin && (await allows(require, asked('groups', { name: '*' })))) return;
  }
  for (const name of groups) await require(asked('groups', { name }));
}

async function authorizeExtra(mode: Mode, extra: WantedUser['extra'], asked: Asked, require: Require): Promise<void> {
  if (extra.size === 0) return;
  const ask = (subresource: string, name: string) => asked('userextras', { ...authentication, subresource, name });
  const values = [...extra].flatMap(([key, list]) => list.map((value) => [key, value] as const));
  if (mode.constrained) {
    for (const [key, list] of extra) {
      const problem = extraProblem(key, list);
      if (problem) throw forbidden(ask('', ''), problem);
    }
    if ((extra.size >= manyMin || values.length >= manyMin) && (await allows(require, ask('*', '*')))) return;
  }
  for (const [key, value] of values) await require(ask(key, value));
}

async function allows(require: Require, attributes: Attributes): Promise<boolean> {
  try {
    await require(attributes);
    return true;
  } catch {
    return false;
  }
}

const pathCharacters = "[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+";

function extraProblem(key: string, values: readonly string[]): string | undefined {
  const invalid = (value: string, detail: string) =>
    `impersonating an invalid key in extra is not allowed: extra.key: Invalid value: ${goQuoted(value)}: ${detail}`;
  if (key === '') return 'impersonating the empty string key in extra is not allowed';
  const slash = key.indexOf('/');
  const [domain, path] = [key.slice(0, Math.max(slash, 0)), key.slice(slash + 1)];
  if (domain === '' || path === '') return invalid(key, 'must be a domain-prefixed path (such as "acme.io/foo")');
  const [wrong] = isDns1123Subdomain(domain);
  if (wrong) return invalid(domain, wrong);
  if (!new RegExp(`^${pathCharacters}$`).test(path)) return invalid(path, regexMessage('Invalid path', pathCharacters));
  if (key !== key.toLowerCase()) return `impersonating a non-lowercase key in extra is not allowed: ${goQuoted(key)}`;
  if (values.includes('')) return 'impersonating the empty string value in extra is not allowed';
  return undefined;
}
