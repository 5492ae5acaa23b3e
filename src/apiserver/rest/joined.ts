// Lists of whole objects of which everything in a range is wanted: SQLite joins the stored values, so that a list costs no
// string per row. What a selector, another version or a filled-in field needs row by row is read by pages.ts.
import type { KeyRange, RangeText, ReadView } from '../../ledger/types.ts';
import { wholeUnitsMax } from '../negotiation/list-response.ts';

/** Rows joined at once, where nothing is known of their size. Short lists are one page. */
const rowsFirst = 512;
/** The same where the list is known to be long. */
export const rowsFirstOfMany = 64;
const rowsMax = 2000;
/** What later pages are to have: as many rows of the size of those before. */
const pageUnits = 256 * 1024;

/** At most `limit` values after the key `after`, as items of a JSON array; fewer only at the end, or where they are large. */
export function joinedItems(
  view: ReadView,
  range: KeyRange,
  revision: number,
  after: string | undefined,
  limit = rowsFirst,
): RangeText & { rows: number } {
  for (let rows = limit; ; rows = Math.ceil(rows / 8)) {
    const page = view.text({
      ...range,
      revision,
      limit: rows,
      before: '{',
      between: ',',
      ...(after === undefined ? {} : { after }),
    });
    if (page) return { ...page, rows };
    // SQLite holds some MB in one string.
    if (rows === 1) throw new Error('a single value is too large to be read');
  }
}

/** The first `limit` of the values after the key `from`, page by page; each page is one synchronous read. */
export function* joinedPages(
  view: ReadView,
  range: KeyRange,
  revision: number,
  from: string | undefined,
  limit = Number.POSITIVE_INFINITY,
  first = rowsFirst,
): Generator<RangeText> {
  let after = from;
  let rows = first;
  for (let left = limit; left > 0; ) {
    const page = joinedItems(view, range, revision, after, Math.min(rows, left));
    if (page.count > 0) yield page;
    if (page.count < page.rows) return;
    after = page.last;
    left -= page.count;
    rows = Math.min(rowsMax, Math.max(1, Math.floor((page.count * pageUnits) / page.text.length)));
  }
}

/** Which ranges were too long for one text when they were listed last: where to begin with small pages. Only a hint. */
class Lengths {
  readonly #long = new Set<string>();

  isLong(start: string): boolean {
    return this.#long.has(start);
  }

  /** The pages of a whole range. */
  *noted(start: string, pages: Iterable<string>): Generator<string> {
    let units = 0;
    for (const page of pages) {
      units += page.length;
      if (units > wholeUnitsMax && this.#long.size < rangesMax) this.#long.add(start);
      yield page;
    }
    if (units <= wholeUnitsMax) this.#long.delete(start);
  }
}

const rangesMax = 10_000;
const known = new WeakMap<ReadView, Lengths>();

export function lengthsOf(view: ReadView): Lengths {
  const lengths = known.get(view) ?? new Lengths();
  known.set(view, lengths);
  return lengths;
}
