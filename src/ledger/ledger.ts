// The ledger itself: revisions, preconditions, group commit, live changes and compaction over a Store.
// Invariants: revisions are dense; a promise settles and a listener hears only after the transaction is committed; the
// counters in memory are those of the last committed transaction whenever no transaction is open.
// It does not decide when compaction by age runs: whoever holds the alarm calls `compactDue`.
import type { Clock, Sql } from '../ports/index.ts';
import { RecentLog } from './recent-log.ts';
import { Resealing } from './reseal.ts';
import { Sealing, type SealingOptions } from './sealing.ts';
import { checkSize, sizeOf } from './size.ts';
import { Store } from './store.ts';
import { type LogRow, type Totals, within } from './tables.ts';
import {
  type Change,
  type ChangesRequest,
  CompactedError,
  type Content,
  type Entry,
  FutureRevisionError,
  type KeyRange,
  type Ledger,
  type Precondition,
  type RangeRequest,
  type RangeResult,
  type RangeText,
  type ReadView,
  type SealedRows,
  type WriteResult,
  type WriteView,
} from './types.ts';

export interface LedgerOptions {
  sql: Sql;
  clock: Clock;
  config: { historyMs: number; historyBytesMax: number };
  /** Runs the drain of the commit queue soon; what is queued until then shares one transaction. Default: a microtask. */
  schedule?: (drain: () => void) => void;
  /** Which rows are stored sealed; absent: none, and those that are cannot be read. */
  sealing?: SealingOptions;
}

/** Revisions compacted in one transaction. */
const compactBatch = 1000;
/** Compaction by age waits this share of historyMs beyond it, so that a busy ledger compacts in few strokes. */
const compactSlack = 0.2;
interface Job {
  work: (tx: WriteView) => unknown;
  resolve: (result: unknown) => void;
  reject: (error: unknown) => void;
}

type Listener = (changes: readonly Change[], revision: number) => void;

export function createLedger(options: LedgerOptions): Ledger {
  return new SqlLedger(options);
}

class View implements ReadView {
  protected readonly store: Store;
  protected totals: Totals;

  constructor(store: Store, totals: Totals) {
    this.store = store;
    this.totals = totals;
  }

  get revision(): number {
    return this.totals.revision;
  }

  get compactedRevision(): number {
    return this.totals.compacted;
  }

  get(key: string, revision?: number): Entry | undefined {
    const past = this.#past(revision);
    const row = past === undefined ? this.store.head(key) : this.store.rowAt(key, past);
    return row && !row.deleted ? entryOf(row) : undefined;
  }

  range(request: RangeRequest): RangeResult {
    const past = this.#past(request.revision, request.tag);
    const { bytesMax } = request;
    const wanted = request.limit && request.limit > 0 ? request.limit : undefined;
    const limit =
      bytesMax === undefined ? wanted : (this.store.rowsWithin(bytesMax, request, past, wanted ?? -1) ?? wanted);
    const entries = this.store.range(request, past, limit === undefined ? -1 : limit + 1);
    const more = limit !== undefined && entries.length > limit;
    if (more) entries.length = limit;
    return { entries, more, revision: past ?? this.totals.revision };
  }

  count(request: Omit<RangeRequest, 'limit' | 'withoutValues'>): number {
    return this.store.count(request, this.#past(request.revision, request.tag));
  }

  text(request: RangeRequest & { limit: number; before: string; between: string }): RangeText | undefined {
    return this.store.text(request, this.#past(request.revision, request.tag));
  }

  changes(request: ChangesRequest): { changes: Change[]; through: number } {
    if (request.after < this.totals.compacted) throw new CompactedError(this.totals.compacted);
    if (request.after > this.totals.revision) throw new FutureRevisionError(this.totals.revision);
    const { after, range, bytesMax } = request;
    const most = request.limit ?? -1;
    const recent = this.recent(after, range, most);
    const fitting =
      bytesMax === undefined
        ? undefined
        : recent
          ? within(bytesMax, recent.map(valueUnits))
          : this.store.changesWithin(bytesMax, after, range, most);
    const limit = fitting ?? most;
    const changes = recent ?? this.store.changes(after, range, limit);
    if (limit >= 0 && changes.length > limit) changes.length = limit;
    const full = limit >= 0 && changes.length >= limit;
    return { changes, through: full ? (changes.at(-1)?.revision ?? request.after) : this.totals.revision };
  }

  /** Changes that are at hand without a statement. */
  protected recent(_after: number, _range: KeyRange | undefined, _limit: number): Change[] | undefined {
    return undefined;
  }

  /** Undefined for a read of the present. */
  #past(revision: number | undefined, tag?: string): number | undefined {
    if (revision === undefined || revision === this.totals.revision) return undefined;
    if (revision < this.totals.compacted) throw new CompactedError(this.totals.compacted);
    if (revision > this.totals.revision) throw new FutureRevisionError(this.totals.revision);
    if (tag !== undefined) throw new Error('tags are of the current revision only');
    return revision;
  }
}

/** One open transaction: collects the changes, works on its own copy of the counters. */
class Transaction extends View implements WriteView {
  readonly log: Change[] = [];
  #open = true;

