// A durable cursor into the ledger's history: everything up to it has been dealt with, or is kept elsewhere.
import type { Sql } from '../ports/index.ts';

export class Cursor {
  readonly #sql: Sql;
  readonly #name: string;
  #revision: number;
  #life: string | undefined;

  constructor(sql: Sql, name: string) {
    this.#sql = sql;
    this.#name = name;
    sql.exec(
      'CREATE TABLE IF NOT EXISTS reconcile_cursor (name TEXT PRIMARY KEY, revision INTEGER NOT NULL) WITHOUT ROWID',
    );
    const row = sql.exec<{ revision: number }>('SELECT revision FROM reconcile_cursor WHERE name = ?', name)[0];
    this.#revision = row?.revision ?? 0;
    sql.exec('CREATE TABLE IF NOT EXISTS reconcile_life (name TEXT PRIMARY KEY, life TEXT NOT NULL) WITHOUT ROWID');
    this.#life = sql.exec<{ life: string }>('SELECT life FROM reconcile_life WHERE name = ?', name)[0]?.life;
  }

  get revision(): number {
    return this.#revision;
  }

  /** The life of the ledger in which the revision was reached (see Feed). */
  get life(): string | undefined {
    return this.#life;
  }

  /**
   * One row written, or none when it stands there already; another for another life. Call it in the transaction that keeps
   * what it has passed.
   */
  set(revision: number, life: string | undefined): void {
    if (life !== undefined && life !== this.#life) {
      this.#sql.exec(
        `INSERT INTO reconcile_life (name, life) VALUES (?,?)
         ON CONFLICT (name) DO UPDATE SET life = excluded.life`,
        this.#name,
        life,
      );
      this.#life = life;
    }
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
