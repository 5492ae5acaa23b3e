// Sealing for tests: the cipher of the deployment, and keys that are made of their names.
import type { SealingKey, SealingOptions } from '../../src/ledger/sealing.ts';
import { nodeCipher } from '../../workers/adapters/cipher.ts';

export const cipher = nodeCipher;

export const keyNamed = (name: string): SealingKey => ({
  name,
  secret: nodeCipher.derive(new TextEncoder().encode(name), 'test'),
});

/** Everything sealed under the first of these keys; what `plain` names is not. */
export function sealing(
  names: readonly string[],
  plain: (collection: string) => boolean = () => false,
): SealingOptions {
  const keys = names.map(keyNamed);
  return {
    cipher: nodeCipher,
    keys,
    writers: keys.slice(0, 1),
    keyOf: (collection) => (plain(collection) ? undefined : keys[0]),
    policy: `${names[0]} ${plain}`,
  };
}

/** ENCRYPTION_KEYS of these names; the first writes. */
export const encryptionKeys = (...names: string[]): string =>
  JSON.stringify(names.map((name) => ({ name, secret: Buffer.from(keyNamed(name).secret).toString('base64') })));
