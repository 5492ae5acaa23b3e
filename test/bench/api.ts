// npm run bench api [-- --kit DIR [--bin DIR]]: the API server under load. Alone it drives ours; with --kit it starts the
// real one with etcd as well (peer.sh of that folder, programs from --bin, by default its bin), and drives both by turns with
// the kit's load generator. All of it is local, and both share the machine with their client: only ratios mean something.
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { type Cell, type Load, listSize, load, type Operation, watchLatency } from './load.ts';
import { processUsage, type Usage } from './usage.ts';

const run = promisify(execFile);
const root = path.resolve(import.meta.dirname, '../..');

const loaded: readonly Exclude<Operation, 'watch'>[] = ['create', 'get', 'list', 'update'];
const connectionCounts = [1, 16, 64];
const watcherCounts = [1, 100, 1000];
const seconds = 5;
const watchRounds = 200;

/** A real 1.36 API server with etcd on a machine of two cores, as it was once measured. */
const reference: Record<string, string> = {
  'create 16': '1,746/s',
  'get 16': '4,439/s',
  'list 16': '282/s',
  'update 16': '1,217/s',
  'watch x1': '2.8/5.4 ms',
  'watch x100': '4.8/7.5 ms',
  memory: '280 + 58 MiB idle, 750 + 240 MiB under load',
};

interface Server {
  name: string;
  kubeconfig: string;
  /** Files that hold the process ids whose use counts. */
  pidFiles: string[];
  address: string;
  caFile: string;
  tokenFile: string;
}

export interface ApiBenchOptions {
  kit?: string;
  bin?: string;
}

