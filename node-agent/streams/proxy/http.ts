// One HTTP request to a pod or to an address: upstream's proxy handler. Bodies stream both ways, each as fast as it is taken.
// A connection serves one request, so that whatever a pod or a client adds to its message is nobody else's. No redirect is followed.
import http from 'node:http';
import https from 'node:https';
import path from 'node:path';
import type { Duplex, Readable } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import zlib from 'node:zlib';
import { ApiError, errors, type Status, toStatus } from '../../../src/machinery/errors.ts';
import type { HttpOffer } from '../../../src/protocol/streams.ts';
import { hostPort } from '../../host-port.ts';
import { drained } from '../drained.ts';
import type { BodyOffered, BodySocket } from '../types.ts';
import { headerBytesMax, headerOf, type RequestHeaders, requestHeaders, responseHeaders } from './headers.ts';
import { HtmlLinks, type Place, rewriteUrl } from './links.ts';
import { TimedOut, unanswered, unreachable } from './problems.ts';
import type { Target } from './target.ts';

const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
const connectTimeoutMs = 30_000;
const tlsTimeoutMs = 10_000;
/**
 * A pod that has not begun to answer so long after it was last sent something never will: its client may have left, of which the
 * control plane need not hear before it answers.
 */
const answerMs = 10 * 60_000;

export interface Checked extends RequestHeaders {
  options: https.RequestOptions;
  place: Place;
}

/** What is sent to the target, but for its body. Throws ApiErrors. */
export function requestOf(offer: HttpOffer, target: Target): Checked {
  if (!methods.has(offer.method))
    throw new ApiError('MethodNotAllowed', `the server does not allow this method on the requested resource`);
  if (!/^\/[\x21-\x7e]*$/.test(offer.path)) throw errors.badRequest('invalid path');
  const request = requestHeaders(offer.headers);
  const at = hostPort(target);
  const host = request.host ?? at;
  const way = offer.path.split('?', 1)[0]!;
  const headers: http.OutgoingHttpHeaders = { host, 'x-forwarded-uri': path.posix.join(offer.prefix || '/', way) };
  for (const [name, value] of request.headers) {
    const before = headers[name];
    headers[name] = before === undefined ? value : [before as string | string[], value].flat();
  }
  return {
    ...request,
    place: { prefix: offer.prefix.replace(/\/+$/, ''), target: at, host },
    options: {
      host: target.host,
      port: target.port,
      method: offer.method,
      path: offer.path,
      headers,
      agent: false,
      maxHeaderSize: headerBytesMax,
      // As upstream's: the certificate of a pod or service is nobody's in particular.
      rejectUnauthorized: false,
      servername: '',
    },
  };
}

/** Ends a request whose connection is not made, or secured, in time. */
export function limitConnecting(request: http.ClientRequest, secure: boolean): void {
  request.once('socket', (socket) => {
    const limit = (tls: boolean, ms: number): NodeJS.Timeout =>
      setTimeout(() => request.destroy(new TimedOut(tls)), ms);
    let timer = limit(false, connectTimeoutMs);
    const done = (): void => clearTimeout(timer);
    socket.once('connect', () => {
      done();
      if (secure) timer = limit(true, tlsTimeoutMs);
    });
    (socket as TLSSocket).once('secureConnect', done);
    socket.once('close', done);
  });
}

export async function proxyHttp(stream: BodyOffered<HttpOffer>, target: Target): Promise<void> {
  const { offer, signal } = stream;
  const { options, place, contentLength } = requestOf(offer, target);
  const headers = options.headers as http.OutgoingHttpHeaders;
  if (offer.body)
    Object.assign(
      headers,
      contentLength === undefined ? { 'transfer-encoding': 'chunked' } : { 'content-length': contentLength },
    );
  else if (contentLength === 0) headers['content-length'] = '0';
  const request = (offer.scheme === 'https' ? https : http).request(options);
  // Every header counts: none is left out in silence.
  request.maxHeadersCount = 0;
  limitConnecting(request, offer.scheme === 'https');
  const over = (): void => void request.destroy();
  signal.addEventListener('abort', over, { once: true });
  const late = setTimeout(() => request.destroy(unanswered('error trying to reach service')), answerMs);
  let waits = true;
  const progress = (): void => void (waits && late.refresh());
  try {
    const answered = answerOf(request).finally(() => {
      waits = false;
      clearTimeout(late);
    });
    if (offer.body) {
      // A body that breaks off, or is not as long as it was said to be, ends the request: never a part of it alone.
      // Nobody waits for the rest of one whose answer is there.
      void send(stream.body(), request, contentLength, progress).catch((error: Error) => request.destroy(error));
    } else request.end();
    const response = await answered.catch((error: unknown) => {
      throw error instanceof ApiError ? error : unreachable(error, target);
    });
    await relay(stream, response, offer.method, place, target);
  } finally {
    signal.removeEventListener('abort', over);
    request.destroy();
  }
}

