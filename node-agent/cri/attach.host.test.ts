// Attaching to containers of a real containerd: by itself, and as a client of v5 sees it.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Pod } from '../../src/generated/schemas/core-v1.ts';
import type { AttachOffer } from '../../src/protocol/streams.ts';
import type { ContainerConfig, ContainerState } from '../runtime.ts';
import { attachServer } from '../streams/attach.ts';
import { channelCodec } from '../streams/channels.ts';
import type { AttachStreams, ContainerAttached } from '../streams/processes.ts';
import { startContainer } from '../testing/containers.ts';
import { type Host, missing, startHost, testImage } from '../testing/host.ts';
import { offerSocket, refusalOf } from '../testing/streams.ts';
import { attach } from './attach.ts';
import { CriClient } from './client.ts';
import { ContainerdRuntime } from './containerd.ts';

const why = missing();
if (why) process.stderr.write(`skipped: attach on containerd: ${why}\n`);

const output: AttachStreams = { stdin: false, stdout: true, stderr: true, tty: false };
const input: AttachStreams = { ...output, stdin: true };

/** What one end of a connection may hold, in bytes: the third of what the kernel says. */
const kernelBuffer = (name: 'tcp_rmem' | 'tcp_wmem'): number =>
  Number(fs.readFileSync(`/proc/sys/net/ipv4/${name}`, 'utf8').split(/\s+/)[2]);

/** Of a container's script: who has seen a dot is attached, and may be said more. */
const dots = '(until [ -e /tmp/heard ]; do echo . >&2; sleep 0.1; done) &';
const untilHeard = 'until read -t 1 a; do printf .; done;';

/** What has come of it so far. */
class Said {
  text = '';
  constructor(stream: NodeJS.ReadableStream | undefined) {
    stream?.on('data', (data) => {
      this.text += String(data);
    });
  }
  async has(part: string | RegExp): Promise<void> {
    for (let i = 0; !this.text.match(part); i++) {
      if (i > 1000) throw new Error(`not said: ${part}, but ${JSON.stringify(this.text.slice(-500))}`);
      await delay(10);
    }
  }
}

/** Says it until it is answered: the runtime hears who has come before it hands output on to them. */
async function answered({ stdin }: ContainerAttached, out: Said, word: string): Promise<void> {
  while (!out.text.includes(`got ${word}\n`)) {
    stdin!.write(`${word}\n`);
    await delay(50);
  }
}

