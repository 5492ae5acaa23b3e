// Commands in containers of a real containerd: the contract, and what only a kernel shows.
import { execFileSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { executeContract } from '../streams/processes.contract.ts';
import type { Executed, StandardStreams } from '../streams/processes.ts';
import { startContainer } from '../testing/containers.ts';
import { type Host, missing, startHost, testImage } from '../testing/host.ts';
import { ContainerdClient } from './client.ts';
import { ContainerdRuntime } from './containerd.ts';
import { Executor } from './execute.ts';

const why = missing();
if (why) process.stderr.write(`skipped: commands on containerd: ${why}\n`);

const output: StandardStreams = { stdin: false, stdout: true, stderr: true, tty: false };
const input: StandardStreams = { ...output, stdin: true };
const warnings: string[] = [];
const log = { debug() {}, info() {}, warn: (message: string) => void warnings.push(message), error() {} };

describe.skipIf(why !== undefined)('execute on containerd', () => {
  let host: Host;
  let runtime: ContainerdRuntime;
  let client: ContainerdClient;
  let executor: Executor;
  let directory: string;
  const executorOf = (): Executor => new Executor({ client, runtime, directory, log });
  beforeAll(async () => {
    host = await startHost();
    runtime = new ContainerdRuntime(host.socket);
    client = new ContainerdClient(host.socket);
    directory = `${host.directory}/streams`;
    executor = executorOf();
  });
  afterAll(async () => {
    executor?.stop();
    client?.close();
    runtime?.close();
    await host?.stop();
  });
  const container: (...change: [Parameters<typeof startContainer>[2]?]) => Promise<string> = async (change) =>
    (await startContainer(runtime, testImage, change)).id;
  const kill = async (id: string): Promise<void> => {
    execFileSync('ctr', ['-a', host.socket, '-n', 'k8s.io', 'tasks', 'kill', '-s', 'SIGKILL', id]);
    while ((await runtime.containerStatus(id)).state === 'running') await delay(5);
  };
  const taken = (): string[] => readdirSync(directory).filter((name) => !name.startsWith('stock.'));
  const nothingLeft = async (): Promise<void> => {
    for (let i = 0; taken().length > 0; i++) {
      if (i > 3000) throw new Error(`left: ${taken().join(' ')}`);
      await delay(10);
    }
  };
  const sh = (id: string, script: string, streams = output): Promise<Executed> =>
    executor.execute(id, ['sh', '-c', script], streams);

  executeContract(() => ({ processes: executor, container: () => container(), kill }));

  test('environment, directory, user, capabilities and limits are the container\u2019s; a terminal adds its kind', async () => {
    const id = await container((c) => {
      c.envs = [
        { key: 'A', value: 'b c' },
        { key: 'TERM', value: 'dumb' },
      ];
      c.working_dir = '/tmp';
      c.linux.security_context.run_as_user = { value: 1234 };
      c.linux.security_context.no_new_privs = true;
      c.linux.security_context.capabilities = { add_capabilities: [], drop_capabilities: ['ALL'] };
    });
    const script =
      'echo "$A|$TERM"; pwd; id -u; grep -E "NoNewPrivs|CapBnd" /proc/self/status; cat /proc/self/oom_score_adj; hostname';
    const seen = async (streams: StandardStreams) => {
      const e = await sh(id, script, streams);
      const said = await text(e.stdout!);
      expect(await e.exit).toBe(0);
      return said.replaceAll('\r', '');
    };
    const first = execFileSync('sh', ['-c', `grep -E "NoNewPrivs|CapBnd" /proc/self/status`]).toString();
    expect(first).toContain('NoNewPrivs');
    const plain = await seen(output);
    expect(plain).toMatch(/^b c\|dumb\n\/tmp\n1234\nCapBnd:\t0{16}\nNoNewPrivs:\t1\n\d+\np\n$/);
    const exec = await runtime.exec(id, ['sh', '-c', script], 5);
    expect(plain).toBe(Buffer.from(exec.stdout).toString());
    expect(await seen({ stdin: false, stdout: true, stderr: false, tty: true })).toBe(plain.replace('dumb', 'xterm'));
  });

  test('a terminal has the size that it was given, and says when it changes', async () => {
    const id = await container();
    const terminal = { stdin: true, stdout: true, stderr: false, tty: true };
    for (let i = 0; i < 10; i++) {
      const sized = await sh(id, 'stty size', { ...terminal, size: { width: 101, height: 33 + i } });
      expect(await text(sized.stdout!)).toBe(`${33 + i} 101\r\n`);
    }
    const script = 'trap "stty size; exit 4" WINCH; echo ready; while :; do sleep 0.01; done';
    const e = await sh(id, script, terminal);
    let seen = '';
    for await (const chunk of e.stdout!) {
      seen += String(chunk);
      if (seen === 'ready\r\n') await e.resize(132, 43);
    }
    expect(seen).toBe('ready\r\n43 132\r\n');
    expect(await e.exit).toBe(4);
    await expect(e.resize(1, 1)).rejects.toThrow();
  });

  test('what CRI says of a command that cannot be executed, this says', async () => {
    const id = await container();
    for (const command of [['absent'], ['/etc/passwd'], ['/tmp'], ['']]) {
      const own = await executor.execute(id, command, output).catch((e: Error) => e.message);
      const cri = await runtime.exec(id, command, 5).catch((e: Error) => e.message);
      const anonymous = (message: unknown): string => String(message).replaceAll(/[0-9a-f]{64}/g, 'ID');
      expect(anonymous(own)).toContain('failed to exec in container: failed to');
      expect(anonymous(own)).toBe(anonymous(cri));
    }
    await nothingLeft();
  });

  test('a command without output is over as soon as it has ended', async () => {
    const id = await container();
    const timed = async (work: () => Promise<unknown>): Promise<number> => {
      const start = performance.now();
      await work();
      return performance.now() - start;
    };
    // By turns, and the best of each: whatever else the machine does comes and goes.
    let [cri, own] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
    for (let i = 0; i < 10; i++) {
      cri = Math.min(cri, await timed(() => runtime.exec(id, ['true'], 30)));
      own = Math.min(own, await timed(async () => (await executor.execute(id, ['true'], output)).exit));
    }
    process.stderr.write(`exec of true: ${own.toFixed(0)} ms, CRI's ExecSync ${cri.toFixed(0)} ms\n`);
    expect(own).toBeLessThan(2 * cri + 50);
  });

  test('output flows as fast as the shim hands it on', async () => {
    const id = await container();
    const bytes = 200 * 1024 * 1024;
    await (await sh(id, 'dd if=/dev/zero of=/tmp/f bs=1M count=200', { ...output, stderr: false })).exit;
    const start = performance.now();
    const e = await executor.execute(id, ['cat', '/tmp/f'], output);
    let read = 0;
    for await (const chunk of e.stdout!) read += (chunk as Buffer).length;
    expect([read, await e.exit]).toEqual([bytes, 0]);
    const seconds = (performance.now() - start) / 1000;
    const back = performance.now();
    const into = await executor.execute(id, ['sh', '-c', 'cat > /dev/null'], input);
    const chunk = Buffer.alloc(65_536);
    for (let sent = 0; sent < bytes; sent += chunk.length)
      if (!into.stdin!.write(chunk)) await new Promise((r) => into.stdin!.once('drain', r));
    into.stdin!.end();
    expect(await into.exit).toBe(0);
    const inSeconds = (performance.now() - back) / 1000;
    const rate = (n: number, s: number): string => `${(n / 1e6 / s).toFixed(0)} MB/s`;
    process.stderr.write(`out ${rate(bytes, seconds)}, in ${rate(bytes, inSeconds)}\n`);
  });

  test('whoever inherits the output may go on with it for a while, not for ever', async () => {
    const id = await container();
    const brief = await sh(id, '(sleep 2; echo late) & echo early');
    expect(await text(brief.stdout!)).toBe('early\nlate\n');
    expect(await brief.exit).toBe(0);
    const start = Date.now();
    const daemon = await sh(id, 'sleep 1000 & echo started; exit 3');
    expect(await text(daemon.stdout!)).toBe('started\n');
    expect(await daemon.exit).toBe(3);
    expect(Date.now() - start).toBeGreaterThan(9000);
    expect(Date.now() - start).toBeLessThan(40_000);
    await nothingLeft();
  });

  test('a process that stops reading its input lets the writer go, and may still write', async () => {
    const id = await container();
    const e = await sh(id, 'head -c 1 > /dev/null; exec <&-; sleep 0.3; echo still', input);
    const closed = new Promise((r) => e.stdin!.once('close', r));
    const chunk = Buffer.alloc(65_536);
    while (!e.stdin!.destroyed && (e.stdin!.write(chunk) || (await Promise.race([closed, delay(20, true)]))));
    expect(await text(e.stdout!)).toBe('still\n');
    expect(await e.exit).toBe(0);
  });

  test('a restart of containerd is not noticed', async () => {
    const id = await container();
    const e = await sh(id, 'while read -r line; do echo "$line"; done; exit 5', input);
    e.stdin!.write('before\n');
    await host.restart();
    e.stdin!.write('after\n');
    expect(String(await new Promise((r) => e.stdout!.once('data', r)))).toMatch(/^before\n/);
    await delay(300);
    e.stdin!.end('end\n');
    expect(await text(e.stdout!)).toMatch(/end\n$/);
    expect(await e.exit).toBe(5);
    await nothingLeft();
  });

  test('what an agent leaves behind the next one takes over: input ends, and nothing stays', async () => {
    const id = await container();
    const [reads, runs] = [
      await executor.execute(id, ['cat'], input),
      await executor.execute(id, ['sleep', '1000'], input),
    ];
    executor.stop();
    await expect(reads.exit).rejects.toThrow();
    // As the kernel does it with an agent's descriptors.
    for (const e of [reads, runs]) for (const s of [e.stdin!, e.stdout!, e.stderr!]) s.destroy();
    expect(taken()).toHaveLength(2);
    executor = executorOf();
    for (let i = 0; taken().length > 1; i++) {
      if (i > 3000) throw new Error('cat still runs');
      await delay(10);
    }
    await kill(id);
    await nothingLeft();
  });

  test('many at once, and nothing of them stays', async () => {
    const id = await container();
    const all = await Promise.all(
      Array.from({ length: 60 }, async (_, i) => {
        const e = await sh(id, `cat; exit ${i}`, input);
        e.stdin!.end(`${i}`);
        return [await text(e.stdout!), await e.exit];
      }),
    );
    expect(all).toEqual(Array.from({ length: 60 }, (_, i) => [`${i}`, i]));
    await nothingLeft();
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    const descriptors = readdirSync('/proc/self/fd').length;
    for (let i = 0; i < 5; i++) await (await sh(id, 'true', input)).exit;
    await nothingLeft();
    expect(readdirSync('/proc/self/fd').length).toBeLessThanOrEqual(descriptors + 3);
  });

  test('nothing was worth a warning', () => expect(warnings).toEqual([]));
});
