// One stream of a session of SPDY/3.1, as a Duplex: what has come and waits to be read is queued here, where its session counts it.
import { Duplex } from 'node:stream';
import type { Headers } from './spdy-frames.ts';

/** What a stream asks of its session. */
export interface StreamSession {
  sendData(stream: SpdyStream, data: Uint8Array): Promise<void>;
  sendFin(stream: SpdyStream): Promise<void>;
  /** What waits costs so much more. */
  queued(cost: number): void;
  /** So many bytes have been read. */
  taken(bytes: number): void;
  /** The other side may send so much more of this stream. */
  grant(id: number, bytes: number): void;
  /** It is destroyed. */
  gone(stream: SpdyStream, complete: boolean): void;
}

export const defaultWindowBytes = 64 * 1024;
export const streamWindowBytes = 1024 * 1024;
/** Of each piece that waits, beside its bytes, so that many small ones are bounded, too. */
const pieceCost = 256;

/** The other side, or the session's end, has cut a stream off. */
export class StreamReset extends Error {}

export class SpdyStream extends Duplex {
  readonly id: number;
  readonly headers: Headers;
  readonly #session: StreamSession;
  readonly #queue: Uint8Array[] = [];
  #wanted = false;
  #finReceived = false;
  #finSent = false;
  #taken = 0;
  /** What the other side still takes. */
  sendWindow: number;
  /** What the queue costs. */
  queued = 0;

  constructor(session: StreamSession, id: number, headers: Headers, sendWindow: number) {
    // What waits to be read does so here, where it is counted.
    super({ allowHalfOpen: true, readableHighWaterMark: 1, writableHighWaterMark: defaultWindowBytes });
    this.#session = session;
    this.id = id;
    this.headers = headers;
    this.sendWindow = sendWindow;
    // Its close is all that matters to many.
    this.on('error', () => {});
  }

  /** The other side may send no more after its end. */
  received(data: Uint8Array, fin: boolean): void {
    if (this.#finReceived) this.destroy(new StreamReset('data after its end'));
    if (this.destroyed) return;
    if (data.length > 0) {
      this.#queue.push(compact(data));
      this.queued += data.length + pieceCost;
      this.#session.queued(data.length + pieceCost);
    }
    this.#finReceived ||= fin;
    this.#pass();
  }

  /** Nothing more comes or goes. */
  get complete(): boolean {
    return this.#finReceived && this.writableFinished;
  }

  wasReset(status: number): void {
    const reset = (): void => {
      this.#finReceived = true;
      this.#finSent = true;
      this.destroy(new StreamReset(`the other side reset the stream (${status})`));
    };
    // After its end it only says that it takes no more.
    if (this.#finReceived && this.#queue.length + this.readableLength > 0) this.once('end', reset);
    else reset();
  }

  #pass(): void {
    while (this.#wanted && this.#queue.length > 0) {
      const data = this.#queue.shift()!;
      this.queued -= data.length + pieceCost;
      this.#taken += data.length;
      this.#session.queued(-data.length - pieceCost);
      this.#session.taken(data.length);
      this.#wanted = this.push(data);
    }
    if (this.#finReceived) {
      if (this.#queue.length === 0 && this.#wanted) this.push(null);
    } else if (this.#taken >= streamWindowBytes / 2) {
      this.#session.grant(this.id, this.#taken);
      this.#taken = 0;
    }
  }

  override _read(): void {
    this.#wanted = true;
    this.#pass();
  }

  override _write(chunk: Uint8Array, _encoding: string, done: (error?: Error) => void): void {
    this.#session.sendData(this, chunk).then(() => done(), done);
  }

  override _final(done: (error?: Error) => void): void {
    this.#session.sendFin(this).then(() => {
      this.#finSent = true;
      done();
    }, done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#session.gone(this, this.#finReceived && this.#finSent);
    for (const data of this.#queue.splice(0)) this.#session.taken(data.length);
    this.queued = 0;
    done(error);
  }
}

/** A small piece keeps no large message in memory. */
const compact = (data: Uint8Array): Uint8Array => (data.length * 8 < data.buffer.byteLength ? Buffer.from(data) : data);
