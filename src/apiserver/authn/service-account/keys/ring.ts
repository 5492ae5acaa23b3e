// The keys of the service account issuer: those that it was configured with, in their order, and those that rotation made,
// which the ledger keeps (sealed) as `tiffin.dev/service-account-keys/KID`. All verify; one signs: of the made ones that which
// began last, else the first configured one that can. A made key is published before it signs, since others hold what
// they have read of the JWKS for a while.
//
// Worked example: configured A. rotate: B made at 10:00, signs from 11:00; from 10:00 on A and B verify and stand in the JWKS.
// At 11:00 B signs, without anything having to happen. Of A it is noted until when its tokens count: 12:05, say. retire at
// 11:30 leaves A alone; at 12:10 A verifies no more: its row stays as a mark, since A is still configured.
import type { CryptoKey } from 'jose';
import type { Ledger } from '../../../../ledger/types.ts';
import type { Clock, Random } from '../../../../ports/index.ts';
import { generateKey, type IssuerKey, importKey } from './key.ts';
import { pemKeys } from './pem.ts';
import { ivLength, seal, sealingKey, unseal } from './seal.ts';

const prefix = 'tiffin.dev/service-account-keys/';
const range = { start: prefix, end: 'tiffin.dev/service-account-keys0' };
/** Made keys that there can be at once. */
export const madeKeysMax = 20;
/** How coarsely it is noted until when a key is needed: so rarely is a row written for the sake of tokens. */
const noteMs = 60 * 60_000;

interface Row {
  /** The key in PKCS#8; absent where it is a configured one. */
  sealed?: string;
  /** The configured key under which it is sealed. */
  sealedBy?: string;
  createdMs?: number;
  signsFromMs?: number;
  /** Until then tokens count which it signed and nobody renews by himself. */
  neededUntilMs?: number;
  retired?: true;
}

export interface RingKey {
  key: IssuerKey;
  configured: boolean;
  /** Undefined of a configured key: from the beginning. */
  signsFromMs?: number;
  createdMs?: number;
  neededUntilMs?: number;
}

interface Loaded {
  keys: RingKey[];
  first: { kid: string; sealing: CryptoKey } | undefined;
}

export class KeyRing {
  readonly #pem: string;
  readonly #ledger: Ledger;
  readonly #clock: Clock;
  readonly #random: Random;
  #loaded: Promise<Loaded> | undefined;
  /** Another number: what was found out with the keys of before no longer counts. */
  generation = 0;

  constructor(options: { pem: string; ledger: Ledger; clock: Clock; random: Random }) {
    this.#pem = options.pem;
    this.#ledger = options.ledger;
    this.#clock = options.clock;
    this.#random = options.random;
  }

  /** Rejects when what is configured cannot be read. */
  async keys(): Promise<readonly RingKey[]> {
    return (await this.#load()).keys;
  }

  /** Rejects when no key can sign. */
  async signing(): Promise<RingKey> {
    const key = signingOf(await this.keys(), this.#clock.now());
    if (!key) throw new Error('no private key among the service account keys');
    return key;
  }

  /** Makes a key that signs from `signsFromMs` on; one that waits already is not joined by another, but begins then if that is earlier. */
  async rotate(signsFromMs: number): Promise<RingKey> {
    const { keys, first } = await this.#load();
    const now = this.#clock.now();
    const waiting = keys.find((one) => (one.signsFromMs ?? 0) > now);
    if (waiting) {
      await this.#write(waiting.key.kid, (row) => ({
        ...row,
        signsFromMs: Math.min(signsFromMs, row.signsFromMs ?? signsFromMs),
      }));
      return this.#key(waiting.key.kid);
    }
    if (!first) throw new Error('no private key among the service account keys');
    const pem = await generateKey();
    const { kid } = await importKey(pem);
    const sealed = await seal(first.sealing, kid, pem.der, this.#random.bytes(ivLength));
    await this.#write(kid, () => ({ sealed, sealedBy: first.kid, createdMs: now, signsFromMs }));
    return this.#key(kid);
  }

  /** From now on its tokens are nobody's. */
  async retire({ key: { kid }, configured }: RingKey): Promise<void> {
    await this.#write(kid, (row) => (configured ? { ...row, retired: true } : undefined));
  }