describe.skipIf(why !== undefined)('attach on containerd', () => {
  let host: Host;
  let runtime: ContainerdRuntime;
  let client: CriClient;
  beforeAll(async () => {
    host = await startHost();
    runtime = new ContainerdRuntime(host.socket);
    client = new CriClient(host.socket);
  });
  afterAll(async () => {
    client?.close();
    runtime?.close();
    await host?.stop();
  });
  const container = async (script: string, change: Partial<ContainerConfig> = {}): Promise<string> => {
    const { id } = await startContainer(runtime, testImage, (c) => {
      c.command = ['/bin/sh', '-c', script];
      Object.assign(c, change);
    });
    return id;
  };
  const to = (id: string, streams: AttachStreams): Promise<ContainerAttached> => attach(client, id, streams);

  test('several see what comes from then on, each stream by itself, until the process ends', async () => {
    const script = 'while read a && [ $a != end ]; do echo out $a; echo err $a >&2; done; exit 3';
    const id = await container(script, { stdin: true });
    const both = [await to(id, input), await to(id, output)];
    const seen = both.map(({ stdout, stderr }) => ({ out: new Said(stdout), err: new Said(stderr) }));
    const input0 = both[0]!.stdin!;
    // The runtime answers before it hands output on to who asked: what is said at once may pass them by.
    while (seen.some(({ out, err }) => out.text === '' || err.text === '')) {
      input0.write('0\n');
      await delay(50);
    }
    input0.write('1\n');
    for (const { out, err } of seen) {
      await out.has(/^(out 0\n)+out 1\n$/);
      await err.has(/^(err 0\n)+err 1\n$/);
    }
    input0.write('end\n');
    await Promise.all(both.map((a) => a.ended));
    while ((await runtime.containerStatus(id)).state === 'running') await delay(10);
    expect((await runtime.containerStatus(id)).exitCode).toBe(3);
  });

  test('an output that ends before the other takes nothing of it along', async () => {
    const id = await container(`${untilHeard} exec 2>&-; sleep 0.5; echo late; read b`, { stdin: true });
    const a = await to(id, input);
    const out = new Said(a.stdout);
    a.stderr!.resume();
    await out.has('\\.');
    a.stdin!.write('1\n');
    await out.has('late');
    a.stdin!.end();
    await a.ended;
  });

  test('with stdinOnce the end of the input is the process\u2019s; its output is complete', async () => {
    const id = await container(`${dots} wc -c; touch /tmp/heard; head -c 3000000 /dev/zero | tr "\\\\0" x`, {
      ...{ stdin: true, stdin_once: true },
    });
    const a = await to(id, { ...input, stdinOnce: true });
    await new Said(a.stderr).has('\\.');
    a.stdin!.end(Buffer.alloc(2_000_000));
    await delay(1500);
    const out = new Said(a.stdout);
    await a.ended;
    await out.has(/^2000000\nx+$/);
    for (let i = 0; out.text.length < 3_000_008 && i < 500; i++) await delay(10);
    expect(out.text.length).toBe(3_000_008);
  });

  test('without it the end of the input only lets go, and who comes next is heard', async () => {
    const id = await container('while read a; do echo got $a; done; echo over', { stdin: true });
    const first = await to(id, input);
    const heard = new Said(first.stdout);
    await answered(first, heard, '1');
    first.stdin!.end();
    await first.ended;
    const second = await to(id, input);
    const more = new Said(second.stdout);
    await answered(second, more, '2');
    second.close();
    await expect(second.ended).rejects.toThrow('broke off');
    expect((await runtime.containerStatus(id)).state).toBe('running');
  });

  test('a terminal has a size, and what is typed is seen', async () => {
    const id = await container('while read a; do stty size; done', { stdin: true, tty: true });
    const a = await to(id, { ...input, stderr: false, tty: true });
    const out = new Said(a.stdout);
    await a.resize(101, 37);
    while (!out.text.includes('37 101')) {
      a.stdin!.write('x\n');
      await delay(50);
    }
    expect(out.text).toContain('x\r\n');
    a.close();
  });

  test('who does not read stops the process, and takes up where it was', async () => {
    // More than the kernel holds of a connection, at both of its ends.
    const chunks = Math.ceil((2 * (kernelBuffer('tcp_rmem') + kernelBuffer('tcp_wmem'))) / 50_000);
    const script = `${untilHeard} i=0; while [ $i -lt ${chunks} ]; do head -c 50000 /dev/zero; i=$((i+1)); done; echo end`;
    const id = await container(script, { stdin: true });
    const a = await to(id, input);
    let length = 0;
    const count = (d: Buffer): void => {
      const dotsOver = d.findIndex((byte) => byte !== 46);
      if (dotsOver >= 0) length += d.length - dotsOver;
    };
    a.stdout!.once('data', (d: Buffer) => {
      count(d);
      a.stdout!.pause();
    });
    while (!a.stdout!.isPaused()) await delay(10);
    a.stdin!.write('\n');
    await delay(2000);
    expect((await runtime.containerStatus(id)).state).toBe('running');
    a.stdout!.on('data', count).resume();
    await a.ended;
    const all = chunks * 50_000 + 'end\n'.length;
    for (let i = 0; length < all && i < 500; i++) await delay(10);
    expect(length).toBe(all);
  });

  test('what does not run cannot be attached to', async () => {
    const id = await container('exit 0');
    while ((await runtime.containerStatus(id)).state === 'running') await delay(10);
    await expect(to(id, output)).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      message: 'container is in CONTAINER_EXITED state',
    });
    await expect(to('absent', output)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  const serve = async (
    id: string,
    offer: Partial<AttachOffer>,
    spec: object = {},
    state: ContainerState = 'running',
  ) => {
    const pod = { metadata: { uid: 'u' }, spec: { containers: [{ name: 'c', ...spec }] } } as unknown as Pod;
    const containers = new Map([[id, { id, name: 'c', state }]]);
    const server = attachServer({ worker: () => ({ state: { containers, pod } }) }, { attach: (i, s) => to(i, s) });
    const all: AttachOffer = {
      ...{ id: 's', kind: 'attach', namespace: 'd', pod: 'p', podUid: 'u', container: 'c', ...output },
      ...{ protocol: 'v5.channel.k8s.io', ...offer },
    } as AttachOffer;
    return { server, all };
  };
  const outcome = async (
    id: string,
    say: Uint8Array[],
    ...[offer, spec, state]: [Partial<AttachOffer>, object?, ContainerState?]
  ) => {
    const { server, all } = await serve(id, offer, spec, state);
    const codec = channelCodec(all.protocol);
    const { client: socket, done } = await offerSocket(server, all);
    const channels: Record<number, string> = {};
    for await (const message of socket.messages()) {
      const said = codec.decode(message);
      if (!said || !('data' in said) || said.data.byteLength === 0) continue;
      channels[said.channel] = (channels[said.channel] ?? '') + Buffer.from(said.data);
      // What has said something is attached to.
      for (const each of say.splice(0)) await socket.send(each);
    }
    await done;
    return channels;
  };

  test('a client sends its input and the end of it, and is told of the end', async () => {
    const id = await container(`${dots} cat; touch /tmp/heard; wait; echo e >&2`, { stdin: true, stdin_once: true });
    const channels = await outcome(
      id,
      [Buffer.from('\u0000abc'), Buffer.from([255, 0])],
      { stdin: true },
      { stdin: true, stdinOnce: true },
    );
    expect(channels[1]).toBe('abc');
    expect(channels[2]).toMatch(/^(\.\n)+e\n$/);
    expect(JSON.parse(channels[3]!)).toEqual({ metadata: {}, status: 'Success' });
  });

  test('input for a container that has none is passed over; its end and that of the process are told', async () => {
    const id = await container('for i in $(seq 30); do echo x; sleep 0.1; done');
    const channels = await outcome(id, [Buffer.from('\u0000abc')], { stdin: true });
    expect(channels[1]).toMatch(/^(x\n)+$/);
    expect(JSON.parse(channels[3]!)).toMatchObject({ status: 'Success' });
  });

  test('what cannot be attached to is told in the kubelet\u2019s words', async () => {
    const channels = await outcome('absent', [], {});
    expect(JSON.parse(channels[3]!)).toMatchObject({
      status: 'Failure',
      message: expect.stringMatching(/^Internal error occurred: unable to upgrade connection: .*not found$/),
    });
    const { server, all } = await serve('x', { protocol: 'v4.channel.k8s.io' }, {}, 'exited');
    expect(await refusalOf(server, all)).toMatchObject({ code: 500, message: 'container c not found in pod p_d' });
  });

  test('a runtime that dies ends the stream', async () => {
    const id = await container('sleep 100');
    const a = await to(id, output);
    await host.restart();
    await expect(a.ended).rejects.toThrow('broke off');
    execFileSync('ctr', ['-a', host.socket, '-n', 'k8s.io', 'tasks', 'kill', '-s', 'SIGKILL', id]);
  });
});
