// GET of one object, lists and watches.

import { errors, toStatus } from '../../machinery/errors.ts';
import { HttpAnswer } from '../../machinery/http.ts';
import { targetOf } from '../codec.ts';
import { mediaTypeOf, requireStreamable } from '../negotiation/accept.ts';
import { listResponse } from '../negotiation/list-response.ts';
import { textResponse, wholeStatusResponse } from '../negotiation/respond.ts';
import { isTrue } from '../routing.ts';
import { decode } from '../storage/codec.ts';
import { formText } from '../storage/forms.ts';
import { findEntry, keyRange } from '../storage/read.ts';
import type { WatchHub } from '../watch/hub.ts';
import { WatchStream } from '../watch/watch.ts';
import { formOf, type RestRequest } from './context.ts';
import { filled, refreshContacts } from './heartbeat.ts';
import { list } from './list.ts';
import { ExpiredList, type ListOptions, parseListOptions, parseRevision, requireNotFuture } from './revision.ts';
import { type RowSelector, rowSelector } from './select.ts';
import { project } from './subresource.ts';

/** Upstream names the subresource of what is not there, where that is a form of its own. */
const readSubject = ({ definition: { group, plural }, subresource }: RestRequest) => ({
  group,
  plural: subresource?.behaviour.type === 'projection' ? `${plural}/${subresource.name}` : plural,
});

export async function getObject(rest: RestRequest): Promise<HttpAnswer> {
  const { core, definition, info, subresource, url } = rest;
  const { form, answer } = formOf(rest);
  if (isTrue(url.searchParams.get('export')))
    throw errors.badRequest('the export parameter, deprecated since v1.14, is no longer supported');
  const wanted = parseRevision(url.searchParams.get('resourceVersion') ?? '');
  if (wanted !== undefined) requireNotFuture(wanted, core.ledger.revision);
  await refreshContacts(core, definition, info.namespace, info.name);
  const entry = findEntry(definition, core.ledger, info.namespace, info.name);
  if (!entry) throw errors.notFound(readSubject(rest), info.name);
  const text =
    subresource?.behaviour.type === 'projection'
      ? JSON.stringify(project(subresource, decode(core.registry.stored(definition), entry.value)))
      : formText(definition, filled(core, definition, entry), form, core.clock.now());
  return textResponse(text, answer);
}

export async function listObjects(rest: RestRequest): Promise<HttpAnswer> {
  const { core, definition, info, request } = rest;
  const { form, answer } = formOf(rest);
  const options = parseListOptions(rest.url.searchParams, false);
  const selector = rowSelector(definition, options.labelSelector, options.fieldSelector);
  requireName(rest, selector);
  await refreshContacts(core, definition, info.namespace, selector.name ?? '');
  try {
    return listResponse(list(core, definition, info.namespace, selector, options, form), answer, rest.reading);
  } catch (error) {
    if (!(error instanceof ExpiredList) || error.continueToken === undefined) throw error;
    const status = { ...toStatus(error), metadata: { continue: error.continueToken } };
    return wholeStatusResponse(status, request, core.codec.protobuf);
  }
}

/** A watch of one object's path may have a selector only for that name. */
function requireName({ info }: RestRequest, selector: RowSelector): void {
  if (info.name === '' || selector.fields.length === 0 || selector.name === info.name) return;
  throw errors.badRequest("fieldSelector metadata.name doesn't match requested name");
}

const watchMinMs = 30 * 60_000;

export function watchObjects(rest: RestRequest, hub: WatchHub): HttpAnswer {
  const { core, definition, info } = rest;
  const { form, accept } = formOf(rest);
  const options = parseListOptions(rest.url.searchParams, true);
  const named = info.name !== '' ? `metadata.name=${info.name}` : undefined;
  const selector = rowSelector(definition, options.labelSelector, options.fieldSelector || named);
  requireName(rest, selector);
  const { ledger, clock } = core;
  const start = watchStart(options, ledger.revision);
  requireStreamable(accept);
  const lifetimeMs =
    options.timeoutSeconds !== undefined && options.timeoutSeconds > 0
      ? options.timeoutSeconds * 1000
      : watchMinMs + core.random.int(watchMinMs);
  const namespace = info.namespace || (definition.namespaced ? (selector.namespace ?? '') : '');
  hub.requireRoom(rest.user);
  const watch = new WatchStream(hub, ledger, clock, {
    owner: rest.user.name,
    definition,
    range: keyRange(definition, namespace),
    selector,
    form,
    after: start.after,
    initial: start.initial,
    initialBookmark: start.initial && options.sendInitialEvents === true && options.allowWatchBookmarks,
    bookmarks: options.allowWatchBookmarks,
    endsAtMs: clock.now() + lifetimeMs,
    ...(start.tooLarge === undefined ? {} : { tooLarge: start.tooLarge }),
    reading: rest.reading,
    empty: () => core.codec.accept({}, { ...targetOf(definition), defaults: undefined }, 'Ignore').object,
    ...(accept.encoding === 'protobuf' && core.codec.protobuf ? { protobuf: core.codec.protobuf } : {}),
  });
  return new HttpAnswer(watch.stream, {
    headers: {
      'Content-Type': accept.encoding === 'json' ? mediaTypeOf.json : `${mediaTypeOf[accept.encoding]};stream=watch`,
      'Cache-Control': 'no-cache, private',
      'Content-Encoding': 'identity',
    },
  });
}

/** Where a watch begins: '' and '0' send what is present first; a revision only what came after it, be it in the future. */
function watchStart(options: ListOptions, current: number): { after: number; initial: boolean; tooLarge?: number } {
  const wanted = parseRevision(options.resourceVersion) ?? 0;
  if (options.sendInitialEvents) {
    // By now the answer has begun upstream, so that what is wrong is said in an event.
    const future = wanted > current ? { tooLarge: wanted } : {};
    return { after: current, initial: true, ...future };
  }
  if (wanted > 0) return { after: wanted, initial: false };
  return { after: current, initial: options.sendInitialEvents === undefined };
}