  /** Notes until when a token counts that the key has signed. */
  async note({ key: { kid }, neededUntilMs }: RingKey, untilMs: number): Promise<void> {
    if (neededUntilMs !== undefined && untilMs <= neededUntilMs) return;
    const needed = Math.ceil(untilMs / noteMs) * noteMs;
    await this.#write(
      kid,
      (row) => ({ ...row, neededUntilMs: Math.max(needed, row.neededUntilMs ?? 0) }),
      (one) => ({ ...one, neededUntilMs: needed }),
    );
  }

  async #key(kid: string): Promise<RingKey> {
    const key = (await this.keys()).find((one) => one.key.kid === kid);
    if (!key) throw new Error(`service account key ${kid} is gone`);
    return key;
  }

  /** `change` of undefined deletes. `patch`: what that means for the keys at hand, where they are the same as before. */
  async #write(kid: string, change: (row: Row) => Row | undefined, patch?: (one: RingKey) => RingKey): Promise<void> {
    const key = prefix + kid;
    const content = (row: Row) => ({ value: JSON.stringify(row), side: '', tags: [] });
    await this.#ledger.commit((tx) => {
      const current = tx.get(key);
      const row = change(current ? (JSON.parse(current.value) as Row) : {});
      if (row) tx.put(key, () => content(row));
      else if (current) tx.delete(key, () => ({ value: '{}', side: '' }));
    });
    if (!patch) {
      this.#loaded = undefined;
      this.generation++;
      return;
    }
    const loaded = await this.#load();
    loaded.keys = loaded.keys.map((one) => (one.key.kid === kid ? patch(one) : one));
  }

  #load(): Promise<Loaded> {
    this.#loaded ??= this.#read().catch((error: unknown) => {
      this.#loaded = undefined;
      throw error;
    });
    return this.#loaded;
  }

  async #read(): Promise<Loaded> {
    const rows = new Map(
      this.#ledger
        .range({ ...range, limit: 10 * madeKeysMax })
        // Stable, so that of keys that begin at once the one signs that was made last.
        .entries.sort((a, b) => b.createRevision - a.createRevision)
        .map(({ key, value }) => [key.slice(prefix.length), JSON.parse(value) as Row]),
    );
    const configured = await Promise.all(
      pemKeys(this.#pem).map(async (pem) => ({ key: await importKey(pem), der: pem.der })),
    );
    if (configured.length === 0) throw new Error('no key in the PEM text of the service account keys');
    const sealing = new Map<string, CryptoKey>();
    for (const { key, der } of configured) if (key.privateKey) sealing.set(key.kid, await sealingKey(der));
    const [firstKid] = sealing.keys();
    const keys: RingKey[] = [];
    for (const [kid, row] of rows) {
      const by = row.sealed === undefined ? undefined : sealing.get(row.sealedBy ?? '');
      const der = by && (await unseal(by, kid, row.sealed as string));
      if (!der) continue;
      const { privateKey, ...half } = await importKey({ private: true, der, algorithm: 'ES256' });
      // Made under a key that was first before: whoever configured another one wants that to sign.
      const signs = row.sealedBy === firstKid && privateKey !== undefined;
      keys.push({ key: signs ? { ...half, privateKey } : half, configured: false, ...timesOf(row) });
    }
    keys.sort((a, b) => (b.signsFromMs ?? 0) - (a.signsFromMs ?? 0));
    for (const { key } of configured) {
      const row = rows.get(key.kid);
      if (!row?.retired && !keys.some((one) => one.key.kid === key.kid))
        keys.push({ key, configured: true, ...timesOf(row ?? {}) });
    }
    const first = firstKid === undefined ? undefined : sealing.get(firstKid);
    return { keys, first: firstKid === undefined || !first ? undefined : { kid: firstKid, sealing: first } };
  }
}

const timesOf = ({ createdMs, signsFromMs, neededUntilMs }: Row): Partial<RingKey> => ({
  ...(createdMs === undefined ? {} : { createdMs }),
  ...(signsFromMs === undefined ? {} : { signsFromMs }),
  ...(neededUntilMs === undefined ? {} : { neededUntilMs }),
});

/** Keys come with the newest first, those that were configured last. */
export function signingOf(keys: readonly RingKey[], nowMs: number): RingKey | undefined {
  return keys.find(({ key, signsFromMs = 0 }) => key.privateKey !== undefined && signsFromMs <= nowMs);
}
