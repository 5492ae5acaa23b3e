// The ledger: an MVCC log of revisions over keys, kept in SQLite, synchronous, without any notion of Kubernetes.
// Every write gets the next revision (dense, ordered, known before the value is built). A row is live at revision R when
// revision ≤ R < superseded. Reading below the compacted revision is an error, never a guess.

import type { SealingOptions } from './sealing.ts';

/** A value as of the revision that wrote it. */
export interface Entry {
  key: string;
  value: string;
  /** Opaque text kept beside the value, readable without reading the value (selector fields, table cells). */
  side: string;
  revision: number;
  createRevision: number;
}

export interface Change {
  type: 'put' | 'delete';
  key: string;
  revision: number;
  createRevision: number;
  /** For a delete: the final value, as the deleter built it. */
  value: string;
  side: string;
  /** The row that this write superseded; absent on a create. */
  previous?: { revision: number; value: string; side: string };
}

/** What a writer stores: `tags` are exact-match index terms of the live row. */
export interface Content {
  value: string;
  side: string;
  tags: readonly string[];
}

/** `revision: 0` demands absence; another number demands that revision to be the live one. */
export interface Precondition {
  revision: number;
}

export type WriteResult =
  | { ok: true; revision: number }
  | { ok: false; reason: 'exists' | 'absent' | 'conflict'; current: Entry | undefined };

/** Half-open key interval [start, end). */
export interface KeyRange {
  start: string;
  end: string;
}

export interface RangeRequest extends KeyRange {
  /** At this revision; default: now. Throws {@link CompactedError} below the compacted, {@link FutureRevisionError} above the current. */
  revision?: number;
  /** Only rows whose live content carries this tag; only together with the current revision. */
  tag?: string;
  /** Continue after this key, exclusively. */
  after?: string;
  limit?: number;
  /** No more rows than have so many bytes of values together, but one at least. */
  bytesMax?: number;
  /** Leave `value` empty, where the side column is enough. */
  withoutValues?: boolean;
}

export interface RangeResult {
  entries: Entry[];
  /** Whether more entries follow the last one. */
  more: boolean;
  /** The revision read at. */
  revision: number;
}

export interface ChangesRequest {
  after: number;
  range?: KeyRange;
  limit?: number;
  /** No more changes than have so many bytes of values together, those that they superseded included, but one at least. */
  bytesMax?: number;
}

/** The values of a range as one text. */
export interface RangeText {
  text: string;
  /** How many values it holds, and the key of the last ('' of none). */
  count: number;
  last: string;
}

export interface ReadView {
  /** The newest committed revision; 0 in an empty ledger. */
  readonly revision: number;
  readonly compactedRevision: number;
  get(key: string, revision?: number): Entry | undefined;
  range(request: RangeRequest): RangeResult;
  count(request: Omit<RangeRequest, 'limit' | 'withoutValues'>): number;
  /**
   * As `range`, but without a string per row: each value after `before`, `between` between them. At most `limit` rows; fewer
   * than that only at the end of the range. Undefined where the text would be too large: read rows then.
   */
  text(request: RangeRequest & { limit: number; before: string; between: string }): RangeText | undefined;
  /** Changes with revision > after, in order; `through` is the last revision looked at, so that a cursor may advance past what was filtered out. */
  changes(request: ChangesRequest): { changes: Change[]; through: number };
}

export interface WriteView extends ReadView {
  /** `build` learns the revision that it will have; it may throw, in which case nothing is written. */
  put(
    key: string,
    build: (revision: number, current: Entry | undefined) => Content,
    expect?: Precondition,
  ): WriteResult;
  /** `build` makes the final value that watchers of the deletion see. */
  delete(
    key: string,
    build: (revision: number, current: Entry) => { value: string; side: string },
    expect?: Precondition,
  ): WriteResult;
}

export interface Ledger extends ReadView {
  /**
   * Group commit: queues `work`, runs it with all other queued work in one transaction, and settles after that
   * transaction is committed. If `work` throws, what it wrote is undone, the others are not affected, and the error passes on.
   * `work` may run more than once (when another of its group throws after writing), so it may have no effect but on `tx`
   * and its result.
   */
  commit<T>(work: (tx: WriteView) => T): Promise<T>;
  /**
   * Live changes: `listener` is called after each commit with that transaction's changes, in order, never with a gap after
   * the revision that `subscribe` returns. Replay what came before with `changes`.
   */
  subscribe(listener: (changes: readonly Change[], revision: number) => void): {
    revision: number;
    unsubscribe: () => void;
  };
  /** Drops history: afterwards reads below `revision` throw. */
  compact(revision: number): void;
  /** Compacts by age and size; returns when to call it again, or undefined when no history is left to drop. */
  compactDue(nowMs: number): number | undefined;
  /** Bytes of history and of live values. */
  size(): { liveBytes: number; historyBytes: number; rows: number };
  readonly sealed: SealedRows;
}

/** A key that rows are sealed under. */
export interface SealedKeyStatus {
  /** Its name and what tells it from others of that name. */
  id: string;
  name: string;
  /** Rows that need it, those of history included. */
  rows: number;
  /** Whether it is there to open them. */
  configured: boolean;
}

/** What is stored sealed, and how it gets to be stored as it should. */
export interface SealedRows {
  /** From now on rows are stored so, and {@link reseal} has those to do that are not. */
  configure(options: SealingOptions): void;
  /** Whether rows may be stored otherwise than they are to be: {@link reseal} has something to do. */
  readonly due: boolean;
  /**
   * Stores some rows again, sealed (or not) as they are to be: same revision, same content; nobody hears of it. Returns
   * whether there is more to do. It may be stopped at any time and goes on where it was, in a later life, too.
   */
  reseal(limits?: { rows?: number; bytes?: number }): boolean;
  status(): { keys: SealedKeyStatus[]; resealed: number; unreadable: number; wasPlain: boolean };
  /** Keys (by id) that rows need, and that are not configured. */
  missing(): string[];
}

export class CompactedError extends Error {
  readonly compactedRevision: number;
  constructor(compactedRevision: number) {
    super(`the requested revision has been compacted (compacted revision: ${compactedRevision})`);
    this.name = 'CompactedError';
    this.compactedRevision = compactedRevision;
  }
}

export class FutureRevisionError extends Error {
  readonly revision: number;
  constructor(revision: number) {
    super(`the requested revision is in the future (current revision: ${revision})`);
    this.name = 'FutureRevisionError';
    this.revision = revision;
  }
}

/** A value (with its side columns) that no row can hold. Nothing has been written. */
export class ValueTooLargeError extends Error {
  readonly bytes: number;
  readonly bytesMax: number;
  constructor(bytes: number, bytesMax: number) {
    super(`the value is too large: ${bytes} bytes, at most ${bytesMax}`);
    this.name = 'ValueTooLargeError';
    this.bytes = bytes;
    this.bytesMax = bytesMax;
  }
}

/** A row that is there and cannot be opened. It is as it was; nothing takes it for absent. */
export class UnreadableError extends Error {
  readonly key: string;
  constructor(key: string, reason: string) {
    super(`unable to transform key ${JSON.stringify(key)}: ${reason}`);
    this.name = 'UnreadableError';
    this.key = key;
  }
}
