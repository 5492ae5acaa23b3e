// The keyed queue and the deadlines of all controllers, in one: an item is a key and when to look at it next.
//
// Work that comes from the feed is kept by the cursor, not by a row: `since` names the revision before the change that
// asked for it, and the cursor may not pass the least `since` (the watermark). Only what the feed would not bring back
// (deadlines, retries, work put aside) becomes a row. So a change whose reconcile succeeds at once costs no row but the
// cursor's, and a crash at any point runs work again, never forgets it.
// The same key of a controller is never run twice at once; asked for while it runs, it runs once more.
import type { Sql } from '../ports/index.ts';
import { Cursor } from './cursor.ts';

export interface Item {
  readonly controller: string;
  readonly key: string;
  dueMs: number;
  failures: number;
  running: boolean;
  /** In the ready list. */
  listed: boolean;
  /** Asked for while running. */
  again: boolean;
  /** See above; undefined when a row alone keeps the item. */
  since: number | undefined;
  againSince: number | undefined;
  /** What its row says; undefined without one. */
  row: { dueMs: number; failures: number } | undefined;
}

/** A stored cursor may trail the watermark by this much while nothing had to be done. */
const cursorLagMax = 1000;

export class Queue {
  readonly #sql: Sql;
  readonly #cursor: Cursor;
  readonly #items = new Map<string, Item>();
  /** Items in the order in which they became due. */
  #ready: Item[] = [];
  #readyHead = 0;
  #gone: Item[] = [];
  #cursorMatters = false;
  /** Revision up to which the feed has been read. */
  position: number;
  /** The life of the ledger that `position` is of. */
  life: string | undefined;

  constructor(sql: Sql) {
    this.#sql = sql;
    this.#cursor = new Cursor(sql, 'runner');
    this.position = this.#cursor.revision;
    this.life = this.#cursor.life;
    sql.exec(
      `CREATE TABLE IF NOT EXISTS reconcile_queue (controller TEXT NOT NULL, key TEXT NOT NULL, due INTEGER NOT NULL,
         failures INTEGER NOT NULL, PRIMARY KEY (controller, key)) WITHOUT ROWID`,
    );
    const rows = sql.exec<{ controller: string; key: string; due: number; failures: number }>(
      'SELECT controller, key, due, failures FROM reconcile_queue ORDER BY due',
    );
    for (const { controller, key, due, failures } of rows) {
      const item = this.#item(controller, key);
      Object.assign(item, { dueMs: due, failures, row: { dueMs: due, failures } });
    }
  }

  get size(): number {
    return this.#items.size;
  }

  /** The revision up to which everything is done or kept in rows. */
  get watermark(): number {
    let least = this.position;
    for (const item of this.#items.values()) {
      if (item.since !== undefined && item.since < least) least = item.since;
      if (item.againSince !== undefined && item.againSince < least) least = item.againSince;
    }
    return least;
  }

  /** The stored cursor: what a restart would begin from. */
  get stored(): number {
    return this.#cursor.revision;
  }

  /** A change after revision `since` asks for this key. */
  add(controller: string, key: string, since: number, nowMs: number): void {
    this.#cursorMatters = true;
    const item = this.#item(controller, key);
    if (item.running) {
      item.again = true;
      item.againSince = Math.min(item.againSince ?? since, since);
      return;
    }
    item.since = Math.min(item.since ?? since, since);
    item.dueMs = Math.min(item.dueMs, nowMs);
    this.#list(item);
  }

  /** Asks for a key that the feed knows nothing of: its row is written at once. */
  addDurably(controller: string, key: string, nowMs: number): void {
    const item = this.#item(controller, key);
    if (item.running) item.again = true;
    else {
      item.dueMs = Math.min(item.dueMs, nowMs);
      this.#list(item);
    }
    this.#sql.transaction(() => this.#write(item, nowMs));
    item.row = { dueMs: nowMs, failures: item.failures };
  }

