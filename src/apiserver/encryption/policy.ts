// Which rows are stored sealed, and under which key: what an EncryptionConfiguration says, and where it says nothing of
// Secrets, under the keys of the cluster. Those lie in ENCRYPTION_KEYS, outside of the database; the first writes.
import type { Configuration } from '../../configuration/configuration.ts';
import { base64Bytes, type EncryptionProvider, parseGroupResource } from '../../configuration/encryption.ts';
import type { SealingKey, SealingOptions } from '../../ledger/sealing.ts';
import type { Cipher } from '../../ports/index.ts';

/** A key of the cluster: 32 random bytes. */
export interface ClusterKey {
  name: string;
  secret: Uint8Array;
}

/** What is before the name of a cluster's key, and of one of an EncryptionConfiguration. */
export const clusterPrefix = 'cluster:';
const keyBytes = 32;
const nameFormat = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

/** `text`: ENCRYPTION_KEYS, JSON: `[{"name","secret"}]`, secrets in base64; empty: there are none. Throws. */
export function clusterKeys(text: string): ClusterKey[] {
  if (text.trim() === '') return [];
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch {
    throw new Error('ENCRYPTION_KEYS is not JSON');
  }
  if (!Array.isArray(list)) throw new Error('ENCRYPTION_KEYS is not a list');
  return list.map((one, i) => {
    const key = clusterKey(one);
    if (!key) throw new Error(`ENCRYPTION_KEYS: the key at ${i} must have a name and a secret of ${keyBytes} bytes`);
    return key;
  });
}

/** Undefined: it is none. */
export function clusterKey(one: unknown): ClusterKey | undefined {
  const { name, secret } = (one ?? {}) as { name?: unknown; secret?: unknown };
  if (typeof name !== 'string' || !nameFormat.test(name) || typeof secret !== 'string') return undefined;
  const bytes = base64Bytes(secret);
  return bytes?.length === keyBytes ? { name, secret: bytes } : undefined;
}

export interface PolicyInput {
  cipher: Cipher;
  /** The first writes. */
  clusterKeys: readonly ClusterKey[];
  encryption: Configuration['encryption'];
}

/** Undefined: nothing is sealed, and nothing can be opened. Throws where a key is asked for that is not there. */
export function sealingOf({ cipher, clusterKeys, encryption = [] }: PolicyInput): SealingOptions | undefined {
  const ofCluster = clusterKeys.map(({ name, secret }): SealingKey => ({ name: clusterPrefix + name, secret }));
  const own = new Map<EncryptionProvider, SealingKey[]>();
  for (const { providers } of encryption)
    for (const provider of providers) {
      if (provider.type === 'kms' && ofCluster.length === 0) throw new Error('ENCRYPTION_KEYS holds no key');
      if (provider.type === 'aesgcm')
        own.set(
          provider,
          provider.keys.map(({ name, secret }) => ({
            name: `aesgcm:${name}`,
            secret: base64Bytes(secret) ?? new Uint8Array(),
          })),
        );
    }
  const keys = unique([...ofCluster, ...[...own.values()].flat()]);
  if (keys.length === 0) return undefined;
  const known = (key: SealingKey | undefined) => key && keys.find((one) => same(one, key));
  const rules = encryption.map(({ resources, providers: [first] }) => ({
    resources,
    key: known(first?.type === 'kms' ? ofCluster[0] : first && own.get(first)?.[0]),
  }));
  const standard = { resources: ['secrets'], key: ofCluster[0] };
  const writers = [...rules, standard].flatMap(({ key }) => key ?? []);
  return {
    cipher,
    keys,
    writers: unique(writers),
    keyOf: (collection) =>
      [...rules, standard].find(({ resources }) => resources.some((pattern) => covers(pattern, collection)))?.key,
    policy: JSON.stringify([...rules, standard].map(({ resources, key }) => [resources, key?.name ?? null])),
  };
}

function covers(pattern: string, collection: string): boolean {
  const [of, one] = [parseGroupResource(pattern), parseGroupResource(collection)];
  if (of.resource === '*' && of.group === '*') return true;
  return of.group === one.group && (of.resource === '*' || of.resource === one.resource);
}

const same = (a: SealingKey, b: SealingKey): boolean =>
  a.name === b.name && a.secret.length === b.secret.length && a.secret.every((byte, i) => byte === b.secret[i]);

const unique = (keys: readonly SealingKey[]): SealingKey[] =>
  keys.filter((key, i) => keys.findIndex((other) => same(key, other)) === i);
