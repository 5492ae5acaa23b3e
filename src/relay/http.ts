// A client's HTTP request as a stream to an agent, and what comes of it as the response: bodies flow both ways with credit, and
// nothing is kept but what credit allows. A stream with cursors (a log) that is cut is begun anew where it was, after the API
// server has let the client in once more; what cannot go on ends the response as broken, never as complete.
//
//   agent:   head  "abc"  cursor 3  "de"  ✂            head  "def"  cursor 6  "g"  end
//   client:         abc              de    (skips "de")        f               g   ∎

import type { Timers } from '../ports/index.ts';
import { FramedStream, type MessageSocket, StreamCut } from '../protocol/framed.ts';
import { hopByHop, isServersOwn } from '../protocol/hop-by-hop.ts';
import type { StreamOffer, StreamTarget } from '../protocol/streams.ts';
import { refusalResponse } from './refusal.ts';

export interface RelayOptions {
  timers: Timers;
  /** Offers the stream to its node, and resolves when the agent has come; or with what the client gets instead. */
  open(target: StreamTarget): Promise<MessageSocket | Response>;
  /** Asks the API server for the same stream again. */
  again(): Promise<StreamTarget | Response>;
  /** A stream of bytes whose `write` resolves when they were taken; of known length. */
  pipe(length: number | undefined): { readable: ReadableStream<Uint8Array>; writable: WritableStream<Uint8Array> };
  /** Of the client's request. */
  method: string;
  body: AsyncIterable<Uint8Array>;
  /** The client has gone. */
  signal: AbortSignal;
  /** Goes on with it though the client may have gone: its stream has to be ended. */
  lasts(work: Promise<void>): void;
}

type Head = { status: number; headers: [string, string][] };

/** Of a response, beyond what the client has taken. */
const aheadBytesMax = 256 * 1024;
const triesMax = 5;
const firstDelayMs = 100;
const bodiless = new Set([101, 103, 204, 205, 304]);

export async function relay(target: StreamTarget, o: RelayOptions): Promise<Response> {
  const socket = await o.open(target);
  if (socket instanceof Response) return socket;
  const framed = new FramedStream(socket);
  const source = new Source(target.offer, framed, o);
  if (target.offer.kind === 'http' && target.offer.body) void send(framed, o.body);
  let first: Awaited<ReturnType<FramedStream['next']>>;
  try {
    first = await framed.next();
  } catch {
    source.close();
    return refusalResponse({ code: 503, reason: 'ServiceUnavailable', message: 'the node cut the stream off' });
  }
  if (!first || !('head' in first)) {
    source.close();
    return refusalResponse(first && 'status' in first ? first.status : {});
  }
  return respond(first.head, source, o);
}

/** The request's body. One that breaks off is said to be broken. */
async function send(framed: FramedStream, body: AsyncIterable<Uint8Array>): Promise<void> {
  try {
    for await (const bytes of body) if (!(await framed.send(bytes))) return;
    await framed.say({ end: {} });
  } catch {
    await framed.say({ status: { message: 'the client broke off' } });
  }
}

function respond(head: Head, source: Source, o: RelayOptions): Response {
  const status = head.status >= 200 && head.status <= 599 ? head.status : 502;
  const headers = endToEnd(head.headers);
  const length = headers.get('content-length');
  if (o.method === 'HEAD' || bodiless.has(status)) {
    source.close();
    return new Response(null, { status, headers });
  }
  headers.delete('content-length');
  // Otherwise somebody on the way might compress it, and wait for enough to compress.
  if (!headers.has('content-encoding')) headers.set('content-encoding', 'identity');
  const { readable, writable } = o.pipe(length !== null && /^\d{1,15}$/.test(length) ? Number(length) : undefined);
  o.lasts(pump(source, writable.getWriter()));
  // `encodeBody` is Workers' own: the body is in its Content-Encoding already.
  return new Response(readable, { status, headers, encodeBody: 'manual' } as ResponseInit);
}

