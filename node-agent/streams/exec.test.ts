// `kubectl exec` as a client of the channels sees it, with simulated containers behind.
import { expect, test } from 'vitest';
import type { ExecOffer } from '../../src/protocol/streams.ts';
import { systemRandom, systemTimers } from '../platform.ts';
import { SimulatedExecutor } from '../runtime-simulated/execute.ts';
import { SimulatedRuntime } from '../runtime-simulated/index.ts';
import { startContainer } from '../testing/containers.ts';
import { type MemorySocket, offerSocket, refusalOf } from '../testing/streams.ts';
import { channelCodec, channels } from './channels.ts';
import { execServer } from './exec.ts';
import type { Executed, Processes, StandardStreams } from './processes.ts';

const v5 = 'v5.channel.k8s.io';
const soon = (ms = 50): Promise<'later'> => new Promise((r) => setTimeout(r, ms, 'later' as const));

async function serving() {
  const runtime = new SimulatedRuntime({ timers: systemTimers, random: systemRandom, address: () => '198.18.0.1' });
  const { id } = await startContainer(runtime, 'x:1');
  const executor = new SimulatedExecutor(runtime, systemTimers, systemRandom);
  const started: Executed[] = [];
  const begun: StandardStreams[] = [];
  const processes: Pick<Processes, 'execute'> = {
    async execute(...given) {
      const process = await executor.execute(...given);
      started.push(process);
      begun.push(given[2]);
      return process;
    },
  };
  const containers = new Map([
    ['old', { id: 'old', name: 'c', state: 'exited' as const }],
    [id, { id, name: 'c', state: 'running' as const }],
    ['d', { id: 'd', name: 'done', state: 'exited' as const }],
  ]);
  const pods = { worker: (uid: string) => (uid === 'u' ? { state: { containers } } : undefined) };
  return { serve: execServer(pods, processes), crash: () => runtime.crash(id), started, begun };
}

const offerOf = (command: string[], more: Partial<ExecOffer> = {}): ExecOffer => ({
  id: 's',
  kind: 'exec',
  namespace: 'a',
  pod: 'p',
  podUid: 'u',
  container: 'c',
  command,
  stdin: true,
  stdout: true,
  stderr: true,
  tty: false,
  protocol: v5,
  ...more,
});

/** Everything that comes: what each channel said, and the order of channels in which it began. */
async function received(client: MemorySocket, protocol = v5) {
  const codec = channelCodec(protocol);
  const said = new Map<number, string>();
  for await (const message of client.messages()) {
    const { channel, data } = codec.decode(message) as { channel: number; data: Uint8Array };
    said.set(channel, (said.get(channel) ?? '') + Buffer.from(data).toString());
  }
  return { said: Object.fromEntries(said), order: [...said.keys()], closed: client.closedWith?.code };
}

const say = (client: MemorySocket, channel: number, text: string, protocol = v5) =>
  client.send(channelCodec(protocol).encode(channel, Buffer.from(text)));
const closeStdin = (client: MemorySocket) => client.send(Buffer.from([255, 0]));

test('output, errors and the status of v5, then a normal close', async () => {
  const { serve } = await serving();
  const ran = async (command: string[]) => received((await offerSocket(serve, offerOf(command))).client);
  expect(await ran(['echo', 'hi'])).toEqual({
    said: { 1: 'hi\n', 3: '{"metadata":{},"status":"Success"}' },
    order: [1, 3],
    closed: 1000,
  });
  const failed = await ran(['sh', '-c', 'echo a >&2; exit 3']);
  expect(failed.said).toMatchObject({ 1: '', 2: 'a\n' });
  expect(JSON.parse(failed.said[3]!)).toEqual({
    metadata: {},
    status: 'Failure',
    message: 'command terminated with non-zero exit code: command terminated with exit code 3',
    reason: 'NonZeroExitCode',
    details: { causes: [{ reason: 'ExitCode', message: '3' }] },
  });
  const absent = JSON.parse((await ran(['nope'])).said[3]!);
  expect(absent).toMatchObject({ status: 'Failure', reason: 'InternalError', code: 500 });
  expect(absent.message).toMatch(
    /^(Internal error occurred: ){2}error executing command in container: failed to exec in container: failed to start exec "[0-9a-f]+": OCI runtime exec failed: .*executable file not found in \$PATH: unknown$/,
  );
});

