// What of node:crypto is used here: workerd has it, its types do not.
declare module 'node:crypto' {
  interface Cipheriv {
    setAAD(context: Uint8Array): void;
    update(bytes: Uint8Array): Uint8Array;
    final(): Uint8Array;
    getAuthTag(): Uint8Array;
  }
  interface Decipheriv {
    setAAD(context: Uint8Array): void;
    setAuthTag(tag: Uint8Array): void;
    update(bytes: Uint8Array): Uint8Array;
    /** Throws where the tag is not that of what was read. */
    final(): Uint8Array;
  }
  export function createCipheriv(algorithm: 'aes-256-gcm', key: Uint8Array, nonce: Uint8Array): Cipheriv;
  export function createDecipheriv(
    algorithm: 'aes-256-gcm',
    key: Uint8Array,
    nonce: Uint8Array,
    options: { authTagLength: number },
  ): Decipheriv;
  export function hkdfSync(
    digest: 'sha256',
    secret: Uint8Array,
    salt: Uint8Array,
    info: Uint8Array,
    bytes: number,
  ): ArrayBuffer;
}
