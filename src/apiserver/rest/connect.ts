// Requests to `connect` subresources: what is created is answered here, what begins a stream is checked and handed on.
import { errors } from '../../machinery/errors.ts';
import { HttpAnswer } from '../../machinery/http.ts';
import type { StreamTarget } from '../../protocol/streams.ts';
import { beginStream } from '../nodes/streams/target.ts';
import type { RestRequest } from './context.ts';

export interface Connectors {
  /** Creates that are answered by the API server itself, by `plural/subresource`. */
  creators: Readonly<Record<string, (rest: RestRequest) => Promise<HttpAnswer>>>;
  /** The answer that has a stream begin between the client and a node; absent: streams are answered with 503. */
  stream?(target: StreamTarget): HttpAnswer;
}

/** Throws ApiErrors. */
export async function connectTo(rest: RestRequest, { creators, stream }: Connectors): Promise<HttpAnswer> {
  const { definition, info, core } = rest;
  if (info.verb === 'create') {
    const creator = creators[`${definition.plural}/${info.subresource}`];
    if (creator) return creator(rest);
  }
  const begun = beginStream(rest, core.random.uuid());
  if ('nothing' in begun) return new HttpAnswer('', { headers: { 'Content-Type': 'text/plain' } });
  if ('redirect' in begun) return new HttpAnswer('', { status: 301, headers: { Location: begun.redirect } });
  if (!stream) throw errors.unavailable(`${definition.plural}/${info.subresource} is not served here`);
  return stream(begun.target);
}
