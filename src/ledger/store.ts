// The statements on the tables of the ledger (see tables.ts), and what is kept of their answers. It knows rows and chains, not
// transactions or listeners. What it answers is open, whatever is stored.
import type { Sql, SqlBytes, SqlValue } from '../ports/index.ts';
import { HeadCache } from './head-cache.ts';
import { RangeCache } from './range-cache.ts';
import type { Sealing } from './sealing.ts';
import { atRevision, bounds, type LogRow, type Stored, schema, type Totals, tagsOf, within } from './tables.ts';
import type { Change, Entry, KeyRange, RangeRequest, RangeText } from './types.ts';

interface Point {
  revision: number;
  timeMs: number;
  dead: number;
}

/** Bindings of one IN list; below the 100 parameters that a statement may have. */
const inListMax = 90;
/** Bytes of opened values in one text, which SQLite does not join. */
const joinedBytesMax = 4_000_000;

export class Store {
  readonly #sql: Sql;
  readonly #heads = new HeadCache();
  readonly #ranges = new RangeCache();
  #sealing: Sealing | undefined;

  constructor(sql: Sql) {
    this.#sql = sql;
    for (const statement of schema) sql.exec(statement);
  }

  /** Before anything is read or written. */
  sealWith(sealing: Sealing): void {
    this.#sealing = sealing;
  }

  /** The row with its texts open; the same object. */
  #opened<Row extends { key: string; revision: number; side: string; value: string }>(row: Stored<Row>): Row {
    const { value } = row;
    return typeof value === 'string'
      ? (row as Row)
      : (Object.assign(row, this.#open(row.key, row.revision, value)) as unknown as Row);
  }

  #open(key: string, revision: number, blob: SqlBytes): { side: string; value: string } {
    const { side, value } = (this.#sealing as Sealing).open(key, revision, blob);
    return { side, value };
  }

  /** It is sealed together with its value: of many rows, one value at a time is in memory. */
  #sealedSide({ key, revision }: { key: string; revision: number }): string {
    const [row] = this.#sql.exec<{ value: SqlBytes }>('SELECT value FROM ledger_log WHERE revision = ?', revision);
    const { side } = this.#open(key, revision, row!.value);
    // A copy: what is cut out of another text keeps that one alive, whole.
    return ` ${side}`.slice(1);
  }

