// Hands each offered stream to the server of its kind, and sees to its end: what is refused before it was accepted becomes the
// client's HTTP answer, what fails later ends the stream, and whoever is through leaves nothing open.
import { ApiError, errors, type Status, toStatus } from '../../src/machinery/errors.ts';
import type { Log } from '../../src/ports/index.ts';
import { FramedStream } from '../../src/protocol/framed.ts';
import {
  type AttachOffer,
  type ExecOffer,
  type HttpOffer,
  type LogOffer,
  type PortForwardOffer,
  type StreamOffer,
  streamOffer,
  streamsMax,
} from '../../src/protocol/streams.ts';
import type { Dialer } from './dial.ts';
import type { BodySocket, ClientSocket, ServeBody, ServeSocket } from './types.ts';

/** Who serves which kind. */
export interface Servers {
  log: ServeBody<LogOffer>;
  /** Offers of kind `log` with a `protocol`. */
  logMessages: ServeSocket<LogOffer>;
  exec: ServeSocket<ExecOffer>;
  attach: ServeSocket<AttachOffer>;
  portforward: ServeSocket<PortForwardOffer>;
  http: ServeBody<HttpOffer>;
  /** Offers of kind `http` with a `protocol`: the client upgrades. */
  upgrade: ServeSocket<HttpOffer>;
}

type Head = { status: number; headers: [string, string][] };

/** Streams without a message in either direction end after this long, as at the kubelet (streamingConnectionIdleTimeout). */
const idleMs = 4 * 3600_000;
const idleCheckMs = 60_000;
/**
 * A body that has not begun by then is dialled for all the same: the client waits for the agent's half a few seconds only, but for
 * an answer as long as it likes; and that it has gone is heard of there alone.
 */
const aheadMs = 1000;
/** Of offers, to know a repetition by: far more than can be offered before it is known that one has come. */
const idsMax = 4 * streamsMax;

export class StreamServer {
  readonly #servers: Partial<Servers>;
  readonly #dialer: Dialer;
  readonly #log: Log;
  readonly #open = new Set<AbortController>();
  readonly #known = new Set<string>();
  #stopping = false;

  constructor(servers: Partial<Servers>, dialer: Dialer, log: Log) {
    this.#servers = servers;
    this.#dialer = dialer;
    this.#log = log;
  }

  /** Streams that are being served. */
  get count(): number {
    return this.#open.size;
  }

  /** Of a sync response; what this agent does not know is refused, what it has been offered before is passed over. */
  offered(offers: readonly unknown[]): void {
    for (const offer of offers) void this.#offered(offer);
  }

  /** Ends all streams. */
  stop(): void {
    this.#stopping = true;
    for (const stream of this.#open) stream.abort(errors.unavailable('the node agent stops'));
  }

  async #offered(raw: unknown): Promise<void> {
    const parsed = streamOffer.safeParse(raw);
    const id = (raw as { id?: unknown } | null)?.id;
    if (typeof id !== 'string') return this.#log.warn('an offer of a stream that makes no sense');
    if (this.#known.has(id)) return;
    this.#known.add(id);
    for (const oldest of this.#known) {
      if (this.#known.size <= idsMax) break;
      this.#known.delete(oldest);
    }
    const serve = parsed.success ? this.#serverOf(parsed.data) : undefined;
    if (!parsed.success || !serve) {
      const kind = String((raw as { kind?: unknown }).kind);
      return this.#refuse(
        id,
        parsed.success ? toStatus(errors.unavailable(`${kind} is not served yet`)) : unknownTo(kind),
      );
    }
    if (this.#open.size >= streamsMax)
      return this.#refuse(id, toStatus(errors.tooManyRequests(`the node has ${streamsMax} streams`)));
    await serve();
  }

  /** By kind; undefined: nobody. */
  #serverOf(offer: StreamOffer): (() => Promise<void>) | undefined {
    const s = this.#servers;
    const socket = <O extends StreamOffer>(of: O, server: ServeSocket<O> | undefined) =>
      server && (() => this.#socket(of, server));
    const body = <O extends StreamOffer>(of: O, server: ServeBody<O> | undefined) =>
      server && (() => this.#body(of, server));
    switch (offer.kind) {
      case 'log':
        return offer.protocol === undefined ? body(offer, s.log) : socket(offer, s.logMessages);
      case 'exec':
        return socket(offer, s.exec);
      case 'attach':
        return socket(offer, s.attach);
      case 'portforward':
        return socket(offer, s.portforward);
      case 'http':
        return offer.protocol === undefined ? body(offer, s.http) : socket(offer, s.upgrade);
    }
  }

  #socket<O extends StreamOffer>(offer: O, serve: ServeSocket<O>): Promise<void> {
    let dialled: Promise<ClientSocket> | undefined;
    return this.#serve(
      offer,
      (signal, dial) => {
        const accept = (protocol?: string) => {
          const socket = dial(protocol).then(withIdleLimit);
          dialled ??= socket;
          return socket;
        };
        return serve({ offer, signal, accept });
      },
      (status) => after(dialled, (socket) => (status ? socket.close(1011, status.message) : socket.close(1000))),
    );
  }

  #body<O extends StreamOffer>(offer: O, serve: ServeBody<O>): Promise<void> {
    let dialled: Promise<Answering> | undefined;
    return this.#serve(
      offer,
      async (signal, dial, gone) => {
        const open = () => {
          dialled ??= dial().then((socket) => new Answering(new FramedStream(socket)));
          return dialled;
        };
        const ahead = setTimeout(() => void open().catch(gone), aheadMs);
        const body = async function* () {
          yield* (await open()).body();
        };
        const accept = async (head: Head) => (await open()).begin(head);
        await serve({ offer, signal, body, accept }).finally(() => clearTimeout(ahead));
      },
      // Who stops does not fail: a log goes on with the next agent.
      (status) => after(dialled, (answer) => (this.#stopping ? answer.cut() : answer.end(status))),
    );
  }

  /** `end`: of what was dialled, or is being dialled; without a status, all went well. */
  async #serve(
    { id, kind }: StreamOffer,
    serve: (signal: AbortSignal, dial: (protocol?: string) => Promise<ClientSocket>, gone: () => void) => Promise<void>,
    end: (status?: Status) => void,
  ): Promise<void> {
    const abort = new AbortController();
    this.#open.add(abort);
    let state: 'offered' | 'refused' | 'dialled' = 'offered';
    const dial = async (protocol?: string): Promise<ClientSocket> => {
      if (state !== 'offered') throw new Error('a stream is accepted once');
      state = 'dialled';
      const socket = await this.#dialer.dial(id, protocol).catch((error: unknown) => {
        // The control plane may have let it in, and the client wait at the other end of nothing.
        void this.#refuse(id, toStatus(errors.unavailable('the node could not open its half of the stream')));
        throw error;
      });
      socket.signal.addEventListener('abort', () => abort.abort(), { once: true });
      if (socket.signal.aborted) abort.abort();
      return socket;
    };
    const finish = async (status?: Status): Promise<void> => {
      if (state === 'dialled') end(status);
      else if (state === 'offered') {
        state = 'refused';
        await this.#refuse(id, status ?? toStatus(errors.internal('nobody answered')));
      }
    };
    abort.signal.addEventListener('abort', () => {
      const { reason } = abort.signal;
      if (reason instanceof ApiError) void finish(toStatus(reason));
    });
    try {
      await serve(abort.signal, dial, () => abort.abort());
      await finish();
    } catch (error) {
      const known = error instanceof ApiError ? error : errors.internal(error);
      const cause = String(known.internal ?? error);
      if (known.reason === 'Gone') this.#log.info('nobody waits for a stream any more', { id, kind });
      else if (!abort.signal.aborted && known.code >= 500)
        this.#log.warn('a stream failed', { id, kind, error: cause });
      await finish(toStatus(known));
    } finally {
      this.#open.delete(abort);
    }
  }

  async #refuse(id: string, status: Status): Promise<void> {
    await this.#dialer
      .refuse(id, status)
      .catch((error: unknown) => this.#log.info('stream not refused', { id, error: String(error) }));
  }
}

