// port-forward over connections of this process, as clients of either protocol see it.
import net from 'node:net';
import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import type { PortForwardOffer } from '../../src/protocol/streams.ts';
import { offerSocket, refusalOf } from '../testing/streams.ts';
import { channelCodec } from './channels.ts';
import { portForwardServer, spdyCarrier } from './port-forward.ts';
import { SpdySession, type SpdyStream } from './spdy.ts';

const offer: PortForwardOffer = {
  ...{ id: 's', kind: 'portforward', namespace: 'd', pod: 'p', podUid: 'u', ports: [] },
  protocol: 'SPDY/3.1+portforward.k8s.io',
};
const servers: net.Server[] = [];
afterEach(() => {
  for (const s of servers.splice(0)) s.close();
});

async function listening(serve: (socket: net.Socket) => void): Promise<number> {
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {});
    serve(socket);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as net.AddressInfo).port;
}

const connections = new Set<net.Socket>();
const dial = (_sandbox: string, port: number): Promise<Duplex> =>
  new Promise((resolve, reject) => {
    const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
    socket.once('error', () => reject(new Error('no')));
    socket.once('connect', () => resolve(socket));
  });
const pod = { sandboxes: [{ id: 'sandbox', ready: true }] };
const server = portForwardServer({ worker: (uid) => (uid === 'u' ? { state: pod } : undefined) }, { dial });

const all = (stream: Duplex): Promise<string> => {
  let got = '';
  return new Promise((resolve, reject) => {
    stream.on('data', (data) => {
      got += String(data);
    });
    stream.once('end', () => resolve(got)).once('error', reject);
  });
};

async function session() {
  const { client, done } = await offerSocket(server, offer);
  const spdy = new SpdySession(spdyCarrier(client), { role: 'client' });
  void spdy.run();
  const open = (streamtype: string, port: number | string, requestid: string): Promise<SpdyStream> =>
    spdy.open(new Map(Object.entries({ streamtype, port: String(port), requestid })));
  let serial = 0;
  const connect = async (port: number) => {
    const id = String(serial++);
    const error = await open('error', port, id);
    error.end();
    const said = all(error);
    said.catch(() => {});
    return { error: said, data: await open('data', port, id) };
  };
  return { spdy, done, open, connect, client };
}

test('each half ends by itself: the answer comes after the end of the question', async () => {
  const port = await listening((socket) => {
    void all(socket).then((said) => setTimeout(() => socket.end(`${said.length}`), 300));
  });
  const { spdy, done, connect } = await session();
  const { data, error } = await connect(port);
  data.end('x'.repeat(1_000_000));
  expect(await all(data)).toBe('1000000');
  expect(await error).toBe('');
  spdy.close();
  await done;
  await delay(20);
  expect(connections.size).toBe(0);
});

test('a server that ends first is sent what the client still sends', async () => {
  let heard = '';
  const port = await listening((socket) => {
    socket.end('bye').on('data', (data) => {
      heard += data;
    });
  });
  const { spdy, done, connect } = await session();
  const { data, error } = await connect(port);
  expect(await all(data)).toBe('bye');
  for (let i = 0; i < 10; i++) {
    data.write('x');
    await delay(30);
  }
  data.end();
  expect(await error).toBe('');
  await delay(50);
  expect(heard).toBe('x'.repeat(10));
  // Who then says nothing more is not waited for.
  const silent = await connect(port);
  expect(await all(silent.data)).toBe('bye');
  expect(await silent.error).toBe('');
  spdy.close();
  await done;
});

test('a closed port is told on the error\u2019s stream, and others go on', async () => {
  const port = await listening((socket) => void socket.end('ok'));
  const { spdy, done, connect } = await session();
  const closed = await connect(1);
  expect(await closed.error).toBe('error forwarding port 1 to pod sandbox, uid : no');
  if (!closed.data.closed) await new Promise((r) => closed.data.once('close', r));
  expect(await all((await connect(port)).data)).toBe('ok');
  pod.sandboxes = [{ id: 'sandbox', ready: false }];
  expect(await (await connect(port)).error).toContain('sandbox container is not running');
  pod.sandboxes = [];
  expect(await (await connect(port)).error).toContain('failed to find sandboxID for pod p_d(u)');
  pod.sandboxes = [{ id: 'sandbox', ready: true }];
  spdy.close();
  await done;
});

