// Clients of streams that check what they get while they get it: every byte is known by its place, so that nothing has to be kept.
import https from 'node:https';
import type tls from 'node:tls';
import WebSocket from 'ws';
import type { SeededRandom } from '../harness/time.ts';

/** Bytes known by their place; the length is prime, so that nothing that is repeated in blocks looks right. */
export class Pattern {
  readonly #bytes: Buffer;

  constructor(random: SeededRandom) {
    this.#bytes = Buffer.from(random.bytes(65_537));
  }

  /** At most 65,537 of them. */
  at(place: number, length: number): Buffer {
    const from = place % this.#bytes.length;
    const first = this.#bytes.subarray(from, from + length);
    return first.length === length ? first : Buffer.concat([first, this.#bytes.subarray(0, length - first.length)]);
  }
}

export interface Seen {
  /** Bytes of the output. */
  got: number;
  sent: number;
  /** It said how the command ended. */
  status?: { status: string; message?: string; details?: { causes?: { message?: string }[] } };
  /** WebSocket's code; for HTTP 1000 where the body was complete, otherwise 1006. */
  closed: number;
  /** Refused with this. */
  refused?: number;
  problem?: string;
}

export interface Client {
  done: Promise<Seen>;
  seen: Seen;
  leave(how: 'close' | 'terminate'): void;
  stop(ms: number): void;
}

export interface Target {
  port: number;
  ca: tls.SecureContext;
  token: string;
  path: string;
}

/** What is sent, in pieces of this size. */
export interface Input {
  bytes: number;
  chunk: () => number;
}

const closeSignal = Buffer.from([255, 0]);
const inputAheadMax = 512 * 1024;

export const socketOptions = ({ token, ca }: Target): WebSocket.ClientOptions => ({
  headers: { authorization: `Bearer ${token}` },
  perMessageDeflate: false,
  ...{ secureContext: ca },
  handshakeTimeout: 20_000,
});

export function check(seen: Seen, data: Buffer, expected: (place: number, length: number) => Buffer): void {
  for (let at = 0; at < data.length; at += 65_536) {
    const part = data.subarray(at, at + 65_536);
    if (!expected(seen.got, part.length).equals(part)) seen.problem ??= `other bytes than expected after ${seen.got}`;
    seen.got += part.length;
  }
}

/** How it ends. */
export function ofSocket(socket: WebSocket, seen: Seen): Client {
  const done = new Promise<Seen>((resolve) => {
    socket.on('unexpected-response', (request, response) => {
      seen.refused = response.statusCode ?? 0;
      request.destroy();
      socket.terminate();
    });
    socket.on('error', () => {});
    socket.on('close', (code) => {
      seen.closed = code;
      resolve(seen);
    });
  });
  return {
    done,
    seen,
    leave: (how) => (how === 'close' ? socket.close(1000) : socket.terminate()),
    stop(ms) {
      if (socket.readyState !== WebSocket.OPEN) return;
      socket.pause();
      setTimeout(() => socket.resume(), ms);
    },
  };
}

/** A command's streams. `expected`: the output at a place. */
export function execClient(
  target: Target,
  expected: (place: number, length: number) => Buffer,
  input: Input | undefined,
): Client {
  const url = `wss://127.0.0.1:${target.port}${target.path}`;
  const socket = new WebSocket(url, ['v5.channel.k8s.io'], socketOptions(target));
  const seen: Seen = { got: 0, sent: 0, closed: 0 };
  const send = (): void => {
    if (!input || socket.readyState !== WebSocket.OPEN) return;
    while (seen.sent < input.bytes) {
      if (socket.bufferedAmount > inputAheadMax) return;
      const length = Math.min(input.chunk(), input.bytes - seen.sent);
      const message = Buffer.concat([Buffer.from([0]), expected(seen.sent, length)]);
      seen.sent += length;
      const last = seen.sent === input.bytes;
      socket.send(message, () => send());
      if (last) socket.send(closeSignal);
    }
  };
  socket.on('open', () => {
    if (input?.bytes === 0) socket.send(closeSignal);
    send();
  });
  socket.on('message', (data: Buffer) => {
    const body = data.subarray(1);
    if (data[0] === 1) check(seen, body, expected);
    else if (data[0] === 3) seen.status = JSON.parse(String(body)) as NonNullable<Seen['status']>;
  });
  return ofSocket(socket, seen);
}

/** A log as messages. `enough`: as {@link bodyClient}. */
export function messagesClient(
  target: Target,
  expected: (place: number, length: number) => Buffer,
  base64: boolean,
  enough?: () => number,
): Client {
  const protocol = base64 ? 'base64.binary.k8s.io' : 'binary.k8s.io';
  const socket = new WebSocket(`wss://127.0.0.1:${target.port}${target.path}`, [protocol], socketOptions(target));
  const seen: Seen = { got: 0, sent: 0, closed: 0 };
  let messages = 0;
  socket.on('message', (data: Buffer, isBinary) => {
    if (isBinary === base64 || (messages++ === 0) !== (data.length === 0)) seen.problem ??= 'not such a message';
    check(seen, base64 ? Buffer.from(String(data), 'base64') : data, expected);
    if (enough && seen.got >= enough()) socket.close(1000);
  });
  return ofSocket(socket, seen);
}

/** A response's body. `enough`: it leaves after so many bytes. */
export function bodyClient(
  target: Target,
  expected: (place: number, length: number) => Buffer,
  enough?: () => number,
): Client {
  const seen: Seen = { got: 0, sent: 0, closed: 0 };
  const request = https.request({
    host: '127.0.0.1',
    port: target.port,
    path: target.path,
    headers: { authorization: `Bearer ${target.token}` },
    ...{ secureContext: target.ca },
    agent: false,
  });
  let response: import('node:http').IncomingMessage | undefined;
  const done = new Promise<Seen>((resolve) => {
    const over = (code: number): void => {
      seen.closed ||= code;
      resolve(seen);
    };
    request.on('error', () => over(1006));
    // With a response that is paused, the connection may be closed before all that came of it was read.
    request.on('close', () => {
      if (!response) over(1006);
    });
    request.on('response', (answer) => {
      response = answer;
      if (answer.statusCode !== 200) seen.refused = answer.statusCode ?? 0;
      answer.on('data', (data: Buffer) => {
        if (seen.refused !== undefined) return;
        check(seen, data, expected);
        if (enough && seen.got >= enough()) {
          over(1000);
          request.destroy();
        }
      });
      answer.on('end', () => over(1000));
      answer.on('error', () => over(1006));
      answer.on('close', () => over(1006));
    });
    request.end();
  });
  return {
    done,
    seen,
    leave: () => void request.destroy(),
    stop(ms) {
      response?.pause();
      setTimeout(() => response?.resume(), ms);
    },
  };
}
