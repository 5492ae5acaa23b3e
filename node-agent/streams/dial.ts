// The agent's half of a stream: a WebSocket to the control plane, dialled for one offer, or its refusal. Backpressure is that of the
// connection, both ways: who sends waits until the kernel has it, and nothing is read while what came waits to be taken.
import { setTimeout as delay } from 'node:timers/promises';
import tls from 'node:tls';
import WebSocket from 'ws';
import { errors, type Status } from '../../src/machinery/errors.ts';
import type { Fetch } from '../../src/ports/index.ts';
import { clientMessageBytesMax, protocolHeader, streamMessageCost } from '../../src/protocol/streams.ts';
import { requireTls } from '../link/http.ts';
import { sendableCode } from './close-code.ts';
import { passed } from './garbage.ts';
import type { ClientSocket, Message } from './types.ts';

/** How the agent answers offers. */
export interface Dialer {
  /** `protocol`: what the client is answered with as its subprotocol, instead of the offer's. Throws Gone where nobody waits any more. */
  dial(id: string, protocol?: string): Promise<ClientSocket>;
  refuse(id: string, status: Status): Promise<void>;
}

/**
 * After so much, the next hop is given time to have read it (its answer to a ping says so): a control plane of one thread turns to
 * its other connections only when one that flows runs dry. The answer may be stuck behind input that nobody reads.
 */
const burstBytesMax = 1024 * 1024;
const burstMs = 100;
/** Of what came, of one stream; a message costs something beside its bytes, so that many small ones are bounded, too. */
const bufferedBytesMax = 256 * 1024;
const handshakeMs = 15_000;
/** All of them are over before the client has waited in vain. */
const retryDelaysMs = [50, 200, 500, 1000];
/** Whatever is between does not take a silent connection for a dead one. That the other machine is gone is TCP's to notice. */
const pingMs = 30_000;
const keepAliveMs = 30_000;
/** A close comes after all that was sent: a client that is slow to take it is not cut off before (as upstream's API server waits). */
const closeMs = 15 * 60_000;

export const socketOptions = {
  perMessageDeflate: false,
  // Under TLS a mask hides nothing: one of zeros is skipped by both sides.
  generateMask: () => {},
  handshakeTimeout: handshakeMs,
  maxPayload: clientMessageBytesMax,
  closeTimeout: closeMs,
};

export function webSocketDialer(
  url: string,
  nodeName: string,
  credential: () => string,
  ca: string | undefined,
  fetch: Fetch,
): Dialer {
  // Made once: reading all roots takes longer than a whole stream may.
  let context: tls.SecureContext | undefined;
  const path = (id: string) => `/tiffin.dev/v1/nodes/${encodeURIComponent(nodeName)}/streams/${encodeURIComponent(id)}`;
  return {
    async dial(id, protocol) {
      const { host } = requireTls(url);
      context ??= ca ? tls.createSecureContext({ ca: [...tls.rootCertificates, ca] }) : undefined;
      return persistently(() => {
        const socket = new WebSocket(`wss://${host}${path(id)}`, {
          headers: {
            authorization: `Bearer ${credential()}`,
            ...(protocol === undefined ? {} : { [protocolHeader]: protocol }),
          },
          ...socketOptions,
          ...(context ? { secureContext: context } : {}),
        });
        return opened(socket);
      });
    },
    async refuse(id, status) {
      const answer = await persistently(() =>
        fetch(
          new Request(`${requireTls(url).origin}${path(id)}`, {
            method: 'POST',
            headers: { authorization: `Bearer ${credential()}`, 'content-type': 'application/json' },
            body: JSON.stringify({ status }),
            signal: AbortSignal.timeout(handshakeMs),
          }),
        ),
      );
      await answer.body?.cancel();
    },
  };
}

/** A connection that broke is made again: nobody may have been reached. Where somebody was, a repetition is turned away. */
async function persistently<T>(attempt: () => Promise<T>): Promise<T> {
  for (const delayMs of retryDelaysMs) {
    try {
      return await attempt();
    } catch (error) {
      if (!isBroken(error)) throw error;
      await delay(delayMs);
    }
  }
  return attempt();
}

/** Neither an answer nor the end of patience. */
const isBroken = (error: unknown): boolean => {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' && /^E[A-Z]+$/.test(code);
};

