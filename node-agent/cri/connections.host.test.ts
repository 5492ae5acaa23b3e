// Connections into sandboxes of a real containerd, and port-forward over them as a client sees it.

import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { PortForwardOffer } from '../../src/protocol/streams.ts';
import type { ContainerConfig, SandboxConfig } from '../runtime.ts';
import { portForwardServer, spdyCarrier } from '../streams/port-forward.ts';
import { SpdySession, type SpdyStream } from '../streams/spdy.ts';
import { startContainer } from '../testing/containers.ts';
import { type Host, missing, startHost, testImage } from '../testing/host.ts';
import { offerSocket } from '../testing/streams.ts';
import { CriClient } from './client.ts';
import { ContainerdRuntime } from './containerd.ts';
import { SandboxDialer } from './dial.ts';

const why = missing();
if (why) process.stderr.write(`skipped: connections into sandboxes: ${why}\n`);

/** Without an end of the other half. */
const all = (stream: Duplex): Promise<Buffer> => {
  const got: Buffer[] = [];
  return new Promise((resolve, reject) => {
    stream.on('data', (data) => got.push(data)).once('end', () => resolve(Buffer.concat(got)));
    stream.once('error', reject);
  });
};

describe.skipIf(why !== undefined)('connections into sandboxes', () => {
  let host: Host;
  let runtime: ContainerdRuntime;
  let client: CriClient;
  let dialer: SandboxDialer;
  let sandbox: string;
  /** 7001 tells how much it got once that has ended; 7002 gives 100 MB; 7003 gives back; 7004 speaks HTTP, on 127.0.0.1 only. */
  const servers = [
    'nc -ll -p 7001 -e wc -c &',
    'nc -ll -p 7002 -e head -c 100000000 /dev/zero &',
    'nc -ll -p 7003 -e cat &',
    'mkdir -p /tmp/www; echo hello >/tmp/www/a; httpd -h /tmp/www -p 127.0.0.1:7004',
    'trap "exit 0" TERM; while :; do sleep 1000 & wait $!; done',
  ].join('\n');

  const start = async (change?: (c: ContainerConfig, s: SandboxConfig) => void): Promise<string> => {
    const { id } = await startContainer(runtime, testImage, (c, s) => {
      c.command = ['/bin/sh', '-c', servers];
      change?.(c, s);
    });
    return (await runtime.containerStatus(id)).sandboxId;
  };

  beforeAll(async () => {
    host = await startHost();
    runtime = new ContainerdRuntime(host.socket);
    client = new CriClient(host.socket);
    dialer = new SandboxDialer(client);
    sandbox = await start();
    for (;;) {
      const there = await dialer.dial(sandbox, 7003).catch(() => undefined);
      there?.destroy();
      if (there) break;
      await delay(50);
    }
  });
  afterAll(async () => {
    dialer?.stop();
    client?.close();
    runtime?.close();
    await host?.stop();
  });

  test('a server on the pod\u2019s own localhost answers after the end of what it was sent', async () => {
    const connection = await dialer.dial(sandbox, 7001);
    connection.end(Buffer.alloc(5_000_000));
    expect(String(await all(connection)).trim()).toBe('5000000');
    const http = await dialer.dial(sandbox, 7004);
    http.write('GET /a HTTP/1.0\r\n\r\n');
    expect(String(await all(http))).toMatch(/^HTTP\/1.[01] 200 OK[\s\S]*hello\n$/);
  });

  test('a closed port and an absent sandbox are refused in containerd\u2019s words', async () => {
    const refusal = await dialer.dial(sandbox, 7999).catch((error: unknown) => error);
    expect(refusal).toMatchObject({
      code: 'ECONNREFUSED',
      message: expect.stringMatching(
        new RegExp(
          `^failed to execute portforward in network namespace ".*": failed to connect to localhost:7999 inside namespace "${sandbox}", ` +
            'IPv4: dial tcp4 127.0.0.1:7999: connect: connection refused IPv6 dial tcp6 \\[::1\\]:7999: connect: .* $',
        ),
      ),
    });
    await expect(dialer.dial('absent', 1)).rejects.toThrow('failed to find sandbox "absent" in store: not found');
  });

  const session = async () => {
    const offer: PortForwardOffer = {
      id: 's',
      kind: 'portforward',
      namespace: 'd',
      pod: 'p',
      podUid: 'u',
      ports: [],
      protocol: 'SPDY/3.1+portforward.k8s.io',
    };
    const pods = { worker: () => ({ state: { sandboxes: [{ id: sandbox, ready: true }] } }) };
    const { client: socket, done } = await offerSocket(portForwardServer(pods, dialer), offer);
    const spdy = new SpdySession(spdyCarrier(socket), { role: 'client' });
    void spdy.run();
    let serial = 0;
    const connect = async (port: number): Promise<{ data: SpdyStream; error: Promise<string> }> => {
      const headers = (streamtype: string) => new Map(Object.entries({ streamtype, port: String(port), requestid }));
      const requestid = String(serial++);
      const error = await spdy.open(headers('error'));
      error.end();
      const said = all(error).then(String);
      said.catch(() => {});
      return { error: said, data: await spdy.open(headers('data')) };
    };
    return { spdy, done, connect };
  };

  test('200 connections at once over one socket, each with its own bytes and its own end', async () => {
    const { spdy, done, connect } = await session();
    const open: { data: SpdyStream; error: Promise<string>; first: Buffer; back: Buffer[] }[] = [];
    // Not all at the same moment: the queue of those whom the server has not accepted is short, and a full one resets.
    const opener = async (): Promise<void> => {
      while (open.length < 200) {
        const first = Buffer.alloc(1000 + open.length * 37, `${open.length} `);
        const connection = { ...(await connect(7003)), first, back: [] as Buffer[] };
        open.push(connection);
        const heard = new Promise((resolve) => connection.data.once('data', resolve));
        connection.data.on('data', (data: Buffer) => connection.back.push(data));
        connection.data.write(first);
        await heard;
      }
    };
    await Promise.all([opener(), opener(), opener(), opener()]);
    await Promise.all(
      open.map(async ({ data, error, first, back }, i) => {
        const rest = Buffer.alloc(50_000, `${i}.`);
        const ended = new Promise((resolve) => data.once('close', resolve));
        data.end(rest);
        expect(await error).toBe('');
        await ended;
        expect(Buffer.concat(back).equals(Buffer.concat([first, rest]))).toBe(true);
      }),
    );
    for (let i = 0; spdy.streams > 0 && i < 1000; i++) await delay(20);
    expect(spdy.streams).toBe(0);
    spdy.close();
    await done;
  });

  test('half-close, 100 MB each way, a closed port and a client that does not read, over one socket', async () => {
    const { spdy, done, connect } = await session();
    const stuck = await connect(7002);
    const refused = await connect(7999);
    const counted = await connect(7001);
    const given = await connect(7002);
    const piece = Buffer.alloc(1_000_000);
    for (let i = 0; i < 100; i++)
      if (!counted.data.write(piece)) await new Promise((r) => counted.data.once('drain', r));
    counted.data.end();
    expect(String(await all(counted.data)).trim()).toBe('100000000');
    let length = 0;
    const beganMs = performance.now();
    given.data.on('data', (d: Buffer) => {
      length += d.length;
    });
    await new Promise((r) => given.data.once('end', r));
    expect(length).toBe(100_000_000);
    process.stderr.write(`100 MB out of a pod in ${Math.round(performance.now() - beganMs)} ms\n`);
    expect(await refused.error).toMatch(/^error forwarding port 7999 to pod .*connection refused/);
    expect(stuck.data.queued).toBeLessThan(2 << 20);
    spdy.close();
    await done;
  });

  test('a pod on the host\u2019s network is reached, too', async () => {
    const place = await start((c, s) => {
      c.command = ['/bin/sh', '-c', 'nc -ll -p 7901 -e wc -c'];
      s.hostname = '';
      s.linux.security_context.namespace_options.network = 'NODE';
      c.linux.security_context.namespace_options.network = 'NODE';
    });
    for (let i = 0; ; i++) {
      const connection = await dialer.dial(place, 7901).catch((error: unknown) => {
        if (i > 1000) throw error;
      });
      if (connection) {
        connection.end('abc');
        expect(String(await all(connection)).trim()).toBe('3');
        break;
      }
      await delay(20);
    }
    await expect(dialer.dial(place, 7999)).rejects.toThrow('network namespace "host"');
  });

  test('connections end with their pod', async () => {
    const place = await start();
    let connection: Duplex | undefined;
    while (!connection) connection = await dialer.dial(place, 7003).catch(() => delay(20, undefined));
    const closed = new Promise((r) => connection!.once('close', r));
    connection.on('error', () => {}).resume();
    await runtime.stopSandbox(place);
    connection.end();
    await closed;
    await expect(dialer.dial(place, 7003)).rejects.toThrow('is closed');
    await runtime.removeSandbox(place);
  });
});
