// The Cipher port with node:crypto, whose calls are synchronous in workerd, too. Sealed: nonce (12 bytes), ciphertext, tag (16).
import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto';
import type { Cipher } from '../../src/ports/index.ts';

const algorithm = 'aes-256-gcm';
const nonceBytes = 12;
const tagBytes = 16;
const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { ignoreBOM: true, fatal: true });

export const nodeCipher: Cipher = {
  newKey: () => crypto.getRandomValues(new Uint8Array(32)),

  seal(key, text, context) {
    const nonce = crypto.getRandomValues(new Uint8Array(nonceBytes));
    const cipher = createCipheriv(algorithm, key, nonce);
    cipher.setAAD(encoder.encode(context));
    const body = cipher.update(encoder.encode(text));
    cipher.final();
    const sealed = new Uint8Array(nonceBytes + body.length + tagBytes);
    sealed.set(nonce);
    sealed.set(body, nonceBytes);
    sealed.set(cipher.getAuthTag(), nonceBytes + body.length);
    return sealed;
  },

  open(key, sealed, context) {
    if (sealed.length < nonceBytes + tagBytes) throw new Error('it is too short');
    const end = sealed.length - tagBytes;
    const decipher = createDecipheriv(algorithm, key, sealed.subarray(0, nonceBytes), { authTagLength: tagBytes });
    decipher.setAAD(encoder.encode(context));
    decipher.setAuthTag(sealed.subarray(end));
    const body = decipher.update(sealed.subarray(nonceBytes, end));
    // Throws where the tag is another; nothing of the body is used before.
    decipher.final();
    return decoder.decode(body);
  },

  derive(secret, purpose) {
    return new Uint8Array(hkdfSync('sha256', secret, new Uint8Array(), encoder.encode(purpose), 32));
  },
};
