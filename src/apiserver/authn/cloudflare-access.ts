// Identities of Cloudflare Access, which stands before a hostname and tells who came through in a token of its own, in the
// header Cf-Access-Jwt-Assertion. Anybody can send that header to an address that Access does not stand before: the token
// counts by the team's signature and the application's audience tag alone, and nothing else that Access sends is looked at.

import type { RequestAuthentication } from '../../configuration/request-authentication.ts';
import { isJsonObject } from '../../machinery/schema/json.ts';
import type { User } from '../core.ts';
import type { Outside } from '../outgoing/call.ts';
import { checkTimesAndAudience, claimOf, groupsOf, Refusal, textOf } from './jwt/claims.ts';
import { RemoteKeys } from './jwt/remote-keys.ts';
import { parseJwt } from './jwt/token.ts';

export const accessHeader = 'cf-access-jwt-assertion';

export interface AccessAuthenticator {
  /** A text says why the token is refused. Never rejects. */
  authenticate(token: string): Promise<User | string>;
}

type AccessConfiguration = NonNullable<RequestAuthentication['cloudflareAccess']>;

export function accessAuthenticator(configuration: AccessConfiguration, dependencies: Outside): AccessAuthenticator {
  const { issuer, audiences } = configuration;
  const keys = new RemoteKeys({ ...dependencies, issuer, locate: async () => `${issuer}/cdn-cgi/access/certs` });
  return {
    async authenticate(token) {
      const jwt = parseJwt(token);
      // Access signs with nothing else.
      if (jwt?.algorithm !== 'RS256') return 'no token of Cloudflare Access';
      const { claims } = jwt;
      if (textOf(claims, 'iss') !== issuer) return 'of another team';
      if (!(await keys.verifies(token, jwt))) return 'failed to verify signature';
      try {
        checkTimesAndAudience(claims, audiences, dependencies.timers.now());
        return userOf(claims, configuration);
      } catch (error) {
        if (error instanceof Refusal) return error.message;
        throw error;
      }
    },
  };
}

/** People have an address; service tokens have a name, which no address can be: it has no @. Throws Refusal. */
function userOf(claims: Readonly<Record<string, unknown>>, configuration: AccessConfiguration): User {
  const { usernamePrefix: prefix, groupsPrefix, groupsClaim } = configuration;
  // Tokens of the team's own pages are for another purpose.
  if (textOf(claims, 'type') !== 'app') throw new Refusal('not a token of an application');
  const email = textOf(claims, 'email');
  const service = textOf(claims, 'common_name');
  if (email?.includes('@')) {
    const custom = claimOf(claims, 'custom');
    const value = groupsClaim && isJsonObject(custom) ? claimOf(custom, groupsClaim) : undefined;
    const sub = textOf(claims, 'sub');
    return {
      name: `${prefix}${email}`,
      ...(sub ? { uid: sub } : {}),
      groups: groupsClaim ? groupsOf(value, { claim: groupsClaim, prefix: groupsPrefix }) : [],
      extra: {},
    };
  }
  if (!email && service) return { name: `${prefix}service-token:${service}`, groups: [], extra: {} };
  throw new Refusal('it names neither a person nor a service token');
}
