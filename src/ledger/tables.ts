// The tables of the ledger, and the pieces of statements on them.
//
//   ledger_log   one row per revision, never changed: content, and the revision that the key's row before it had
//   ledger_head  key → its newest revision; a deleted key keeps its head until the deletion is compacted
//   ledger_tag   (tag, key) of live rows
//   ledger_mark  one row: what compaction has done
//
// A write is therefore two rows (log and head) and one per tag that changed. Nothing marks a row as superseded: the row
// that superseded it points at it. Worked example, key k put at 1 and 3, deleted at 4:
//
//   log   1 (previous 0)   3 (previous 1)   4 (previous 3, deleted)      head  k → 4, deleted
//   read at 2: head 4 > 2 → 3 > 2 → 1. Read at 4: deleted, so absent.
//   compact to 3: the log in (0, 3] is walked; 3 supersedes 1: row 1 goes. Reads at 3 and 4 still answer.
//   compact to 4: 4 supersedes 3: row 3 goes; 4 is a deletion: row 4 and the head go. Put again at 9: previous 0.
//
// Every log row carries running totals (`written`, `dead`: units ever written, units ever superseded or deleted) and its
// time, so sizes survive a restart and compaction finds its target by binary search, without a further row per write.
// A unit is one UTF-16 code unit: a byte, for ASCII.
// A value may be sealed (see sealing.ts); units are of what is open.
import type { SqlBytes } from '../ports/index.ts';
import type { RangeRequest } from './types.ts';

/** The counters; kept in memory, and recoverable from the newest log row and the mark. */
export interface Totals {
  revision: number;
  /** Time of the newest revision; never decreases. */
  timeMs: number;
  written: number;
  dead: number;
  compacted: number;
  /** `dead` as of the compacted revision: what is no longer stored. */
  dropped: number;
  droppedRows: number;
}

export interface LogRow {
  key: string;
  revision: number;
  created: number;
  previous: number;
  deleted: number;
  side: string;
  value: string;
  tags: string;
}

/** As it is read: a value may be sealed, and its side column with it. */
export type Stored<Row extends { value: string }> = Omit<Row, 'value'> & { value: string | SqlBytes };

export const schema = [
  `CREATE TABLE IF NOT EXISTS ledger_log (revision INTEGER PRIMARY KEY, previous INTEGER NOT NULL, created INTEGER NOT NULL,
     deleted INTEGER NOT NULL, time INTEGER NOT NULL, written INTEGER NOT NULL, dead INTEGER NOT NULL, key TEXT NOT NULL,
     tags TEXT NOT NULL, side TEXT NOT NULL, value TEXT NOT NULL)`,
  `CREATE TABLE IF NOT EXISTS ledger_head (key TEXT PRIMARY KEY, revision INTEGER NOT NULL, deleted INTEGER NOT NULL) WITHOUT ROWID`,
  `CREATE TABLE IF NOT EXISTS ledger_tag (tag TEXT NOT NULL, key TEXT NOT NULL, PRIMARY KEY (tag, key)) WITHOUT ROWID`,
  `CREATE TABLE IF NOT EXISTS ledger_mark (id INTEGER PRIMARY KEY, compacted INTEGER NOT NULL, time INTEGER NOT NULL,
     written INTEGER NOT NULL, dead INTEGER NOT NULL, dropped_rows INTEGER NOT NULL)`,
];

/** The newest revision ≤ ? in the chain that starts at h.revision; NULL where the key did not exist. */
export const atRevision = `CASE WHEN h.revision <= ? THEN h.revision ELSE (
  WITH RECURSIVE chain(revision, previous) AS (
    SELECT revision, previous FROM ledger_log WHERE revision = h.revision
    UNION ALL SELECT l.revision, l.previous FROM chain c JOIN ledger_log l ON l.revision = c.previous WHERE c.revision > ?)
  SELECT revision FROM chain WHERE revision <= ? LIMIT 1) END`;

export const tagsOf = (text: string): string[] => (text === '' ? [] : text.split('\n'));

/** How many of these sizes fit, at least one; undefined: all. */
export function within(bytesMax: number, sizes: readonly number[]): number | undefined {
  let sum = 0;
  for (const [index, bytes] of sizes.entries()) {
    sum += bytes;
    if (sum > bytesMax) return Math.max(1, index);
  }
  return undefined;
}

export function bounds(
  column: string,
  request: Pick<RangeRequest, 'start' | 'end' | 'after'>,
): { text: string; bindings: string[] } {
  const continued = request.after !== undefined && request.after >= request.start;
  return {
    text: `${column} ${continued ? '>' : '>='} ? AND ${column} < ?`,
    bindings: [continued ? request.after! : request.start, request.end],
  };
}
