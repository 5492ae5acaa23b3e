import http from 'node:http';
import net from 'node:net';
import { afterEach, expect, test, vi } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { type ApiError, type Status, toStatus } from '../../../src/machinery/errors.ts';
import type { HttpOffer } from '../../../src/protocol/streams.ts';
import { Client, floodOfEmptyMessages, offerOf, stalled } from './testing.ts';
import { messageBytesMax, proxyWebSocket } from './web-socket.ts';

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

async function listening(server: net.Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => void server.close());
  return (server.address() as net.AddressInfo).port;
}

interface Pod {
  port: number;
  sockets: WebSocket[];
  requests: http.IncomingMessage[];
}

async function podOf(
  connected: (socket: WebSocket) => void,
  choose?: (offered: Set<string>) => string | false,
): Promise<Pod> {
  const server = http.createServer();
  const sockets: WebSocket[] = [];
  const requests: http.IncomingMessage[] = [];
  const wss = new WebSocketServer({ server, ...(choose ? { handleProtocols: choose } : {}) });
  wss.on('connection', (socket, request) => {
    sockets.push(socket);
    requests.push(request);
    socket.on('error', () => {});
    connected(socket);
  });
  closing.push(() => {
    for (const socket of sockets) socket.terminate();
  });
  return { port: await listening(server), sockets, requests };
}

const offer = (port: number, given: Partial<HttpOffer> = {}): HttpOffer =>
  offerOf({ type: 'address', address: '127.0.0.1', port }, { protocol: '', ...given });

const serve = (client: Client, given: HttpOffer): Promise<void> =>
  proxyWebSocket(client.offered(given), { host: '127.0.0.1', port: (given.target as { port: number }).port });

const refusal = (client: Client, given: HttpOffer): Promise<Status> =>
  serve(client, given).then(
    () => {
      throw new Error('not refused');
    },
    (error: ApiError) => toStatus(error),
  );

test('messages pass as they are, both ways, with the path and the end-to-end headers', async () => {
  const pod = await podOf((socket) => socket.on('message', (data, binary) => socket.send(data, { binary })));
  const client = new Client();
  const served = serve(
    client,
    offer(pod.port, {
      path: '/a/../b?c',
      headers: [
        ['x-a', '1'],
        ['connection', 'x-b'],
        ['x-b', '1'],
        ['sec-websocket-key', 'mine'],
      ],
    }),
  );
  client.say('text');
  client.say(Buffer.from([0, 255]));
  client.say('');
  await vi.waitFor(() => expect(client.got).toEqual(['text', Buffer.from([0, 255]), '']));
  expect(pod.requests[0]?.url).toBe('/a/../b?c');
  expect(pod.requests[0]?.headers).toMatchObject({ 'x-a': '1', host: `127.0.0.1:${pod.port}` });
  expect(pod.requests[0]?.headers['x-b']).toBeUndefined();
  expect(pod.requests[0]?.headers['sec-websocket-key']).not.toBe('mine');
  expect(client.protocol).toBeUndefined();
  client.leave();
  await served;
  await vi.waitFor(() => expect(pod.sockets[0]?.readyState).toBe(3));
});

test.each([
  ['a, b.example/v1', 'b.example/v1', 'b.example/v1'],
  ['a', false, undefined],
] as const)('of the protocols %s the pod chooses %s', async (protocol, chosen, accepted) => {
  const offered: string[] = [];
  // By hand: the library refuses names with a slash.
  const raw = await listening(
    net.createServer((socket) =>
      socket.on('data', (data) => {
        const key = /sec-websocket-key: (.*)\r/i.exec(data.toString())?.[1] ?? '';
        offered.push(/sec-websocket-protocol: (.*)\r/i.exec(data.toString())?.[1] ?? '');
        void import('node:crypto').then(({ createHash }) => {
          const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
          socket.write(
            `HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n${chosen ? `Sec-WebSocket-Protocol: ${chosen}\r\n` : ''}\r\n`,
          );
          socket.end();
        });
      }),
    ),
  );
  const client = new Client();
  await serve(client, offer(raw, { protocol }));
  expect(offered).toEqual([protocol]);
  expect([client.accepted, client.protocol]).toEqual([true, accepted]);
});

test.each([
  [1000, 'bye', { code: 1000, reason: 'bye' }],
  [4001, 'mine', { code: 4001, reason: 'mine' }],
  [1001, '', { code: 1001, reason: '' }],
])('the pod closes with %i', async (code, reason, expected) => {
  const pod = await podOf((socket) => {
    socket.send('last');
    socket.close(code, reason);
  });
  const client = new Client();
  await serve(client, offer(pod.port));
  expect(client.got).toEqual(['last']);
  expect(client.closed).toEqual(expected);
});

test.each([
  [
    { code: 4002, reason: 'mine' },
    { code: 4002, reason: 'mine' },
  ],
  [
    { code: 1005, reason: '' },
    { code: 1005, reason: '' },
  ],
  [
    { code: 1006, reason: '' },
    { code: 1011, reason: '' },
  ],
  [undefined, { code: 1000, reason: '' }],
])('the client closes with %j', async (given, expected) => {
  let closed: unknown;
  const pod = await podOf((socket) => {
    socket.on('close', (code, reason) => {
      closed = { code, reason: reason.toString() };
    });
    socket.send('hello');
  });
  const client = new Client();
  const served = serve(client, offer(pod.port));
  await vi.waitFor(() => expect(client.got).toEqual(['hello']));
  client.leave(given);
  await served;
  await vi.waitFor(() => expect(closed).toEqual(expected));
});

