// A stream of two bodies and what is said about them, in the messages of streams.ts, over one WebSocket: the same code at the
// agent's and at the gateway's end. Credit bounds what is on the way and what waits here, in either direction; the socket itself
// is always read, since credit comes on it.
//
// What was received is taken with `next`; taking something grants the sender what the thing before it has cost. A peer that sends
// more than it may, or what is no message of this protocol, is hung up on.
import {
  type StreamMessage,
  streamChunkBytesMax,
  streamMessage,
  streamMessageCost,
  streamWindowBytes,
} from './streams.ts';

/** One end of a WebSocket. */
export interface MessageSocket {
  /** Resolves when more may be sent; false: the socket is gone. The bytes have to stay as they are. */
  send(data: Uint8Array | string): Promise<boolean>;
  /** What comes, in order; ends with the socket. To be called once. */
  messages(): AsyncIterable<{ data: Uint8Array; text: boolean }>;
  /** Idempotent. */
  close(code?: number, reason?: string): void;
}

type Said = Exclude<StreamMessage, { credit: number }>;
export type Received = { bytes: Uint8Array } | Said;

/** The socket closed before the stream was complete. */
export class StreamCut extends Error {
  constructor(why = 'the stream was cut') {
    super(why);
    this.name = 'StreamCut';
  }
}

const grantStep = streamWindowBytes / 4;
/** What a sender that keeps to its credit can have on the way at most: the last message may go beyond. */
const heldMax = streamWindowBytes + streamChunkBytesMax + streamMessageCost;
const textBytesMax = 256 * 1024;
const utf8 = new TextDecoder();

export class FramedStream {
  readonly #socket: MessageSocket;
  readonly #closed = new AbortController();
  #credit = streamWindowBytes;
  #waiting: (() => void)[] = [];
  readonly #queue: Received[] = [];
  #arrived: (() => void) | undefined;
  #held = 0;
  /** Cost of what was taken and not granted yet; of the last thing that was taken, which may still be at work. */
  #grant = 0;
  #taken = 0;
  #headed = false;
  #complete = false;

  constructor(socket: MessageSocket) {
    this.#socket = socket;
    void this.#read();
  }

  /** Of the socket: it is gone. */
  get signal(): AbortSignal {
    return this.#closed.signal;
  }

  /** Bytes of this side's body. Resolves when more may be sent, however long the other side takes; false: the socket is gone. */
  async send(bytes: Uint8Array): Promise<boolean> {
    for (let at = 0; at < bytes.byteLength; at += streamChunkBytesMax) {
      const chunk = bytes.subarray(at, at + streamChunkBytesMax);
      if (!(await this.#credited())) return false;
      this.#credit -= chunk.byteLength + streamMessageCost;
      if (!(await this.#socket.send(chunk))) return false;
    }
    return this.#credited();
  }

  /** Resolves when there is credit; false: the socket is gone. */
  async #credited(): Promise<boolean> {
    while (this.#credit <= 0 && !this.signal.aborted) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return !this.signal.aborted;
  }

  /** In order with the bytes. */
  say(message: Said): Promise<boolean> {
    return this.signal.aborted ? Promise.resolve(false) : this.#socket.send(JSON.stringify(message));
  }

  /** The next thing from the other side; undefined after its end. Throws StreamCut. One call at a time. */
  async next(): Promise<Received | undefined> {
    this.#give();
    while (this.#queue.length === 0) {
      if (this.#complete) return undefined;
      if (this.signal.aborted) throw this.signal.reason;
      await new Promise<void>((resolve) => {
        this.#arrived = resolve;
      });
    }
    const next = this.#queue.shift()!;
    if ('bytes' in next) {
      this.#taken = next.bytes.byteLength + streamMessageCost;
      this.#held -= this.#taken;
    }
    return next;
  }

  close(code?: number, reason?: string): void {
    this.#socket.close(code, reason);
    this.#over(new StreamCut('the stream is closed'));
  }

  #give(): void {
    this.#grant += this.#taken;
    this.#taken = 0;
    if (this.#grant < grantStep || this.signal.aborted) return;
    void this.#socket.send(JSON.stringify({ credit: this.#grant }));
    this.#grant = 0;
  }

  async #read(): Promise<void> {
    let why: StreamCut | undefined;
    try {
      for await (const { data, text } of this.#socket.messages()) {
        why = text ? this.#said(data) : this.#bytes(data);
        if (why) break;
      }
    } catch (error) {
      why = new StreamCut(String(error));
    }
    if (why) this.#socket.close(1008, why.message);
    this.#over(why ?? new StreamCut());
  }

  #bytes(bytes: Uint8Array): StreamCut | undefined {
    if (this.#complete) return new StreamCut('bytes after the end');
    this.#held += bytes.byteLength + streamMessageCost;
    if (this.#held > heldMax) return new StreamCut('more than credited');
    this.#deliver({ bytes });
    return undefined;
  }

  #said(data: Uint8Array): StreamCut | undefined {
    const message = data.byteLength > textBytesMax ? undefined : parse(utf8.decode(data));
    if (!message) return new StreamCut('not a message of a stream');
    if ('credit' in message) {
      this.#credit += message.credit;
      if (this.#credit > streamWindowBytes) return new StreamCut('credit for more than was sent');
      for (const wake of this.#waiting.splice(0)) wake();
      return undefined;
    }
    if (this.#complete) return new StreamCut('a message after the end');
    if ('head' in message) {
      if (this.#headed) return new StreamCut('a second head');
      this.#headed = true;
    }
    // Only the last one counts: this keeps the queue bounded by what bytes cost.
    const last = this.#queue.at(-1);
    if (last && 'cursor' in last && 'cursor' in message) this.#queue.pop();
    if ('end' in message || 'status' in message) this.#complete = true;
    this.#deliver(message);
    return undefined;
  }

  #deliver(received: Received): void {
    this.#queue.push(received);
    this.#wake();
  }

  #wake(): void {
    const arrived = this.#arrived;
    this.#arrived = undefined;
    arrived?.();
  }

  #over(why: StreamCut): void {
    if (this.signal.aborted) return;
    this.#closed.abort(why);
    for (const wake of this.#waiting.splice(0)) wake();
    this.#wake();
  }
}

function parse(text: string): StreamMessage | undefined {
  try {
    const parsed = streamMessage.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}
