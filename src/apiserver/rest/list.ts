// Lists: rows of one revision, spliced into the answer without being parsed. Short ones are one text; long ones are
// streamed page by page at the fixed revision, so that memory stays bounded.
import type { Entry, KeyRange, ReadView } from '../../ledger/types.ts';
import { apiVersion } from '../../machinery/meta.ts';
import type { AnyResource } from '../../machinery/resource.ts';
import type { Core } from '../core.ts';
import { itemText, parseSide, partialHead } from '../storage/codec.ts';
import { columnsText, type Form, rowText } from '../storage/forms.ts';
import { keyRange } from '../storage/read.ts';
import { filled } from './heartbeat.ts';
import { joinedItems, joinedPages } from './joined.ts';
import { continueToken, type ListOptions, listRevision, orExpired } from './revision.ts';
import { matchesEntry, type RowSelector } from './select.ts';

const pageRows = 500;

interface Plan {
  definition: AnyResource;
  namespace: string;
  selector: RowSelector;
  revision: number | undefined;
  after: string | undefined;
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
    });
    yield selector.everything ? page.entries : page.entries.filter((entry) => matchesEntry(selector, entry));
    if (!page.more) return;
    after = page.entries.at(-1)?.key;
  }
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

export interface ListAnswer {
  /** The whole text, or its chunks where the list is long. */
  text: string | Iterator<string>;
}

export function list(
  core: Core,
  definition: AnyResource,
  wanted: string,
  selector: RowSelector,
  options: ListOptions,
  form: Form,
): ListAnswer {
  const view = core.ledger;
  if (form.type === 'object' && selector.everything && !definition.heartbeat && !definition.conversion)
    return joined(core, definition, effectiveNamespace(definition, wanted, selector), options);
  // Tags index the present only: such lists are read within this turn.
  if (options.limit <= 0 && selector.tag === undefined) {
    const namespace = effectiveNamespace(definition, wanted, selector);
    const { revision, after } = listRevision(options, view);
    const at = revision ?? view.revision;
    const source = pages(view, { definition, namespace, selector, revision, after }, at);
    return orExpired(() => streamed(core, source, definition, at, form), after);
  }
  const { entries, metadata } = listPage(view, definition, wanted, selector, options);
  const { open, close, item } = shape(core, definition, form, metadata);
  return { text: open + entries.map(item).join(',') + close };
}

function joined(core: Core, definition: AnyResource, namespace: string, options: ListOptions): ListAnswer {
  const view = core.ledger;
  const range = keyRange(definition, namespace);
  const { revision, after: continued } = listRevision(options, view);
  const at = revision ?? view.revision;
  const after = continued === undefined ? undefined : range.start + continued;
  const open = (metadata: Record<string, unknown>): string =>
    shape(core, definition, { type: 'object' }, metadata).open;
  return orExpired(() => {
    const { limit } = options;
    if (limit > 0) {
      let text = '';
      let last = after;
      for (let left = limit; left > 0; ) {
        const page = joinedItems(view, range, at, last, left);
        if (page.count === 0) break;
        text += (text === '' ? '' : ',') + page.text;
        left -= page.count;
        last = page.last;
        if (page.count < page.rows) break;
      }
      const remaining = last === undefined ? 0 : view.count({ ...range, revision: at, after: last });
      const metadata =
        remaining > 0 && last !== undefined ? cutMetadata(at, range, last, remaining) : { resourceVersion: String(at) };
      return { text: `${open(metadata)}${text}]}` };
    }
    const pages = joinedPages(view, range, at, after);
    const start = open({ resourceVersion: String(at) });
    const first = pages.next();
    if (first.done) return { text: `${start}]}` };
    const second = pages.next();
    if (second.done) return { text: `${start}${first.value}]}` };
    return { text: chained(start + first.value, second.value, pages) };
  }, continued);
}

function* chained(first: string, second: string, rest: Iterable<string>): Generator<string> {
  yield first;
  yield `,${second}`;
  for (const page of rest) yield `,${page}`;
  yield ']}';
}

function streamed(core: Core, source: Generator<Entry[]>, definition: AnyResource, at: number, form: Form): ListAnswer {
  const { open, close, item } = shape(core, definition, form, { resourceVersion: String(at) });
  const first = source.next();
  if (first.done) return { text: open + close };
  if (first.value.length < pageRows) {
    // Short, or thinly selected: a second page decides.
    const second = source.next();
    if (second.done) return { text: open + first.value.map(item).join(',') + close };
    return { text: chunks([first.value, second.value]) };
  }
  return { text: chunks([first.value]) };

  function* chunks(read: Entry[][]): Generator<string> {
    yield open;
    let separator = '';
    const join = (entries: Entry[]) => {
      if (entries.length === 0) return '';
      const text = separator + entries.map(item).join(',');
      separator = ',';
      return text;
    };
    for (const page of read) yield join(page);
    for (const page of source) yield join(page);
    yield close;
  }
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
        open: `{"kind":"PartialObjectMetadataList","apiVersion":"meta.k8s.io/v1","metadata":${meta},"items":[`,
        close: ']}',
        item: (entry: Entry) => `${partialHead}${entry.value.slice(0, parseSide(entry.side).m)}}`,
      };
    case 'table': {
      const columns = form.columns ? columnsText(definition) : 'null';
      return {
        open: `{"kind":"Table","apiVersion":"meta.k8s.io/v1","metadata":${meta},"columnDefinitions":${columns},"rows":[`,
        close: ']}',
        item: (entry: Entry) => rowText(definition, read(entry), form.includeObject, nowMs),
      };
    }
  }
}
