// Rows that are stored sealed: value and side column as one blob, so that of such a row the database shows its key, its tags,
// its revisions and its size, and nothing else. What is read is open again; caches in memory hold open text.
//
// Envelope: a row is sealed under a data key, which is random, and lies in `ledger_data_key` sealed under a configured key.
// The configured key, which the database never holds, opens a handful of data keys; no more than `rowsPerKeyMax` revisions
// are written under one, well below the 2^32 random nonces that AES-GCM bears. The context of a row is its key and
// revision: put in the place of another it does not open.
//
//   blob = version (1) · number of the data key (4, big-endian) · nonce (12) · ciphertext · tag (16)
//   text = `${side.length}:${side}${value}`
//
// A plain row is text and a sealed one a blob, whatever is configured now: both are read. Which rows are sealed under which
// data key is an index over the blobs alone, so that plain rows cost no more than without it.
import type { Cipher, Sql, SqlBytes } from '../ports/index.ts';
import { GenerationCache } from './generation-cache.ts';
import { type KeyRange, type SealedKeyStatus, UnreadableError } from './types.ts';

export interface SealingKey {
  /** For people; two keys of one name are told apart. */
  name: string;
  /** As many bytes as it has. */
  secret: Uint8Array;
}

export interface SealingOptions {
  cipher: Cipher;
  /** All that rows may be sealed under. */
  keys: readonly SealingKey[];
  /** Those of them that `keyOf` answers. */
  writers: readonly SealingKey[];
  /** Under which of them rows of a collection (what stands before the first slash of their keys) are written; undefined: plain. */
  keyOf(collection: string): SealingKey | undefined;
  /** Another text whenever `keyOf` answers otherwise than in an earlier life. */
  policy: string;
  /** Revisions that one data key serves. */
  rowsPerKeyMax?: number;
}

interface DataKey {
  id: number;
  /** Id of the configured key under which it is sealed. */
  sealedUnder: string;
  /** The revision at which it was made. */
  since: number;
  sealed: Uint8Array;
  secret?: Uint8Array;
}

interface Configured {
  id: string;
  name: string;
  wrapping: Uint8Array;
}

export interface OpenText {
  side: string;
  value: string;
}

const version = 1;
export const headerBytes = 5;
/** As the index has it. */
const start = `substr(value, 1, ${headerBytes})`;
const rowsPerKeyDefault = 2 ** 30;
/** UTF-16 units of opened rows that are kept. */
const openedUnitsMax = 4_000_000;

const schema = [
  `CREATE TABLE IF NOT EXISTS ledger_data_key (id INTEGER PRIMARY KEY, sealed_under TEXT NOT NULL, since INTEGER NOT NULL,
     sealed BLOB NOT NULL)`,
  `CREATE INDEX IF NOT EXISTS ledger_sealed ON ledger_log (${start}, key) WHERE typeof(value) = 'blob'`,
];
const beginsSo = `typeof(value) = 'blob' AND ${start} = ?`;

/** What stands before the first slash. */
export function collectionOf(key: string): string {
  const slash = key.indexOf('/');
  return slash < 0 ? key : key.slice(0, slash);
}

/** Where the next collection begins. `0` is the character after `/`. */
export const afterCollection = (key: string): string => (key.includes('/') ? `${collectionOf(key)}0` : `${key}\0`);

