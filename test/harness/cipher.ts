// Sealing for tests: the cipher of the deployment, and keys that are made of their names.
import type { SealingKey, SealingOptions } from '../../src/ledger/sealing.ts';
import { nodeCipher } from '../../workers/adapters/cipher.ts';
import { SeededRandom } from './time.ts';

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
    random: new SeededRandom(7),
    keys,
    keyOf: (collection) => (plain(collection) ? undefined : keys[0]),
    policy: `${names[0]} ${plain}`,
  };
}
