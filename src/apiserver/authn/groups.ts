// system:authenticated, which everybody who authenticates himself has, whoever says who that is.
import type { User } from '../core.ts';
import { allAuthenticated, anonymous } from './authenticator.ts';

const unauthenticated = anonymous.groups[0] as string;

/** As upstream: not for somebody who is said to be anonymous, or unauthenticated. */
export function withAuthenticated(user: User): User {
  if (user.name === anonymous.name) return user;
  if (user.groups.includes(allAuthenticated) || user.groups.includes(unauthenticated)) return user;
  return { ...user, groups: [...user.groups, allAuthenticated] };
}
