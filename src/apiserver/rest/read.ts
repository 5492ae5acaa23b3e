// GET of one object, lists and watches.
import { errors, toStatus } from '../../machinery/errors.ts';
import { textResponse } from '../negotiation/respond.ts';
import { decode } from '../storage/codec.ts';
import { formText } from '../storage/forms.ts';
import { findEntry, keyRange } from '../storage/read.ts';
import type { WatchHub } from '../watch/hub.ts';
import { WatchStream } from '../watch/watch.ts';
import { formOf, type RestRequest } from './context.ts';
import { filled, refreshContacts } from './heartbeat.ts';
import { list } from './list.ts';
import { ExpiredList, type ListOptions, parseListOptions, parseRevision, requireNotFuture } from './revision.ts';
import { rowSelector } from './select.ts';
import { project } from './subresource.ts';

export async function getObject(rest: RestRequest): Promise<Response> {
  const { core, definition, info, subresource } = rest;
  const { form, accept } = formOf(rest);
  const wanted = parseRevision(rest.url.searchParams.get('resourceVersion') ?? '');
  if (wanted !== undefined) requireNotFuture(wanted, core.ledger.revision);
  await refreshContacts(core, definition, info.namespace, info.name);
  const entry = findEntry(definition, core.ledger, info.namespace, info.name);
  if (!entry) throw errors.notFound(definition, info.name);
  const text =
    subresource?.behaviour.type === 'projection'
      ? JSON.stringify(project(subresource, decode(core.registry.stored(definition), entry.value)))
      : formText(definition, filled(core, definition, entry), form, core.clock.now());
  return textResponse(text, { encoding: accept.encoding });
}

export async function listObjects(rest: RestRequest): Promise<Response> {
  const { core, definition, info } = rest;
  const { form, accept } = formOf(rest);
  const options = parseListOptions(rest.url.searchParams, false);
  const selector = rowSelector(definition, options.labelSelector, options.fieldSelector);
  await refreshContacts(core, definition, info.namespace, selector.name ?? '');
  try {
    const { text } = list(core, definition, info.namespace, selector, options, form);
    if (typeof text === 'string') return textResponse(text, { encoding: accept.encoding });
    if (accept.encoding === 'yaml') return textResponse(joined(text), { encoding: 'yaml' });
    return new Response(textStream(text), {
      headers: {
        'Content-Type': 'application/json',
        'Cache-Control': 'no-cache, private',
        'Content-Encoding': 'identity',
      },
    });
  } catch (error) {
    if (!(error instanceof ExpiredList) || error.continueToken === undefined) throw error;
    const status = toStatus(error);
    return textResponse(JSON.stringify({ ...status, metadata: { continue: error.continueToken } }), {
      code: status.code,
    });
  }
}

function joined(chunks: Iterator<string>): string {
  let text = '';
  for (let next = chunks.next(); !next.done; next = chunks.next()) text += next.value;
  return text;
}

function textStream(chunks: Iterator<string>): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        for (;;) {
          const next = chunks.next();
          if (next.done) return controller.close();
          if (next.value === '') continue;
          return controller.enqueue(encoder.encode(next.value));
        }
      },
    },
    { highWaterMark: 0 },
  );
}

const watchMinMs = 30 * 60_000;

export function watchObjects(rest: RestRequest, hub: WatchHub): Response {
  const { core, definition, info } = rest;
  const { form } = formOf(rest);
  const options = parseListOptions(rest.url.searchParams, true);
  const named = info.name !== '' ? `metadata.name=${info.name}` : undefined;
  const selector = rowSelector(definition, options.labelSelector, options.fieldSelector || named);
  const { ledger, clock } = core;
  const start = watchStart(options, ledger.revision);
  const lifetimeMs =
    options.timeoutSeconds !== undefined && options.timeoutSeconds > 0
      ? options.timeoutSeconds * 1000
      : watchMinMs + core.random.int(watchMinMs);
  const namespace = info.namespace || (definition.namespaced ? (selector.namespace ?? '') : '');
  const watch = new WatchStream(hub, ledger, clock, {
    definition,
    range: keyRange(definition, namespace),
    selector,
    form,
    after: start.after,
    initial: start.initial,
    initialBookmark: options.sendInitialEvents === true && options.allowWatchBookmarks,
    bookmarks: options.allowWatchBookmarks,
    endsAtMs: clock.now() + lifetimeMs,
  });
  return new Response(watch.stream, {
    headers: {
      'Content-Type': 'application/json',
      'Cache-Control': 'no-cache, private',
      'Content-Encoding': 'identity',
    },
  });
}

/** Where a watch begins: '' and '0' send what is present first; a revision only what came after it. */
function watchStart(options: ListOptions, current: number): { after: number; initial: boolean } {
  const wanted = parseRevision(options.resourceVersion);
  if (wanted !== undefined) requireNotFuture(wanted, current);
  if (options.sendInitialEvents !== undefined)
    return options.sendInitialEvents || !wanted
      ? { after: current, initial: options.sendInitialEvents }
      : { after: wanted, initial: false };
  return wanted ? { after: wanted, initial: false } : { after: current, initial: true };
}
