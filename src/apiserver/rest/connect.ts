// Requests to `connect` subresources: what is created is answered here, what begins a stream is checked and handed on.
import type { Pod } from '../../generated/schemas/core-v1.ts';
import { errors } from '../../machinery/errors.ts';
import { HttpAnswer, type HttpRequest } from '../../machinery/http.ts';
import { findObject } from '../storage/read.ts';
import type { RestRequest } from './context.ts';
import { type Connection, streamOptions } from './stream-options.ts';

export interface Connectors {
  /** Creates that are answered by the API server itself, by `plural/subresource`. */
  creators: Readonly<Record<string, (rest: RestRequest) => Promise<HttpAnswer>>>;
  /** Carries out requests that begin a stream to a node; absent: they are answered with 503. */
  connect?(request: HttpRequest, connection: Connection): Promise<HttpAnswer>;
}

/** Throws ApiErrors. */
export async function connectTo(rest: RestRequest, { creators, connect }: Connectors): Promise<HttpAnswer> {
  const { definition, info, user, url, request, core } = rest;
  if (info.verb === 'create') {
    const creator = creators[`${definition.plural}/${info.subresource}`];
    if (creator) return creator(rest);
  }
  const object = findObject(definition, core.ledger, info.namespace, info.name);
  if (!object) throw errors.notFound(definition, info.name);
  const options = streamOptions(info.subresource, url.searchParams, object);
  // Nothing runs anywhere yet: an empty log, as upstream has it.
  if (info.subresource === 'log' && !(object as Pod).spec.nodeName)
    return new HttpAnswer('', { headers: { 'Content-Type': 'text/plain' } });
  if (!connect || info.subresource !== 'log')
    throw errors.unavailable(`${definition.plural}/${info.subresource} is not served yet`);
  return connect(request, { user, object, subresource: info.subresource, options });
}
