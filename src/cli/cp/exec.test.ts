import fs from 'node:fs';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Cluster } from '../cluster.ts';
import { ensurePki } from '../pki.ts';
import { Cut, Exec, Refused } from './exec.ts';

const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'tiffin-exec-'));
const sockets = new WebSocketServer({
  noServer: true,
  handleProtocols: (offered) => (speaks(offered) ? 'v5.channel.k8s.io' : false),
});
let speaks = (offered: Set<string>): boolean => offered.has('v5.channel.k8s.io');
let serve: (socket: WebSocket, url: URL) => void = () => {};
let refusal: { status: number; body: string } | undefined;
let server: https.Server;
let cluster: Cluster;

beforeAll(async () => {
  const pki = await ensurePki(scratch, ['127.0.0.1', 'localhost'], Date.now());
  const read = (file: string) => fs.readFileSync(file, 'utf8');
  server = https.createServer({ cert: read(pki.servingCertificate), key: read(pki.servingKey) });
  server.on('upgrade', (request, socket, head) => {
    if (!refusal)
      return sockets.handleUpgrade(request, socket, head, (ws) =>
        serve(ws, new URL(request.url ?? '', 'https://host')),
      );
    const { status, body } = refusal;
    socket.end(`HTTP/1.1 ${status} x\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  cluster = {
    url: `https://127.0.0.1:${port}`,
    namespace: 'default',
    headers: { authorization: 'Bearer t' },
    tls: { ca: read(pki.caCertificate) },
  };
});
afterAll(() => {
  for (const client of sockets.clients) client.terminate();
  server.close();
  fs.rmSync(scratch, { recursive: true, force: true });
});

const request = { namespace: 'n s', pod: 'p', container: 'c', command: ['tar', '-x', 'a&b'], stdin: true };
const open = (signal = new AbortController().signal): Promise<Exec> => Exec.open(cluster, request, signal);
const say = (socket: WebSocket, channel: number, text: string | Buffer) =>
  socket.send(Buffer.concat([Buffer.of(channel), Buffer.from(text)]));
const ends = (socket: WebSocket, status: object) => {
  say(socket, 3, JSON.stringify(status));
  socket.close(1000);
};
async function all(exec: Exec): Promise<string> {
  let text = '';
  for await (const chunk of exec.output()) text += chunk;
  return text;
}

test('output, standard error, the outcome, and what is asked for', async () => {
  let asked: URL | undefined;
  serve = (socket, url) => {
    asked = url;
    for (const channel of [1, 2, 3]) say(socket, channel, '');
    say(socket, 1, 'one ');
    say(socket, 2, 'oh');
    say(socket, 1, 'two');
    ends(socket, {
      status: 'Failure',
      message: 'command terminated with exit code 7',
      reason: 'NonZeroExitCode',
      details: { causes: [{ reason: 'ExitCode', message: '7' }] },
    });
  };
  const exec = await open();
  expect(await all(exec)).toBe('one two');
  expect(await exec.outcome).toEqual({ exitCode: 7, message: 'command terminated with exit code 7', stderr: 'oh' });
  expect(asked?.pathname).toBe('/api/v1/namespaces/n%20s/pods/p/exec');
  expect([...(asked?.searchParams ?? [])]).toEqual([
    ['container', 'c'],
    ...['tar', '-x', 'a&b'].map((word) => ['command', word]),
    ...['stdin', 'stdout', 'stderr'].map((stream) => [stream, 'true']),
  ]);
});

test('input reaches its end; what is not read stops the writer', async () => {
  let got = 0;
  let server: WebSocket | undefined;
  serve = (socket) => {
    server = socket;
    socket.pause();
    socket.on('message', (message: Buffer) => {
      if (message[0] === 0) got += message.length - 1;
      else if (message.equals(Buffer.of(255, 0))) ends(socket, { status: 'Success' });
    });
  };
  const exec = await open();
  let written = 0;
  const total = 64 << 20;
  const writing = (async () => {
    while (written < total) {
      await exec.write(Buffer.alloc(1 + (256 << 10)));
      written += 256 << 10;
    }
    exec.endInput();
  })();
  await new Promise((resolve) => setTimeout(resolve, 500));
  // What waits here, and in the kernel.
  expect(written).toBeLessThan(32 << 20);
  server?.resume();
  await writing;
  expect((await exec.outcome).exitCode).toBe(0);
  expect(got).toBe(total);
});

test('what nobody reads here stops the other side', async () => {
  let sent = 0;
  serve = async (socket) => {
    for (let i = 0; i < 256 && socket.readyState === socket.OPEN; i++) {
      await new Promise((resolve) => socket.send(Buffer.alloc(1 + (256 << 10), 1), resolve));
      sent++;
    }
    ends(socket, { status: 'Success' });
  };
  const exec = await open();
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(sent).toBeLessThan(128);
  let bytes = 0;
  for await (const chunk of exec.output()) bytes += chunk.length;
  expect(bytes).toBe(64 << 20);
  expect((await exec.outcome).exitCode).toBe(0);
});

test('a connection that ends before the command does is cut, however it ends', async () => {
  for (const end of [
    (s: WebSocket) => s.terminate(),
    (s: WebSocket) => s.close(1011, 'deployed'),
    (s: WebSocket) => s.close(1000),
  ]) {
    serve = (socket) => {
      say(socket, 1, 'some');
      setTimeout(() => end(socket), 20);
    };
    const exec = await open();
    expect(await all(exec)).toBe('some');
    await expect(exec.outcome).rejects.toThrow(Cut);
    await exec.write(Buffer.alloc(2));
    exec.endInput();
  }
});

test('a signal cuts it', async () => {
  const stop = new AbortController();
  serve = () => {};
  const exec = await open(stop.signal);
  stop.abort();
  expect(await all(exec)).toBe('');
  await expect(exec.outcome).rejects.toThrow(Cut);
  await expect(open(stop.signal)).rejects.toThrow();
});

test('refusals, and those that do not speak the protocol', async () => {
  refusal = { status: 404, body: JSON.stringify({ kind: 'Status', message: 'pods "p" not found' }) };
  await expect(open()).rejects.toThrow(new Refused(404, 'pods "p" not found'));
  refusal = { status: 502, body: '' };
  await expect(open()).rejects.toThrow('the API server answered 502');
  refusal = undefined;
  speaks = () => false;
  await expect(open()).rejects.toThrow(/does not speak v5\.channel\.k8s\.io/);
  speaks = () => true;
  await expect(Exec.open({ ...cluster, tls: {} }, request, new AbortController().signal)).rejects.toThrow(
    /certificate/,
  );
  await expect(
    Exec.open({ ...cluster, url: 'https://127.0.0.1:1' }, request, new AbortController().signal),
  ).rejects.toThrow(Cut);
});

test('messages that are none: passed over', async () => {
  serve = (socket) => {
    socket.send(Buffer.alloc(0));
    say(socket, 9, 'x');
    say(socket, 1, 'ok');
    say(socket, 3, 'no JSON');
    socket.close();
  };
  const exec = await open();
  expect(await all(exec)).toBe('ok');
  expect(await exec.outcome).toMatchObject({ exitCode: undefined, message: 'no JSON' });
});