export async function measureApi({ kit, bin }: ApiBenchOptions): Promise<void> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tiffin-bench-api-'));
  const stateDir = path.join(folder, 'state');
  const peerDir = path.join(folder, 'peer');
  const port = 7643;
  const peerPort = 7743;
  const programs = bin ?? path.join(kit ?? '', 'bin');
  try {
    const nodes = ['--nodes', '0', '--simulated-nodes', '0'];
    await run(path.join(root, 'tiffin'), ['up', '--state-dir', stateDir, '--port', String(port), ...nodes]);
    const servers: Server[] = [
      {
        name: 'tiffin',
        kubeconfig: path.join(stateDir, 'kubeconfig'),
        pidFiles: [path.join(stateDir, 'pids/workerd.pid')],
        address: `https://127.0.0.1:${port}`,
        caFile: path.join(stateDir, 'pki/ca.crt'),
        tokenFile: path.join(stateDir, 'pki/admin-token'),
      },
    ];
    if (kit) {
      await run(path.join(kit, 'peer.sh'), ['up', peerDir, '--bin', programs, '--port', String(peerPort)]);
      servers.push({
        name: 'kubernetes',
        kubeconfig: path.join(peerDir, 'kubeconfig'),
        pidFiles: ['kube-apiserver.pid', 'etcd.pid'].map((file) => path.join(peerDir, file)),
        address: `https://127.0.0.1:${peerPort}`,
        caFile: path.join(peerDir, 'ca.crt'),
        tokenFile: path.join(peerDir, 'token'),
      });
    }
    for (const server of servers) console.log(`${server.name} idle: ${memory(use(server))}`);
    header(servers);
    for (const operation of [...loaded, 'watch'] as const)
      for (const count of operation === 'watch' ? watcherCounts : connectionCounts) {
        const cells: Cell[] = [];
        for (const server of servers) cells.push(await measure(server, operation, count, kit));
        row(cells);
      }
    for (const server of servers) console.log(`${server.name} afterwards: ${memory(use(server))}`);
    console.log(`reference (1.36 with etcd, another machine and day): ${reference.memory}`);
  } finally {
    if (kit) await run(path.join(kit, 'peer.sh'), ['down', peerDir]).catch((error: unknown) => console.error(error));
    await run(path.join(root, 'tiffin'), ['down', '--state-dir', stateDir, '--purge']).catch((error: unknown) =>
      console.error(String(error)),
    );
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

async function measure(server: Server, operation: Operation, count: number, kit: string | undefined): Promise<Cell> {
  const cell = { operation, connections: operation === 'watch' ? 1 : count, watchers: count };
  const before = use(server);
  const started = performance.now();
  const result = kit
    ? await kitLoad(server, operation, count, kit)
    : operation === 'watch'
      ? await watchLatency(server.kubeconfig, count, watchRounds)
      : await load(server.kubeconfig, operation, count, seconds);
  const after = use(server);
  const cpuMs = total(after, 'cpuMs') - total(before, 'cpuMs');
  const cpuPercent = (cpuMs / (performance.now() - started)) * 100;
  return { cpuPercent, ...cell, ...result, residentMiB: total(after, 'residentMiB') };
}

interface KitResult {
  rps: number;
  p50_ms: number;
  p99_ms: number;
  errors: number;
  servers: { cpu_pct: number }[];
}

async function kitLoad(server: Server, operation: Operation, count: number, kit: string) {
  const file = path.join(os.tmpdir(), `tiffin-load-${process.pid}.json`);
  const pids = server.pidFiles.map((one, i) => `p${i}=${fs.readFileSync(one, 'utf8').trim()}`).join(',');
  const shape =
    operation === 'watch'
      ? ['--concurrency', '1', '--watchers', String(count), '--watch-creates', String(watchRounds)]
      : ['--concurrency', String(count), '--list-size', String(listSize)];
  const target = ['--server', server.address, '--ca', server.caFile, '--token-file', server.tokenFile];
  try {
    await run(
      process.execPath,
      [path.join(kit, 'load.mjs'), ...target, '--ops', operation, '--duration', String(seconds), '--pids', pids]
        .concat(shape)
        .concat('--json', file),
      { maxBuffer: 16 << 20 },
    );
    const { results } = JSON.parse(fs.readFileSync(file, 'utf8')) as { results: KitResult[] };
    const [result] = results;
    if (!result) throw new Error(`${operation} ${count}: no result`);
    const cpuPercent = result.servers.reduce((sum, { cpu_pct }) => sum + cpu_pct, 0);
    const measured: Load = { perSecond: result.rps, p50Ms: result.p50_ms, p99Ms: result.p99_ms, errors: result.errors };
    return { ...measured, cpuPercent };
  } finally {
    fs.rmSync(file, { force: true });
  }
}

const use = (server: Server): Usage[] =>
  server.pidFiles.flatMap((file) => processUsage(path.basename(file), file) ?? []);
const total = (used: readonly Usage[], what: 'cpuMs' | 'residentMiB'): number =>
  used.reduce((sum, u) => sum + u[what], 0);
const memory = (used: readonly Usage[]): string =>
  `${used.map(({ residentMiB }) => residentMiB.toFixed(0)).join(' + ')} MiB`;

function header(servers: readonly Server[]): void {
  const columns = servers.flatMap(({ name }) => [name, 'p50/p99 ms', 'CPU %', 'MiB']);
  console.log(
    `| operation | conns |${columns.map((c) => ` ${c} |`).join('')}${servers.length > 1 ? ' ratio |' : ''} reference |`,
  );
  console.log(`|---|---|${columns.map(() => '---|').join('')}${servers.length > 1 ? '---|' : ''}---|`);
}

function row(cells: readonly Cell[]): void {
  const [ours, theirs] = cells;
  if (!ours) return;
  const watch = ours.operation === 'watch';
  const name = watch ? `watch x${ours.watchers}` : ours.operation === 'list' ? `list of ${listSize}` : ours.operation;
  const shown = cells.map(
    (cell) =>
      ` ${cell.perSecond.toFixed(0)}/s${cell.errors > 0 ? ` (${cell.errors} errors)` : ''} |` +
      ` ${cell.p50Ms.toFixed(1)}/${cell.p99Ms.toFixed(1)} | ${cell.cpuPercent.toFixed(0)} | ${cell.residentMiB.toFixed(0)} |`,
  );
  // Of watches the latency counts, of everything else the rate; above 1 we are ahead.
  const ratio = theirs
    ? ` ${(watch ? theirs.p50Ms / ours.p50Ms : ours.perSecond / theirs.perSecond).toFixed(2)}× |`
    : '';
  const known = reference[watch ? `watch x${ours.watchers}` : `${ours.operation} ${ours.connections}`] ?? '';
  console.log(`| ${name} | ${ours.connections} |${shown.join('')}${ratio} ${known} |`);
}