async function pump(source: Source, writer: WritableStreamDefaultWriter<Uint8Array>): Promise<void> {
  writer.closed.catch(() => source.close());
  let waiting = 0;
  const write = async (bytes: Uint8Array): Promise<void> => {
    waiting += bytes.byteLength;
    await writer.write(bytes);
    waiting -= bytes.byteLength;
  };
  try {
    for (let bytes = await source.next(); bytes; bytes = await source.next()) {
      // Some are on the way at once: nobody waits for every single one to arrive.
      const written = write(bytes);
      written.catch(() => undefined);
      if (waiting > aheadBytesMax) await written;
    }
    await writer.close();
  } catch (error) {
    await writer.abort(error).catch(() => undefined);
  } finally {
    source.close();
  }
}

/** What a client gets of a target's headers: the agent has kept the rest back already, if it is to be believed. */
function endToEnd(given: [string, string][]): Headers {
  const dropped = hopByHop(given.filter(([name]) => name.toLowerCase() === 'connection').map(([, value]) => value));
  const headers = new Headers();
  for (const [name, value] of given) {
    if (dropped.has(name.toLowerCase()) || isServersOwn(name.toLowerCase())) continue;
    try {
      headers.append(name, value);
    } catch {
      // No header that HTTP allows.
    }
  }
  return headers;
}

/** The bytes of a response, over as many streams as it takes. */
class Source {
  readonly #o: RelayOptions;
  readonly #offer: StreamOffer;
  #framed: FramedStream;
  #cursor: string | undefined;
  /** Bytes behind the cursor that the client has; of a new stream, they are to be skipped. */
  #behind = 0;
  #skip = 0;
  #closed = false;

  constructor(offer: StreamOffer, framed: FramedStream, options: RelayOptions) {
    this.#offer = offer;
    this.#framed = framed;
    this.#o = options;
    options.signal.addEventListener('abort', this.#left, { once: true });
    if (options.signal.aborted) this.#left();
  }

  readonly #left = (): void => this.close(1001, 'the client has gone');

  /** Undefined: it is complete. Throws where it is not and cannot be completed. */
  async next(): Promise<Uint8Array | undefined> {
    for (let tries = 0; ; ) {
      try {
        const bytes = await this.#read();
        if (bytes === 'again') continue;
        return bytes;
      } catch (error) {
        if (!(error instanceof StreamCut) || !this.#resumable()) throw error;
        do {
          if (this.#closed || tries >= triesMax) throw error;
          const delayMs = firstDelayMs * 2 ** tries++;
          await new Promise<void>((resolve) => this.#o.timers.after(delayMs, resolve));
        } while (!(await this.#resume()));
      }
    }
  }

  close(code = 1000, reason?: string): void {
    this.#closed = true;
    this.#o.signal.removeEventListener('abort', this.#left);
    this.#framed.close(code, reason);
  }

  /** A log of which nothing has been read yet begins where it would have begun. */
  #resumable(): boolean {
    return this.#cursor !== undefined || (this.#offer.kind === 'log' && this.#behind === 0);
  }

  async #read(): Promise<Uint8Array | 'again' | undefined> {
    const next = await this.#framed.next();
    if (!next || 'end' in next) return undefined;
    if ('status' in next) throw new Error('the node could not go on');
    if ('head' in next) return 'again';
    if ('cursor' in next) {
      // Where it is skipped still, the client is ahead of this cursor.
      this.#cursor = next.cursor;
      this.#behind = this.#skip;
      return 'again';
    }
    const { bytes } = next;
    const fresh = bytes.subarray(Math.min(this.#skip, bytes.byteLength));
    this.#skip -= bytes.byteLength - fresh.byteLength;
    this.#behind += fresh.byteLength;
    return fresh.byteLength === 0 ? 'again' : fresh;
  }

  async #resume(): Promise<boolean> {
    try {
      const target = await this.#o.again();
      if (target instanceof Response) {
        await target.body?.cancel();
        return false;
      }
      const { offer } = target;
      // Another instance, pod or kind of thing is no continuation.
      if (offer.kind !== 'log' || this.#offer.kind !== 'log' || offer.podUid !== this.#offer.podUid) return false;
      const socket = await this.#o.open({
        ...target,
        offer: this.#cursor === undefined ? offer : { ...offer, cursor: this.#cursor },
      });
      if (socket instanceof Response) {
        await socket.body?.cancel();
        return false;
      }
      this.#framed = new FramedStream(socket);
      if (this.#closed) this.#framed.close(1000);
      this.#skip = this.#behind;
      return true;
    } catch {
      return false;
    }
  }
}
