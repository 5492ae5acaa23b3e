// Stores rows again that are sealed otherwise than they are to be now: under an old key, or not at all, or no longer to be.
// In place: revision, content and order stay, and nobody hears of it. It walks the keys in order, and of each key its rows
// from the newest back, in small transactions; where it is lies in `ledger_reseal`. What is written meanwhile is written as
// it is to be, so one walk is enough; a walk begins whenever the policy is another than that of the last one.
//
// What was plain is overwritten before it is replaced: SQLite writes a row of the same size into the same bytes, while what
// it replaces by another it leaves in free space. Copies in the write-ahead log, and what was freed earlier, are not reached
// from here: `wasPlain` says so.
//
// Worked example: k at 3, 7, 9. A walk does 9, 7, is interrupted (cursor k, 7), and goes on with 3 (the previous of 7); where
// 3 was compacted meanwhile, with the key after k.
import type { Sql, SqlBytes } from '../ports/index.ts';
import { afterCollection, collectionOf, headerBytes, type Sealing, type SealingOptions } from './sealing.ts';
import { type SealedRows, UnreadableError } from './types.ts';

const rowsDefault = 500;
const bytesDefault = 1_000_000;

interface Walk {
  policy: string;
  done: number;
  /** The last key that is done, or whose row of `cursorRevision` is. */
  cursorKey: string;
  /** 0: the key is done. */
  cursorRevision: number;
  /** Rows stored again by this walk, and those that could not be. */
  resealed: number;
  unreadable: number;
  /** Whether any walk has found plain rows that were to be sealed. */
  wasPlain: number;
}

interface Row {
  revision: number;
  bytes: number;
  /** Beginning of the blob; empty: it is plain. */
  header: SqlBytes;
}

const schema = `CREATE TABLE IF NOT EXISTS ledger_reseal (id INTEGER PRIMARY KEY, policy TEXT NOT NULL, done INTEGER NOT NULL,
  cursorKey TEXT NOT NULL, cursorRevision INTEGER NOT NULL, resealed INTEGER NOT NULL, unreadable INTEGER NOT NULL,
  wasPlain INTEGER NOT NULL)`;

/** The rows of a key from ?1 back. */
const chain = `WITH RECURSIVE chain(revision, previous) AS (
    SELECT revision, previous FROM ledger_log WHERE revision = ?
    UNION ALL SELECT l.revision, l.previous FROM chain c JOIN ledger_log l ON l.revision = c.previous LIMIT ?)
  SELECT l.revision AS revision, octet_length(l.value) AS bytes,
    CASE WHEN typeof(l.value) = 'blob' THEN substr(l.value, 1, ${headerBytes}) ELSE x'' END AS header
  FROM chain c CROSS JOIN ledger_log l ON l.revision = c.revision`;

export class Resealing implements SealedRows {
  readonly #sql: Sql;
  readonly #sealing: Sealing;
  readonly #revision: () => number;
  #walk: Walk;

