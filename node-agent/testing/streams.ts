// Streams in memory, for tests of what serves them: an offer goes through the real dispatcher, and the test is the client.
//
//   const { client, done } = await offerSocket(execServer(…), offer);      // or { refused: Status }
//   await client.send(…); for await (const { data, text } of client.messages()) …
//   const { head, stream } = await offerBody(logServer(…), offer);          // stream: the gateway's end, see FramedStream
import type { Status } from '../../src/machinery/errors.ts';
import { FramedStream } from '../../src/protocol/framed.ts';
import type { StreamOffer } from '../../src/protocol/streams.ts';
import type { Dialer } from '../streams/dial.ts';
import { type Servers, StreamServer } from '../streams/serve.ts';
import type { ClientSocket, Message, ServeBody, ServeSocket } from '../streams/types.ts';

const bufferedBytesMax = 256 * 1024;

class MemorySocket implements ClientSocket {
  readonly #closed = new AbortController();
  readonly #queue: Message[] = [];
  #bytes = 0;
  #changed: (() => void)[] = [];
  /** As the other side closed. */
  closedWith: { code: number; reason: string } | undefined;
  peer: MemorySocket = this;

  get signal(): AbortSignal {
    return this.#closed.signal;
  }

  /** What this end has not taken yet. */
  get waitingBytes(): number {
    return this.#bytes;
  }

  async send(data: Uint8Array | string): Promise<boolean> {
    if (this.signal.aborted) return false;
    const { peer } = this;
    const text = typeof data === 'string';
    peer.#queue.push({ data: text ? Buffer.from(data) : Buffer.from(data), text });
    peer.#bytes += data.length;
    peer.#wake();
    while (peer.#bytes > bufferedBytesMax && !this.signal.aborted) await peer.#change();
    return !this.signal.aborted;
  }

  async *messages(): AsyncGenerator<Message> {
    for (;;) {
      const next = this.#queue.shift();
      if (next) {
        this.#bytes -= next.data.length;
        this.#wake();
        yield next;
      } else if (this.signal.aborted) return;
      else await this.#change();
    }
  }

  close(code = 1000, reason = ''): void {
    if (this.signal.aborted) return;
    this.peer.closedWith = { code, reason };
    for (const end of [this, this.peer]) {
      end.#closed.abort();
      end.#wake();
    }
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#changed.push(resolve));
  }

  #wake(): void {
    for (const go of this.#changed.splice(0)) go();
  }
}

export type { MemorySocket };

/** Both ends of one. */
export function socketPair(): [MemorySocket, MemorySocket] {
  const ends: [MemorySocket, MemorySocket] = [new MemorySocket(), new MemorySocket()];
  ends[0].peer = ends[1];
  ends[1].peer = ends[0];
  return ends;
}

export interface Answer {
  id: string;
  /** It was refused. */
  refused?: Status;
  /** It was accepted: the client's end, and the protocol that the server chose. */
  client?: MemorySocket;
  protocol?: string | undefined;
}

/** `answered` is called once for each offer. */
export function memoryDialer(answered: (answer: Answer) => void): Dialer {
  return {
    async dial(id, protocol) {
      const [agent, client] = socketPair();
      answered({ id, client, protocol });
      return agent;
    },
    async refuse(id, refused) {
      answered({ id, refused });
    },
  };
}

const log = { debug() {}, info() {}, warn() {}, error() {} };

/** `done`: what was served is over. */
function offer(servers: Partial<Servers>, of: StreamOffer): Promise<Answer & { done: Promise<void> }> {
  return new Promise((resolve) => {
    let over = (): void => {};
    const done = new Promise<void>((end) => {
      over = end;
    });
    const server = new StreamServer(
      Object.fromEntries(
        Object.entries(servers).map(([kind, serve]) => [
          kind,
          (stream: never) => (serve as (stream: never) => Promise<void>)(stream).finally(over),
        ]),
      ),
      memoryDialer((answer) => resolve({ ...answer, done })),
      log,
    );
    server.offered([of]);
  });
}

const serverName = (of: StreamOffer): keyof Servers =>
  of.kind === 'http' && of.protocol !== undefined
    ? 'upgrade'
    : of.kind === 'log' && of.protocol !== undefined
      ? 'logMessages'
      : of.kind;

/** Resolves with the client's end once the offer is accepted; throws where it is refused, see {@link refusalOf}. */
export async function offerSocket<O extends StreamOffer>(
  serve: ServeSocket<O>,
  of: O,
): Promise<{ client: MemorySocket; protocol: string | undefined; done: Promise<void> }> {
  const { client, protocol, refused, done } = await offer({ [serverName(of)]: serve }, of);
  if (!client) throw new Error(`refused: ${refused?.message}`);
  return { client, protocol, done };
}

export async function offerBody<O extends StreamOffer>(
  serve: ServeBody<O>,
  of: O,
): Promise<{ head: { status: number; headers: [string, string][] }; stream: FramedStream; done: Promise<void> }> {
  const { client, refused, done } = await offer({ [serverName(of)]: serve }, of);
  if (!client) throw new Error(`refused: ${refused?.message}`);
  const stream = new FramedStream(client);
  const first = await stream.next();
  if (!first || !('head' in first)) throw new Error('the answer begins without a head');
  return { head: first.head, stream, done };
}

/** The Status that an offer is refused with. */
export async function refusalOf<O extends StreamOffer>(serve: ServeSocket<O> | ServeBody<O>, of: O): Promise<Status> {
  const { refused } = await offer({ [serverName(of)]: serve }, of);
  if (!refused) throw new Error('accepted');
  return refused;
}
