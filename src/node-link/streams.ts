// Streams between a client and a node: the client's request becomes an offer to the agent, the agent's WebSocket becomes
// the body of the client's response. Knows no kind of stream. What the client has not taken yet is bounded by credit.
import { ApiError, errors, type Status, toStatus } from '../machinery/errors.ts';
import type { Log, Timers } from '../ports/index.ts';
import {
  type StreamMessage,
  type LogOffer as StreamOffer,
  streamMessage,
  streamMessageCost,
  streamWindowBytes,
} from '../protocol/streams.ts';

/** The agent's half of a stream. */
export interface AgentSocket {
  send(text: string): void;
  close(code: number, reason: string): void;
  /** Called once, before any message is delivered. */
  listen(on: { message(data: string | Uint8Array): void; closed(): void }): void;
}

/** An agent that ignores credit is cut off beyond this. */
const bufferedBytesMax = 4 * streamWindowBytes;
/** Streams of one node at once. */
const streamsMax = 500;
const creditStepBytes = streamWindowBytes / 4;
/** A stream whose agent has come but has nothing to say yet is answered after this long. */
const quietMs = 1000;

interface Pending {
  resolve(socket: AgentSocket): void;
}

export class StreamRelay {
  readonly #timers: Timers;
  readonly #log: Log;
  readonly #pending = new Map<string, Pending>();
  readonly #open = new Set<AgentSocket>();

  constructor(timers: Timers, log: Log) {
    this.#timers = timers;
    this.#log = log;
  }

  /** The client's side: waits for the agent, then answers with its bytes. Never throws. */
  async open(
    offer: StreamOffer,
    link: { offer(stream: StreamOffer): void; withdraw(id: string): void },
    waitMs: number,
    cancelled?: AbortSignal,
  ): Promise<Response> {
    if (this.#pending.size + this.#open.size >= streamsMax)
      return statusResponse(
        toStatus(errors.tooManyRequests(`the node of pod "${offer.namespace}/${offer.pod}" has ${streamsMax} streams`)),
      );
    const socket = await new Promise<AgentSocket | undefined>((resolve) => {
      const stop = this.#timers.after(waitMs, () => resolve(undefined));
      cancelled?.addEventListener('abort', () => resolve(undefined));
      this.#pending.set(offer.id, {
        resolve: (agent) => {
          stop();
          resolve(agent);
        },
      });
      link.offer(offer);
    });
    this.#pending.delete(offer.id);
    if (!socket) {
      link.withdraw(offer.id);
      return statusResponse(
        toStatus(new ApiError('Timeout', `the node of pod "${offer.namespace}/${offer.pod}" did not answer in time`)),
      );
    }
    return this.#pipe(socket, cancelled);
  }

  /** The agent's side; false when nobody waits for this stream (any more). */
  attach(id: string, socket: AgentSocket): boolean {
    const pending = this.#pending.get(id);
    if (!pending) return false;
    this.#pending.delete(id);
    pending.resolve(socket);
    return true;
  }

  /** Closes every stream with the agent: it is not let in any more. */
  hangUp(): void {
    for (const socket of this.#open) socket.close(1008, 'the credential is not valid any more');
  }

  #pipe(socket: AgentSocket, cancelled?: AbortSignal): Promise<Response> {
    this.#open.add(socket);
    return new Promise((resolve) => {
      const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
      const writer = writable.getWriter();
      let started = false;
      let ended = false;
      let buffered = 0;
      let credit = 0;
      const start = (): void => {
        if (started) return;
        started = true;
        stopQuiet();
        resolve(
          new Response(readable, {
            headers: {
              'content-type': 'text/plain; charset=utf-8',
              'content-encoding': 'identity',
              'cache-control': 'no-store',
              'x-content-type-options': 'nosniff',
            },
          }),
        );
      };
      const stopQuiet = this.#timers.after(quietMs, start);
      const hangUp = (code: number, reason: string): void => {
        if (ended) return;
        ended = true;
        this.#open.delete(socket);
        stopQuiet();
        socket.close(code, reason);
      };
      cancelled?.addEventListener('abort', () => hangUp(1000, 'client gone'));
      writer.closed.catch(() => hangUp(1000, 'client gone'));
      const end = (): void => {
        start();
        writer.close().catch(() => undefined);
      };
      socket.listen({
        message: (data) => {
          if (ended) return;
          if (typeof data === 'string') {
            const message = parseMessage(data);
            if ('head' in message || 'cursor' in message) return start();
            const status = 'status' in message ? (message.status as unknown as Status) : undefined;
            hangUp(1000, 'done');
            if (started || !status) {
              if (status) this.#log.info('stream ended with an error', { status });
              return end();
            }
            started = true;
            return resolve(statusResponse(status));
          }
          start();
          if (data.byteLength === 0) return;
          buffered += data.byteLength;
          if (buffered > bufferedBytesMax) {
            hangUp(1008, 'more than credited');
            writer.abort(new Error('the client is too slow')).catch(() => undefined);
            return;
          }
          writer.write(data).then(
            () => {
              buffered -= data.byteLength;
              credit += data.byteLength + streamMessageCost;
              if (ended || credit < creditStepBytes) return;
              socket.send(JSON.stringify({ credit }));
              credit = 0;
            },
            () => hangUp(1000, 'client gone'),
          );
        },
        closed: () => {
          this.#open.delete(socket);
          ended = true;
          end();
        },
      });
    });
  }
}

function parseMessage(text: string): StreamMessage {
  try {
    return streamMessage.parse(JSON.parse(text));
  } catch (error) {
    return { status: { ...toStatus(errors.internal(error)) } };
  }
}

export function statusResponse(status: Status): Response {
  const code = status.code >= 400 && status.code <= 599 ? status.code : 500;
  const seconds = status.details?.retryAfterSeconds;
  const headers = { 'content-type': 'application/json', ...(seconds ? { 'retry-after': String(seconds) } : {}) };
  return new Response(JSON.stringify(status), { status: code, headers });
}