  get counters(): Totals {
    return this.totals;
  }

  close(): void {
    this.#open = false;
  }

  put(
    key: string,
    build: (revision: number, current: Entry | undefined) => Content,
    expect?: Precondition,
  ): WriteResult {
    const head = this.#head(key);
    const current = head && !head.deleted ? entryOf(head) : undefined;
    const refused = refusal(current, expect);
    if (refused) return refused;
    const revision = this.totals.revision + 1;
    const content = build(revision, current);
    const { value, side } = content;
    for (const tag of content.tags) if (tag.includes('\n')) throw new Error('ledger: a tag may not contain a newline');
    const tags = [...new Set(content.tags)].sort().join('\n');
    checkSize(key, value, side, tags);
    const created = current?.createRevision ?? revision;
    this.#append(
      { key, revision, created, previous: head?.revision ?? 0, deleted: 0, side, value, tags },
      head,
      current,
    );
    return { ok: true, revision };
  }

  delete(
    key: string,
    build: (revision: number, current: Entry) => { value: string; side: string },
    expect?: Precondition,
  ): WriteResult {
    const head = this.#head(key);
    if (!head || head.deleted) return { ok: false, reason: 'absent', current: undefined };
    const current = entryOf(head);
    const refused = refusal(current, expect);
    if (refused) return refused;
    const revision = this.totals.revision + 1;
    const { value, side } = build(revision, current);
    checkSize(key, value, side, '');
    const row = { key, revision, created: head.created, previous: head.revision, deleted: 1, side, value, tags: '' };
    this.#append(row, head, current);
    return { ok: true, revision };
  }

  #head(key: string): LogRow | undefined {
    if (!this.#open) throw new Error('ledger: the transaction is over');
    return this.store.head(key);
  }

  #append(row: LogRow, head: LogRow | undefined, current: Entry | undefined): void {
    if (row.revision !== this.totals.revision + 1) throw new Error('ledger: build must not write');
    const size = sizeOf(row);
    const written = this.totals.written + size;
    const dead = this.totals.dead + (current ? sizeOf(current) : 0) + (row.deleted ? size : 0);
    const totals = { ...this.totals, revision: row.revision, written, dead };
    this.store.append(row, totals, head?.tags ?? '');
    this.totals = totals;
    this.log.push({
      type: row.deleted ? 'delete' : 'put',
      key: row.key,
      revision: row.revision,
      createRevision: row.created,
      value: row.value,
      side: row.side,
      ...(current ? { previous: { revision: current.revision, value: current.value, side: current.side } } : {}),
    });
  }
}

class SqlLedger extends View implements Ledger {
  readonly sealed: SealedRows;
  readonly #sealing: Sealing;
  readonly #sql: Sql;
  readonly #clock: Clock;
  readonly #config: LedgerOptions['config'];
  readonly #schedule: (drain: () => void) => void;
  readonly #listeners = new Set<Listener>();
  readonly #recent: RecentLog;
  #queue: Job[] = [];
  #scheduled = false;

