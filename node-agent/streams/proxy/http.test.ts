import { EventEmitter, once as event } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import zlib from 'node:zlib';
import { afterEach, expect, test, vi } from 'vitest';
import type { HttpOffer } from '../../../src/protocol/streams.ts';
import { proxyHttp } from './http.ts';
import { type Answer, ask, type ClientOptions, offerOf, prefix, selfSigned } from './testing.ts';

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

async function listening(server: net.Server): Promise<number> {
  const sockets = new Set<net.Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return (server.address() as net.AddressInfo).port;
}

const serving = (handler: http.RequestListener): Promise<number> => listening(http.createServer(handler));
/** A server that writes `answer` once a request's head has come, and keeps what it was sent. */
async function answering(answer: string, end = true): Promise<{ port: number; got(): string }> {
  let got = '';
  const port = await listening(
    net.createServer((socket) => {
      socket.on('data', (data) => {
        got += data.toString('latin1');
        if (!got.includes('\r\n\r\n')) return;
        socket.write(answer, 'latin1');
        if (end) socket.end();
      });
    }),
  );
  return { port, got: () => got };
}

function to(port: number, offer: Partial<HttpOffer> = {}, o: ClientOptions = {}): Promise<Answer> {
  const target = { host: '127.0.0.1', port };
  return ask((stream) => proxyHttp(stream, target), offerOf({ type: 'address', address: target.host, port }, offer), o);
}

async function* once(text: string | Uint8Array): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text as string);
}
const headerOf = (answer: Answer, name: string): string | undefined => answer.headers.find(([n]) => n === name)?.[1];

test('every verb, with its path, query, headers and body', async () => {
  const port = await serving(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    response.setHeader('x-seen', [`${request.method} ${request.url}`, String(request.headers['x-a'])]);
    response.setHeader('content-type', 'application/json');
    response.writeHead(201);
    response.end(JSON.stringify({ headers: request.headers, body }));
  });
  for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
    const answer = await to(
      port,
      {
        method,
        path: '/a%2fb//c?d=e&f',
        headers: [
          ['x-a', '1'],
          ['x-a', '2'],
          ['host', 'localhost:8001'],
        ],
        body: true,
      },
      { body: once('hello') },
    );
    expect(answer.status).toBe(201);
    expect(answer.headers.filter(([n]) => n === 'x-seen')).toEqual([
      ['x-seen', `${method} /a%2fb//c?d=e&f`],
      ['x-seen', '1, 2'],
    ]);
    const { headers, body } = JSON.parse(answer.text) as { headers: Record<string, string>; body: string };
    expect(body).toBe('hello');
    expect(headers).toMatchObject({
      host: 'localhost:8001',
      'transfer-encoding': 'chunked',
      'x-forwarded-uri': `${prefix}/a%2fb/c`,
    });
    expect(answer.end).toBeUndefined();
  }
  const head = await to(port, { method: 'HEAD' });
  expect([head.status, head.text]).toEqual([201, '']);
});

test.each([204, 304])('an answer without a body: %i', async (status) => {
  const port = await serving((_, response) => response.writeHead(status, { etag: '"x"' }).end());
  const answer = await to(port);
  expect([answer.status, answer.text, headerOf(answer, 'etag')]).toEqual([status, '', '"x"']);
});

test('nothing that belongs to one connection passes, nor what opens the API to others', async () => {
  const { port, got } = await answering(
    'HTTP/1.1 200 OK\r\nConnection: close, x-mine\r\nX-Mine: 1\r\nKeep-Alive: timeout=5\r\nTe: x\r\nProxy-Authenticate: Basic\r\n' +
      'Trailer: x-t\r\nAccess-Control-Allow-Origin: *\r\nAccess-Control-Max-Age: 5\r\nTiffin-Relay: {}\r\nX-Good: yes\r\n' +
      'Set-Cookie: a=1\r\nSet-Cookie: b=2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nx-t: trailer\r\n\r\n',
  );
  const answer = await to(port, {
    headers: [
      ['connection', 'upgrade, x-secret'],
      ['upgrade', 'h2c'],
      ['x-secret', '1'],
      ['te', 'trailers'],
      ['expect', '100-continue'],
      ['transfer-encoding', 'chunked'],
      ['proxy-authorization', 'Basic x'],
      ['x-forwarded-uri', '/forged'],
      ['accept', 'text/plain'],
    ],
  });
  expect(answer.text).toBe('ok');
  expect(answer.headers).toEqual([
    ['access-control-max-age', '5'],
    ['x-good', 'yes'],
    ['set-cookie', 'a=1'],
    ['set-cookie', 'b=2'],
  ]);
  expect(got().split('\r\n').sort()).toEqual(
    [
      '',
      '',
      'Connection: close',
      'GET / HTTP/1.1',
      `accept: text/plain`,
      `host: 127.0.0.1:${port}`,
      `x-forwarded-uri: ${prefix}/`,
    ].sort(),
  );
});

