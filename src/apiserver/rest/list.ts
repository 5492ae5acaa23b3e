// Lists: rows of one revision, spliced into the answer without being parsed, page by page at that revision, so that memory
// stays bounded however long they are, and however large what they list.
import type { Entry, RangeText, ReadView } from '../../ledger/types.ts';
import { apiVersion } from '../../machinery/meta.ts';
import type { AnyResource } from '../../machinery/resource.ts';
import type { Core } from '../core.ts';
import { type TextPages, wholeUnitsMax } from '../negotiation/list-response.ts';
import { itemText, parseSide, partialText } from '../storage/codec.ts';
import { type Form, rowText, tableHead } from '../storage/forms.ts';
import { fills } from './heartbeat.ts';
import { joinedPages, lengthsOf, rowsFirstOfMany } from './joined.ts';
import { keyPages, pages, rows, type Selection, selectionOf, upTo } from './pages.ts';
import { continueToken, type ListOptions, listRevision, orExpired } from './revision.ts';
import type { RowSelector } from './select.ts';

/** All rows at once, for in-process callers. */
export function listEntries(
  view: ReadView,
  definition: AnyResource,
  namespace: string,
  selector: RowSelector,
): Entry[] {
  const entries: Entry[] = [];
  const selection = selectionOf(definition, namespace, selector, view.revision);
  for (const page of pages(view, selection)) for (const entry of page) entries.push(entry);
  return entries;
}

type Metadata = Record<string, unknown>;

export interface List extends TextPages {
  /** What it lists. */
  selection: Selection;
  metadata: Metadata;
}

/** The first `limit` of a selection as items of the list, in parts. `long`: it is likely to be that. */
type Read = (selection: Selection, limit?: number, long?: boolean) => Iterable<RangeText>;

/** Throws {@link ExpiredList}, later pages the ledger's CompactedError. */
export function list(
  core: Core,
  definition: AnyResource,
  namespace: string,
  selector: RowSelector,
  options: ListOptions,
  form: Form,
): List {
  const view = core.ledger;
  const { revision, after } = listRevision(options, view);
  const wanted = selectionOf(definition, namespace, selector, revision ?? view.revision, after);
  const read = reader(core, definition, selector, form);
  const lengths = isJoined(definition, selector, form) ? lengthsOf(view) : undefined;
  const { start } = wanted.range;
  const long = lengths?.isLong(start) ?? false;
  const answer = (selection: Selection, metadata: Metadata, pages: Iterator<string>): List => {
    const again = () => texts(read(selection, undefined, true));
    return { ...listHead(definition, form, metadata), pages, again, selection, metadata };
  };
  return orExpired(() => {
    if (options.limit <= 0) {
      const pages = texts(read(wanted, undefined, long));
      const metadata = { resourceVersion: String(wanted.at) };
      return { ...answer(wanted, metadata, begun(lengths?.noted(start, pages) ?? pages)), long };
    }
    const { taken, last, left } = rowOrder(definition, form)
      ? { taken: [], last: undefined, left: options.limit }
      : short(read(wanted, options.limit, long), options.limit);
    // What follows is read when what was taken has been sent: up to where it will end.
    const rest = { ...wanted, after: last ?? wanted.after };
    const end = left > 0 ? lastOf(view, rest, left) : last;
    const selection = end === undefined ? wanted : upTo(wanted, end);
    const following = () => texts(read({ ...selection, after: rest.after }, undefined, true));
    return answer(selection, metadataOf(view, wanted, end), continued(taken, left > 0 ? following : undefined));
  }, after);
}

const rowOrder = (definition: AnyResource, form: Form) => (form.type === 'table' ? definition.rowOrder : undefined);

/** The first parts, as long as they are short together, with the last key that they have; `left` of the limit is to come. */
function short(parts: Iterable<RangeText>, limit: number): { taken: string[]; last: string | undefined; left: number } {
  const taken: string[] = [];
  let units = 0;
  let left = limit;
  let last: string | undefined;
  for (const part of parts) {
    taken.push(part.text);
    units += part.text.length;
    left -= part.count;
    last = part.last;
    if (units > wholeUnitsMax) return { taken, last, left };
  }
  return { taken, last: left > 0 ? undefined : last, left: 0 };
}

/** What was taken, which is let go as it is taken again, and what follows. */
function* continued(taken: string[], following?: () => Iterable<string>): Generator<string> {
  for (let page = taken.shift(); page !== undefined; page = taken.shift()) yield page;
  if (following) yield* following();
}