function answerOf(request: http.ClientRequest): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.on('error', reject);
    request.once('response', (response) => {
      // What breaks is seen by whoever reads.
      response.on('error', () => {});
      resolve(response);
    });
    let informed = 0;
    request.on('information', ({ rawHeaders }) => {
      informed += 32 + rawHeaders.reduce((n, text) => n + text.length, 0);
      // As the client of Go: announcements without end are no answer.
      if (informed > headerBytesMax) request.destroy(Object.assign(new Error(), { code: 'HPE_HEADER_OVERFLOW' }));
    });
    request.once('upgrade', (_, socket: Duplex) => {
      socket.destroy();
      reject(new Error('net/http: HTTP/1.x transport connection broken: unexpected status code 101'));
    });
    request.once('close', () => reject(Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' })));
  });
}

async function send(
  body: AsyncIterable<Uint8Array>,
  to: http.ClientRequest,
  length: number | undefined,
  progress: () => void,
): Promise<void> {
  let sent = 0;
  for await (const chunk of body) {
    sent += chunk.byteLength;
    progress();
    if (length !== undefined && sent > length) throw errors.badRequest('the body is longer than its content-length');
    if (to.destroyed || to.writableFinished) return;
    if (!to.write(chunk)) await drained(to);
  }
  if (length !== undefined && sent < length) throw errors.badRequest('the body is shorter than its content-length');
  to.end();
}

async function relay(
  stream: BodyOffered<HttpOffer>,
  response: http.IncomingMessage,
  method: string,
  place: Place,
  target: Target,
): Promise<void> {
  const status = response.statusCode ?? 0;
  if (status < 200 || status > 599)
    throw unreachable(
      new Error(`net/http: HTTP/1.x transport connection broken: malformed HTTP status code "${status}"`),
      target,
    );
  let headers = responseHeaders(response.rawHeaders);
  const location = headerOf(headers, 'location');
  const bodiless = method === 'HEAD' || status === 204 || status === 304;
  const html = !location && /^\s*text\/html\s*(;|$)/.test(headerOf(headers, 'content-type') ?? '');
  const encoding = headerOf(headers, 'content-encoding') ?? '';
  const rewritten = html && !bodiless && (encoding === '' || encoding === 'gzip');
  if (location) headers = headers.map(([n, v]) => [n, n === 'location' ? rewriteUrl(v, place) : v]);
  if (rewritten) headers = headers.filter(([n]) => n !== 'content-length');
  const socket = await stream.accept({ status, headers });
  try {
    if (!bodiless) await pass(rewritten ? rewriting(response, place, encoding) : response, socket);
    socket.end();
  } catch (error) {
    socket.end(brokenOff(error, target));
  }
}

const brokenOff = (error: unknown, target: Target): Status => toStatus(unreachable(error, target));

async function pass(from: AsyncIterable<Uint8Array>, to: BodySocket): Promise<void> {
  for await (const chunk of from) if (!(await to.send(chunk))) return;
}

async function* rewriting(response: Readable, place: Place, encoding: string): AsyncGenerator<Uint8Array> {
  const gzip = encoding === 'gzip';
  const links = new HtmlLinks((url) => rewriteUrl(url, { ...place, prefix: escaped(place.prefix) }));
  const plain = gzip ? response.pipe(zlib.createGunzip()) : response;
  if (gzip) response.once('error', (error) => (plain as zlib.Gunzip).destroy(error));
  if (!gzip) {
    for await (const chunk of response) yield bytes(links.write((chunk as Buffer).toString('latin1')));
    yield bytes(links.end());
    return;
  }
  try {
    // Each piece is a member of its own (RFC 1952, 2.2), so that none waits for the next.
    for await (const chunk of plain) yield zlib.gzipSync(bytes(links.write((chunk as Buffer).toString('latin1'))));
    yield zlib.gzipSync(bytes(links.end()));
  } finally {
    (plain as zlib.Gunzip).destroy();
  }
}

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');

const escaped = (text: string): string => text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