/** Where it was dialled in vain, nobody waits for an end either. */
const after = <T>(dialled: Promise<T> | undefined, end: (dialled: T) => void): void =>
  void dialled?.then(end, () => {});

/** As upstream's apierrors has for what is not implemented: there is no reason for it. */
const unknownTo = (kind: string): Status => ({
  kind: 'Status',
  apiVersion: 'v1',
  metadata: {},
  status: 'Failure',
  message: `the agent of the node does not know streams of the kind "${kind.slice(0, 100)}"`,
  code: 501,
});

/** The agent's end of a stream whose client speaks HTTP. Its refusal, once dialled, is a status instead of a head. */
class Answering implements BodySocket {
  readonly #framed: FramedStream;
  #begun = false;
  #ended = false;

  constructor(framed: FramedStream) {
    this.#framed = framed;
  }

  get signal(): AbortSignal {
    return this.#framed.signal;
  }

  begin(head: Head): BodySocket {
    if (this.#begun) throw new Error('a stream is accepted once');
    this.#begun = true;
    void this.#framed.say({ head });
    return this;
  }

  send(data: Uint8Array): Promise<boolean> {
    return this.#framed.send(data);
  }

  cursor(cursor: string): void {
    void this.#framed.say({ cursor });
  }

  async *body(): AsyncGenerator<Uint8Array> {
    for (let next = await this.#framed.next(); next; next = await this.#framed.next()) {
      if ('bytes' in next) yield next.bytes;
      else if ('status' in next) throw new Error('the client broke off');
    }
  }

  cut(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#framed.close(1001, 'the node agent stops');
  }

  end(status?: Status): void {
    if (this.#ended) return;
    this.#ended = true;
    const failure = status ?? (this.#begun ? undefined : toStatus(errors.internal('nobody answered')));
    void this.#framed.say(failure ? { status: { ...failure } } : { end: {} }).then(() => this.#framed.close(1000));
  }
}

/** Closes a socket on which nothing has come or gone for long. */
function withIdleLimit(socket: ClientSocket): ClientSocket {
  let lastMs = Date.now();
  const check = setInterval(() => {
    if (Date.now() - lastMs > idleMs) socket.close(1001, 'idle for too long');
  }, idleCheckMs);
  check.unref();
  socket.signal.addEventListener('abort', () => clearInterval(check), { once: true });
  return {
    signal: socket.signal,
    get closedBy() {
      return socket.closedBy;
    },
    send(data) {
      lastMs = Date.now();
      return socket.send(data);
    },
    async *messages() {
      for await (const message of socket.messages()) {
        lastMs = Date.now();
        yield message;
      }
    },
    close: (code, reason) => socket.close(code, reason),
  };
}
