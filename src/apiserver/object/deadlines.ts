// Several named deadlines behind the one alarm of an object, each a row. Setting a deadline that stands already costs
// nothing; without deadlines no alarm is armed.
import type { Alarm, Sql } from '../../ports/index.ts';

export class Deadlines {
  readonly #sql: Sql;
  readonly #alarm: Alarm;
  readonly #at = new Map<string, number>();
  #armedMs: number | undefined;

  constructor(sql: Sql, alarm: Alarm) {
    this.#sql = sql;
    this.#alarm = alarm;
    sql.exec('CREATE TABLE IF NOT EXISTS deadlines (name TEXT PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID');
    for (const { name, at } of sql.exec<{ name: string; at: number }>('SELECT name, at FROM deadlines'))
      this.#at.set(name, at);
  }

  get(name: string): number | undefined {
    return this.#at.get(name);
  }

  set(name: string, atMs: number | undefined): void {
    if (this.#at.get(name) === atMs) return;
    if (atMs === undefined) {
      this.#at.delete(name);
      this.#sql.exec('DELETE FROM deadlines WHERE name = ?', name);
    } else {
      this.#at.set(name, atMs);
      this.#sql.exec('INSERT OR REPLACE INTO deadlines (name, at) VALUES (?, ?)', name, atMs);
    }
    this.arm();
  }

  /** Removes and names what is due. The alarm has fired: call {@link arm} when the work is done. */
  take(nowMs: number): string[] {
    this.#armedMs = undefined;
    return [...this.#at].filter(([, at]) => at <= nowMs).map(([name]) => name);
  }

  /** Arms the alarm for the earliest deadline, or disarms it. */
  arm(): void {
    const next = this.#at.size === 0 ? undefined : Math.min(...this.#at.values());
    if (next === this.#armedMs) return;
    this.#armedMs = next;
    this.#alarm.set(next);
  }
}
