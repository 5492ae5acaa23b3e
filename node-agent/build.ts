// Builds agents from a configuration: one on containerd, or any number of simulated ones that share this process.
import { readFileSync } from 'node:fs';
import fs from 'node:fs/promises';
import path from 'node:path';
import type { Fetch, Log, Random, Timers } from '../src/ports/index.ts';
import { Agent } from './agent.ts';
import type { AgentParts } from './agent-parts.ts';
import type { AgentConfig } from './config.ts';
import { ContainerdRuntime } from './cri/containerd.ts';
import { containerdProcesses } from './cri/processes.ts';
import { nodeFetch, requireTls } from './link/http.ts';
import { fileSealer } from './link/sealer.ts';
import { diskFiles, type StateFiles } from './link/store.ts';
import { createNetwork } from './network/index.ts';
import { noNetwork } from './network-none.ts';
import { type Machine, thisMachine } from './node-status.ts';
import { gateOf } from './platform.ts';
import type { Gate } from './pods/context.ts';
import { NodeProber } from './probes/probe.ts';
import { KernelCgroups, NoCgroups } from './resources/cgroups.ts';
import { SimulatedRuntime, simulatedProber } from './runtime-simulated/index.ts';
import { simulatedProcesses } from './runtime-simulated/processes.ts';
import { SimulatedCounters } from './runtime-simulated/usage.ts';
import { type Dialer, webSocketDialer } from './streams/dial.ts';
import { KernelCounters } from './usage/kernel.ts';
import { DiskVolumes, NoVolumes } from './volumes/manager.ts';

/** Starting is bound by CPU and, in between, by the disk: fewer at once leave the one idle, more only make each slower. */
const startsAtOnceMax = 10;
const startsAtOnceSimulatedMax = 1000;

export interface BuildOptions {
  timers: Timers;
  random: Random;
  log(nodeName: string): Log;
  /** In-process control planes bring their own. */
  fetch?: Fetch;
  dial?(nodeName: string, credential: () => string): Dialer;
}

export function buildAgents(config: AgentConfig, options: BuildOptions): Agent[] {
  const ca = config.caFile ? readFileSync(config.caFile, 'utf8') : undefined;
  if (!options.fetch) requireTls(config.url);
  const fetch = options.fetch ?? nodeFetch(ca);
  const dial =
    options.dial ??
    ((nodeName: string, credential: () => string) => webSocketDialer(config.url, nodeName, credential, ca, fetch));
  if (config.containerd) return [realAgent(config, options, fetch, dial)];
  const count = config.simulatedNodes ?? 1;
  const gate = gateOf(startsAtOnceSimulatedMax);
  return Array.from(
    { length: count },
    (_, i) => new Agent(simulatedParts(config, i, { ...options, fetch, dial }, gate)),
  );
}

const stateFiles = ({ runDir }: AgentConfig, nodeName: string, directory: string): StateFiles =>
  diskFiles(directory, fileSealer(path.join(runDir, `${nodeName}.snapshot-key`)));

type Dial = NonNullable<BuildOptions['dial']>;

function realAgent(config: AgentConfig, o: BuildOptions, fetch: Fetch, dial: Dial): Agent {
  const log = o.log(config.nodeName);
  const { socket } = config.containerd!;
  const runtime = new ContainerdRuntime(socket);
  const cgroups = new KernelCgroups(`${config.networkId}-kubepods`);
  return new Agent({
    config,
    nodeName: config.nodeName,
    stateDir: config.stateDir,
    files: stateFiles(config, config.nodeName, config.stateDir),
    runtime,
    processes: containerdProcesses({ socket, runtime, directory: path.join(config.stateDir, 'streams'), log }),
    volumes: new DiskVolumes(path.join(config.stateDir, 'pods'), () => o.timers.now()),
    cgroups,
    counters: new KernelCounters({ clock: o.timers, parent: (pod) => cgroups.parent(pod) }),
    prober: new NodeProber(runtime),
    network: (sign) => createNetwork(config, { log, sign }),
    machine: () => diskAnd(config.stateDir),
    hostDns: resolvConf(),
    fetch,
    dial: (credential) => dial(config.nodeName, credential),
    timers: o.timers,
    random: o.random,
    log,
    gate: gateOf(startsAtOnceMax),
  });
}

/** What the `index`-th simulated node of a configuration is made of. */
export function simulatedParts(
  config: AgentConfig,
  index: number,
  o: BuildOptions & { fetch: Fetch; dial: Dial },
  gate: Gate,
): AgentParts & { runtime: SimulatedRuntime } {
  const nodeName = `${config.nodeName}-${index}`;
  const second = 18 + Math.floor(index / 256);
  const log = o.log(nodeName);
  // Addresses of the benchmarking range: nothing can be confused with them.
  const runtime = new SimulatedRuntime({
    timers: o.timers,
    random: o.random,
    address: (n) => `198.${second}.${index % 256}.${2 + (n % 250)}`,
  });
  return {
    config: { ...config, address: `198.${second}.${index % 256}.1` },
    nodeName,
    stateDir: path.join(config.stateDir, nodeName),
    files: stateFiles(config, nodeName, path.join(config.stateDir, nodeName)),
    runtime,
    processes: simulatedProcesses(runtime, o.timers, o.random),
    logsDirectory: '',
    volumes: new NoVolumes(),
    cgroups: new NoCgroups(),
    counters: new SimulatedCounters(runtime, () => o.timers.now()),
    prober: simulatedProber,
    network: () => noNetwork,
    machine: async () => simulatedMachine,
    hostDns: { servers: [], searches: [], options: [] },
    fetch: o.fetch,
    dial: (credential) => o.dial(nodeName, credential),
    timers: o.timers,
    random: o.random,
    log,
    gate,
  };
}

const gib = 1024 ** 3;
const simulatedMachine: Machine = {
  cpus: 32,
  memoryBytes: 256 * gib,
  diskBytes: 1024 * gib,
  diskFreeBytes: 1000 * gib,
  memoryAvailableBytes: 250 * gib,
  pidsFree: 100_000,
  kernel: '0',
  osImage: 'simulated',
  architecture: 'amd64',
  machineId: '0',
  systemUuid: '0',
  bootId: '0',
};

async function diskAnd(directory: string): Promise<Machine> {
  await fs.mkdir(directory, { recursive: true, mode: 0o700 });
  const s = await fs.statfs(directory);
  return thisMachine({ bytes: s.blocks * s.bsize, freeBytes: s.bavail * s.bsize });
}

/** The machine's resolver, as dnsPolicy Default hands it on. */
export function resolvConf(file = '/etc/resolv.conf'): { servers: string[]; searches: string[]; options: string[] } {
  let text = '';
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    // No resolver: pods get none either.
  }
  const out = { servers: [] as string[], searches: [] as string[], options: [] as string[] };
  for (const line of text.split('\n')) {
    const [key, ...values] = line.trim().split(/\s+/);
    if (key === 'nameserver' && values[0]) out.servers.push(values[0]);
    else if (key === 'search') out.searches = values.filter((v) => v !== '.');
    else if (key === 'options') out.options.push(...values);
  }
  return out;
}
