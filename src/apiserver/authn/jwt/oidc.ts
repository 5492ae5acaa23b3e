// Bearer tokens of OpenID Connect issuers, as AuthenticationConfiguration names them. A token of somebody else costs
// no call; one of an issuer is held against his keys before anything else that it says counts.
// Distributed claims are not resolved: a groups claim that lies elsewhere leaves its bearer without groups.
import type { User } from '../../core.ts';
import type { Outside } from '../../outgoing/call.ts';
import type { Authenticator } from '../authenticator.ts';
import { withAuthenticated } from '../groups.ts';
import { checkTimesAndAudience, type JwtConfiguration, Refusal, textOf, userOf } from './claims.ts';
import { RemoteKeys } from './remote-keys.ts';
import { parseJwt } from './token.ts';

/** Google's tokens say less than its discovery does. */
const aliases: ReadonlyMap<unknown, string> = new Map([['accounts.google.com', 'https://accounts.google.com']]);

/** Of all issuers together: a token is taken apart once. `own`: the API server's audiences, for which it is if it counts. */
export function oidcAuthenticator(
  issuers: readonly JwtConfiguration[],
  dependencies: Outside,
  own: readonly string[],
): Authenticator {
  const { timers, log } = dependencies;
  const known = new Map(
    issuers.map((configuration) => [
      configuration.issuer.url,
      { configuration, keys: keysOf(configuration, dependencies) },
    ]),
  );

  /** Undefined: of no issuer that is known. */
  const identify = async (token: string): Promise<User | Refusal | undefined> => {
    const jwt = parseJwt(token);
    const said = jwt && textOf(jwt.claims, 'iss');
    const issuer = known.get(aliases.get(said) ?? said ?? '');
    if (!jwt || !issuer) return undefined;
    const { configuration, keys } = issuer;
    try {
      if (!(await keys.verifies(token, jwt))) throw new Refusal('oidc: verify token: failed to verify signature');
      checkTimesAndAudience(jwt.claims, configuration.issuer.audiences, timers.now());
      return withAuthenticated(userOf(jwt.claims, configuration));
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      log.debug('token refused', { issuer: said, reason: error.message });
      return error;
    }
  };
  return {
    async authenticate(token) {
      const user = await identify(token);
      return user instanceof Refusal ? undefined : user;
    },
    async review(token, audiences) {
      const shared = own.filter((one) => audiences.includes(one));
      if (shared.length === 0) return undefined;
      const user = await identify(token);
      if (user instanceof Refusal) return { refusal: user.message };
      return user && { user, audiences: shared };
    },
  };
}

function keysOf({ issuer }: JwtConfiguration, dependencies: Outside): RemoteKeys {
  const { url, discoveryURL, certificateAuthority } = issuer;
  return new RemoteKeys({
    ...dependencies,
    issuer: url,
    certificateAuthority,
    async locate(get) {
      const document = await get(discoveryURL ?? `${url.replace(/\/$/, '')}/.well-known/openid-configuration`);
      if (document.issuer !== url) throw new Error('issuer did not match the issuer returned by provider');
      if (typeof document.jwks_uri !== 'string') throw new Error('provider did not return JWKS URL');
      return document.jwks_uri;
    },
  });
}