test('the pod dies', async () => {
  const pod = await podOf((socket) => socket.send('x', () => socket.terminate()));
  const client = new Client();
  await serve(client, offer(pod.port));
  expect(client.closed?.code).toBe(1011);
});

test.each([
  ['HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\nnot here\n', 404, 'not here'],
  ['HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n', 403, 'Forbidden'],
  ['HTTP/1.1 426 Upgrade Required\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n', 426, 'x'],
  ['HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok', 500, 'invalid upgrade response: status code 200'],
  [
    'HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n',
    500,
    'invalid upgrade response: status code 302',
  ],
  [
    'HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: no\r\n\r\n',
    500,
    'error dialing backend: Invalid Sec-WebSocket-Accept header',
  ],
  [
    'garbage\r\n\r\n',
    500,
    'error dialing backend: net/http: HTTP/1.x transport connection broken: malformed HTTP response',
  ],
  ['', 500, 'error dialing backend: EOF'],
])('an answer that is no upgrade: %j', async (answer, code, message) => {
  const port = await listening(net.createServer((socket) => socket.once('data', () => socket.end(answer))));
  const client = new Client();
  expect(await refusal(client, offer(port))).toMatchObject({ code, message });
  expect(client.accepted).toBe(false);
});

test('an answer that is no upgrade and does not end', async () => {
  const port = await listening(
    net.createServer((socket) => {
      socket.on('error', () => {});
      const write = (): void => {
        if (!socket.destroyed) socket.write('x'.repeat(1000), () => setImmediate(write));
      };
      socket.once('data', () => {
        socket.write('HTTP/1.1 500 x\r\n\r\n');
        write();
      });
    }),
  );
  const status = await refusal(new Client(), offer(port));
  expect(status.code).toBe(500);
  expect(status.message?.length).toBeLessThanOrEqual(16 * 1024);
});

test.each(['', 'HTTP/1.1 403 no\r\n\r\nbecause'])(
  'a pod that does not get to its end of the handshake: %j',
  async (said) => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    closing.push(() => vi.useRealTimers());
    let closed = (): void => {};
    const ended = new Promise<void>((resolve) => {
      closed = resolve;
    });
    const port = await listening(
      net.createServer((socket) => {
        socket.on('error', () => {}).on('close', () => closed());
        socket.once('data', () => socket.write(said, () => setImmediate(() => vi.advanceTimersByTime(60_000))));
      }),
    );
    expect(await refusal(new Client(), offer(port))).toMatchObject({ code: 504, reason: 'Timeout' });
    await ended;
  },
);

test('a closed port', async () => {
  const server = net.createServer();
  const port = await listening(server);
  await new Promise((resolve) => server.close(resolve));
  expect(await refusal(new Client(), offer(port))).toMatchObject({
    code: 500,
    message: `error dialing backend: dial tcp 127.0.0.1:${port}: connect: connection refused`,
  });
});

test('a protocol that was not offered is no upgrade', async () => {
  const pod = await podOf(
    () => {},
    () => 'other',
  );
  expect((await refusal(new Client(), offer(pod.port, { protocol: 'a' }))).code).toBe(500);
});

test('a client that does not read stops the pod', async () => {
  const piece = Buffer.alloc(64 * 1024, 'x');
  let sent = 0;
  const pod = await podOf((socket) => {
    const write = (): void => {
      sent += piece.length;
      socket.send(piece, sent < 64 * 1024 * 1024 ? write : () => socket.close(1000));
    };
    write();
  });
  const client = new Client();
  let go = (): void => {};
  const waiting = new Promise<void>((resolve) => {
    go = resolve;
  });
  client.taking = () => waiting;
  const served = serve(client, offer(pod.port));
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(sent).toBeLessThan(24 * 1024 * 1024);
  go();
  await served;
  expect(client.got.reduce((n, m) => n + m.length, 0)).toBe(64 * 1024 * 1024);
}, 30_000);

test('a client that does not read stops a pod whose messages are empty', async () => {
  let sent = () => 0;
  const pod = await podOf((socket) => {
    sent = floodOfEmptyMessages(socket);
  });
  const client = new Client();
  client.taking = () => new Promise(() => {});
  void serve(client, offer(pod.port)).catch(() => {});
  expect(await stalled(() => sent())).toBeLessThan(32);
}, 20_000);

test('a message that is too large ends the stream', async () => {
  const pod = await podOf((socket) => socket.send(Buffer.alloc(messageBytesMax + 1)));
  const client = new Client();
  await serve(client, offer(pod.port));
  expect(client.got).toEqual([]);
  expect(client.closed?.code).toBe(1009);
});

test('a client that goes away before the pod has answered', async () => {
  let gone = (): void => {};
  const ended = new Promise<void>((resolve) => {
    gone = resolve;
  });
  const abort = new AbortController();
  const port = await listening(
    net.createServer((socket) => {
      socket.on('error', () => {});
      socket.on('close', () => gone());
      socket.on('data', () => abort.abort());
    }),
  );
  const given = offer(port);
  const served = proxyWebSocket({ ...new Client().offered(given), signal: abort.signal }, { host: '127.0.0.1', port });
  await expect(served).rejects.toThrow();
  await ended;
});
