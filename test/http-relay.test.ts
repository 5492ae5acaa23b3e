// A client's request on its whole way but for the network: the gateway's half, frames with credit, the agent's dispatcher, its
// proxy, and a real server as the pod.
import http from 'node:http';
import type net from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { proxyHttp } from '../node-agent/streams/proxy/http.ts';
import { StreamServer } from '../node-agent/streams/serve.ts';
import { memoryDialer } from '../node-agent/testing/streams.ts';
import type { HttpOffer } from '../src/protocol/streams.ts';
import { relay } from '../src/relay/http.ts';
import { refusalResponse } from '../src/relay/refusal.ts';

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

async function serving(handler: http.RequestListener): Promise<number> {
  const server = http.createServer(handler);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as net.AddressInfo).port;
}

const log = { debug() {}, info() {}, warn() {}, error() {} };
const timers = {
  now: () => Date.now(),
  after(ms: number, callback: () => void) {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
};

function ask(
  port: number,
  method: string,
  path: string,
  body?: AsyncIterable<Uint8Array>,
  signal = new AbortController().signal,
): Promise<Response> {
  const offer: HttpOffer = {
    id: 's',
    kind: 'http',
    target: { type: 'address', address: '127.0.0.1', port },
    scheme: 'http',
    method,
    path,
    headers: [],
    body: body !== undefined,
    prefix: '/proxy',
  };
  return relay(
    { node: 'n1', offer },
    {
      timers,
      method,
      body: body ?? stalled(),
      signal,
      lasts: () => {},
      open: () =>
        new Promise((resolve) => {
          const agent = new StreamServer(
            { http: (stream) => proxyHttp(stream, { host: '127.0.0.1', port }) },
            memoryDialer(({ client, refused }) => resolve(client ?? refusalResponse({ ...refused }))),
            log,
          );
          agent.offered([offer]);
        }),
      again: () => Promise.reject(new Error('a request is not repeated')),
      pipe: () => new TransformStream<Uint8Array, Uint8Array>(),
    },
  );
}

const bytes = 20 * 1024 * 1024;
async function* many(): AsyncGenerator<Uint8Array> {
  for (let left = bytes; left > 0; left -= 100_000) yield new Uint8Array(Math.min(left, 100_000)).fill(120);
}

/** It neither goes on nor ends. */
async function* stalled(): AsyncGenerator<Uint8Array> {
  await new Promise(() => {});
  yield new Uint8Array();
}

test('bodies both ways at once', async () => {
  const port = await serving((request, response) => request.pipe(response));
  const response = await ask(port, 'POST', '/echo', many());
  expect(response.status).toBe(200);
  let received = 0;
  for await (const chunk of response.body!) received += chunk.byteLength;
  expect(received).toBe(bytes);
});

test('answers without a body, and of any status', async () => {
  const port = await serving((request, response) => response.writeHead(Number(request.url?.slice(1))).end());
  for (const status of [200, 204, 304, 404, 418, 500, 599]) {
    expect((await ask(port, 'GET', `/${status}`)).status).toBe(status);
    expect((await ask(port, 'HEAD', `/${status}`)).status).toBe(status);
  }
});

test('a refusal is a Status, also after the body has begun', async () => {
  for (const body of [undefined, many(), stalled()]) {
    const response = await ask(1, body ? 'PUT' : 'GET', '/', body);
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({
      kind: 'Status',
      reason: 'ServiceUnavailable',
      message: 'error trying to reach service: dial tcp 127.0.0.1:1: connect: connection refused',
    });
  }
});

test('an answer that breaks off does not look complete', async () => {
  const port = await serving((_, response) => {
    response.writeHead(200, { 'content-length': '10' });
    response.write('abc', () => response.destroy());
  });
  const response = await ask(port, 'GET', '/');
  await expect(response.text()).rejects.toThrow();
});

test('a client that stops reading and goes ends the request at the pod', async () => {
  let sent = 0;
  let ended = (): void => {};
  const over = new Promise<void>((resolve) => {
    ended = resolve;
  });
  const piece = Buffer.alloc(64 * 1024);
  const port = await serving((_, response) => {
    response.on('close', () => ended());
    const more = (): void => {
      if (response.destroyed) return;
      sent += piece.length;
      if (response.write(piece)) setImmediate(more);
      else response.once('drain', more);
    };
    more();
  });
  const abort = new AbortController();
  const response = await ask(port, 'GET', '/', undefined, abort.signal);
  await new Promise((resolve) => setTimeout(resolve, 300));
  // Credit, and what the kernel's buffers take.
  expect(sent).toBeLessThan(24 * 1024 * 1024);
  await response.body?.cancel();
  abort.abort();
  await over;
});
