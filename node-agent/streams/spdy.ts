// A session of SPDY/3.1: many streams over one carrier of bytes, each of them a Duplex whose halves end apart. Either side of it.
//
// What waits to be read is bounded: each stream is given a window, the session another one, and who does not keep to them (Go's
// spdystream, which is kubectl's and containerd's, neither looks at windows nor gives any) finds that the carrier is not read
// while more than the session's window waits. Likewise what is sent waits for the carrier, one frame of a stream at a time, and
// for the other side's windows once that side has spoken of any; before that they are taken for endless.
import {
  type ControlFrame,
  type DataPiece,
  FrameReader,
  FrameWriter,
  goAwayStatus,
  type Headers,
  headBytes,
  rstStatus,
  SpdyError,
} from './spdy-frames.ts';
import { defaultWindowBytes, SpdyStream, StreamReset, type StreamSession, streamWindowBytes } from './spdy-stream.ts';

export { SpdyStream, StreamReset };

export interface Carrier {
  /** It is gone. */
  readonly signal: AbortSignal;
  /** Resolves when it was sent, and its memory may be used again; false: it is gone. */
  send(data: Uint8Array): Promise<boolean>;
  /** To be called once. What comes is not used again by the carrier. */
  receive(): AsyncIterable<Uint8Array>;
  /** `broken`: the other side did not keep to the protocol. Idempotent. */
  close(broken?: string): void;
}

export interface SessionOptions {
  role: 'server' | 'client';
  /** The other side opened a stream; false: it is reset. It is answered when this returns: before, it must not be destroyed. */
  opened?(stream: SpdyStream): boolean;
  /**
   * The other side looks at no windows, and is given none. On a bare connection that is more than thrift: what reaches a machine
   * that has closed its end is answered with a reset, and what it had sent and was not yet read is lost.
   */
  windowless?: boolean;
}

const sessionWindowBytes = 4 * 1024 * 1024;
const frameBytesMax = 64 * 1024;
const streamsMax = 2048;
/** Answers that the other side has not taken yet; with more nothing is read. */
const owedMax = 64;
const idMax = 0x7fff_ffff;

export class SpdySession implements StreamSession {
  readonly #carrier: Carrier;
  readonly #options: SessionOptions;
  readonly #reader = new FrameReader();
  readonly #writer = new FrameWriter();
  readonly #streams = new Map<number, SpdyStream>();
  readonly #opening = new Map<number, { stream: SpdyStream; replied: () => void; failed: (error: Error) => void }>();
  #nextId: number;
  #lastId = 0;
  #queued = 0;
  #taken = 0;
  #owed = 0;
  #goingAway = false;
  /** The other side has spoken of windows. */
  #windows = false;
  #sendWindow = defaultWindowBytes;
  #initialWindow = defaultWindowBytes;
  /** One at a time: garbage of this size would be costly. */
  #frame: Buffer | undefined;
  /** Resolves when the carrier takes another frame of data. */
  #turn: Promise<boolean> = Promise.resolve(true);
  #changed: (() => void)[] = [];

