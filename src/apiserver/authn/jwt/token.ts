// Tokens of issuers that are not this cluster: JWS in compact form (RFC 7515), taken apart without believing anything, and the
// keys (RFC 7517) that may have signed them. Which algorithms there are is decided here and never by the token: neither
// `none` nor a shared secret is among them.
import type { CryptoKey } from 'jose';
import { type Jws, takeApart } from '../jws.ts';

/** Some thousands of groups. */
export const jwtCharsMax = 128 * 1024;

const rsa = (hash: string) => ({ kty: 'RSA', import: { name: 'RSASSA-PKCS1-v1_5', hash } as object });
const pss = (hash: string, saltLength: number) => ({ kty: 'RSA', import: { name: 'RSA-PSS', hash, saltLength } });
const ecdsa = (namedCurve: string, hash: string) => ({
  kty: 'EC',
  crv: namedCurve,
  import: { name: 'ECDSA', namedCurve, hash },
});

/** Upstream's, by JOSE's names, with the parameters that WebCrypto takes to import and to verify. */
const algorithms = {
  RS256: rsa('SHA-256'),
  RS384: rsa('SHA-384'),
  RS512: rsa('SHA-512'),
  PS256: pss('SHA-256', 32),
  PS384: pss('SHA-384', 48),
  PS512: pss('SHA-512', 64),
  ES256: ecdsa('P-256', 'SHA-256'),
  ES384: ecdsa('P-384', 'SHA-384'),
  ES512: ecdsa('P-521', 'SHA-512'),
} as const satisfies Record<string, { kty: string; crv?: string; import: object }>;

export type JwtAlgorithm = keyof typeof algorithms;

const isAlgorithm = (text: unknown): text is JwtAlgorithm =>
  typeof text === 'string' && Object.hasOwn(algorithms, text);

export type Jwt = Jws<JwtAlgorithm>;

/** Undefined for whatever is no such token, or asks for what is not known here. Never throws. */
export const parseJwt = (token: string): Jwt | undefined => takeApart(token, jwtCharsMax, isAlgorithm);

/** A key of a JWKS, imported for each algorithm that a token names. */
export class PublicKey {
  readonly kid: string;
  readonly #jwk: Readonly<Record<string, unknown>>;
  readonly #imported = new Map<JwtAlgorithm, Promise<CryptoKey | undefined>>();

  constructor(jwk: Readonly<Record<string, unknown>>) {
    this.#jwk = jwk;
    this.kid = typeof jwk.kid === 'string' ? jwk.kid : '';
  }

  /** Whether this key made the token's signature. Never rejects. */
  async verifies({ algorithm, signature, signed }: Jwt): Promise<boolean> {
    let key = this.#imported.get(algorithm);
    if (!key) {
      key = this.#import(algorithm);
      this.#imported.set(algorithm, key);
    }
    const usable = await key;
    if (!usable) return false;
    const parameters = algorithms[algorithm].import as Parameters<typeof crypto.subtle.verify>[0];
    return crypto.subtle.verify(parameters, usable, signature, signed).catch(() => false);
  }

  async #import(name: JwtAlgorithm): Promise<CryptoKey | undefined> {
    const { kty, crv, n, e, x, y, use, alg } = this.#jwk;
    const wanted: { kty: string; crv?: string; import: object } = algorithms[name];
    if (kty !== wanted.kty || (wanted.crv !== undefined && crv !== wanted.crv)) return undefined;
    if ((use !== undefined && use !== 'sig') || (alg !== undefined && alg !== name)) return undefined;
    const jwk = kty === 'RSA' ? { kty, n, e } : { kty, crv, x, y };
    return crypto.subtle
      .importKey('jwk', jwk as never, wanted.import as { name: string }, false, ['verify'])
      .catch(() => undefined);
  }
}
