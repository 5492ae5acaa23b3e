// Private keys that lie in the ledger: AES-256-GCM under a key that is derived from a configured private key, which the ledger
// never holds. Whoever has the database alone has nothing to sign with; whoever has the configured key could sign anyway.
import type { CryptoKey } from 'jose';
import { fromBase64, toBase64 } from '../../../../machinery/bytes.ts';

const ivBytes = 12;
const info = new TextEncoder().encode('tiffin.dev/service-account-keys');

/** `secret`: PKCS#8 of the configured key. */
export async function sealingKey(secret: Uint8Array<ArrayBuffer>): Promise<CryptoKey> {
  const base = await crypto.subtle.importKey('raw', secret, 'HKDF', false, ['deriveKey']);
  return crypto.subtle.deriveKey(
    { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(), info },
    base,
    { name: 'AES-GCM', length: 256 },
    false,
    ['encrypt', 'decrypt'],
  );
}

/** `name`: what the text belongs to; under another name it does not open. Base64. */
export async function seal(
  key: CryptoKey,
  name: string,
  bytes: Uint8Array<ArrayBuffer>,
  iv: Uint8Array,
): Promise<string> {
  const sealed = await crypto.subtle.encrypt(parameters(name, iv), key, bytes);
  return toBase64(Uint8Array.of(...iv, ...new Uint8Array(sealed)));
}

/** Undefined: not sealed by this key, or no longer what was sealed. */
export async function unseal(key: CryptoKey, name: string, text: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const bytes = fromBase64(text);
  if (!bytes) return undefined;
  try {
    const opened = await crypto.subtle.decrypt(
      parameters(name, bytes.subarray(0, ivBytes)),
      key,
      bytes.subarray(ivBytes),
    );
    return new Uint8Array(opened);
  } catch {
    return undefined;
  }
}

export const ivLength = ivBytes;

const parameters = (name: string, iv: Uint8Array) => ({
  name: 'AES-GCM',
  iv: iv as Uint8Array<ArrayBuffer>,
  additionalData: new TextEncoder().encode(name),
});
