// An issuer of tokens for tests: keys, discovery and JWKS behind a fetch, which counts what it is asked.
import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import type { Fetch } from '../../../ports/index.ts';

export class TestIssuer {
  readonly url: string;
  readonly asked: string[] = [];
  /** How a call ends, if not as it should. */
  fails: (() => Promise<Response>) | undefined;
  readonly #keys = new Map<string, { alg: string; privateKey: CryptoKey; jwk: JWK }>();

  constructor(url: string) {
    this.url = url;
  }

  async addKey(kid: string, alg = 'RS256'): Promise<this> {
    const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
    this.#keys.set(kid, { alg, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' } });
    return this;
  }

  removeKey(kid: string): void {
    this.#keys.delete(kid);
  }

  /** Signed by the first key, unless `kid` says otherwise. */
  token(claims: Record<string, unknown>, kid = [...this.#keys.keys()][0] ?? '', header: object = {}): Promise<string> {
    const { alg, privateKey } = this.#keys.get(kid) as { alg: string; privateKey: CryptoKey };
    return new SignJWT({ iss: this.url, ...claims }).setProtectedHeader({ alg, kid, ...header }).sign(privateKey);
  }

  /** Answers what lies below its URL, and nothing else. */
  readonly fetch: Fetch = async ({ url }) => {
    this.asked.push(url);
    if (this.fails) return this.fails();
    const keys = [...this.#keys.values()].map(({ jwk }) => jwk);
    if (url === `${this.url}/.well-known/openid-configuration`)
      return Response.json({ issuer: this.url, jwks_uri: `${this.url}/keys` });
    if (url === `${this.url}/keys` || url === `${this.url}/cdn-cgi/access/certs`) return Response.json({ keys });
    return new Response('not here', { status: 404 });
  };
}
