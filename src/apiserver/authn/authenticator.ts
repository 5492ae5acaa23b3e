// Who a bearer token belongs to. Several authenticators in a row; the first that knows the token answers. A token that
// nobody knows is Unauthorized; no token at all is anonymous, who may do next to nothing.

import { constantTimeEqual } from '../../machinery/bytes.ts';
import type { HttpRequest } from '../../machinery/http.ts';
import type { User } from '../core.ts';

export interface Authenticator {
  /** Undefined: not one of mine, or no longer valid. Never throws for bad tokens. */
  authenticate(token: string): Promise<User | undefined>;
  /** The same of a token that may be for others than the API server: whether it is for any of `audiences`. */
  review?(token: string, audiences: readonly string[]): Promise<Reviewed | undefined>;
}

/** Who a token belongs to and for which of the audiences asked for it is; or why it is refused. */
export type Reviewed = { user: User; audiences: readonly string[] } | { refusal: string };

export const allAuthenticated = 'system:authenticated';
export const anonymous: User = { name: 'system:anonymous', groups: ['system:unauthenticated'] };

/** `own`: the API server's audiences, for which tokens are that say nothing else. */
export function firstOf(authenticators: readonly Authenticator[], own: readonly string[]): Authenticator {
  return {
    async review(token, audiences) {
      let refused: Reviewed | undefined;
      for (const authenticator of authenticators) {
        const reviewed = await review(authenticator, token, audiences, own);
        if (reviewed && 'user' in reviewed) return reviewed;
        refused ??= reviewed;
      }
      return refused;
    },
    async authenticate(token) {
      for (const authenticator of authenticators) {
        const user = await authenticator.authenticate(token);
        if (user) return user;
      }
      return undefined;
    },
  };
}

/** As {@link Authenticator.review}, of any authenticator. */
export async function review(
  authenticator: Authenticator,
  token: string,
  audiences: readonly string[],
  own: readonly string[],
): Promise<Reviewed | undefined> {
  if (authenticator.review) return authenticator.review(token, audiences);
  const shared = own.filter((one) => audiences.includes(one));
  const user = shared.length > 0 ? await authenticator.authenticate(token) : undefined;
  return user && { user, audiences: shared };
}

/** The token of an Authorization header, found as upstream finds it; undefined when there is none. */
export function bearerToken(request: Pick<HttpRequest, 'headers'>): string | undefined {
  const [scheme = '', token = ''] = (request.headers.get('authorization') ?? '').trim().split(' ', 3);
  return scheme.toLowerCase() === 'bearer' && token !== '' ? token : undefined;
}

/** The one admin token of the kubeconfig that `up` and `kubeconfig` write. */
export function adminAuthenticator(adminToken: string): Authenticator {
  return {
    async authenticate(token) {
      // Its length is no secret: every cluster's is the same.
      if (token.length !== adminToken.length || !constantTimeEqual(token, adminToken)) return undefined;
      return { name: 'kubernetes-admin', groups: ['system:masters', allAuthenticated] };
    },
  };
}
