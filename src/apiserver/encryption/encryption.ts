// Encryption at rest as an administrator meets it: below the keys page how many rows are sealed under which key, `add` (a new
// key of the cluster, under which everything is sealed from now on, and again what is there), `drop` (of one that no row
// needs); gauges; what /readyz says. Whoever calls keeps the key: here it is held in memory alone.
import type { Configuration } from '../../configuration/configuration.ts';
import type { SealingOptions } from '../../ledger/sealing.ts';
import type { Ledger } from '../../ledger/types.ts';
import { ApiError, errors } from '../../machinery/errors.ts';
import type { Cipher } from '../../ports/index.ts';
import { type Family, gauge, labels } from '../metrics/families.ts';
import type { KeyFamily } from '../pages/keys.ts';
import { type ClusterKey, clusterKey, clusterKeys, clusterPrefix, sealingOf } from './policy.ts';

export interface EncryptionOptions {
  cipher: Cipher;
  /** ENCRYPTION_KEYS. */
  keys: string;
  configuration: Configuration | undefined;
}

export class Encryption {
  readonly #options: EncryptionOptions;
  #keys: readonly ClusterKey[];

  /** Throws where the keys cannot be read. */
  constructor(options: EncryptionOptions) {
    this.#options = options;
    this.#keys = clusterKeys(options.keys);
  }

  /** How rows are stored; undefined: in plain. */
  get sealing(): SealingOptions | undefined {
    const { cipher, configuration } = this.#options;
    return sealingOf({ cipher, clusterKeys: this.#keys, encryption: configuration?.encryption });
  }

  /** `changed`: rows are to be stored again. */
  keyFamily(ledger: Ledger, changed: () => void): KeyFamily {
    const status = async () => this.#status(ledger);
    const use = (keys: readonly ClusterKey[]) => {
      this.#keys = keys;
      const { sealing } = this;
      if (sealing) ledger.sealed.configure(sealing);
      changed();
    };
    return {
      status,
      actions: {
        add: async (body) => {
          const key = clusterKey(body);
          if (!key) throw errors.badRequest('a key has a name and a secret of 32 bytes in base64');
          const [first] = this.#keys;
          if (this.#keys.some(({ name }) => name === key.name) && first?.name !== key.name)
            throw errors.badRequest(`there is a key ${key.name} already`);
          if (first?.name !== key.name) use([key, ...this.#keys]);
          return status();
        },
        drop: async ({ name }) => {
          const at = this.#keys.findIndex((key) => key.name === name);
          const { state, keys } = await status();
          const rows = keys.find((key) => key.name === clusterPrefix + name)?.rows ?? 0;
          const why =
            at === 0 ? 'it is the one that writes' : rows > 0 ? `${rows} rows need it` : state === 'resealing' && state;
          if (at < 0) throw new ApiError('NotFound', `there is no key ${JSON.stringify(name)} of the cluster`);
          if (why) throw new ApiError('Conflict', `the key ${name} cannot be dropped: ${why}`);
          use(this.#keys.filter((_, i) => i !== at));
          return status();
        },
      },
    };
  }

  #status(ledger: Ledger) {
    const { keys, resealed, unreadable, wasPlain } = ledger.sealed.status();
    const writes = new Set(this.sealing?.writers.map(({ name }) => name));
    return {
      state: ledger.sealed.due ? 'resealing' : 'settled',
      keys: keys.map(({ id, name, rows, configured }) => ({
        id,
        name,
        rows,
        state: !configured ? 'missing' : writes.has(name) ? 'writes' : 'reads',
      })),
      /** Of the last time that rows were stored again. */
      resealed,
      unreadable,
      /** Rows were once stored in plain: free space of the database may still hold their bytes. */
      wasPlain,
    };
  }
}

/** Undefined: every row can be opened. */
export function encryptionProblem(ledger: Ledger): string | undefined {
  const missing = ledger.sealed.missing();
  return missing.length === 0 ? undefined : `rows are sealed under keys that are not configured: ${missing.join(', ')}`;
}

export function encryptionFamilies(ledger: Ledger): Family[] {
  return [
    gauge('tiffin_encryption_rows', '[ALPHA] Rows of the ledger by the key that they are sealed under', () =>
      ledger.sealed.status().keys.map(({ id, rows }) => [labels({ key: id }), rows] as const),
    ),
    gauge('tiffin_encryption_resealing', '[ALPHA] 1 while rows are being stored again under another key', () => [
      ['', ledger.sealed.due ? 1 : 0],
    ]),
    gauge(
      'tiffin_encryption_unreadable_rows',
      '[ALPHA] Rows that could not be opened when they were to be stored again',
      () => [['', ledger.sealed.status().unreadable]],
    ),
  ];
}