test('that a command cannot be started is told once to clients of v4, where nobody is in between', async () => {
  const { serve } = await serving();
  const protocol = 'v4.channel.k8s.io';
  const { said } = await received((await offerSocket(serve, offerOf(['nope'], { protocol }))).client, protocol);
  expect(JSON.parse(said[3]!).message).toMatch(
    /^Internal error occurred: error executing command in container: failed/,
  );
});

test('input ends with a close signal, and what is said of it later is passed over', async () => {
  const { serve } = await serving();
  const { client } = await offerSocket(serve, offerOf(['cat']));
  await say(client, channels.stdin, 'one ');
  await say(client, 7, 'nobody');
  await say(client, channels.stdout, 'the wrong way');
  await client.send(new Uint8Array());
  await say(client, channels.stdin, 'two');
  await closeStdin(client);
  await say(client, channels.stdin, 'late');
  await closeStdin(client);
  expect((await received(client)).said).toEqual({ 1: 'one two', 3: '{"metadata":{},"status":"Success"}' });
});

test.each([
  [
    'v4.channel.k8s.io',
    'command terminated with non-zero exit code: error executing command [sh -c exit 3], exit code 3',
  ],
  [
    'v4.base64.channel.k8s.io',
    'command terminated with non-zero exit code: error executing command [sh -c exit 3], exit code 3',
  ],
])('%s: the status', async (protocol, message) => {
  const { serve } = await serving();
  const { client } = await offerSocket(serve, offerOf(['sh', '-c', 'exit 3'], { protocol }));
  expect(JSON.parse((await received(client, protocol)).said[3]!)).toMatchObject({ status: 'Failure', message });
});

test.each(['', 'channel.k8s.io', 'base64.channel.k8s.io'])(
  '%s: failures as text, success in silence',
  async (protocol) => {
    const { serve } = await serving();
    const ran = async (command: string[]) =>
      (await received((await offerSocket(serve, offerOf(command, { protocol }))).client, protocol)).said;
    expect(await ran(['echo', 'ä'])).toEqual({ 1: 'ä\n' });
    expect(await ran(['false'])).toEqual({
      1: '',
      3: 'command terminated with non-zero exit code: error executing command [false], exit code 1',
    });
  },
);

test('the first message is an empty one of the lowest channel that is written to', async () => {
  const { serve } = await serving();
  for (const [streams, channel] of [
    [{ stdout: false }, channels.stderr],
    [{ stdout: false, stderr: false }, channels.error],
    [{ stdout: false, stderr: true, tty: true }, channels.error],
  ] as const) {
    const { client } = await offerSocket(serve, offerOf(['true'], streams));
    const first = (await client.messages()[Symbol.asyncIterator]().next()).value;
    expect([...first!.data]).toEqual([channel]);
  }
});

test('a terminal has no error channel of its own, and takes its newest size', async () => {
  const { serve, started } = await serving();
  const { client } = await offerSocket(serve, offerOf(['cat'], { tty: true }));
  while (started.length === 0) await soon(1);
  const sizes: [number, number][] = [];
  let go: () => void = () => {};
  started[0]!.resize = async (width, height) => {
    sizes.push([width, height]);
    if (sizes.length === 1) await new Promise<void>((r) => (go = r));
    throw new Error('no terminal any more');
  };
  const resize = (text: string) => say(client, channels.resize, text);
  await resize('{"Width":1,"Height":2}');
  await resize('{"Width":0,"Height":2}{"Wid');
  await resize('th":3,"Height":4}\n');
  await resize('nonsense}{"Width":3.5,"Height":1}{"Width":70000,"Height":1}[]{}null');
  await resize('{"width":5,"height":6}');
  await soon(5);
  go();
  await say(client, channels.stdin, 'x\n');
  await say(client, channels.stdin, '\x04');
  const { said, order } = await received(client);
  expect({ said, order }).toEqual({
    said: { 1: 'x\r\nx\r\n', 3: '{"metadata":{},"status":"Success"}' },
    order: [1, 3],
  });
  expect(sizes[0]).toEqual([1, 2]);
  expect(sizes.length).toBeLessThanOrEqual(2);
});

