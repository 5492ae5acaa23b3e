// One key of the service account issuer: what it signs and verifies with, and how it is published. Its name (kid) follows from
// its public half, as upstream's does, so that nobody has to give it one.
import type { CryptoKey, JWK } from 'jose';
import { sha256, toBase64Url } from '../../../../machinery/bytes.ts';
import type { Algorithm, PemKey } from './pem.ts';

export interface IssuerKey {
  readonly kid: string;
  readonly algorithm: Algorithm;
  readonly publicKey: CryptoKey;
  /** Absent: it only verifies. */
  readonly privateKey?: CryptoKey;
  /** As it stands in a JWKS, members in upstream's order. */
  readonly jwk: JWK;
}

/** Of WebCrypto, by JOSE's names. */
const algorithms = {
  RS256: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
  ES256: { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' },
  ES384: { name: 'ECDSA', namedCurve: 'P-384', hash: 'SHA-384' },
  ES512: { name: 'ECDSA', namedCurve: 'P-521', hash: 'SHA-512' },
} as const satisfies Record<Algorithm, object>;

/** Rejects a key that is not of its algorithm. */
export async function importKey(key: PemKey): Promise<IssuerKey> {
  const { algorithm } = key;
  const parameters = algorithms[algorithm];
  if (!key.private)
    return describe(algorithm, await crypto.subtle.importKey('spki', key.der, parameters, true, ['verify']));
  const whole = (await crypto.subtle.exportKey(
    'jwk',
    await crypto.subtle.importKey('pkcs8', key.der, parameters, true, ['sign']),
  )) as JWK;
  const { kty, crv, x, y, n, e } = whole;
  const half = { kty, ...(kty === 'RSA' ? { n, e } : { crv, x, y }) } as JWK;
  // Every runtime has a name of its own for the same form.
  const publicKey = await crypto.subtle.importKey('jwk', half as never, parameters, true, ['verify']);
  const privateKey = await crypto.subtle.importKey('pkcs8', key.der, parameters, false, ['sign']);
  return { ...(await describe(algorithm, publicKey)), privateKey };
}

/** A new key of the kind that clusters are made with; PKCS#8. */
export async function generateKey(): Promise<PemKey> {
  const pair = await crypto.subtle.generateKey(algorithms.ES256, true, ['sign', 'verify']);
  const der = await crypto.subtle.exportKey('pkcs8', (pair as { privateKey: CryptoKey }).privateKey);
  return { private: true, der: new Uint8Array(der as ArrayBuffer), algorithm: 'ES256' };
}

export async function signBytes(key: IssuerKey, bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  if (!key.privateKey) throw new Error(`key ${key.kid} cannot sign`);
  return new Uint8Array(await crypto.subtle.sign(algorithms[key.algorithm], key.privateKey, bytes));
}

export function verifyBytes(
  key: IssuerKey,
  signature: Uint8Array<ArrayBuffer>,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<boolean> {
  return crypto.subtle.verify(algorithms[key.algorithm], key.publicKey, signature, bytes);
}

async function describe(algorithm: Algorithm, publicKey: CryptoKey): Promise<Omit<IssuerKey, 'privateKey'>> {
  const spki = (await crypto.subtle.exportKey('spki', publicKey)) as ArrayBuffer;
  const kid = toBase64Url(await sha256(new Uint8Array(spki)));
  const { kty, crv, x, y, n, e } = (await crypto.subtle.exportKey('jwk', publicKey)) as JWK;
  const numbers = kty === 'RSA' ? { n, e } : { x, y };
  const jwk = { use: 'sig', kty, kid, ...(crv ? { crv } : {}), alg: algorithm, ...numbers } as JWK;
  return { kid, algorithm, publicKey, jwk };
}
