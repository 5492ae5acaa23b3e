// For tests: offers of requests, and a client's half that notes what it gets.
import { webcrypto } from 'node:crypto';
import type net from 'node:net';
import type { WebSocket } from 'ws';
import { type ApiError, type Status, toStatus } from '../../../src/machinery/errors.ts';
import type { HttpOffer } from '../../../src/protocol/streams.ts';
import type { BodyOffered, ClientSocket, Message, ServeBody, SocketOffered } from '../types.ts';

export const prefix = '/api/v1/namespaces/ns/pods/web:80/proxy';

export function offerOf(target: HttpOffer['target'], given: Partial<HttpOffer> = {}): HttpOffer {
  return {
    id: 'x',
    kind: 'http',
    target,
    scheme: 'http',
    method: 'GET',
    path: '/',
    headers: [],
    body: false,
    prefix,
    ...given,
  };
}

export interface Answer {
  status: number;
  headers: [string, string][];
  body: Buffer;
  text: string;
  /** What the body was ended with; undefined: complete. */
  end: Status | undefined;
  refused?: Status;
}

export interface ClientOptions {
  body?: AsyncIterable<Uint8Array>;
  /** Waits before it takes each piece. */
  take?(bytes: Uint8Array): Promise<void>;
  signal?: AbortSignal;
  /** Does not keep the body. */
  count?: boolean;
}

/** Asks, and waits until the stream is over. */
export async function ask(serve: ServeBody<HttpOffer>, offer: HttpOffer, o: ClientOptions = {}): Promise<Answer> {
  const answer: Answer = { status: 0, headers: [], body: Buffer.alloc(0), text: '', end: undefined };
  const pieces: Uint8Array[] = [];
  const signal = o.signal ?? new AbortController().signal;
  const stream: BodyOffered<HttpOffer> = {
    offer,
    signal,
    async *body() {
      yield* o.body ?? [];
    },
    async accept(head) {
      if (answer.status) throw new Error('accepted twice');
      Object.assign(answer, head);
      return {
        signal,
        async send(data) {
          await o.take?.(data);
          if (signal.aborted) return false;
          if (!o.count) pieces.push(Buffer.from(data));
          return true;
        },
        cursor() {},
        end(status) {
          answer.end ??= status;
        },
      };
    },
  };
  try {
    await serve(stream);
  } catch (error) {
    if ((error as Error).name !== 'ApiError') throw error;
    answer.refused = toStatus(error as ApiError);
  }
  answer.body = Buffer.concat(pieces);
  answer.text = answer.body.toString();
  return answer;
}

/** A client's WebSocket: what it gets is noted, what it says comes from `say`. */
export class Client {
  readonly got: (string | Buffer)[] = [];
  protocol: string | undefined;
  accepted = false;
  closed: { code: number | undefined; reason: string | undefined } | undefined;
  readonly #said: Message[] = [];
  readonly #gone = new AbortController();
  #closedBy: { code: number; reason: string } | undefined;
  readonly #offered = new AbortController();
  #wake = (): void => {};
  /** Before each message is taken. */
  taking: () => Promise<void> = async () => {};

  offered(offer: HttpOffer): SocketOffered<HttpOffer> {
    return {
      offer,
      signal: this.#offered.signal,
      accept: async (protocol) => {
        this.accepted = true;
        this.protocol = protocol;
        return this.#socket();
      },
    };
  }

  say(data: string | Uint8Array): void {
    const text = typeof data === 'string';
    this.#said.push({ data: text ? Buffer.from(data) : data, text });
    this.#wake();
  }

  leave(closedBy?: { code: number; reason: string }): void {
    this.#closedBy = closedBy;
    this.#gone.abort();
    this.#wake();
  }

  #socket(): ClientSocket {
    const signal = this.#gone.signal;
    const closedBy = (): { code: number; reason: string } | undefined => this.#closedBy;
    return {
      signal,
      get closedBy() {
        return closedBy();
      },
      send: async (data) => {
        await this.taking();
        if (signal.aborted) return false;
        this.got.push(typeof data === 'string' ? data : Buffer.from(data));
        return true;
      },
      messages: async function* (this: Client): AsyncGenerator<Message> {
        for (;;) {
          const next = this.#said.shift();
          if (next) yield next;
          else if (signal.aborted) return;
          else
            await new Promise<void>((resolve) => {
              this.#wake = resolve;
            });
        }
      }.bind(this),
      close: (code, reason) => {
        this.closed ??= { code, reason };
        this.leave();
      },
    };
  }
}

export async function selfSigned(name = 'somebody else'): Promise<{ key: string; cert: string }> {
  await import('reflect-metadata');
  const x509 = await import('@peculiar/x509');
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: `CN=${name}`,
    keys,
    signingAlgorithm: algorithm,
  });
  const key = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
  return {
    key: `-----BEGIN PRIVATE KEY-----\n${key}\n-----END PRIVATE KEY-----\n`,
    cert: certificate.toString('pem'),
  };
}

/** Of two bytes each, half a million with each write, 32 writes at most: how many of those were taken so far. */
export function floodOfEmptyMessages(from: WebSocket): () => number {
  const connection = (from as unknown as { _socket: net.Socket })._socket;
  const messages = Buffer.alloc(1 << 20, Buffer.from([0x82, 0]));
  let sent = 0;
  const write = (): void =>
    void connection.write(messages, () => {
      if (++sent < 32) write();
    });
  write();
  return () => sent;
}

/** What it is once it has not risen for a second. */
export async function stalled(value: () => number): Promise<number> {
  for (let before = -1; before !== value() || before === 0; ) {
    before = value();
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
  return value();
}