/** A WebSocket that is being opened, as its end is used here. */
export function opened(socket: WebSocket): Promise<ClientSocket> {
  // Before it is open: messages may come with the very first bytes.
  const half = new Half(socket);
  return new Promise((resolve, reject) => {
    socket.once('open', () => resolve(half));
    socket.once('error', reject);
    socket.once('unexpected-response', (request, { statusCode }) => {
      request.destroy();
      if (statusCode === 410) reject(errors.gone('nobody waits for the stream any more'));
      else reject(new Error(`the stream was answered with ${statusCode}`));
    });
    socket.once('close', (code) => reject(new Error(`the stream closed with ${code} before it was open`)));
  });
}

const costOf = ({ data }: Message): number => data.byteLength + streamMessageCost;

class Half implements ClientSocket {
  closedBy: { code: number; reason: string } | undefined;
  readonly #socket: WebSocket;
  readonly #closed = new AbortController();
  readonly #received: Message[] = [];
  #receivedBytes = 0;
  #arrived: (() => void) | undefined;
  readonly #sending = new Set<(open: boolean) => void>();
  /** Sent since the next hop was last known to have read everything. */
  #burstBytes = 0;
  #held: (() => void)[] = [];

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('open', () => {
      (socket as unknown as { _socket?: { setKeepAlive(on: boolean, ms: number): void } })._socket?.setKeepAlive(
        true,
        keepAliveMs,
      );
    });
    const ping = setInterval(() => {
      if (socket.readyState === WebSocket.OPEN && socket.bufferedAmount === 0) socket.ping();
    }, pingMs);
    ping.unref();
    socket.on('message', (data, isBinary) => this.#take({ data: data as Buffer, text: !isBinary }));
    socket.on('close', (code, reason) => {
      this.closedBy = { code, reason: reason.toString() };
      clearInterval(ping);
      this.#over();
    });
    // A close follows.
    socket.on('error', () => {});
  }

  get signal(): AbortSignal {
    return this.#closed.signal;
  }

  send(data: Uint8Array | string): Promise<boolean> {
    const socket = this.#socket;
    return new Promise((resolve) => {
      if (socket.readyState !== WebSocket.OPEN) return resolve(false);
      this.#sending.add(resolve);
      passed(data.length);
      const sent = (): void => {
        this.#sending.delete(resolve);
        resolve(socket.readyState === WebSocket.OPEN);
      };
      socket.send(data, { binary: typeof data !== 'string' }, () => {
        this.#burstBytes += data.length;
        if (this.#burstBytes < burstBytesMax) sent();
        else this.#hold(sent);
      });
    });
  }

  #hold(sent: () => void): void {
    this.#held.push(sent);
    if (this.#held.length > 1) return;
    const socket = this.#socket;
    const goOn = (): void => {
      clearTimeout(late);
      socket.off('pong', goOn);
      this.#burstBytes = 0;
      for (const go of this.#held.splice(0)) go();
    };
    const late = setTimeout(goOn, burstMs);
    socket.on('pong', goOn).ping();
  }

  async *messages(): AsyncGenerator<Message> {
    for (;;) {
      const message = this.#received.shift();
      if (message) {
        this.#receivedBytes -= costOf(message);
        if (this.#socket.isPaused && this.#receivedBytes < bufferedBytesMax / 2) this.#socket.resume();
        yield message;
      } else if (this.signal.aborted) return;
      else
        await new Promise<void>((resolve) => {
          this.#arrived = resolve;
        });
    }
  }

  close(code = 1000, reason = ''): void {
    // What still comes is of no interest, but the other side's close has to be seen.
    this.#received.length = 0;
    this.#receivedBytes = 0;
    if (this.#socket.isPaused) this.#socket.resume();
    this.#socket.close(sendableCode(code), Buffer.from(reason).subarray(0, 120));
  }

  #take(message: Message): void {
    if (this.#socket.readyState !== WebSocket.OPEN) return;
    this.#received.push(message);
    this.#receivedBytes += costOf(message);
    passed(message.data.byteLength);
    if (this.#receivedBytes > bufferedBytesMax) this.#socket.pause();
    this.#wake();
  }

  #wake(): void {
    const arrived = this.#arrived;
    this.#arrived = undefined;
    arrived?.();
  }

  #over(): void {
    this.#closed.abort(new Error('the stream is closed'));
    for (const go of this.#sending) go(false);
    this.#wake();
  }
}