/** The key of the row that is the last within a limit; undefined: there are fewer. */
function lastOf(view: ReadView, selection: Selection, limit: number): string | undefined {
  let left = limit;
  for (const page of keyPages(view, selection, limit)) {
    if (page.length >= left) return page[left - 1]?.key;
    left -= page.length;
  }
  return undefined;
}

/** Of a list that ends with the key `last`, where it has been cut; what is left is counted only where all is wanted. */
function metadataOf(view: ReadView, selection: Selection, last: string | undefined): Metadata {
  const { range, selector, at } = selection;
  const whole = { resourceVersion: String(at) };
  if (last === undefined) return whole;
  const remaining = selector.everything ? view.count({ ...range, revision: at, after: last }) : undefined;
  if (remaining === 0 || (remaining === undefined && !lastOf(view, { ...selection, after: last }, 1))) return whole;
  return {
    ...whole,
    continue: continueToken(at, last.slice(range.start.length)),
    ...(remaining === undefined ? {} : { remainingItemCount: remaining }),
  };
}

function* texts(parts: Iterable<RangeText>): Generator<string> {
  for (const { text } of parts) yield text;
}

/** The same pages, of which the first has been read: a revision that is gone is noticed before an answer begins. */
function begun(pages: Iterator<string>): Iterator<string> {
  let first: IteratorResult<string> | undefined = pages.next();
  return {
    next() {
      const next = first ?? pages.next();
      first = undefined;
      return next;
    },
  };
}

/** Whether stored values are the items, all of them. */
const isJoined = (definition: AnyResource, selector: RowSelector, form: Form): boolean =>
  form.type === 'object' && selector.everything && !definition.heartbeat && !definition.conversion;

function reader(core: Core, definition: AnyResource, selector: RowSelector, form: Form): Read {
  const view = core.ledger;
  if (isJoined(definition, selector, form))
    return ({ range, at, after }, limit, long) =>
      joinedPages(view, range, at, after, limit, long ? rowsFirstOfMany : undefined);
  const item = itemOf(core, definition, form);
  const order = rowOrder(definition, form);
  const ordered = (selection: Selection): Iterable<Entry[]> => {
    const keys = [...keyPages(view, selection)].flatMap((page) =>
      page.map(({ key, side }) => ({ key, cells: parseSide(side).c ?? [] })),
    );
    keys.sort((a, b) => order?.(a.cells, b.cells) ?? 0);
    return rows(
      view,
      keys.map(({ key }) => key),
      selection.at,
    );
  };
  return function* read(selection, limit = Number.POSITIVE_INFINITY) {
    let left = limit;
    const streamed = limit === Number.POSITIVE_INFINITY;
    for (const page of order ? ordered(selection) : pages(view, { ...selection, streamed })) {
      if (page.length > left) page.length = left;
      if (page.length === 0) continue;
      left -= page.length;
      yield { text: flat(page.map(item).join(',')), count: page.length, last: (page.at(-1) as Entry).key };
      if (left === 0) return;
    }
  };
}

/** The same text with nothing behind it: what is cut out of another otherwise keeps that alive, whole. */
function flat(text: string): string {
  text.charCodeAt(0);
  return text;
}

function itemOf(core: Core, definition: AnyResource, form: Form): (entry: Entry) => string {
  const nowMs = core.clock.now();
  const filled = definition.heartbeat ? fills(core, definition) : (entry: Entry) => entry;
  switch (form.type) {
    case 'object':
      return (entry) => itemText(definition, filled(entry).value);
    case 'partial':
      return (entry) => partialText(entry.value, parseSide(entry.side), form.version);
    case 'table':
      return (entry) => rowText(definition, filled(entry), form, nowMs);
  }
}

/** What goes before and after the items of a list. */
export function listHead(definition: AnyResource, form: Form, metadata: Metadata): Pick<TextPages, 'open' | 'close'> {
  const meta = JSON.stringify(metadata);
  const close = ']}';
  const head = (kind: string, version: string) =>
    `{"kind":"${kind}","apiVersion":"${version}","metadata":${meta},"items":[`;
  switch (form.type) {
    case 'object':
      return { open: head(`${definition.kind}List`, apiVersion(definition)), close };
    case 'partial':
      return { open: head('PartialObjectMetadataList', `meta.k8s.io/${form.version}`), close };
    case 'table':
      return { open: tableHead(definition, meta, form), close };
  }
}
