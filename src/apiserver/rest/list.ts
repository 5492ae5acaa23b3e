// Lists: rows of one revision, spliced into the answer without being parsed, page by page at that revision, so that memory
// stays bounded however long they are.
import type { Entry, KeyRange, ReadView } from '../../ledger/types.ts';
import { apiVersion } from '../../machinery/meta.ts';
import type { AnyResource } from '../../machinery/resource.ts';
import type { Core } from '../core.ts';
import type { TextPages } from '../negotiation/list-response.ts';
import { itemText, parseSide, partialText } from '../storage/codec.ts';
import { type Form, rowText, tableHead } from '../storage/forms.ts';
import { keyRange } from '../storage/read.ts';
import { filled } from './heartbeat.ts';
import { joinedItems, joinedPages } from './joined.ts';
import { continueToken, type ListOptions, listRevision, orExpired } from './revision.ts';
import { matchesEntry, type RowSelector } from './select.ts';

const pageRows = 500;
/** Of the values of a page: a few objects may be as large as hundreds of others. */
const pageBytesMax = 2 * 1024 * 1024;

interface Plan {
  definition: AnyResource;
  namespace: string;
  selector: RowSelector;
  revision: number | undefined;
  after: string | undefined;
  /** Pages are read in later turns, too. */
  streamed?: boolean;
}

/** Rows of a list in key order, page by page; each page is one synchronous read. */
function* pages(view: ReadView, plan: Plan, at: number): Generator<Entry[]> {
  const { definition, selector, namespace } = plan;
  const range = keyRange(definition, namespace);
  const prefix = range.start;
  const past = plan.revision !== undefined && plan.revision !== view.revision;
  let after = plan.after === undefined ? undefined : prefix + plan.after;
  if (selector.name !== undefined && (namespace !== '' || !definition.namespaced)) {
    const entry = view.get(prefix + selector.name, at);
    if (entry && (after === undefined || entry.key > after) && matchesEntry(selector, entry)) yield [entry];
    return;
  }
  const tag = past ? undefined : selector.tag;
  for (;;) {
    const page = view.range({
      ...range,
      ...(tag === undefined ? { revision: at } : { tag }),
      ...(after === undefined ? {} : { after }),
      limit: pageRows,
      bytesMax: pageBytesMax,
    });
    after = page.entries.at(-1)?.key;
    // Tags index the present only, so what else has this one is found out now.
    const rest =
      tag !== undefined && after !== undefined && page.more && plan.streamed
        ? view.range({ ...range, tag, after, withoutValues: true }).entries
        : undefined;
    yield selector.everything ? page.entries : page.entries.filter((entry) => matchesEntry(selector, entry));
    if (rest) yield* rows(view, selector, rest, at);
    if (rest || !page.more) return;
  }
}

