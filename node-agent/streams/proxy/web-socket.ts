// A WebSocket to a pod: the pod answers first, then its client. Messages pass as they are, one at a time in each direction, so
// that who does not read stops who writes.
import http from 'node:http';
import WebSocket from 'ws';
import { ApiError } from '../../../src/machinery/errors.ts';
import { type HttpOffer, streamMessageCost } from '../../../src/protocol/streams.ts';
import { hostPort } from '../../host-port.ts';
import { sendableCode } from '../close-code.ts';
import type { ClientSocket, SocketOffered } from '../types.ts';
import { limitConnecting, requestOf } from './http.ts';
import { problemOf, UpgradeRefused, unanswered } from './problems.ts';
import type { Target } from './target.ts';

/** Of one message, which both sides hold whole. */
export const messageBytesMax = 16 * 1024 * 1024;
/** Read ahead of a client that is slow, each message with its own cost beside its bytes; one message more may be on its way. */
const aheadBytesMax = 1024 * 1024;
/** Of an answer other than an upgrade. */
const refusalBytesMax = 16 * 1024;
const closeTimeoutMs = 5000;
/** For a pod to upgrade, or to have said why not: its client has long been told that the node does not come. */
const handshakeMs = 60_000;

const failed = (message: string, cause?: unknown): ApiError => new ApiError('InternalError', message, undefined, cause);

/** How an end that the pod's own messages caused is called. */
const faults: Record<string, number> = {
  WS_ERR_UNSUPPORTED_MESSAGE_LENGTH: 1009,
  WS_ERR_INVALID_UTF8: 1007,
};

/** 1005 says that there was none. */
const passedOn = (code: number): number | undefined => (code === 1005 ? undefined : sendableCode(code));

export async function proxyWebSocket(stream: SocketOffered<HttpOffer>, target: Target): Promise<void> {
  const { offer, signal } = stream;
  const pod = new PodSocket(offer, target);
  const over = (): void => pod.destroy();
  signal.addEventListener('abort', over, { once: true });
  try {
    const protocol = await pod.opened;
    const client = await stream.accept(protocol);
    // From here on its end is told to the pod.
    signal.removeEventListener('abort', over);
    const fromClient = passOn(client, pod);
    // Heard below, once the pod is through.
    fromClient.catch(() => {});
    for await (const message of pod.messages()) if (!(await client.send(message))) break;
    client.close(pod.code === undefined ? 1011 : passedOn(pod.code), pod.reason);
    await fromClient;
    await pod.closed;
  } finally {
    signal.removeEventListener('abort', over);
    pod.destroy();
  }
}

async function passOn(client: ClientSocket, pod: PodSocket): Promise<void> {
  try {
    for await (const { data, text } of client.messages()) if (!(await pod.send(data, text))) return;
  } finally {
    const { code = 1000, reason } = client.closedBy ?? {};
    pod.close(passedOn(code), reason);
  }
}

class PodSocket {
  /** With the subprotocol that the pod has chosen. */
  readonly opened: Promise<string | undefined>;
  readonly closed: Promise<void>;
  code: number | undefined;
  reason = '';
  readonly #socket: WebSocket;
  readonly #queue: { message: Buffer | string; cost: number }[] = [];
  #queuedBytes = 0;
  #leaving = false;
  #over = false;
  #wake = (): void => {};

  constructor(offer: HttpOffer, target: Target) {
    const { options } = requestOf(offer, target);
    const secure = offer.scheme === 'https';
    const offered = offer.protocol ?? '';
    let chosen: string | undefined;
    const socket = new WebSocket(`${secure ? 'wss' : 'ws'}://${hostPort(target)}${offer.path}`, {
      ...options,
      headers: {
        ...Object.fromEntries(Object.entries(options.headers!).filter(([name]) => !name.startsWith('sec-websocket-'))),
        ...(offered ? { 'sec-websocket-protocol': offered } : {}),
      },
      perMessageDeflate: false,
      followRedirects: false,
      maxPayload: messageBytesMax,
      // Which protocols there are is between the pod and its client: the library would refuse names that it does not know.
      finishRequest: (request) => {
        limitConnecting(request, secure);
        // As it was said, not as a URL is normalised.
        request.path = offer.path;
        request.prependListener('upgrade', (response: http.IncomingMessage) => {
          chosen = response.headers['sec-websocket-protocol'];
          delete response.headers['sec-websocket-protocol'];
        });
        request.end();
      },
    });
    this.#socket = socket;
    let late: NodeJS.Timeout | undefined;
    this.opened = new Promise<string | undefined>((resolve, reject) => {
      late = setTimeout(() => {
        reject(unanswered('error dialing backend'));
        this.destroy();
      }, handshakeMs);
      socket.once('open', () => {
        const known = offered.split(',').map((p) => p.trim());
        if (chosen === undefined || known.includes(chosen)) resolve(chosen);
        else reject(failed(`invalid upgrade response: protocol ${JSON.stringify(chosen)} was not offered`));
      });
      socket.on('error', (error) => reject(failed(`error dialing backend: ${problemOf(error, target)}`, error)));
      socket.once('unexpected-response', (request, response) => {
        void refusalOf(response).then((refusal) => {
          request.destroy();
          reject(refusal);
        });
      });
      socket.once('close', () => reject(failed('error dialing backend: EOF')));
    }).finally(() => clearTimeout(late));
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()));
    socket.on('message', (data: Buffer, binary) => {
      if (this.#leaving) return;
      const cost = data.byteLength + streamMessageCost;
      this.#queue.push({ message: binary ? data : data.toString(), cost });
      this.#queuedBytes += cost;
      if (this.#queuedBytes > aheadBytesMax) socket.pause();
      this.#wake();
    });
    socket.on('error', ({ code = '' }: NodeJS.ErrnoException) => {
      if (code.startsWith('WS_ERR_')) this.code = faults[code] ?? 1002;
    });
    socket.on('close', (code, reason) => {
      this.#over = true;
      this.code ??= code;
      this.reason = reason.toString();
      this.#wake();
    });
  }

  async *messages(): AsyncGenerator<Buffer | string> {
    for (;;) {
      const next = this.#queue.shift();
      if (next === undefined) {
        if (this.#over) return;
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        continue;
      }
      yield next.message;
      this.#queuedBytes -= next.cost;
      if (this.#queuedBytes <= aheadBytesMax && this.#socket.isPaused) this.#socket.resume();
    }
  }

  send(data: Uint8Array, text: boolean): Promise<boolean> {
    return new Promise((resolve) => this.#socket.send(data, { binary: !text }, (error) => resolve(!error)));
  }

  /** Nothing more of it is wanted. */
  close(code?: number, reason?: string): void {
    this.#leaving = true;
    this.#socket.resume();
    this.#socket.close(code, reason);
    setTimeout(() => this.destroy(), closeTimeoutMs).unref();
  }

  destroy(): void {
    this.#socket.terminate();
  }
}

async function refusalOf(response: http.IncomingMessage): Promise<ApiError> {
  const status = response.statusCode ?? 0;
  if (status < 400 || status > 599) return failed(`invalid upgrade response: status code ${status}`);
  let text = '';
  try {
    for await (const chunk of response) {
      text += (chunk as Buffer).toString();
      if (text.length > refusalBytesMax) break;
    }
  } catch {
    // What there is of it.
  }
  return new UpgradeRefused(status, text.slice(0, refusalBytesMax).trim() || (http.STATUS_CODES[status] ?? ''));
}
