// Which headers pass a proxy, in either direction: end-to-end ones of a sane form. What frames a message (RFC 9112) is this
// agent's own business on each side, so that no two readers can disagree on where one ends.
import { errors } from '../../../src/machinery/errors.ts';
import { hopByHop, isServersOwn } from '../../../src/protocol/hop-by-hop.ts';

export type Headers = readonly (readonly [string, string])[];

/** Said anew for the pod. */
const ownOfRequests = new Set(['host', 'content-length', 'expect', 'x-forwarded-uri']);

const token = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
const fieldValue = /^[\t\x20-\x7e\x80-\xff]*$/;
export const headerBytesMax = 64 * 1024;

const bytesOf = (headers: Headers): number =>
  headers.reduce((n, [name, value]) => n + name.length + value.length + 4, 0);

const ofConnection = (headers: Headers): ReadonlySet<string> =>
  hopByHop(headers.filter(([name]) => name === 'connection').map(([, value]) => value));

export interface RequestHeaders {
  headers: [string, string][];
  host: string | undefined;
  contentLength: number | undefined;
}

/** Of a client. Throws an ApiError where they cannot be passed on. */
export function requestHeaders(given: Headers): RequestHeaders {
  if (bytesOf(given) > headerBytesMax) throw errors.badRequest('request headers are too large');
  const all = given.map(([name, value]) => [name.toLowerCase(), value.trim()] as [string, string]);
  for (const [name, value] of all)
    if (!token.test(name) || !fieldValue.test(value)) throw errors.badRequest('invalid header field');
  const one = (wanted: string): string | undefined => {
    const values = new Set(all.filter(([name]) => name === wanted).map(([, value]) => value));
    if (values.size > 1) throw errors.badRequest(`more than one ${wanted} header`);
    return [...values][0];
  };
  const length = one('content-length');
  if (length !== undefined && !/^\d{1,15}$/.test(length)) throw errors.badRequest('invalid content-length header');
  const dropped = ofConnection(all);
  return {
    headers: all.filter(([name]) => !ownOfRequests.has(name) && !dropped.has(name)),
    host: one('host'),
    contentLength: length === undefined ? undefined : Number(length),
  };
}

/** Of a pod, as Node gives them raw: names and values in turn. */
export function responseHeaders(raw: readonly string[]): [string, string][] {
  const all: [string, string][] = [];
  for (let i = 0; i < raw.length; i += 2) all.push([raw[i]!.toLowerCase(), raw[i + 1]!]);
  const dropped = ofConnection(all);
  return all.filter(
    ([name, value]) => !isServersOwn(name) && !dropped.has(name) && token.test(name) && fieldValue.test(value),
  );
}

export const headerOf = (headers: Headers, name: string): string | undefined => headers.find(([n]) => n === name)?.[1];
