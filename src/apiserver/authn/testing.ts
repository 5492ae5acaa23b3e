// An API server whose service account keys the test has, so that it can sign whatever it likes.
import { exportPKCS8, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import { toBase64Url } from '../../machinery/bytes.ts';
import type { Sql } from '../../ports/index.ts';
import { type TestServer, testServer } from '../testing.ts';
import { importKey } from './service-account/keys/key.ts';
import { pemKeys } from './service-account/keys/pem.ts';

export const issuer = 'https://kubernetes.default.svc.cluster.local';

export interface Forger extends TestServer {
  pem: string;
  kid: string;
  /** The claims of a token that counts, of the account default/a. */
  claims: JWTPayload & { 'kubernetes.io': Record<string, unknown> };
  /** Signed by the server's key; `header` and `claims` replace what would be there, undefined takes it away. */
  sign(claims?: Record<string, unknown>, header?: Record<string, unknown>): Promise<string>;
  /** 200 for who is let in, else the status. */
  knock(token: string): Promise<number>;
  /** Who a TokenReview says it is, or its error. */
  review(token: string, audiences?: string[]): Promise<string>;
  make(resource: string, object: object): Promise<{ name: string; uid: string }>;
}

export async function forger(sql: Sql, overrides: Parameters<typeof testServer>[1] = {}): Promise<Forger> {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true });
  const pem = await exportPKCS8(privateKey);
  const [key] = await Promise.all(pemKeys(pem).map(importKey));
  const kid = key?.kid ?? '';
  const server = await testServer(sql, { serviceAccountKey: pem, ...overrides });
  const { call, clock } = server;
  const make = async (resource: string, object: object) => {
    const path = resource === 'nodes' ? '/api/v1/nodes' : `/api/v1/namespaces/default/${resource}`;
    const { code, json, text } = await call('POST', path, object);
    if (code !== 201) throw new Error(text);
    return { name: json.metadata.name, uid: json.metadata.uid };
  };
  const account = await make('serviceaccounts', { metadata: { name: 'a' } });
  const now = Math.floor(clock.now() / 1000);
  const claims = {
    aud: [issuer],
    exp: now + 3600,
    iat: now,
    iss: issuer,
    jti: 'b0f4c4c2-0000-4000-8000-000000000000',
    'kubernetes.io': { namespace: 'default', serviceaccount: account },
    nbf: now,
    sub: 'system:serviceaccount:default:a',
  };
  return {
    ...server,
    pem,
    kid,
    claims,
    make,
    sign: (changed = {}, header = {}) =>
      new SignJWT({ ...claims, ...changed })
        .setProtectedHeader({ alg: 'ES256', kid, ...header } as { alg: string })
        .sign(privateKey, { crit: { x: true } }),
    async knock(token) {
      const { code } = await call('GET', '/api', undefined, { authorization: `Bearer ${token}` });
      return code;
    },
    async review(token, audiences) {
      const { json } = await call('POST', '/apis/authentication.k8s.io/v1/tokenreviews', {
        spec: { token, ...(audiences ? { audiences } : {}) },
      });
      return json.status.authenticated ? json.status.user.username : json.status.error;
    },
  };
}

export const encoded = (value: unknown): string =>
  toBase64Url(new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value)));
