// The agent's end on a real connection: both directions hold back who is too fast, and each way of closing is seen.
import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import WebSocket, { WebSocketServer } from 'ws';
import { clientMessageBytesMax } from '../../src/protocol/streams.ts';
import { opened, socketOptions, webSocketDialer } from './dial.ts';
import { floodOfEmptyMessages, selfSigned, stalled } from './proxy/testing.ts';

const server = http.createServer();
const sockets = new WebSocketServer({ server, perMessageDeflate: false, maxPayload: 1 << 30 });
beforeAll(() => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)));
afterAll(() => {
  for (const client of sockets.clients) client.terminate();
  server.close();
});

async function pair() {
  const theirs = new Promise<WebSocket>((resolve) => sockets.once('connection', resolve));
  const socket = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`, socketOptions);
  const half = await opened(socket);
  return { half, peer: await theirs };
}
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

test('a peer that does not read holds the sender back, and nothing is lost', async () => {
  const { half, peer } = await pair();
  peer.pause();
  const chunk = Buffer.alloc(64 * 1024, 7);
  let sent = 0;
  const sending = (async () => {
    for (let i = 0; i < 400; i++) if (await half.send(chunk)) sent++;
  })();
  let stalled = -1;
  while (stalled !== sent || sent === 0) {
    stalled = sent;
    await sleep(100);
  }
  expect(sent).toBeLessThan(300);
  let got = 0;
  const all = new Promise<void>((resolve) => {
    peer.on('message', (data: Buffer) => {
      got += data.length;
      if (got === 400 * chunk.length) resolve();
    });
  });
  peer.resume();
  await Promise.all([sending, all]);
  half.close();
});

test('who does not take messages holds the peer back', async () => {
  const { half, peer } = await pair();
  for (let i = 0; i < 600; i++) peer.send(Buffer.alloc(64 * 1024, i));
  await sleep(300);
  expect(peer.bufferedAmount).toBeGreaterThan(5_000_000);
  let i = 0;
  for await (const { data, text } of half.messages()) {
    expect([text, data.length, data[0]]).toEqual([false, 64 * 1024, i % 256]);
    if (++i === 600) break;
  }
  half.close();
});

test('who does not take messages holds back a peer whose messages are empty', async () => {
  const { half, peer } = await pair();
  const sent = floodOfEmptyMessages(peer);
  expect(await stalled(sent)).toBeLessThan(32);
  half.close();
  peer.terminate();
}, 20_000);

test('texts and bytes are told apart; the end of the peer is the end, after all it has sent', async () => {
  const { half, peer } = await pair();
  peer.send('a');
  peer.send(Buffer.from('b'));
  peer.close(1000);
  const got: string[] = [];
  for await (const { data, text } of half.messages()) got.push(`${text} ${String(data)}`);
  expect(got).toEqual(['true a', 'false b']);
  expect(half.signal.aborted).toBe(true);
  expect(await half.send('late')).toBe(false);
});

test('a sender that waits learns of the end', async () => {
  const { half, peer } = await pair();
  peer.pause();
  const work = (async () => {
    while (await half.send(Buffer.alloc(100_000)));
    return 'over';
  })();
  await sleep(100);
  peer.terminate();
  expect(await work).toBe('over');
});

test.each([
  [1000, 1000],
  [1001, 1001],
  [4000, 4000],
  [1006, 1011],
  [99, 1011],
])('closed with %i: %i', async (code, seen) => {
  const { half, peer } = await pair();
  const closed = new Promise((resolve) => peer.on('close', (got, reason) => resolve([got, String(reason)])));
  half.close(code, 'é'.repeat(100));
  expect(await closed).toEqual([seen, 'é'.repeat(60)]);
});

test('a message that is too large ends it', async () => {
  const { half, peer } = await pair();
  const closed = new Promise((resolve) => peer.on('close', resolve));
  peer.send(Buffer.alloc(clientMessageBytesMax + 1));
  expect(await closed).toBe(1009);
  for await (const _ of half.messages()) expect.unreachable();
});

test('a peer that takes its time gets everything before the close', async () => {
  const { half, peer } = await pair();
  peer.pause();
  let got = 0;
  peer.on('message', (data: Buffer) => {
    got += data.length;
  });
  const closed = new Promise((resolve) => peer.once('close', resolve));
  const chunk = new Uint8Array(64 * 1024);
  let sent = 0;
  for (let goes = true; goes; sent += chunk.length)
    goes = await Promise.race([half.send(chunk), sleep(200).then(() => false)]);
  vi.useFakeTimers({ toFake: ['setTimeout'] });
  half.close();
  vi.advanceTimersByTime(5 * 60_000);
  vi.useRealTimers();
  peer.resume();
  expect(await closed).toBe(1000);
  expect(got).toBe(sent);
});

test('a connection that breaks before it is answered is made again, one that is answered is not', async () => {
  const certificate = await selfSigned('localhost');
  const tlsServer = https.createServer(certificate);
  const answered = new WebSocketServer({ noServer: true });
  let breaks = 2;
  let connections = 0;
  tlsServer.prependListener('connection', (socket) => {
    connections++;
    if (breaks-- > 0) socket.destroy();
  });
  tlsServer.on('upgrade', (request, socket, head) => {
    if (request.url?.endsWith('/gone')) socket.end('HTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n');
    else if (request.url?.endsWith('/many')) socket.end('HTTP/1.1 429 Too Many Requests\r\ncontent-length: 0\r\n\r\n');
    else answered.handleUpgrade(request, socket, head, () => {});
  });
  await new Promise<void>((resolve) => tlsServer.listen(0, '127.0.0.1', resolve));
  const url = `https://localhost:${(tlsServer.address() as AddressInfo).port}`;
  let refusals = 0;
  const fetch = async () => {
    refusals++;
    if (refusals === 1) throw Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });
    return new Response();
  };
  const dialer = webSocketDialer(url, 'n', () => 'c', String(certificate.cert), fetch);
  const half = await dialer.dial('here');
  expect(connections).toBe(3);
  await expect(dialer.dial('gone')).rejects.toMatchObject({ reason: 'Gone' });
  expect(connections).toBe(4);
  await expect(dialer.dial('many')).rejects.toThrow('answered with 429');
  expect(connections).toBe(5);
  await dialer.refuse('here', { code: 400 } as never);
  expect(refusals).toBe(2);
  half.close();
  for (const client of answered.clients) client.terminate();
  tlsServer.close();
});

test('after a burst the next hop is waited for, but not for long', async () => {
  for (const autoPong of [true, false]) {
    const other = http.createServer();
    const peers = new WebSocketServer({ server: other, perMessageDeflate: false, autoPong });
    let [got, pings] = [0, 0];
    peers.on('connection', (peer) => {
      peer.on('message', (data: Buffer) => {
        got += data.length;
      });
      peer.on('ping', () => pings++);
    });
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const half = await opened(new WebSocket(`ws://127.0.0.1:${(other.address() as AddressInfo).port}`, socketOptions));
    const started = performance.now();
    let most = 0;
    for (let sent = 0; sent < 3 << 20; sent += 1 << 16) {
      expect(await half.send(Buffer.alloc(1 << 16))).toBe(true);
      most = Math.max(most, sent + (1 << 16) - got);
    }
    expect(pings).toBe(3);
    if (autoPong) expect(most).toBeLessThanOrEqual(1 << 20);
    else expect(performance.now() - started).toBeGreaterThan(290);
    half.close();
    for (const peer of peers.clients) peer.terminate();
    other.close();
  }
});