test.each<[string, Partial<HttpOffer>]>([
  ['a line break in a value', { headers: [['x', 'a\r\nHost: evil']] }],
  ['a line break in a name', { headers: [['x\r\ny', 'a']] }],
  ['a NUL', { headers: [['x', 'a\0']] }],
  ['a name with a space', { headers: [['x y', 'a']] }],
  ['an empty name', { headers: [['', 'a']] }],
  [
    'two lengths',
    {
      headers: [
        ['content-length', '1'],
        ['content-length', '2'],
      ],
      body: true,
    },
  ],
  ['a length that is none', { headers: [['content-length', '+1']], body: true }],
  [
    'two hosts',
    {
      headers: [
        ['host', 'a'],
        ['Host', 'b'],
      ],
    },
  ],
  ['a line break in the path', { path: '/ HTTP/1.1\r\nHost: evil\r\n\r\nGET /' }],
  ['a path of another host', { path: 'http://evil.example/' }],
  ['headers without end', { headers: [['x', 'a'.repeat(70_000)]] }],
])('%s is refused', async (_, offer) => {
  const { port, got } = await answering('HTTP/1.1 200 OK\r\n\r\n');
  const answer = await to(port, offer, { body: once('x') });
  expect(answer.refused).toMatchObject({ code: 400, reason: 'BadRequest' });
  expect(got()).toBe('');
});

test.each(['CONNECT', 'TRACE', 'get', 'GET /x HTTP/1.1\r\n\r\nGET'])('the method %s is refused', async (method) => {
  const { port, got } = await answering('HTTP/1.1 200 OK\r\n\r\n');
  expect((await to(port, { method })).refused?.code).toBe(405);
  expect(got()).toBe('');
});