  #write(item: Item, dueMs: number): void {
    this.#sql.exec(
      `INSERT INTO reconcile_queue (controller, key, due, failures) VALUES (?,?,?,?)
       ON CONFLICT (controller, key) DO UPDATE SET due = excluded.due, failures = excluded.failures`,
      item.controller,
      item.key,
      dueMs,
      item.failures,
    );
  }

  #list(item: Item): void {
    if (item.listed) return;
    item.listed = true;
    this.#ready.push(item);
  }

  /** Moves items whose time has come to the ready list; returns the earliest time still ahead. */
  ripen(nowMs: number): number | undefined {
    let earliest: number | undefined;
    const ripe: Item[] = [];
    for (const item of this.#items.values()) {
      if (item.running) continue;
      if (item.dueMs <= nowMs) {
        if (!item.listed) ripe.push(item);
      } else if (earliest === undefined || item.dueMs < earliest) earliest = item.dueMs;
    }
    ripe.sort((a, b) => a.dueMs - b.dueMs);
    for (const item of ripe) this.#list(item);
    return earliest;
  }

  /** Takes the next item that is ready and marks it as running. */
  take(): Item | undefined {
    const item = this.#ready[this.#readyHead];
    if (!item) return undefined;
    this.#readyHead++;
    if (this.#readyHead > 1000 && this.#readyHead * 2 > this.#ready.length) {
      this.#ready = this.#ready.slice(this.#readyHead);
      this.#readyHead = 0;
    }
    item.listed = false;
    item.running = true;
    return item;
  }

  get hasReady(): boolean {
    return this.#readyHead < this.#ready.length;
  }

  /** The run of an item is over. `dueMs`: look again then; undefined: done, until something asks for it. */
  finish(item: Item, outcome: { dueMs: number | undefined; failures: number }, nowMs: number): void {
    item.running = false;
    item.failures = outcome.failures;
    if (item.again) {
      item.again = false;
      item.since = outcome.failures > 0 ? least(item.since, item.againSince) : item.againSince;
      item.againSince = undefined;
      item.dueMs = nowMs;
      this.#list(item);
    } else if (outcome.dueMs === undefined) {
      this.#items.delete(idOf(item.controller, item.key));
      if (item.row) this.#gone.push(item);
    } else {
      item.dueMs = outcome.dueMs;
      if (outcome.dueMs <= nowMs) this.#list(item);
    }
  }

  /** Items that a run has left behind without an end run again. */
  abandonRunning(nowMs: number): void {
    for (const item of this.#items.values()) {
      if (!item.running) continue;
      item.running = false;
      item.again = false;
      item.since = least(item.since, item.againSince);
      item.againSince = undefined;
      item.dueMs = nowMs;
      this.#list(item);
    }
  }

  /**
   * One transaction: rows for what waits, no rows for what is done, and the cursor behind them. `everything` also makes
   * rows of what is ready or running, so that the cursor catches up although work is left.
   */
  persist(nowMs: number, everything: boolean): void {
    const keep: Item[] = [];
    for (const item of this.#items.values()) {
      const waits = !item.running && item.dueMs > nowMs;
      if (waits ? item.since !== undefined || !isStored(item) : everything && hasSince(item)) keep.push(item);
    }
    const gone = this.#gone.filter((item) => !this.#items.get(idOf(item.controller, item.key))?.row);
    this.#gone = [];
    const rows = keep.filter((item) => !isStored(item));
    const before = new Map(keep.map((item) => [item, { since: item.since, againSince: item.againSince }]));
    for (const item of keep) {
      item.since = undefined;
      item.againSince = undefined;
    }
    const cursor = this.watermark;
    const moved =
      cursor !== this.#cursor.revision && (this.#cursorMatters || cursor - this.#cursor.revision >= cursorLagMax);
    if (rows.length === 0 && gone.length === 0 && !moved) return;
    try {
      this.#sql.transaction(() => {
        for (const item of gone)
          this.#sql.exec('DELETE FROM reconcile_queue WHERE controller = ? AND key = ?', item.controller, item.key);
        for (const item of rows) this.#write(item, item.dueMs);
        if (moved) this.#cursor.set(cursor, this.life);
      });
    } catch (error) {
      for (const [item, kept] of before) Object.assign(item, kept);
      this.#gone = gone;
      throw error;
    }
    for (const item of rows) item.row = { dueMs: item.dueMs, failures: item.failures };
    if (moved) this.#cursorMatters = false;
  }

  #item(controller: string, key: string): Item {
    const id = idOf(controller, key);
    let item = this.#items.get(id);
    if (!item) {
      // A row of an earlier life that is to be deleted still counts as its row, or it would be deleted under the new item.
      const row = this.#gone.find((old) => old.controller === controller && old.key === key)?.row;
      item = {
        controller,
        key,
        dueMs: Number.POSITIVE_INFINITY,
        failures: 0,
        running: false,
        listed: false,
        again: false,
        since: undefined,
        againSince: undefined,
        row,
      };
      this.#items.set(id, item);
    }
    return item;
  }
}

const idOf = (controller: string, key: string): string => `${controller}\n${key}`;
const hasSince = (item: Item): boolean => item.since !== undefined || item.againSince !== undefined;
const isStored = (item: Item): boolean => item.row?.dueMs === item.dueMs && item.row.failures === item.failures;

function least(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined) return b;
  return b === undefined ? a : Math.min(a, b);
}