/** The rows of these keys, as of a revision. */
function* rows(view: ReadView, selector: RowSelector, wanted: readonly Entry[], at: number): Generator<Entry[]> {
  let page: Entry[] = [];
  let units = 0;
  for (const row of wanted) {
    const entry = matchesEntry(selector, row) ? view.get(row.key, at) : undefined;
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

/** All rows at once, for in-process callers. */
export function listEntries(
  view: ReadView,
  definition: AnyResource,
  namespace: string,
  selector: RowSelector,
): Entry[] {
  const entries: Entry[] = [];
  const plan = {
    definition,
    namespace: effectiveNamespace(definition, namespace, selector),
    selector,
    revision: undefined,
    after: undefined,
  };
  for (const page of pages(view, plan, view.revision)) entries.push(...page);
  return entries;
}

function effectiveNamespace(definition: AnyResource, namespace: string, selector: RowSelector): string {
  return namespace || (definition.namespaced ? (selector.namespace ?? '') : '');
}

/** What a limit leaves of a list, with the metadata that says how to go on. */
export interface Page {
  entries: Entry[];
  metadata: Record<string, unknown>;
}

/** Throws {@link ExpiredList}. */
export function listPage(
  view: ReadView,
  definition: AnyResource,
  wanted: string,
  selector: RowSelector,
  options: ListOptions,
): Page {
  const namespace = effectiveNamespace(definition, wanted, selector);
  const { revision, after } = listRevision(options, view);
  const at = revision ?? view.revision;
  const limit = options.limit > 0 ? options.limit : undefined;
  return orExpired(() => {
    const entries: Entry[] = [];
    for (const page of pages(view, { definition, namespace, selector, revision, after }, at)) {
      for (const entry of page) entries.push(entry);
      if (limit !== undefined && entries.length > limit) break;
    }
    if (limit === undefined || entries.length <= limit) return { entries, metadata: { resourceVersion: String(at) } };
    entries.length = limit;
    const range = keyRange(definition, namespace);
    const last = (entries.at(-1) as Entry).key;
    const remaining = selector.everything ? view.count({ ...range, revision: at, after: last }) : undefined;
    return { entries, metadata: cutMetadata(at, range, last, remaining) };
  }, after);
}

/** Metadata of a list that ends before its end; `remaining` only where it is known. */
function cutMetadata(at: number, range: KeyRange, last: string, remaining?: number): Record<string, unknown> {
  return {
    resourceVersion: String(at),
    continue: continueToken(at, last.slice(range.start.length)),
    ...(remaining === undefined ? {} : { remainingItemCount: remaining }),
  };
}

/** Throws {@link ExpiredList}, later pages the ledger's CompactedError. */
export function list(
  core: Core,
  definition: AnyResource,
  wanted: string,
  selector: RowSelector,
  options: ListOptions,
  form: Form,
): TextPages {
  const view = core.ledger;
  if (form.type === 'object' && selector.everything && !definition.heartbeat && !definition.conversion)
    return joined(core, definition, effectiveNamespace(definition, wanted, selector), options);
  const order = form.type === 'table' ? definition.rowOrder : undefined;
  if (options.limit <= 0 && !order) {
    const namespace = effectiveNamespace(definition, wanted, selector);
    const { revision, after } = listRevision(options, view);
    const at = revision ?? view.revision;
    const { open, close, item } = shape(core, definition, form, { resourceVersion: String(at) });
    const source = pages(view, { definition, namespace, selector, revision, after, streamed: true }, at);
    return { open, close, pages: begun(texts(source, item), after) };
  }
  const { entries, metadata } = listPage(view, definition, wanted, selector, options);
  const { open, close, item } = shape(core, definition, form, metadata);
  if (order) entries.sort((a, b) => order(parseSide(a.side).c ?? [], parseSide(b.side).c ?? []));
  return { open, close, pages: texts([entries], item) };
}

function* texts(pages: Iterable<Entry[]>, item: (entry: Entry) => string): Generator<string> {
  for (const page of pages) if (page.length > 0) yield page.map(item).join(',');
}

/** The same pages, of which the first has been read: a revision that is gone is noticed before an answer begins. */
function begun(pages: Generator<string>, after: string | undefined): Iterator<string> {
  let first: IteratorResult<string> | undefined = orExpired(() => pages.next(), after);
  return {
    next() {
      const next = first ?? pages.next();
      first = undefined;
      return next;
    },
  };
}

function joined(core: Core, definition: AnyResource, namespace: string, options: ListOptions): TextPages {
  const view = core.ledger;
  const range = keyRange(definition, namespace);
  const { revision, after: continued } = listRevision(options, view);
  const at = revision ?? view.revision;
  const after = continued === undefined ? undefined : range.start + continued;
  const { open, close } = shape(core, definition, { type: 'object' }, { resourceVersion: String(at) });
  const { limit } = options;
  if (limit <= 0) return { open, close, pages: begun(joinedPages(view, range, at, after), continued) };
  return orExpired(() => {
    const pages: string[] = [];
    let last = after;
    for (let left = limit; left > 0; ) {
      const page = joinedItems(view, range, at, last, left);
      if (page.count === 0) break;
      pages.push(page.text);
      left -= page.count;
      last = page.last;
      if (page.count < page.rows) break;
    }
    const remaining = last === undefined ? 0 : view.count({ ...range, revision: at, after: last });
    if (remaining === 0 || last === undefined) return { open, close, pages: pages.values() };
    const cut = shape(core, definition, { type: 'object' }, cutMetadata(at, range, last, remaining));
    return { open: cut.open, close, pages: pages.values() };
  }, continued);
}

function shape(core: Core, definition: AnyResource, form: Form, metadata: Record<string, unknown>) {
  const nowMs = core.clock.now();
  const read = definition.heartbeat ? (entry: Entry) => filled(core, definition, entry) : (entry: Entry) => entry;
  const meta = JSON.stringify(metadata);
  switch (form.type) {
    case 'object':
      return {
        open: `{"kind":"${definition.kind}List","apiVersion":"${apiVersion(definition)}","metadata":${meta},"items":[`,
        close: ']}',
        item: (entry: Entry) => itemText(definition, read(entry).value),
      };
    case 'partial':
      return {
        open: `{"kind":"PartialObjectMetadataList","apiVersion":"meta.k8s.io/${form.version}","metadata":${meta},"items":[`,
        close: ']}',
        item: (entry: Entry) => partialText(entry.value, parseSide(entry.side), form.version),
      };
    case 'table':
      return {
        open: tableHead(definition, meta, form),
        close: ']}',
        item: (entry: Entry) => rowText(definition, read(entry), form, nowMs),
      };
  }
}
