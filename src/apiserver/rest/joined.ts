// Lists of whole objects of which everything in a range is wanted: SQLite joins the stored values, so that a list costs no
// string per row. What a selector, another version or a filled-in field needs row by row is read by list.ts.
import type { KeyRange, RangeText, ReadView } from '../../ledger/types.ts';

/** Rows joined at once where they are small; of larger ones fewer, as many as SQLite can hold in one string (some MB). */
const rowsMax = 2000;

/** At most `limit` values after the key `after`, as items of a JSON array; fewer only at the end, or where they are large. */
export function joinedItems(
  view: ReadView,
  range: KeyRange,
  revision: number,
  after: string | undefined,
  limit = rowsMax,
): RangeText & { rows: number } {
  for (let rows = Math.min(limit, rowsMax); ; rows = Math.ceil(rows / 8)) {
    const page = view.text({
      ...range,
      revision,
      limit: rows,
      before: '{',
      between: ',',
      ...(after === undefined ? {} : { after }),
    });
    if (page) return { ...page, rows };
    if (rows === 1) throw new Error('a single value is too large to be read');
  }
}

/** All values after the key `after`, page by page; each page is one synchronous read. */
export function* joinedPages(
  view: ReadView,
  range: KeyRange,
  revision: number,
  from: string | undefined,
): Generator<string> {
  let after = from;
  for (;;) {
    const page = joinedItems(view, range, revision, after);
    if (page.count > 0) yield page.text;
    if (page.count < page.rows) return;
    after = page.last;
  }
}
