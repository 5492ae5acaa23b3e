// `kubectl --as`: a request that asks, by its Impersonate- headers, to be judged as another user's. Whoever may not
// impersonate is refused; the headers are never ignored, since the request would then run with the caller's own rights.

import { errors } from '../../machinery/errors.ts';
import type { HttpRequest } from '../../machinery/http.ts';
import { type Attributes, type Authorizer, forbidden } from '../authz/authorizer.ts';
import type { User } from '../core.ts';
import { allAuthenticated, anonymous } from './authenticator.ts';

const extraPrefix = 'impersonate-extra-';

/** The user whom the request counts as. Throws Forbidden, or BadRequest where no user is named. */
export function impersonate(headers: HttpRequest['headers'], user: User, authorizer: Authorizer): User {
  let impersonates = false;
  // Every request comes by here: names alone are cheap to look through.
  for (const header of headers.keys()) if (header.startsWith('impersonate-')) impersonates = true;
  if (!impersonates) return user;
  const name = headers.get('impersonate-user') ?? '';
  const uid = headers.get('impersonate-uid') ?? '';
  const groups = list(headers.get('impersonate-group'));
  const extra: Record<string, string[]> = {};
  for (const header of headers.keys())
    if (header.startsWith(extraPrefix)) extra[unescaped(header.slice(extraPrefix.length))] = list(headers.get(header));
  if (name === '') {
    if (uid !== '' || groups.length > 0 || Object.keys(extra).length > 0)
      throw errors.badRequest('requested groups, uid or extra without impersonating a user');
    return user;
  }
  const [, namespace, account] = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(name) ?? [];
  const require = (resource: string, of: Partial<Attributes>) => {
    const attributes = attributesOf(user, resource, of);
    const decision = authorizer.authorize(attributes);
    if (!decision?.allowed) throw forbidden(attributes, decision?.reason);
  };
  if (namespace && account) require('serviceaccounts', { namespace, name: account });
  else require('users', { name });
  for (const group of groups) require('groups', { name: group });
  if (uid !== '') require('uids', { name: uid, group: 'authentication.k8s.io', version: 'v1' });
  for (const [key, values] of Object.entries(extra))
    for (const value of values)
      require('userextras', { name: value, subresource: key, group: 'authentication.k8s.io', version: 'v1' });

  const own =
    groups.length === 0 && namespace ? ['system:serviceaccounts', `system:serviceaccounts:${namespace}`] : groups;
  const everyone = name === anonymous.name ? anonymous.groups : [allAuthenticated];
  return { name, ...(uid === '' ? {} : { uid }), groups: [...new Set([...own, ...everyone])], extra };
}

function attributesOf(user: User, resource: string, of: Partial<Attributes>): Attributes {
  return {
    user,
    verb: 'impersonate',
    isResource: true,
    path: '',
    group: '',
    version: 'v1',
    namespace: '',
    resource,
    subresource: '',
    name: '',
    ...of,
  };
}

/** Several headers of one name arrive joined. */
const list = (value: string | null): string[] =>
  (value ?? '')
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '');

function unescaped(key: string): string {
  try {
    return decodeURIComponent(key);
  } catch {
    return key;
  }
}
