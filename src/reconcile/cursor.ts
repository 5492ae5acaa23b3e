// A durable cursor into the ledger's history: everything up to it has been dealt with, or is kept elsewhere.
import type { Sql } from '../ports/index.ts';

export class Cursor {
  readonly #sql: Sql;
  readonly #name: string;
  #revision: number;

  constructor(sql: Sql, name: string) {
    this.#sql = sql;
    this.#name = name;
    sql.exec(
      'CREATE TABLE IF NOT EXISTS reconcile_cursor (name TEXT PRIMARY KEY, revision INTEGER NOT NULL) WITHOUT ROWID',
    );
    const row = sql.exec<{ revision: number }>('SELECT revision FROM reconcile_cursor WHERE name = ?', name)[0];
    this.#revision = row?.revision ?? 0;
  }

  get revision(): number {
    return this.#revision;
  }

  /** One row written, or none when it stands there already. Call it in the transaction that keeps what it has passed. */
  set(revision: number): void {
    if (revision === this.#revision) return;
    this.#sql.exec(
      `INSERT INTO reconcile_cursor (name, revision) VALUES (?,?)
       ON CONFLICT (name) DO UPDATE SET revision = excluded.revision`,
      this.#name,
      revision,
    );
    this.#revision = revision;
  }
}
