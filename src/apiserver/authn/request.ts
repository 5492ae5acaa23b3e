// Who sends a request, by whatever it brings: a client certificate, a bearer token, the token of a page's WebSocket, an assertion
// of Cloudflare Access, in this order. As upstream: the first that is good says who it is, whatever else comes along; with none
// good, one bad is enough for 401; without any, it is anonymous. No other header says who anybody is. The client learns
// nothing of why: that is for the log.
import type { Configuration } from '../../configuration/configuration.ts';
import { errors } from '../../machinery/errors.ts';
import type { HttpRequest } from '../../machinery/http.ts';
import type { Random } from '../../ports/index.ts';
import type { User } from '../core.ts';
import type { Outside } from '../outgoing/call.ts';
import { type Authenticator, anonymous, bearerToken } from './authenticator.ts';
import { certificateAuthenticator } from './certificate.ts';
import { accessAuthenticator, accessHeader } from './cloudflare-access.ts';
import { withAuthenticated } from './groups.ts';
import { oidcAuthenticator } from './jwt/oidc.ts';
import { tokenWebhook } from './token-webhook.ts';
import { protocolToken } from './websocket.ts';

type Configured = Pick<Configuration, 'authentication' | 'requestAuthentication'>;

/** Whoever knows bearer tokens that are not the cluster's own, in upstream's order. */
export function configuredTokens(
  { authentication, requestAuthentication }: Configured,
  dependencies: Outside & { random: Random },
  audiences: readonly string[],
): Authenticator[] {
  const webhook = requestAuthentication?.tokenWebhook;
  return [
    ...(authentication?.jwt.length ? [oidcAuthenticator(authentication.jwt, dependencies, audiences)] : []),
    ...(webhook ? [tokenWebhook(webhook, dependencies, audiences)] : []),
  ];
}

/** Throws Unauthorized. `path`: of the URL. */
export type RequestAuthenticator = (request: HttpRequest, path: string) => Promise<User>;

/** Throws where the configuration cannot be used. */
export function requestAuthenticator(
  tokens: Authenticator,
  { authentication, requestAuthentication = {} }: Configured,
  dependencies: Outside,
): RequestAuthenticator {
  const { cloudflareAccess, clientCertificates } = requestAuthentication;
  const certificates = clientCertificates && certificateAuthenticator(clientCertificates.certificateAuthority);
  const access = cloudflareAccess && accessAuthenticator(cloudflareAccess, dependencies);
  const { enabled, paths } = authentication?.anonymous ?? { enabled: true, paths: [] };
  const mayBeAnonymous = (path: string) => enabled && (paths.length === 0 || paths.includes(path));

  return async (request, path) => {
    const refused: string[] = [];
    if (certificates && request.peerCertificate) {
      const user = certificates.authenticate(request.peerCertificate);
      if (typeof user !== 'string') return withAuthenticated(user);
      refused.push(`certificate: ${user}`);
    }
    const bearer = bearerToken(request);
    if (bearer !== undefined) {
      const user = await tokens.authenticate(bearer);
      if (user) return user;
      refused.push('invalid bearer token');
    }
    const ofPage = pageToken(request);
    if (ofPage !== undefined) {
      const user = ofPage === '' ? undefined : await tokens.authenticate(ofPage);
      if (user) return user;
      refused.push('invalid token of a WebSocket');
    }
    const assertion = access && request.headers.get(accessHeader);
    if (access && assertion) {
      const user = await access.authenticate(assertion);
      if (typeof user !== 'string') return withAuthenticated(user);
      refused.push(`Cloudflare Access: ${user}`);
    }
    if (refused.length === 0 && mayBeAnonymous(path)) return anonymous;
    if (refused.length > 0) dependencies.log.debug('unable to authenticate the request', { reasons: refused });
    throw errors.unauthorized();
  };
}

/** '' for one that is not as it should be. */
function pageToken(request: HttpRequest): string | undefined {
  try {
    return protocolToken(request);
  } catch {
    return '';
  }
}
