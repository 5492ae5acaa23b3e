// Bearer tokens of OpenID Connect issuers, as AuthenticationConfiguration names them. A token that does not say that it is of
// the issuer costs nothing; one that does is held against the issuer's keys before anything else that it says counts.
// Distributed claims are not resolved: a groups claim that lies elsewhere leaves its bearer without groups.
import type { User } from '../../core.ts';
import type { Outside } from '../../outgoing.ts';
import type { Authenticator } from '../authenticator.ts';
import { withAuthenticated } from '../groups.ts';
import { checkTimesAndAudience, type JwtConfiguration, Refusal, textOf, userOf } from './claims.ts';
import { RemoteKeys } from './remote-keys.ts';
import { parseJwt } from './token.ts';

/** Google's tokens say less than its discovery does. */
const aliases: Readonly<Record<string, string>> = { 'accounts.google.com': 'https://accounts.google.com' };

/** `own`: the API server's audiences, for which every token of an issuer is that counts here. */
export function oidcAuthenticator(
  configuration: JwtConfiguration,
  dependencies: Outside,
  own: readonly string[],
): Authenticator {
  const { url, discoveryURL, certificateAuthority, audiences } = configuration.issuer;
  const { timers, log } = dependencies;
  const keys = new RemoteKeys({
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

  /** Undefined: not of this issuer. Throws Refusal. */
  const identify = async (token: string): Promise<User | undefined> => {
    const jwt = parseJwt(token);
    const issuer = jwt && textOf(jwt.claims, 'iss');
    if (!issuer || ((Object.hasOwn(aliases, issuer) && aliases[issuer]) || issuer) !== url) return undefined;
    if (!(await keys.verifies(token, jwt))) throw new Refusal('oidc: verify token: failed to verify signature');
    checkTimesAndAudience(jwt.claims, audiences, timers.now());
    return withAuthenticated(userOf(jwt.claims, configuration));
  };
  const settle = async (token: string): Promise<User | Refusal | undefined> => {
    try {
      return await identify(token);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      log.debug('token refused', { issuer: url, reason: error.message });
      return error;
    }
  };
  return {
    async authenticate(token) {
      const user = await settle(token);
      return user instanceof Refusal ? undefined : user;
    },
    async review(token, audiences) {
      const shared = own.filter((one) => audiences.includes(one));
      if (shared.length === 0) return undefined;
      const user = await settle(token);
      if (user instanceof Refusal) return { refusal: user.message };
      return user && { user, audiences: shared };
    },
  };
}