test('a body is framed by the agent: what is longer or shorter than it was said to be never arrives whole', async () => {
  const { port, got } = await answering('', false);
  const smuggled = 'abcGET /admin HTTP/1.1\r\n\r\n';
  const long = await to(
    port,
    { method: 'POST', headers: [['content-length', '3']], body: true },
    { body: once(smuggled) },
  );
  expect(long.refused?.message).toContain('the body is longer than its content-length');
  const short = await to(
    port,
    { method: 'POST', headers: [['content-length', '9']], body: true },
    { body: once('abc') },
  );
  expect(short.refused?.message).toContain('the body is shorter than its content-length');
  expect(got()).not.toContain('/admin');
  const { port: port2, got: got2 } = await answering('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
  await to(
    port2,
    {
      headers: [
        ['content-length', '5'],
        ['transfer-encoding', 'chunked'],
      ],
      body: true,
    },
    { body: once('hello') },
  );
  expect(got2()).not.toMatch(/transfer-encoding/i);
  expect(got2()).toMatch(/content-length: 5\r\n/);
});

test('redirects are handed on, never followed', async () => {
  let asked = 0;
  const evil = await serving((_, response) => {
    asked++;
    response.end();
  });
  const port = await serving((request, response) => {
    asked++;
    const location = { '/self': '/next?a=b', '/other': `http://127.0.0.1:${evil}/x`, '/relative': 'next' }[
      request.url ?? ''
    ];
    response.writeHead(302, { location, 'content-type': 'text/html' }).end('<a href="/x">');
  });
  const self = await to(port, { path: '/self' });
  expect([self.status, headerOf(self, 'location'), self.text]).toEqual([302, `${prefix}/next?a=b`, '<a href="/x">']);
  expect(headerOf(await to(port, { path: '/other' }), 'location')).toBe(`http://127.0.0.1:${evil}/x`);
  expect(headerOf(await to(port, { path: '/relative' }), 'location')).toBe('next');
  expect(asked).toBe(3);
});

test('links of HTML lead through the proxy, also compressed', async () => {
  const page = '<a href="/rewriteme">test</a>';
  const port = await serving((request, response) => {
    const body = request.url === '/gzip' ? zlib.gzipSync(page) : Buffer.from(page);
    response.writeHead(200, {
      'content-type': request.url === '/text' ? 'text/plain' : 'text/html; charset=utf-8',
      'content-length': body.length,
      ...(request.url === '/gzip' ? { 'content-encoding': 'gzip' } : {}),
      ...(request.url === '/br' ? { 'content-encoding': 'br' } : {}),
    });
    response.end(body);
  });
  const expected = `<a href="${prefix}/rewriteme">test</a>`;
  const plain = await to(port);
  expect([plain.text, headerOf(plain, 'content-length')]).toEqual([expected, undefined]);
  expect((await to(port, { path: '/text' })).text).toBe(page);
  expect((await to(port, { path: '/br' })).text).toBe(page);
  expect(zlib.gunzipSync((await to(port, { path: '/gzip' })).body).toString()).toBe(expected);
});

test('events of a server are handed on at once', async () => {
  let say = (_: string): void => {};
  const port = await serving((_, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    say = (text) => response.write(text);
    say('data: 1\n\n');
  });
  const seen: string[] = [];
  const abort = new AbortController();
  await to(
    port,
    {},
    {
      signal: abort.signal,
      take: async (data) => {
        seen.push(Buffer.from(data).toString());
        if (seen.length === 3) abort.abort();
        else say(`data: ${seen.length + 1}\n\n`);
      },
    },
  );
  expect(seen).toEqual(['data: 1\n\n', 'data: 2\n\n', 'data: 3\n\n']);
});

test.each([
  [
    '1xx before the answer',
    'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
    'ok',
  ],
  ['an end by closing', 'HTTP/1.0 200 OK\r\n\r\nok', 'ok'],
  [
    'a second answer',
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil',
    'ok',
  ],
])('%s', async (_, given, text) => {
  const { port } = await answering(given);
  const answer = await to(port);
  expect([answer.status, answer.text, answer.end]).toEqual([200, text, undefined]);
  expect(headerOf(answer, 'link')).toBeUndefined();
});

const reaching = 'error trying to reach service: ';
test.each([
  ['garbage', '\x16\x03\x01garbage\r\n\r\n', 'net/http: HTTP/1.x transport connection broken: malformed HTTP response'],
  ['nothing', '', 'EOF'],
  [
    'another protocol',
    'SSH-2.0-OpenSSH_9\r\n',
    'net/http: HTTP/1.x transport connection broken: malformed HTTP response',
  ],
  [
    'both framings',
    'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'malformed HTTP response',
  ],
  ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd', 'malformed HTTP response'],
  ['a split header', 'HTTP/1.1 200 OK\r\nX: a\rSet-Cookie: b\r\n\r\n', 'malformed HTTP response'],
  [
    'headers without end',
    `HTTP/1.1 200 OK\r\nX: ${'a'.repeat(70_000)}\r\n\r\n`,
    'server response headers exceeded 65536 bytes; aborted',
  ],
  [
    'announcements without end',
    'HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n'.repeat(3000),
    'server response headers exceeded 65536 bytes; aborted',
  ],
  ['an odd status', 'HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n', 'malformed HTTP status code "999"'],
  [
    'an upgrade that nobody asked for',
    'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n',
    'unexpected status code 101',
  ],
])('a pod that answers with %s', async (_, given, message) => {
  const { port } = await answering(given);
  const answer = await to(port);
  expect(answer.refused).toMatchObject({ code: 503, reason: 'ServiceUnavailable' });
  expect(answer.refused?.message).toContain(reaching);
  expect(answer.refused?.message).toContain(message);
});

test('a closed port, in upstream’s words', async () => {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as net.AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  expect((await to(port)).refused).toMatchObject({
    code: 503,
    message: `${reaching}dial tcp 127.0.0.1:${port}: connect: connection refused`,
  });
  expect((await to(port, { method: 'POST', body: true }, { body: once('x') })).refused?.code).toBe(503);
});

test('an answer that breaks off is not an answer that ended', async () => {
  const { port } = await answering('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc');
  const answer = await to(port);
  expect(answer.text).toBe('abc');
  expect(answer.end?.message).toBe(`${reaching}unexpected EOF`);
});

test('https: whose certificate it is does not matter', async () => {
  const port = await listening(
    https.createServer(await selfSigned(), (_, response) => response.end('safe')) as unknown as net.Server,
  );
  expect((await to(port, { scheme: 'https' })).text).toBe('safe');
  const plain = await serving((_, response) => response.end());
  expect((await to(plain, { scheme: 'https' })).refused?.message).toBe(
    `${reaching}tls: first record does not look like a TLS handshake`,
  );
});

test('an answer before the body is complete ends it', async () => {
  const port = await serving((_, response) => response.writeHead(413, { connection: 'close' }).end('too much'));
  let given = 0;
  async function* endless(): AsyncGenerator<Uint8Array> {
    for (; given < 10_000; given++) {
      yield Buffer.alloc(64 * 1024);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  const answer = await to(port, { method: 'POST', body: true }, { body: endless() });
  expect([answer.status, answer.text]).toEqual([413, 'too much']);
  expect(given).toBeLessThan(10_000);
});

test('nobody waits for a body that does not come', async () => {
  // It neither goes on nor ends.
  async function* stalled(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('x');
    await new Promise(() => {});
  }
  const early = await serving((_, response) => response.writeHead(403).end('no'));
  const answer = await to(early, { method: 'POST', body: true }, { body: stalled() });
  expect([answer.status, answer.text]).toEqual([403, 'no']);
  expect((await to(1, { method: 'POST', body: true }, { body: stalled() })).refused?.code).toBe(503);
});

test('a body that breaks off is no whole body', async () => {
  const { port, got } = await answering('', false);
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('part');
    throw new Error('the client broke off');
  }
  const answer = await to(port, { method: 'POST', body: true }, { body: broken() });
  expect(answer.refused?.code).toBe(503);
  expect(got()).not.toContain('0\r\n\r\n');
});

test('a client that goes away ends the request at the pod, also one that has not been answered', async () => {
  let gone: () => void;
  const ended = new Promise<void>((resolve) => {
    gone = resolve;
  });
  const abort = new AbortController();
  const port = await serving((request) => {
    request.on('close', () => gone());
    abort.abort();
  });
  const answer = await to(port, {}, { signal: abort.signal });
  await ended;
  expect(answer.status).toBe(0);
});

test('a pod that does not answer for ten minutes is given up, those of a body that still comes not counted', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  closing.push(() => vi.useRealTimers());
  let closed = false;
  let got = 0;
  const came = new EventEmitter();
  const port = await serving((request) => {
    request.on('data', () => came.emit('some', ++got));
    request.socket.on('close', () => {
      closed = true;
      came.emit('closed');
    });
    if (request.method === 'GET') came.emit('some');
  });
  let arrived = event(came, 'some');
  const ended = event(came, 'closed');
  const asked = to(port);
  await arrived;
  vi.advanceTimersByTime(599_000);
  await new Promise((resolve) => setImmediate(resolve));
  expect(closed).toBe(false);
  vi.advanceTimersByTime(1000);
  expect((await asked).refused).toMatchObject({
    ...{ code: 504, reason: 'Timeout', status: 'Failure' },
    message: 'error trying to reach service: net/http: timeout awaiting response headers',
  });
  await ended;

  async function* slow(): AsyncGenerator<Uint8Array> {
    for (let i = 0; i < 4; i++) {
      arrived = event(came, 'some');
      yield Buffer.from('x');
      await arrived;
      vi.advanceTimersByTime(500_000);
    }
    setImmediate(() => vi.advanceTimersByTime(600_000));
  }
  expect((await to(port, { method: 'POST', body: true }, { body: slow() })).refused?.code).toBe(504);
  expect(got).toBe(4);
  expect(vi.getTimerCount()).toBe(0);
});

test('50 MB both ways, by a reader that stops: nothing piles up', async () => {
  const size = 50 * 1024 * 1024;
  const piece = Buffer.alloc(64 * 1024, 'x');
  let sent = 0;
  let received = 0;
  const port = await serving(async (request, response) => {
    for await (const chunk of request) received += (chunk as Buffer).byteLength;
    for (let i = 0; i < size / piece.length; i++) {
      sent += piece.length;
      if (!response.write(piece)) await new Promise((resolve) => response.once('drain', resolve));
    }
    response.end();
  });
  let given = 0;
  async function* body(): AsyncGenerator<Uint8Array> {
    for (let i = 0; i < size / piece.length; i++) {
      given += piece.length;
      yield piece;
    }
  }
  let taken = 0;
  let ahead = 0;
  let stopped = false;
  const answer = await to(
    port,
    { method: 'POST', body: true },
    {
      body: body(),
      count: true,
      take: async (data) => {
        taken += data.byteLength;
        if (!stopped) {
          stopped = true;
          await new Promise((resolve) => setTimeout(resolve, 300));
          // What the kernel's buffers take is not the agent's.
          ahead = sent - taken;
        }
      },
    },
  );
  expect([answer.status, received, given, taken]).toEqual([200, size, size, size]);
  expect(ahead).toBeLessThan(16 * 1024 * 1024);
}, 30_000);

test('300 at once', async () => {
  const port = await serving(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    setTimeout(() => response.end(`${request.url} ${body}`), 50);
  });
  const answers = await Promise.all(
    Array.from({ length: 300 }, (_, i) =>
      to(port, { method: 'POST', path: `/${i}`, body: true }, { body: once(`b${i}`) }),
    ),
  );
  expect(answers.map((a) => a.text)).toEqual(answers.map((_, i) => `/${i} b${i}`));
}, 30_000);
