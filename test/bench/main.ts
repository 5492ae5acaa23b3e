// npm run bench [-- SECTION...]: the figures that the project holds itself to, measured on a cluster of its own and printed as
// ratios within one run. All of it is local: one thread carries the whole control plane, and nothing here says how a
// deployed one behaves. Needs root and containerd.
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { apiClient } from '../harness/api.ts';
import { measureAccess } from './access.ts';
import { measureApi } from './api.ts';
import { barePods } from './bare-cri.ts';
import { measureEncryption } from './encryption.ts';
import { type Cluster, deletedPod, killedContainer, lostNode, podStart, rollOut } from './pods.ts';
import { p50, p99, percentile, print, ratio } from './stats.ts';
import { measureStreams } from './streams.ts';
import { since, sum, type Usage, usage } from './usage.ts';

const root = path.resolve(import.meta.dirname, '../..');
const run = promisify(execFile);
const sections = ['up', 'start', 'heal', 'many', 'idle', 'lost'] as const;
const { values: apiOptions, positionals: wanted } = parseArgs({
  allowPositionals: true,
  options: { kit: { type: 'string' }, bin: { type: 'string' } },
});
// Without a node, and only when asked for: they have clusters of their own.
if (wanted[0] === 'api') {
  await measureApi(apiOptions);
  process.exit();
}
if (wanted[0] === 'access') {
  await measureAccess();
  process.exit();
}
if (wanted[0] === 'streams') {
  await measureStreams();
  process.exit();
}
if (wanted[0] === 'encryption') {
  await measureEncryption();
  process.exit();
}
const unknown = wanted.filter((w) => !sections.some((s) => s === w));
if (unknown.length > 0) {
  console.error(
    `no such section: ${unknown.join(', ')} (there are: ${[...sections, 'api', 'access', 'encryption', 'streams'].join(', ')})`,
  );
  process.exit(2);
}
const on = (section: (typeof sections)[number]): boolean => wanted.length === 0 || wanted.includes(section);

const stateDir = fs.mkdtempSync(path.join(os.tmpdir(), 'tiffin-bench-'));
const tiffin = (...args: string[]) => run(path.join(root, 'tiffin'), args, { maxBuffer: 16 << 20 });
const now = (): number => performance.now();

/** `up` from a state that exists, so that images are loaded and keys made: what every start but the first is. */
async function measureUp(): Promise<void> {
  await tiffin('down', '--state-dir', stateDir);
  const started = now();
  const up = tiffin('up', '--state-dir', stateDir);
  const client = apiClient(path.join(stateDir, 'kubeconfig'));
  for (;;) {
    try {
      await client.request('GET', '/api');
      break;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
  const answered = now() - started;
  await up;
  const ready = now() - started;
  client.close();
  console.log(
    `up: the API answers after ${answered.toFixed(0)} ms (goal 1000), every node Ready and up returned after ${ready.toFixed(0)} ms (goal 5000)`,
  );
}

/** Ledger writes and alarms while nothing changes, as the control plane itself counts them. */
async function measureIdle(cluster: Cluster): Promise<void> {
  const revision = async () =>
    Number(
      (await cluster.api.request<{ metadata: { resourceVersion: string } }>('GET', '/api/v1/namespaces?limit=1'))
        .metadata.resourceVersion,
    );
  await new Promise((resolve) => setTimeout(resolve, 15_000));
  const [before, used] = [await revision(), usage(stateDir)];
  const seconds = 60;
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  console.log(`idle: ${(await revision()) - before} ledger writes in ${seconds} s with one node connected (goal 0)`);
  for (const { name, cpuMs, residentMiB } of since(used, usage(stateDir)))
    console.log(
      `  ${name.padEnd(20)} ${(cpuMs / seconds).toFixed(1).padStart(6)} ms CPU a second, ${residentMiB.toFixed(0)} MiB`,
    );
}

const perPod = (used: readonly Usage[], count: number): string =>
  used.map(({ name, cpuMs }) => `${name} ${(cpuMs / count).toFixed(0)} ms`).join(', ');

try {
  const started = now();
  await tiffin('up', '--state-dir', stateDir);
  console.log(`first up, with keys and images to make: ${(now() - started).toFixed(0)} ms\n`);
  if (on('up')) await measureUp();
  const cluster: Cluster = { api: apiClient(path.join(stateDir, 'kubeconfig')), stateDir };
  if (on('start')) {
    const rounds = 30;
    const [bare, ours] = [await barePods(cluster, 1), await podStart(cluster, 1)];
    bare.samplesMs = [];
    ours.samplesMs = [];
    let used: Usage[] = [];
    // By turns, so that whatever else the machine does falls on both.
    for (let i = 0; i < rounds; i += 5) {
      bare.samplesMs.push(...(await barePods(cluster, 5)).samplesMs);
      const before = usage(stateDir);
      ours.samplesMs.push(...(await podStart(cluster, 5)).samplesMs);
      used = sum(used, since(before, usage(stateDir)));
    }
    print(bare, 'the floor: sandbox, create, start through CRI');
    print(ours, `ratio p50 ${ratio(p50(ours), p50(bare))} (goal 2), p99 ${ratio(p99(ours), p99(bare))} (goal 3)`);
    // Each turn has one pod more, which warms up.
    console.log(`CPU per pod, from its creation until it is gone: ${perPod(used, (rounds / 5) * 6)}`);
  }
  if (on('heal')) {
    print(await killedContainer(cluster, 15), 'goal 500');
    print(await deletedPod(cluster, 15), 'goal 1000');
  }
  if (on('many')) {
    const { name, samplesMs } = await rollOut(cluster, 20);
    const [first, median, last] = [0, 50, 100].map((p) => percentile(samplesMs, p).toFixed(0));
    console.log(`${name}: first ${first}, median ${median}, last ${last} ms`);
  }
  if (on('idle')) await measureIdle(cluster);
  if (on('lost')) console.log(`lost node noticed after ${((await lostNode(cluster)) / 1000).toFixed(1)} s (goal 30)`);
  cluster.api.close();
} finally {
  await tiffin('down', '--state-dir', stateDir, '--purge').catch((error: unknown) => console.error(String(error)));
  fs.rmSync(stateDir, { recursive: true, force: true });
}