  constructor(options: LedgerOptions) {
    const store = new Store(options.sql);
    super(store, store.load());
    this.#sealing = new Sealing(options.sql, this.totals.revision, options.sealing);
    store.sealWith(this.#sealing);
    this.sealed = new Resealing(options.sql, this.#sealing, () => this.totals.revision);
    this.#recent = new RecentLog(this.totals.revision);
    this.#sql = options.sql;
    this.#clock = options.clock;
    this.#config = options.config;
    this.#schedule = options.schedule ?? ((drain) => queueMicrotask(drain));
  }

  protected override recent(after: number, range: KeyRange | undefined, limit: number): Change[] | undefined {
    return this.#recent.since(after, range, limit);
  }

  commit<T>(work: (tx: WriteView) => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#queue.push({ work, resolve: resolve as (result: unknown) => void, reject });
      if (this.#scheduled) return;
      this.#scheduled = true;
      this.#schedule(() => this.#drain());
    });
  }

  subscribe(listener: Listener): { revision: number; unsubscribe: () => void } {
    // A wrapper of its own, so that the same function may subscribe twice.
    const own: Listener = (changes, revision) => listener(changes, revision);
    this.#listeners.add(own);
    return { revision: this.totals.revision, unsubscribe: () => void this.#listeners.delete(own) };
  }

  compact(revision: number): void {
    if (revision > this.totals.revision) throw new FutureRevisionError(this.totals.revision);
    while (this.totals.compacted < revision) this.#compactBatch(revision);
  }

  compactDue(nowMs: number): number | undefined {
    this.#sealing.renew(this.totals.revision);
    const target = Math.max(this.#revisionAtTime(nowMs - this.#config.historyMs), this.#revisionBySize());
    if (target > this.totals.compacted) this.#compactBatch(target);
    if (target > this.totals.compacted) return nowMs;
    if (this.totals.dead === this.totals.dropped) return undefined;
    const oldest = this.store.pointAt(this.totals.compacted + 1)?.timeMs ?? nowMs;
    return Math.max(nowMs, oldest + Math.ceil(this.#config.historyMs * (1 + compactSlack)));
  }

  size(): { liveBytes: number; historyBytes: number; rows: number } {
    const { written, dead, dropped, revision, droppedRows } = this.totals;
    return { liveBytes: written - dead, historyBytes: dead - dropped, rows: revision - droppedRows };
  }

  #drain(): void {
    this.#scheduled = false;
    let jobs = this.#queue;
    this.#queue = [];
    while (jobs.length > 0) {
      const poison = this.#run(jobs);
      if (!poison) break;
      jobs = jobs.filter((job) => job !== poison);
    }
    if (this.totals.dead - this.totals.dropped > this.#config.historyBytesMax) {
      const target = this.#revisionBySize();
      if (target > this.totals.compacted) this.#compactBatch(target);
    }
  }

  /**
   * Runs the jobs in one transaction and settles them. A job that throws after it has written takes the transaction with
   * it: that job is rejected and returned, and the others, unsettled, are to be run again without it.
   */
  #run(jobs: readonly Job[]): Job | undefined {
    const timeMs = Math.max(this.totals.timeMs, this.#clock.now());
    const transaction = new Transaction(this.store, { ...this.totals, timeMs });
    const settle: (() => void)[] = [];
    let poison: Job | undefined;
    try {
      this.#sql.transaction(() => {
        for (const job of jobs) {
          const before = transaction.revision;
          try {
            const result = job.work(transaction);
            settle.push(() => job.resolve(result));
          } catch (error) {
            if (transaction.revision !== before) {
              poison = job;
              throw error;
            }
            settle.push(() => job.reject(error));
          }
        }
      });
    } catch (error) {
      this.store.forget();
      for (const job of poison ? [poison] : jobs) job.reject(error);
      return poison;
    } finally {
      transaction.close();
    }
    if (transaction.log.length > 0) {
      this.totals = transaction.counters;
      this.#recent.add(transaction.log);
    }
    for (const done of settle) done();
    if (transaction.log.length > 0) this.#notify(transaction.log, transaction.revision);
    return undefined;
  }

  #notify(changes: readonly Change[], revision: number): void {
    for (const listener of [...this.#listeners]) {
      if (!this.#listeners.has(listener)) continue;
      try {
        listener(changes, revision);
      } catch (error) {
        // A listener's fault is nobody else's: the write is committed and the others must hear of it.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }

  #compactBatch(target: number): void {
    const from = this.totals.compacted;
    const to = Math.min(target, from + compactBatch);
    const marks = this.#sql.transaction(() => this.store.drop(from, to, this.totals.droppedRows));
    this.totals = { ...this.totals, ...marks };
  }

  /** The newest revision written at or before `timeMs`. */
  #revisionAtTime(timeMs: number): number {
    return this.#lastWhere((point) => point.timeMs <= timeMs);
  }

  /** The oldest revision from which the history that is left fits into historyBytesMax. */
  #revisionBySize(): number {
    const surplus = this.totals.dead - this.#config.historyBytesMax;
    if (surplus <= this.totals.dropped) return this.totals.compacted;
    return Math.min(this.totals.revision, this.#lastWhere((point) => point.dead < surplus) + 1);
  }

  /** Binary search over the log above the compacted revision, where no row is missing; `test` holds up to some point. */
  #lastWhere(test: (point: { revision: number; timeMs: number; dead: number }) => boolean): number {
    let low = this.totals.compacted;
    let high = this.totals.revision;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      const point = this.store.pointAt(middle);
      if (point && test(point)) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

function entryOf(row: LogRow): Entry {
  return { key: row.key, value: row.value, side: row.side, revision: row.revision, createRevision: row.created };
}

const valueUnits = ({ value, previous }: Change) => value.length + (previous?.value.length ?? 0);

function refusal(current: Entry | undefined, expect: Precondition | undefined): WriteResult | undefined {
  if (!expect || expect.revision === (current?.revision ?? 0)) return undefined;
  const reason = expect.revision === 0 ? 'exists' : current ? 'conflict' : 'absent';
  return { ok: false, reason, current };
}