test('a terminal has the size of the client when the process starts, whatever is typed before; nobody waits long for it', async () => {
  const { serve, started, begun } = await serving();
  const { client } = await offerSocket(serve, offerOf(['cat'], { tty: true }));
  await say(client, channels.stdin, 'typed');
  await say(client, channels.stdin, ' ahead\n');
  await soon();
  expect(started).toEqual([]);
  await say(client, channels.resize, '{"Width":101,"Height":33}');
  await say(client, channels.stdin, '\x04');
  expect((await received(client)).said[1]).toContain('typed ahead\r\n');
  expect(begun[0]?.size).toEqual({ width: 101, height: 33 });

  const silent = await offerSocket(serve, offerOf(['cat'], { tty: true }));
  await say(silent.client, channels.stdin, 'x'.repeat(200_000));
  await say(silent.client, channels.stdin, '\n\x04');
  expect((await received(silent.client)).said[1]?.length).toBeGreaterThan(200_000);
  expect(begun[1]).toMatchObject({ tty: true, size: undefined });
  await received((await offerSocket(serve, offerOf(['true']))).client);
  expect(begun[2]).not.toHaveProperty('size');
});

test('what cannot be executed in: v5 is told on the error channel, as others could not show it; the others are refused', async () => {
  const { serve } = await serving();
  for (const [more, reason, message] of [
    [{ podUid: 'other' }, 'NotFound', 'pod does not exist'],
    [{ container: 'x"y' }, 'InternalError', 'container not found ("x\\"y")'],
    [{ container: 'done' }, 'InternalError', 'container not found ("done")'],
  ] as const) {
    const { said, closed } = await received((await offerSocket(serve, offerOf(['true'], more))).client);
    expect(JSON.parse(said[3]!)).toMatchObject({
      status: 'Failure',
      reason: 'InternalError',
      message: `Internal error occurred: unable to upgrade connection: ${message}`,
    });
    expect(closed).toBe(1000);
    const refused = await refusalOf(serve, offerOf(['true'], { ...more, protocol: 'v4.channel.k8s.io' }));
    expect(refused).toMatchObject({ reason, message });
  }
  expect(await refusalOf(serve, offerOf(['true'], { stdin: false, stdout: false, stderr: false }))).toMatchObject({
    code: 400,
    message: 'you must specify at least 1 of stdin, stdout, stderr',
  });
});

test('a client that does not read stops the process; the rest comes when it reads, and the status last', async () => {
  const { serve, started } = await serving();
  const { client, done } = await offerSocket(serve, offerOf(['head', '-c', '3000000', '/dev/zero']));
  await soon(200);
  expect(client.waitingBytes).toBeLessThan(1_000_000);
  expect(await Promise.race([started[0]!.exit, soon()])).toBe('later');
  const { said, order } = await received(client);
  expect(said[1]!.length).toBe(3_000_000);
  expect(order).toEqual([1, 3]);
  await done;
});

test('a process that does not read stops the client, and its end lets the client go', async () => {
  const { serve, crash } = await serving();
  const { client } = await offerSocket(serve, offerOf(['sleep', '1000']));
  const chunk = Buffer.alloc(65_537);
  let [sent, stuck] = [0, false];
  while (!stuck) {
    sent += chunk.length;
    stuck = (await Promise.race([client.send(chunk), soon(100)])) === 'later';
  }
  expect(sent).toBeLessThan(2_000_000);
  crash();
  const { said } = await received(client);
  expect(JSON.parse(said[3]!).details.causes).toEqual([{ reason: 'ExitCode', message: '137' }]);
});

test('a client that goes away: what it said arrives, its input ends; the process is not killed', async () => {
  const { serve, started } = await serving();
  const reader = await offerSocket(serve, offerOf(['cat']));
  await say(reader.client, channels.stdin, 'x');
  reader.client.close();
  await reader.done;
  expect(await started[0]!.exit).toBe(0);
  const writer = await offerSocket(serve, offerOf(['yes'], { stdin: false }));
  await soon();
  writer.client.close();
  await writer.done;
  expect(await Promise.race([started[1]!.exit, soon()])).toBe('later');
  expect(started[1]!.stdout!.destroyed).toBe(true);
  await started[1]!.kill();
});

test('a client that breaks the protocol is hung up on', async () => {
  const { serve } = await serving();
  for (const bad of [[255], [255, 0, 0], [255, 5]]) {
    const { client, done } = await offerSocket(serve, offerOf(['cat']));
    await client.send(Buffer.from(bad));
    await done;
    expect(client.closedWith?.code).toBe(1002);
  }
});