test('streams that make no sense are refused, alone', async () => {
  const port = await listening((socket) => void socket.end('ok'));
  const { spdy, done, open, connect } = await session();
  for (const [type, of] of [
    ['data', '0'],
    ['data', '65536'],
    ['data', '-1'],
    ['data', '1e3'],
    ['data', ''],
    ['other', '80'],
    ['', '80'],
  ] as const)
    await expect(open(type, of, '9')).rejects.toThrow('reset');
  const error = await open('error', port, 'twice');
  const said = all(error);
  await expect(open('error', port, 'twice')).rejects.toThrow('reset');
  await open('data', port, 'twice');
  expect(await said).toBe('error processing stream for request twice: error stream already assigned');
  expect(await all((await connect(port)).data)).toBe('ok');
  spdy.close();
  await done;
});

test('a client that goes leaves nothing open', async () => {
  const port = await listening((socket) => void socket.resume());
  const { client, done, connect } = await session();
  for (let i = 0; i < 20; i++) (await connect(port)).data.write('x');
  await delay(50);
  expect(connections.size).toBe(20);
  client.close();
  await done;
  await delay(50);
  expect(connections.size).toBe(0);
});

test('garbage and text end the session', async () => {
  for (const message of ['text', Buffer.from('GET / HTTP/1.1\r\n\r\n')]) {
    const { client, done } = await offerSocket(server, offer);
    await client.send(message);
    await done;
    expect(client.closedWith?.code).toBe(1002);
  }
});

test('by channels: each port says its number, then what comes, and the end when all have ended', async () => {
  const one = await listening((socket) => {
    socket.once('data', (data) => socket.end(`one got ${data}`));
  });
  const two = await listening((socket) => void socket.end('two'));
  for (const protocol of ['v4.channel.k8s.io', 'v4.base64.channel.k8s.io', '']) {
    const { client, done } = await offerSocket(server, { ...offer, protocol, ports: [one, 1, two] });
    const codec = channelCodec(protocol);
    await client.send(codec.encode(0, Buffer.from('abc')));
    await client.send(codec.encode(17, Buffer.from('of no port')));
    const got: Buffer[] = [];
    for await (const message of client.messages()) {
      const said = codec.decode(message);
      if (said && 'data' in said) got[said.channel] = Buffer.concat([got[said.channel] ?? Buffer.alloc(0), said.data]);
    }
    await done;
    expect(client.closedWith?.code).toBe(1000);
    const numbers = [one, 1, two].flatMap((port) => [port, port]);
    expect(got.map((g) => g.readUInt16LE(0))).toEqual(numbers);
    expect(got.map((g) => String(g.subarray(2)))).toEqual([
      ...['one got abc', '', '', 'error forwarding port 1 to pod sandbox, uid : no', 'two', ''],
    ]);
  }
});

test('by channels: who does not read stops the server', async () => {
  let written = 0;
  const port = await listening((socket) => {
    const go = (): void => {
      do written += 65_536;
      while (socket.write(Buffer.alloc(65_536)) && written < 1e9);
    };
    socket.on('drain', go);
    go();
  });
  const { client, done } = await offerSocket(server, { ...offer, protocol: 'v4.channel.k8s.io', ports: [port] });
  await delay(300);
  // What the kernel holds, and little of ours.
  expect(written).toBeLessThan(30e6);
  client.close();
  await done;
});

test('pods that are not here, no ports and too many are refused', async () => {
  expect(await refusalOf(server, { ...offer, podUid: 'x' })).toMatchObject({ code: 404 });
  expect(await refusalOf(server, { ...offer, protocol: 'v4.channel.k8s.io' })).toMatchObject({
    code: 400,
    message: 'query parameter "port" is required',
  });
  const ports = Array.from({ length: 129 }, () => 80);
  expect(await refusalOf(server, { ...offer, protocol: 'v4.channel.k8s.io', ports })).toMatchObject({ code: 400 });
});
