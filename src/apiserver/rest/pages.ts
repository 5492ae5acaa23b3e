// The rows that a list is of, in key order and of one revision, page by page: what is read at once is bounded, by rows and
// by bytes, and reading a selection again gives the same rows for as long as its revision is not compacted.
import type { Entry, KeyRange, ReadView } from '../../ledger/types.ts';
import type { AnyResource } from '../../machinery/resource.ts';
import { keyRange } from '../storage/read.ts';
import { matchesEntry, type RowSelector } from './select.ts';

const pageRows = 500;
/** Of the values of a page: a few objects may be as large as hundreds of others. */
const pageBytesMax = 256 * 1024;
/** Where values are not read. */
const keyRows = 2000;

export interface Selection {
  range: KeyRange;
  /** The one key of it that the selector leaves, where that is known. */
  only?: string | undefined;
  selector: RowSelector;
  /** The revision that is read. */
  at: number;
  /** Only what comes after this key. */
  after?: string | undefined;
  /** Pages are read in later turns, too. */
  streamed?: boolean;
}

/** What the selector leaves of a resource, or of one namespace of it. */
export function selectionOf(
  definition: AnyResource,
  namespace: string,
  selector: RowSelector,
  at: number,
  after?: string,
): Selection {
  const within = namespace || (definition.namespaced ? (selector.namespace ?? '') : '');
  const range = keyRange(definition, within);
  const { name } = selector;
  const only = name !== undefined && (within !== '' || !definition.namespaced) ? range.start + name : undefined;
  return { range, selector, at, only, after: after === undefined ? undefined : range.start + after };
}

/** A selection up to a key, and with it. */
export function upTo(selection: Selection, key: string): Selection {
  return { ...selection, range: { start: selection.range.start, end: `${key}\0` } };
}

/** The whole selection; each page is one synchronous read. Pages may be empty. */
export function* pages(view: ReadView, selection: Selection): Generator<Entry[]> {
  const { range, selector, at, only, streamed } = selection;
  let { after } = selection;
  if (only !== undefined) {
    const entry = (after === undefined || only > after) && view.get(only, at);
    if (entry && matchesEntry(selector, entry)) yield [entry];
    return;
  }
  // Tags are of the present only.
  const tag = at === view.revision ? selector.tag : undefined;
  for (let limit = pageRows; ; ) {
    const page = view.range({
      ...range,
      ...(tag === undefined ? { revision: at } : { tag }),
      ...(after === undefined ? {} : { after }),
      limit,
      bytesMax: pageBytesMax,
    });
    after = page.entries.at(-1)?.key;
    limit = Math.min(pageRows, page.entries.length * 2);
    // What else has the tag is found out now.
    const rest = tag !== undefined && after !== undefined && page.more && streamed;
    const keys = rest ? matching(selector, view.range({ ...range, tag, after, withoutValues: true }).entries) : [];
    yield selector.everything ? page.entries : page.entries.filter((entry) => matchesEntry(selector, entry));
    if (rest) yield* rows(view, keys, at);
    if (rest || !page.more) return;
  }
}

/** The selection without values; each page is one synchronous read, of no more rows than are wanted. Pages may be empty. */
export function* keyPages(view: ReadView, selection: Selection, wanted = keyRows): Generator<Entry[]> {
  const { range, selector, at, only } = selection;
  if (only !== undefined) {
    yield* pages(view, selection);
    return;
  }
  const tag = at === view.revision ? selector.tag : undefined;
  for (let { after } = selection; ; ) {
    const page = view.range({
      ...range,
      ...(tag === undefined ? { revision: at } : { tag }),
      ...(after === undefined ? {} : { after }),
      limit: selector.everything ? Math.min(wanted, keyRows) : keyRows,
      withoutValues: true,
    });
    yield page.entries.filter((entry) => matchesEntry(selector, entry));
    after = page.entries.at(-1)?.key;
    if (!page.more) return;
  }
}

const matching = (selector: RowSelector, entries: readonly Entry[]): string[] =>
  entries.filter((entry) => matchesEntry(selector, entry)).map(({ key }) => key);

/** The rows of these keys, as of a revision, in pages as large as others. */
export function* rows(view: ReadView, keys: readonly string[], at: number): Generator<Entry[]> {
  let page: Entry[] = [];
  let units = 0;
  for (const key of keys) {
    const entry = view.get(key, at);
    if (!entry) continue;
    page.push(entry);
    units += entry.value.length;
    if (page.length < pageRows && units < pageBytesMax) continue;
    yield page;
    page = [];
    units = 0;
  }
  yield page;
}