  load(): Totals {
    const mark = this.#sql.exec<{
      compacted: number;
      time: number;
      written: number;
      dead: number;
      dropped_rows: number;
    }>('SELECT compacted, time, written, dead, dropped_rows FROM ledger_mark')[0] ?? {
      compacted: 0,
      time: 0,
      written: 0,
      dead: 0,
      dropped_rows: 0,
    };
    const last = this.#sql.exec<{ revision: number; time: number; written: number; dead: number }>(
      'SELECT revision, time, written, dead FROM ledger_log ORDER BY revision DESC LIMIT 1',
    )[0];
    // The newest row is missing only when it was a deletion and compacted; then the mark stands at it.
    const newest = last && last.revision > mark.compacted ? last : { ...mark, revision: mark.compacted };
    return {
      revision: newest.revision,
      timeMs: newest.time,
      written: newest.written,
      dead: newest.dead,
      compacted: mark.compacted,
      dropped: mark.dead,
      droppedRows: mark.dropped_rows,
    };
  }

  /** The newest row of a key, a deletion included. */
  head(key: string): LogRow | undefined {
    const cached = this.#heads.get(key);
    if (cached !== undefined) return cached ?? undefined;
    const stored = this.#sql.exec<Stored<LogRow>>(
      `SELECT l.key, l.revision, l.created, l.previous, l.deleted, l.tags, l.side, l.value
       FROM ledger_head h JOIN ledger_log l ON l.revision = h.revision WHERE h.key = ?`,
      key,
    )[0];
    const row = stored && this.#opened<LogRow>(stored);
    this.#heads.set(key, row ?? null);
    return row;
  }

  /** After a rolled back transaction: what it wrote is not there. */
  forget(): void {
    this.#heads.clear();
    this.#ranges.clear();
    this.#sealing?.forget();
  }

  rowAt(key: string, revision: number): LogRow | undefined {
    const row = this.#sql.exec<Stored<LogRow>>(
      `SELECT l.key, l.revision, l.created, l.previous, l.deleted, l.tags, l.side, l.value
       FROM ledger_head h CROSS JOIN ledger_log l ON l.revision = ${atRevision} WHERE h.key = ?`,
      revision,
      revision,
      revision,
      key,
    )[0];
    return row && this.#opened<LogRow>(row);
  }

  append(row: LogRow, totals: Totals, tagsBefore: string): void {
    const stored = this.#sealing?.stored(row.key, row.revision, row) ?? row;
    this.#sql.exec(
      'INSERT INTO ledger_log (revision, previous, created, deleted, time, written, dead, key, tags, side, value) VALUES (?,?,?,?,?,?,?,?,?,?,?)',
      row.revision,
      row.previous,
      row.created,
      row.deleted,
      totals.timeMs,
      totals.written,
      totals.dead,
      row.key,
      row.tags,
      stored.side,
      stored.value,
    );
    this.#sql.exec(
      `INSERT INTO ledger_head (key, revision, deleted) VALUES (?,?,?)
       ON CONFLICT (key) DO UPDATE SET revision = excluded.revision, deleted = excluded.deleted`,
      row.key,
      row.revision,
      row.deleted,
    );
    this.#heads.set(row.key, row);
    this.#ranges.touch(row.key);
    if (row.tags === tagsBefore) return;
    const before = new Set(tagsOf(tagsBefore));
    const after = new Set(tagsOf(row.tags));
    for (const tag of before)
      if (!after.has(tag)) this.#sql.exec('DELETE FROM ledger_tag WHERE tag = ? AND key = ?', tag, row.key);
    for (const tag of after)
      if (!before.has(tag)) this.#sql.exec('INSERT INTO ledger_tag (tag, key) VALUES (?,?)', tag, row.key);
  }

  /** Live entries in key order; `limit` < 0: all. `past`: at that revision, below the current one. */
  range(request: RangeRequest, past: number | undefined, limit: number): Entry[] {
    const prefix = past === undefined ? RangeCache.prefixOf(request) : undefined;
    if (prefix === undefined) return this.#range(request, past, limit);
    const cached = this.#ranges.get(prefix);
    if (cached) return limit < 0 ? [...cached] : cached.slice(0, limit);
    const entries = this.#range(request, past, limit);
    if (!request.withoutValues && (limit < 0 || entries.length < limit)) this.#ranges.set(prefix, [...entries]);
    return entries;
  }

  /** How many rows of a range fit into so many bytes, at least one; undefined: all that there are, up to the limit. */
  rowsWithin(bytesMax: number, request: RangeRequest, past: number | undefined, limit: number): number | undefined {
    if (request.withoutValues) return undefined;
    const prefix = past === undefined ? RangeCache.prefixOf(request) : undefined;
    if (prefix !== undefined && this.#ranges.get(prefix)) return undefined;
    const from = this.#from(request, past);
    return within(
      bytesMax,
      this.#sql
        .exec<{ bytes: number }>(
          `SELECT octet_length(l.value) AS bytes ${from.text} ORDER BY ${from.order} LIMIT ?`,
          ...from.bindings,
          limit,
        )
        .map(({ bytes }) => bytes),
    );
  }

  #range(request: RangeRequest, past: number | undefined, limit: number): Entry[] {
    const from = this.#from(request, past);
    const sealed = this.#sealing?.mayHold(request) === true;
    const withoutValue = sealed ? "CASE WHEN typeof(l.value) = 'blob' THEN x'' ELSE '' END" : "''";
    const rows = this.#sql.exec<Stored<Entry> & Record<string, SqlValue>>(
      `SELECT h.key AS key, ${request.withoutValues ? withoutValue : 'l.value'} AS value, l.side AS side,
         l.revision AS revision, l.created AS createRevision ${from.text} ORDER BY ${from.order} LIMIT ?`,
      ...from.bindings,
      limit,
    );
    for (const row of rows) {
      if (typeof row.value === 'string') continue;
      if (request.withoutValues) Object.assign(row, { side: this.#sealedSide(row), value: '' });
      else this.#opened<Entry>(row);
    }
    return rows as Entry[];
  }

  /** As `range`, joined by SQLite; undefined where its longest string is not long enough. */
  text(
    request: RangeRequest & { limit: number; before: string; between: string },
    past: number | undefined,
  ): RangeText | undefined {
    if (this.#sealing?.mayHold(request)) return this.#joined(request, past);
    const from = this.#from(request, past);
    try {
      const row = this.#sql.exec<{ text: string | null; count: number; last: string | null }>(
        `SELECT group_concat(? || value, ?) AS text, count(*) AS count, max(key) AS last FROM (
           SELECT h.key AS key, l.value AS value ${from.text} ORDER BY ${from.order} LIMIT ?)`,
        request.before,
        request.between,
        ...from.bindings,
        request.limit,
      )[0]!;
      return { text: row.text ?? '', count: row.count, last: row.last ?? '' };
    } catch (error) {
      if (/too big/i.test(String(error))) return undefined;
      throw error;
    }
  }

  #joined(
    request: RangeRequest & { limit: number; before: string; between: string },
    past: number | undefined,
  ): RangeText | undefined {
    const { limit, before, between } = request;
    const whole = { start: request.start, end: request.end, after: request.after, tag: request.tag } as RangeRequest;
    if (limit > 1 && this.rowsWithin(joinedBytesMax, whole, past, limit) !== undefined) return undefined;
    const entries = this.range(whole, past, limit);
    const text = entries.map(({ value }) => before + value).join(between);
    return { text, count: entries.length, last: entries.at(-1)?.key ?? '' };
  }

  count(request: RangeRequest, past: number | undefined): number {
    if (past === undefined && request.tag === undefined) {
      const where = bounds('key', request);
      return this.#sql.exec<{ n: number }>(
        `SELECT count(*) AS n FROM ledger_head WHERE ${where.text} AND deleted = 0`,
        ...where.bindings,
      )[0]!.n;
    }
    const from = this.#from(request, past);
    return this.#sql.exec<{ n: number }>(`SELECT count(*) AS n ${from.text}`, ...from.bindings)[0]!.n;
  }

  #from(request: RangeRequest, past: number | undefined): { text: string; bindings: SqlValue[]; order: string } {
    if (past !== undefined) {
      const where = bounds('h.key', request);
      return {
        text: `FROM ledger_head h CROSS JOIN ledger_log l ON l.revision = ${atRevision} WHERE ${where.text} AND l.deleted = 0`,
        bindings: [past, past, past, ...where.bindings],
        order: 'h.key',
      };
    }
    if (request.tag !== undefined) {
      const where = bounds('t.key', request);
      return {
        text: `FROM ledger_tag t CROSS JOIN ledger_head h ON h.key = t.key CROSS JOIN ledger_log l ON l.revision = h.revision
          WHERE t.tag = ? AND ${where.text}`,
        bindings: [request.tag, ...where.bindings],
        order: 't.key',
      };
    }
    const where = bounds('h.key', request);
    return {
      text: `FROM ledger_head h CROSS JOIN ledger_log l ON l.revision = h.revision WHERE ${where.text} AND h.deleted = 0`,
      bindings: where.bindings,
      order: 'h.key',
    };
  }

  #changes<Row>(columns: string, after: number, range: KeyRange | undefined, limit: number): Row[] {
    return this.#sql.exec<Row>(
      `SELECT ${columns} FROM ledger_log l LEFT JOIN ledger_log p ON p.revision = l.previous AND p.deleted = 0
       WHERE l.revision > ?${range ? ' AND l.key >= ? AND l.key < ?' : ''} ORDER BY l.revision LIMIT ?`,
      after,
      ...(range ? [range.start, range.end] : []),
      limit,
    );
  }

  /** As `rowsWithin`, of changes. */
  changesWithin(bytesMax: number, after: number, range: KeyRange | undefined, limit: number): number | undefined {
    const columns = 'octet_length(l.value) + coalesce(octet_length(p.value), 0) AS bytes';
    const rows = this.#changes<{ bytes: number }>(columns, after, range, limit);
    return within(
      bytesMax,
      rows.map(({ bytes }) => bytes),
    );
  }

  changes(after: number, range: KeyRange | undefined, limit: number): Change[] {
    const rows = this.#changes<Stored<LogRow> & { pside: string | null; pvalue: string | SqlBytes | null }>(
      'l.key, l.revision, l.created, l.previous, l.deleted, l.side, l.value, p.side AS pside, p.value AS pvalue',
      after,
      range,
      limit,
    );
    return rows.map((stored) => {
      const row = this.#opened<LogRow & { pside: string | null; pvalue: string | SqlBytes | null }>(stored);
      const { pvalue, pside } = row;
      return {
        type: row.deleted ? 'delete' : 'put',
        key: row.key,
        revision: row.revision,
        createRevision: row.created,
        value: row.value,
        side: row.side,
        ...(pvalue === null
          ? {}
          : {
              previous: {
                revision: row.previous,
                ...(typeof pvalue === 'string'
                  ? { value: pvalue, side: pside ?? '' }
                  : this.#open(row.key, row.previous, pvalue)),
              },
            }),
      };
    });
  }

  /** The first row at or after `revision`: for binary search over time and size. */
  pointAt(revision: number): Point | undefined {
    return this.#sql.exec<Point & Record<string, SqlValue>>(
      'SELECT revision, time AS timeMs, dead FROM ledger_log WHERE revision >= ? ORDER BY revision LIMIT 1',
      revision,
    )[0];
  }

  /** Compacts the revisions in (from, to], all of which are still in the log. */
  drop(from: number, to: number, droppedRows: number): Pick<Totals, 'compacted' | 'dropped' | 'droppedRows'> {
    const walked = this.#sql.exec<{ revision: number; previous: number; deleted: number; key: string }>(
      'SELECT revision, previous, deleted, key FROM ledger_log WHERE revision > ? AND revision <= ?',
      from,
      to,
    );
    const end = this.#sql.exec<{ time: number; written: number; dead: number }>(
      'SELECT time, written, dead FROM ledger_log WHERE revision = ?',
      to,
    )[0];
    if (!end) throw new Error(`ledger: revision ${to} is missing`);
    const doomed = new Set<number>();
    for (const row of walked) {
      if (row.previous > 0) doomed.add(row.previous);
      if (row.deleted) {
        doomed.add(row.revision);
        this.#heads.delete(row.key);
        this.#sql.exec('DELETE FROM ledger_head WHERE key = ? AND revision = ?', row.key, row.revision);
      }
    }
    const revisions = [...doomed];
    let rows = droppedRows;
    for (let i = 0; i < revisions.length; i += inListMax) {
      const part = revisions.slice(i, i + inListMax);
      const marks = part.map(() => '?').join(',');
      rows += this.#sql.exec(`DELETE FROM ledger_log WHERE revision IN (${marks}) RETURNING revision`, ...part).length;
    }
    this.#sql.exec(
      `INSERT INTO ledger_mark (id, compacted, time, written, dead, dropped_rows) VALUES (1,?,?,?,?,?)
       ON CONFLICT (id) DO UPDATE SET compacted = excluded.compacted, time = excluded.time, written = excluded.written,
         dead = excluded.dead, dropped_rows = excluded.dropped_rows`,
      to,
      end.time,
      end.written,
      end.dead,
      rows,
    );
    return { compacted: to, dropped: end.dead, droppedRows: rows };
  }
}