  constructor(sql: Sql, sealing: Sealing, revision: () => number) {
    this.#sql = sql;
    this.#sealing = sealing;
    this.#revision = revision;
    sql.exec(schema);
    // A ledger that was never sealed, and is not to be, has nothing to walk for.
    this.#walk = sql.exec<Walk>(
      'SELECT policy, done, cursorKey, cursorRevision, resealed, unreadable, wasPlain FROM ledger_reseal',
    )[0] ?? { ...fresh, policy: '', done: 1, wasPlain: 0 };
    this.#begin();
  }

  configure(options: SealingOptions): void {
    this.#sealing.configure(options, this.#revision());
    this.#begin();
  }

  #begin(): void {
    const { policy } = this.#sealing;
    if (this.#walk.policy === policy) return;
    this.#walk = { ...fresh, policy, wasPlain: this.#walk.wasPlain };
    this.#save();
  }

  get due(): boolean {
    return this.#walk.done === 0;
  }

  missing(): string[] {
    return this.#sealing.missing();
  }

  status(): ReturnType<SealedRows['status']> {
    const { resealed, unreadable, wasPlain } = this.#walk;
    return { keys: this.#sealing.status(), resealed, unreadable, wasPlain: wasPlain > 0 };
  }

  reseal({ rows = rowsDefault, bytes = bytesDefault }: { rows?: number; bytes?: number } = {}): boolean {
    if (!this.due) return false;
    const before = { ...this.#walk };
    try {
      this.#sql.transaction(() => {
        this.#step(rows, bytes);
        this.#save();
      });
    } catch (error) {
      this.#walk = before;
      throw error;
    }
    if (!this.due) this.#sealing.dropUnused();
    return this.due;
  }

  #step(rowsMax: number, bytesMax: number): void {
    const walk = this.#walk;
    for (let rows = rowsMax, bytes = bytesMax; rows > 0 && bytes > 0; ) {
      const from = walk.cursorRevision > 0 ? this.#before(walk.cursorRevision) : this.#nextKey();
      if (from === undefined) {
        walk.done = 1;
        return;
      }
      if (from === 0) {
        walk.cursorRevision = 0;
        continue;
      }
      const found = this.#sql.exec<Row>(chain, from, rows);
      if (found.length === 0) walk.cursorRevision = 0;
      for (const row of found) {
        rows--;
        bytes -= this.#row(row);
        walk.cursorRevision = row.revision;
        if (bytes <= 0) break;
      }
    }
  }

  /** The newest revision of the next key that is, or is to be, sealed; its key becomes the cursor's. */
  #nextKey(): number | undefined {
    const walk = this.#walk;
    for (let after = walk.cursorKey, inclusive = ''; ; ) {
      const next = this.#sql.exec<{ key: string; revision: number }>(
        `SELECT key, revision FROM ledger_head WHERE key >${inclusive} ? ORDER BY key LIMIT 1`,
        after,
      )[0];
      if (!next) return undefined;
      const collection = collectionOf(next.key);
      if (this.#sealing.wanted(collection) || this.#sealing.held.has(collection)) {
        walk.cursorKey = next.key;
        return next.revision;
      }
      after = afterCollection(next.key);
      inclusive = '=';
    }
  }

  /** What the row before had for a revision; 0: there is none. */
  #before(revision: number): number {
    return (
      this.#sql.exec<{ previous: number }>('SELECT previous FROM ledger_log WHERE revision = ?', revision)[0]
        ?.previous ?? 0
    );
  }

  /** Bytes that were stored again. */
  #row({ revision, bytes, header }: Row): number {
    const walk = this.#walk;
    const plain = header.byteLength === 0;
    const wanted = this.#sealing.wanted(collectionOf(walk.cursorKey))?.id;
    if (plain ? wanted === undefined : this.#sealing.sealedUnder(header) === wanted) return 0;
    const row = this.#sql.exec<{ key: string; side: string; value: string | SqlBytes }>(
      'SELECT key, side, value FROM ledger_log WHERE revision = ?',
      revision,
    )[0]!;
    try {
      const open =
        typeof row.value === 'string'
          ? { side: row.side, value: row.value }
          : this.#sealing.open(row.key, revision, row.value);
      const stored = this.#sealing.stored(row.key, revision, open);
      if (plain) this.#overwrite(revision);
      const { side, value } = stored;
      this.#sql.exec('UPDATE ledger_log SET side = ?, value = ? WHERE revision = ?', side, value, revision);
    } catch (error) {
      if (!(error instanceof UnreadableError)) throw error;
      walk.unreadable++;
      return 0;
    }
    walk.resealed++;
    if (plain) walk.wasPlain = 1;
    return bytes;
  }

  #overwrite(revision: number): void {
    this.#sql.exec(
      'UPDATE ledger_log SET side = zeroblob(octet_length(side)), value = zeroblob(octet_length(value)) WHERE revision = ?',
      revision,
    );
  }

  #save(): void {
    const { policy, done, cursorKey, cursorRevision, resealed, unreadable, wasPlain } = this.#walk;
    this.#sql.exec(
      'INSERT OR REPLACE INTO ledger_reseal VALUES (1,?,?,?,?,?,?,?)',
      policy,
      done,
      cursorKey,
      cursorRevision,
      resealed,
      unreadable,
      wasPlain,
    );
  }
}

const fresh: Omit<Walk, 'policy' | 'wasPlain'> = {
  done: 0,
  cursorKey: '',
  cursorRevision: 0,
  resealed: 0,
  unreadable: 0,
};
