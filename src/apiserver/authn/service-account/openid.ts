// What others verify service account tokens with: the issuer's OpenID configuration and its public keys, as they stand at
// /.well-known/openid-configuration and /openid/v1/jwks. Only of an issuer that OpenID Connect allows: an https URL without
// query and fragment.
import { HttpAnswer, type HttpRequest } from '../../../machinery/http.ts';
import { methodNotAllowed } from '../../negotiation/respond.ts';
import type { ServiceAccountIssuer } from './issuer.ts';
import { publishedSeconds } from './keys/administration.ts';
import { jwksPath } from './settings.ts';

const configurationPath = '/.well-known/openid-configuration';

/** Undefined: there is nothing at this path. */
export async function openIdPage(
  issuer: ServiceAccountIssuer | undefined,
  request: HttpRequest,
  path: string,
): Promise<HttpAnswer | undefined> {
  if (!issuer || !isDiscoverable(issuer.settings.issuers[0] ?? '')) return undefined;
  if (path !== configurationPath && path !== jwksPath) return undefined;
  if (request.method !== 'GET') throw methodNotAllowed();
  const { settings, signer } = issuer;
  const jwks = await signer.jwks();
  if (path === jwksPath) return document(jwks, 'application/jwk-set+json');
  const configuration = {
    issuer: settings.issuers[0],
    jwks_uri: settings.jwksUri,
    response_types_supported: ['id_token'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: [...new Set(jwks.keys.map(({ alg }) => alg))].sort(),
  };
  return document(configuration, 'application/json');
}

function isDiscoverable(issuer: string): boolean {
  const url = URL.parse(issuer);
  return url?.protocol === 'https:' && url.search === '' && url.hash === '';
}

const document = (content: object, type: string): HttpAnswer =>
  new HttpAnswer(JSON.stringify(content), {
    headers: { 'Content-Type': type, 'Cache-Control': `public, max-age=${publishedSeconds}` },
  });
