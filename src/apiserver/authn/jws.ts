// Tokens as they stand in a header: JWS in compact form with JSON claims. Takes apart without believing anything, and accepts
// one spelling only: base64url without padding, line breaks or stray bits, so that no token has a second form that counts as
// well. What the claims mean, and whether the signature holds, others say.

import { fromBase64Url, toBase64Url } from '../../machinery/bytes.ts';
import { isJsonObject } from '../../machinery/schema/json.ts';
import type { Algorithm } from './service-account/keys/pem.ts';

export interface Jws<A extends string = Algorithm> {
  readonly algorithm: A;
  /** '' where the header names no key. */
  readonly kid: string;
  readonly claims: Readonly<Record<string, unknown>>;
  /** What the signature is of. */
  readonly signed: Uint8Array<ArrayBuffer>;
  readonly signature: Uint8Array<ArrayBuffer>;
}

/** A longer token is none of ours, whatever it says: nobody is to have megabytes looked through for him. */
export const tokenCharsMax = 16_000;

const own: readonly unknown[] = ['RS256', 'ES256', 'ES384', 'ES512'] satisfies Algorithm[];
const isOwn = (text: unknown): text is Algorithm => own.includes(text);
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A token of this cluster's own form, taken apart. */
export const parseJws = (token: string): Jws | undefined => takeApart(token, tokenCharsMax, isOwn);

/** Undefined for whatever is no such token, or asks for what is not known here. Never throws. */
export function takeApart<A extends string>(
  token: string,
  charsMax: number,
  isKnown: (algorithm: unknown) => algorithm is A,
): Jws<A> | undefined {
  if (token.length > charsMax) return undefined;
  const parts = token.split('.', 4);
  if (parts.length !== 3) return undefined;
  const [head = '', body = '', tail = ''] = parts;
  const header = readObject(head);
  if (!header) return undefined;
  const { alg, kid = '', crit } = header;
  // Whoever writes `crit` wants something heeded that nobody here knows of.
  if (!isKnown(alg) || typeof kid !== 'string' || crit !== undefined) return undefined;
  const claims = readObject(body);
  const signature = claims && fromBase64Url(tail);
  if (!signature) return undefined;
  return {
    algorithm: alg,
    kid,
    claims,
    signed: new TextEncoder().encode(token.slice(0, head.length + 1 + body.length)) as Uint8Array<ArrayBuffer>,
    signature,
  };
}

/** The text that is signed; the signature comes behind it, after a dot. */
export function unsignedText(header: { alg: Algorithm; kid: string }, claims: object): string {
  const part = (object: object) => toBase64Url(new TextEncoder().encode(JSON.stringify(object)));
  return `${part(header)}.${part(claims)}`;
}

function readObject(text: string): Record<string, unknown> | undefined {
  const bytes = fromBase64Url(text);
  if (!bytes) return undefined;
  try {
    const value: unknown = JSON.parse(utf8.decode(bytes));
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