  constructor(carrier: Carrier, options: SessionOptions) {
    this.#carrier = carrier;
    this.#options = options;
    this.#nextId = options.role === 'client' ? 1 : 2;
    carrier.signal.addEventListener('abort', () => this.#end(), { once: true });
  }

  get streams(): number {
    return this.#streams.size;
  }

  /** Until the session is over; never rejects. */
  async run(): Promise<void> {
    try {
      if (!this.#options.windowless) await this.#send(this.#writer.initialWindow(streamWindowBytes));
      this.grant(0, sessionWindowBytes - defaultWindowBytes);
      for await (const piece of this.#carrier.receive()) {
        for (const frame of this.#reader.read(piece)) {
          if (frame.type === 'data') this.#data(frame);
          else await this.#control(frame);
        }
        while (this.#queued > sessionWindowBytes) await this.#change();
      }
      this.#carrier.close();
    } catch (error) {
      void this.#send(this.#writer.goAway(this.#lastId, goAwayStatus.protocolError));
      this.#carrier.close(error instanceof Error ? error.message : String(error));
    }
    this.#end();
  }

  /** Resolves once the other side has taken it. */
  async open(headers: Headers): Promise<SpdyStream> {
    if (this.#goingAway || this.#carrier.signal.aborted || this.#nextId > idMax)
      throw new StreamReset('the session ends');
    const id = this.#nextId;
    this.#nextId += 2;
    const stream = new SpdyStream(this, id, headers, this.#initialWindow);
    this.#streams.set(id, stream);
    const replied = new Promise<void>((resolve, failed) => {
      this.#opening.set(id, { stream, replied: resolve, failed });
    });
    void this.#send(this.#writer.synStream(id, headers));
    await replied;
    return stream;
  }

  close(): void {
    void this.#send(this.#writer.goAway(this.#lastId, goAwayStatus.ok));
    this.#carrier.close();
    this.#end();
  }

  // What streams ask for.

  async sendData(stream: SpdyStream, data: Uint8Array): Promise<void> {
    for (let at = 0; at < data.length; ) {
      while (this.#windows && !stream.destroyed && Math.min(stream.sendWindow, this.#sendWindow) <= 0)
        await this.#change();
      const window = this.#windows ? Math.min(stream.sendWindow, this.#sendWindow) : frameBytesMax;
      const part = data.subarray(at, at + Math.min(frameBytesMax, Math.max(window, 1)));
      at += part.length;
      // Now, so that nobody else counts on it.
      stream.sendWindow -= part.length;
      this.#sendWindow -= part.length;
      await this.#sendInTurn(stream, part, false);
    }
  }

  sendFin(stream: SpdyStream): Promise<void> {
    return this.#sendInTurn(stream, new Uint8Array(), true);
  }

  /** What waits costs so much more. */
  queued(cost: number): void {
    this.#queued += cost;
    if (cost < 0 && this.#queued <= sessionWindowBytes) this.#wake();
  }

  taken(bytes: number): void {
    this.#taken += bytes;
    if (this.#taken >= sessionWindowBytes / 4) {
      this.grant(0, this.#taken);
      this.#taken = 0;
    }
  }

  grant(id: number, bytes: number): void {
    if (!this.#options.windowless) void this.#send(this.#writer.windowUpdate(id, bytes));
  }

  gone(stream: SpdyStream, complete: boolean): void {
    const { id } = stream;
    if (!this.#streams.delete(id)) return;
    // The room is the others'.
    this.queued(-stream.queued);
    if (!complete) void this.#send(this.#writer.rstStream(id, rstStatus.cancel));
    this.#opening.get(id)?.failed(stream.errored ?? new StreamReset('closed'));
    this.#opening.delete(id);
    this.#wake();
    this.#closeWhenIdle();
  }

  // One frame of data after the other, in the order in which streams asked: each has its turn.
  #sendInTurn(stream: SpdyStream, data: Uint8Array, fin: boolean): Promise<void> {
    const sent = this.#turn.then((open) => {
      if (!open || stream.destroyed) {
        this.#sendWindow += data.length;
        this.#wake();
        throw new StreamReset('the stream is closed');
      }
      this.#frame ??= Buffer.allocUnsafe(headBytes + frameBytesMax);
      return this.#send(this.#writer.data(stream.id, fin, data, this.#frame));
    });
    this.#turn = sent.catch(() => !this.#carrier.signal.aborted);
    return sent.then((open) => {
      if (!open) throw new StreamReset('the connection is gone');
    });
  }

  readonly #send = (frame: Uint8Array): Promise<boolean> => this.#carrier.send(frame);

  /** So that nobody can ask for ever without listening. */
  async #answer(frame: Uint8Array): Promise<void> {
    this.#owed++;
    void this.#send(frame).then(() => {
      this.#owed--;
      this.#wake();
    });
    while (this.#owed > owedMax) await this.#change();
  }

  // What is received.

  #data({ id, fin, data }: DataPiece): void {
    const stream = this.#streams.get(id);
    if (!stream) {
      const own = id % 2 === this.#nextId % 2;
      if (id === 0 || (own ? id >= this.#nextId : id > this.#lastId)) throw new SpdyError('data of no stream');
      // One that is closed here already.
      this.taken(data.length);
      return;
    }
    stream.received(data, fin);
  }

  async #control(frame: ControlFrame): Promise<void> {
    switch (frame.type) {
      case 'synStream':
        return this.#opened(frame);
      case 'synReply':
        this.#opening.get(frame.id)?.replied();
        this.#opening.delete(frame.id);
        if (frame.fin) this.#streams.get(frame.id)?.received(new Uint8Array(), true);
        return;
      case 'headers':
        if (frame.fin) this.#streams.get(frame.id)?.received(new Uint8Array(), true);
        return;
      case 'rstStream':
        this.#streams.get(frame.id)?.wasReset(frame.status);
        return;
      case 'ping':
        if (frame.id % 2 !== this.#nextId % 2) await this.#answer(this.#writer.ping(frame.id));
        return;
      case 'goAway':
        this.#goingAway = true;
        this.#closeWhenIdle();
        return;
      case 'settings':
        if (frame.initialWindow !== undefined) this.#initialWindowIs(frame.initialWindow);
        return;
      case 'windowUpdate':
        this.#grown(frame.id, frame.delta);
    }
  }

  async #opened({ id, fin, unidirectional, headers }: ControlFrame & { type: 'synStream' }): Promise<void> {
    const { opened } = this.#options;
    if (id % 2 === this.#nextId % 2 || id <= this.#lastId) throw new SpdyError(`a stream must not be called ${id}`);
    this.#lastId = id;
    if (this.#goingAway) return;
    if (!opened || unidirectional || this.#streams.size >= streamsMax) {
      return this.#answer(this.#writer.rstStream(id, rstStatus.refusedStream));
    }
    const stream = new SpdyStream(this, id, headers, this.#initialWindow);
    this.#streams.set(id, stream);
    if (!opened(stream)) {
      stream.destroy();
      return;
    }
    // What has been written to it goes in turn, and so comes later.
    const reply = this.#answer(this.#writer.synReply(id, new Map()));
    if (fin) stream.received(new Uint8Array(), true);
    await reply;
  }

  #initialWindowIs(bytes: number): void {
    this.#windows = true;
    for (const stream of this.#streams.values()) stream.sendWindow += bytes - this.#initialWindow;
    this.#initialWindow = bytes;
    this.#wake();
  }

  #grown(id: number, delta: number): void {
    this.#windows = true;
    const stream = this.#streams.get(id);
    if (id === 0) this.#sendWindow += delta;
    else if (stream) stream.sendWindow += delta;
    if (this.#sendWindow > idMax) throw new SpdyError('the window is too large');
    if (stream && stream.sendWindow > idMax) stream.destroy(new StreamReset('the window is too large'));
    this.#wake();
  }

  #closeWhenIdle(): void {
    if (this.#goingAway && this.#streams.size === 0) this.#carrier.close();
  }

  #end(): void {
    this.#goingAway = true;
    // What has come completely can still be read.
    for (const stream of [...this.#streams.values()])
      if (!stream.complete) stream.destroy(new StreamReset('the connection is gone'));
    this.#wake();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#changed.push(resolve));
  }

  #wake(): void {
    for (const go of this.#changed.splice(0)) go();
  }
}