export class Sealing {
  readonly #sql: Sql;
  #options: SealingOptions | undefined;
  #configured: Configured[] = [];
  readonly #dataKeys = new Map<number, DataKey>();
  /** By id of the configured key: under which it writes now. */
  readonly #writers = new Map<string, DataKey>();
  readonly #wanted = new Map<string, Configured | undefined>();
  /** Collections of which rows are sealed, or were in this life. */
  readonly #held = new Set<string>();
  readonly #opened = new GenerationCache<number, OpenText & { key: string }>(
    openedUnitsMax,
    (_revision, { key, side, value }) => 100 + key.length + side.length + value.length,
  );

  /** After the tables of the ledger; in no transaction. */
  constructor(sql: Sql, revision: number, options: SealingOptions | undefined) {
    this.#sql = sql;
    for (const statement of schema) sql.exec(statement);
    const rows = sql.exec<{ id: number; sealedUnder: string; since: number; sealed: SqlBytes }>(
      'SELECT id, sealed_under AS sealedUnder, since, sealed FROM ledger_data_key ORDER BY id',
    );
    for (const row of rows) this.#know({ ...row, sealed: bytesOf(row.sealed) });
    for (const header of this.#headers()) this.#findHeld(header);
    this.configure(options, revision);
  }

  /** From now on rows are stored so; in no transaction. */
  configure(options: SealingOptions | undefined, revision: number): void {
    this.#options = options;
    this.#configured = (options?.keys ?? []).map((key) => this.#describe(key));
    this.#wanted.clear();
    this.renew(revision);
  }

  /** Makes data keys that are missing or have served long enough; in no transaction. */
  renew(revision: number): void {
    const max = this.#options?.rowsPerKeyMax ?? rowsPerKeyDefault;
    for (const { id, wrapping } of this.#writing()) {
      const writer = this.#writers.get(id);
      if (!this.#options || (writer && revision - writer.since < max)) continue;
      const number = Math.max(0, ...this.#dataKeys.keys()) + 1;
      const secret = this.#options.cipher.newKey();
      const sealed = this.#options.cipher.seal(wrapping, hexOf(secret), dataKeyContext(number, id));
      this.#sql.exec('INSERT INTO ledger_data_key VALUES (?,?,?,?)', number, id, revision, sealed);
      this.#know({ id: number, sealedUnder: id, since: revision, sealed, secret });
    }
  }

  /** What is stored of a row: its side column, and its value or the blob of both. */
  stored(key: string, revision: number, text: OpenText): { side: string; value: string | Uint8Array } {
    const collection = collectionOf(key);
    const wanted = this.wanted(collection);
    if (!wanted || !this.#options) return text;
    const dataKey = this.#writers.get(wanted.id);
    // Never in plain for want of a key.
    if (!dataKey) throw new Error(`ledger: the key ${wanted.name} is not among the writers`);
    const secret = this.#secretOf(dataKey, key);
    const sealed = this.#options.cipher.seal(
      secret,
      `${text.side.length}:${text.side}${text.value}`,
      rowContext(key, revision),
    );
    const blob = new Uint8Array(headerBytes + sealed.length);
    blob.set(headerOf(dataKey.id));
    blob.set(sealed, headerBytes);
    this.#held.add(collection);
    return { side: '', value: blob };
  }

  /** Throws {@link UnreadableError}. */
  open(key: string, revision: number, stored: SqlBytes): OpenText {
    const known = this.#opened.get(revision);
    if (known?.key === key) return known;
    const blob = bytesOf(stored);
    const dataKey = this.#dataKeys.get(dataKeyNumber(blob));
    if (blob[0] !== version || !dataKey) throw new UnreadableError(key, 'it is sealed in a form that is not known');
    const secret = this.#secretOf(dataKey, key);
    let text: string;
    try {
      text = (this.#options as SealingOptions).cipher.open(
        secret,
        blob.subarray(headerBytes),
        rowContext(key, revision),
      );
    } catch {
      throw new UnreadableError(
        key,
        'what is stored is not what was sealed: it was changed, or belongs to another key',
      );
    }
    const colon = text.indexOf(':');
    const valueAt = colon + 1 + Number(text.slice(0, colon));
    const opened = { key, side: text.slice(colon + 1, valueAt), value: text.slice(valueAt) };
    this.#opened.set(revision, opened);
    return opened;
  }

  /** After a rolled back transaction: revisions will be others. */
  forget(): void {
    this.#opened.clear();
  }

  /** Whether rows of a range may be sealed. */
  mayHold(range: KeyRange): boolean {
    if (this.#held.size === 0) return false;
    const within = range.start.includes('/') && range.end <= afterCollection(range.start);
    return !within || this.#held.has(collectionOf(range.start));
  }

  /** Collections of which rows are sealed, or were in this life. */
  get held(): ReadonlySet<string> {
    return this.#held;
  }

  /** The configured key under which rows of a collection are to be sealed. */
  wanted(collection: string): Configured | undefined {
    if (this.#options === undefined) return undefined;
    if (this.#wanted.has(collection)) return this.#wanted.get(collection);
    const key = this.#options.keyOf(collection);
    const found = key && this.#configured[this.#options.keys.indexOf(key)];
    if (key && !found) throw new Error(`ledger: the key ${key.name} is not among the keys`);
    this.#wanted.set(collection, found);
    return found;
  }

  /** The configured key under which the blob that begins so is sealed. */
  sealedUnder(header: SqlBytes): string {
    const bytes = bytesOf(header);
    const known = bytes[0] === version ? this.#dataKeys.get(dataKeyNumber(bytes)) : undefined;
    return known?.sealedUnder ?? `unknown (${hexOf(bytes)})`;
  }

  /** Another text whenever rows may be stored otherwise than they are to be. */
  get policy(): string {
    return this.#options ? [this.#options.policy, ...this.#writing().map(({ id }) => id)].join(' ') : '';
  }

  /** Every key that is configured or needed. */
  status(): SealedKeyStatus[] {
    const found = new Map<string, SealedKeyStatus>();
    for (const { id, name } of this.#configured) found.set(id, { id, name, rows: 0, configured: true });
    for (const header of this.#headers()) {
      const id = this.sealedUnder(header);
      const status = found.get(id) ?? { id, name: nameOf(id), rows: 0, configured: false };
      status.rows += this.#rowsOf(header);
      found.set(id, status);
    }
    return [...found.values()];
  }

  /** Ids of configured keys that are gone although rows are sealed under them. */
  missing(): string[] {
    const configured = new Set(this.#configured.map(({ id }) => id));
    const needed = [...this.#headers()].map((header) => this.sealedUnder(header));
    return [...new Set(needed.filter((id) => !configured.has(id)))];
  }

  /** Drops data keys that no row needs and none will be sealed under. */
  dropUnused(): void {
    const writing = new Set([...this.#writers.values()].map(({ id }) => id));
    const written = new Set(this.#writing().map(({ id }) => id));
    const needed = new Set([...this.#headers()].map(dataKeyNumber));
    for (const { id, sealedUnder } of [...this.#dataKeys.values()]) {
      if ((writing.has(id) && written.has(sealedUnder)) || needed.has(id)) continue;
      if (writing.has(id)) this.#writers.delete(sealedUnder);
      this.#sql.exec('DELETE FROM ledger_data_key WHERE id = ?', id);
      this.#dataKeys.delete(id);
    }
  }

  #describe({ name, secret }: SealingKey): Configured {
    const { cipher } = this.#options as SealingOptions;
    const mark = hexOf(cipher.derive(secret, 'tiffin.dev ledger: id of the key')).slice(0, 8);
    return { id: `${name}#${mark}`, name, wrapping: cipher.derive(secret, 'tiffin.dev ledger: sealing of data keys') };
  }

  /** Configured keys under which rows are sealed now. */
  #writing(): Configured[] {
    const options = this.#options;
    return options ? this.#configured.filter((_, i) => options.writers.includes(options.keys[i] as SealingKey)) : [];
  }

  #know(dataKey: DataKey): void {
    this.#dataKeys.set(dataKey.id, dataKey);
    this.#writers.set(dataKey.sealedUnder, dataKey);
  }

  #secretOf(dataKey: DataKey, key: string): Uint8Array {
    if (dataKey.secret) return dataKey.secret;
    const { id, sealedUnder } = dataKey;
    const configured = this.#configured.find((one) => one.id === sealedUnder);
    if (!configured)
      throw new UnreadableError(key, `it is sealed under the key ${sealedUnder}, which is not configured`);
    try {
      const { cipher } = this.#options as SealingOptions;
      const text = cipher.open(configured.wrapping, dataKey.sealed, dataKeyContext(id, sealedUnder));
      dataKey.secret = Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
      return dataKey.secret;
    } catch {
      throw new UnreadableError(key, `its data key ${id} was changed`);
    }
  }

  /** How blobs begin that there are: a seek each. */
  *#headers(): Generator<Uint8Array> {
    for (let header: Uint8Array | undefined = new Uint8Array(); ; ) {
      const next: { header: SqlBytes } | undefined = this.#sql.exec<{ header: SqlBytes }>(
        `SELECT ${start} AS header FROM ledger_log WHERE typeof(value) = 'blob' AND ${start} > ? ORDER BY ${start} LIMIT 1`,
        header,
      )[0];
      if (!next) return;
      header = bytesOf(next.header);
      yield header;
    }
  }

  #rowsOf(header: Uint8Array): number {
    return this.#sql.exec<{ n: number }>(`SELECT count(*) AS n FROM ledger_log WHERE ${beginsSo}`, header)[0]!.n;
  }

  /** Collections of which rows begin so. */
  #findHeld(header: Uint8Array): void {
    for (let from = ''; ; ) {
      const next = this.#sql.exec<{ key: string }>(
        `SELECT key FROM ledger_log WHERE ${beginsSo} AND key >= ? ORDER BY key LIMIT 1`,
        header,
        from,
      )[0];
      if (!next) return;
      this.#held.add(collectionOf(next.key));
      from = afterCollection(next.key);
    }
  }
}

const rowContext = (key: string, revision: number): string => `row ${revision} ${key}`;
const dataKeyContext = (id: number, sealedUnder: string): string => `data key ${id} ${sealedUnder}`;
const nameOf = (id: string): string => id.replace(/#[^#]*$/, '');
const bytesOf = (bytes: SqlBytes): Uint8Array => (bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes));
const hexOf = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

function headerOf(dataKey: number): Uint8Array {
  const header = new Uint8Array(headerBytes);
  header[0] = version;
  new DataView(header.buffer).setUint32(1, dataKey);
  return header;
}

const dataKeyNumber = (blob: Uint8Array): number =>
  blob.length < headerBytes ? 0 : new DataView(blob.buffer, blob.byteOffset, blob.length).getUint32(1);
