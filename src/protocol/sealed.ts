// Messages that only the holder of the cluster's key can read and answer, over whatever lies between: how a node that knows nothing
// but the hash of that key (as kubeadm prints it) joins without trusting the connection. Whoever is in the middle may pass such a
// message on or drop it; he cannot take the token out of it, nor answer it.
//
// ECDH P-256 of a fresh key of the node's and the cluster CA's, HKDF-SHA-256, AES-256-GCM with a key for each direction. Each key
// seals one message, so that the nonce may be constant. Says nothing of freshness: a token that is used once needs none.

import { fromBase64, sha256, toBase64, toHex } from '../machinery/bytes.ts';
import { errors } from '../machinery/errors.ts';
import type { SealedMessage } from './node.ts';

const curve = { name: 'ECDH', namedCurve: 'P-256' };
const nonce = new Uint8Array(12);
const rawKeyBytes = 65;
/** Of base64 characters; what is joined with is a fraction of it. */
const sealedCharsMax = 16 * 1024;

/** Runtimes name its type differently. */
type Key = Awaited<ReturnType<typeof crypto.subtle.importKey>>;
type Direction = 'request' | 'answer';

/** The shared secret of a private key of the cluster's and somebody's public one (raw). Rejects what is no key. */
export type Agree = (publicKey: Uint8Array) => Promise<Uint8Array>;

/** For whoever holds `clusterKey` (SPKI). `open` reads the answer, and throws where it is not of the holder. */
export async function seal(
  clusterKey: Uint8Array,
  request: unknown,
): Promise<{ message: SealedMessage; open(answer: SealedMessage): Promise<unknown> }> {
  const own = (await crypto.subtle.generateKey(curve, false, ['deriveBits'])) as {
    publicKey: Key;
    privateKey: Key;
  };
  const theirs = await crypto.subtle.importKey('spki', clusterKey as Uint8Array<ArrayBuffer>, curve, false, []);
  // Runtimes differ in what their types call `public`.
  const from = { name: 'ECDH', public: theirs, $public: theirs };
  const shared = new Uint8Array(await crypto.subtle.deriveBits(from, own.privateKey, 256));
  const raw = new Uint8Array((await crypto.subtle.exportKey('raw', own.publicKey)) as ArrayBuffer);
  const sealed = await encrypt(await keyFor(shared, raw, 'request', 'encrypt'), request);
  return {
    message: { key: toBase64(raw), sealed },
    open: async (answer) => decrypt(await keyFor(shared, raw, 'answer', 'decrypt'), answer.sealed),
  };
}

/** What was sealed for the cluster, and how to seal the answer. Throws BadRequest. */
export async function openSealed(
  agree: Agree,
  { key, sealed }: SealedMessage,
): Promise<{ request: unknown; answer(answer: unknown): Promise<SealedMessage> }> {
  if (sealed.length > sealedCharsMax || (key?.length ?? 0) > 2 * rawKeyBytes)
    throw errors.badRequest('sealed: too long');
  try {
    const raw = fromBase64(key ?? '');
    if (raw?.length !== rawKeyBytes) throw new Error('not a point of the curve');
    const shared = await agree(raw);
    const request = await decrypt(await keyFor(shared, raw, 'request', 'decrypt'), sealed);
    return {
      request,
      answer: async (answer) => ({ sealed: await encrypt(await keyFor(shared, raw, 'answer', 'encrypt'), answer) }),
    };
  } catch {
    throw errors.badRequest('sealed: it was not sealed for this cluster');
  }
}

async function keyFor(
  shared: Uint8Array,
  salt: Uint8Array,
  direction: Direction,
  use: 'encrypt' | 'decrypt',
): Promise<Key> {
  const secret = await crypto.subtle.importKey('raw', shared as Uint8Array<ArrayBuffer>, 'HKDF', false, ['deriveKey']);
  const info = new TextEncoder().encode(`tiffin.dev/v1/join ${direction}`);
  const from = { name: 'HKDF', hash: 'SHA-256', salt: salt as Uint8Array<ArrayBuffer>, info };
  return crypto.subtle.deriveKey(from, secret, { name: 'AES-GCM', length: 256 }, false, [use]);
}

async function encrypt(key: Key, message: unknown): Promise<string> {
  const bytes = new TextEncoder().encode(JSON.stringify(message));
  return toBase64(new Uint8Array(await crypto.subtle.encrypt({ name: 'AES-GCM', iv: nonce }, key, bytes)));
}

async function decrypt(key: Key, sealed: string): Promise<unknown> {
  const bytes = fromBase64(sealed);
  if (!bytes) throw new Error('not base64');
  const opened = await crypto.subtle.decrypt({ name: 'AES-GCM', iv: nonce }, key, bytes);
  return JSON.parse(new TextDecoder().decode(opened));
}

/** A bootstrap token, and the hash of the cluster's public key that whoever printed it has put behind it. */
export interface PinnedToken {
  token: string;
  /** Hex of the SHA-256 over the key's SPKI; absent in tokens of kubeadm. */
  pin?: string;
}

const pinnedForm = /^([a-z0-9]{6}\.[a-z0-9]{16})(?:@sha256:([0-9a-f]{64}))?$/;

/** `id.secret` or `id.secret@sha256:HEX`; undefined: neither. */
export function parsePinnedToken(text: string): PinnedToken | undefined {
  const [, token, pin] = pinnedForm.exec(text) ?? [];
  return token === undefined ? undefined : { token, ...(pin ? { pin } : {}) };
}

/** The hash by which a key (SPKI) is known. */
export const keyHash = async (spki: Uint8Array): Promise<string> => toHex(await sha256(spki));
