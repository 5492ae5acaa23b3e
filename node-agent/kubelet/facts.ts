// What is known of the node and its pods at one time: the source of summaries and metrics. It is gathered when somebody asks, at
// most once in a while however many ask, and what costs a walk through directories less often.
import fs from 'node:fs/promises';
import path from 'node:path';
import type { Pod } from '../../src/generated/schemas/core-v1.ts';
import type { Clock } from '../../src/ports/index.ts';
import { podLogs } from '../logs/paths.ts';
import type { PodManager } from '../pods/manager.ts';
import { latest } from '../pods/seen.ts';
import type { Cgroups } from '../resources/cgroups.ts';
import type { ContainerRecord, Counters, Runtime, RuntimeCounters, Sandbox } from '../runtime.ts';
import { type CgroupCounters, cgroupCounters, processOf } from '../usage/cgroup.ts';
import { interfacesOf, type MachineCounters, machineCounters, type NetworkInterface } from '../usage/proc.ts';
import type { Volumes } from '../volumes/manager.ts';

/** Of a cgroup, or what the runtime tells where there is none. */
export type Usage = Counters & Partial<Omit<CgroupCounters, keyof Counters>> & { nanoCores?: number | undefined };

export interface FileSystem {
  capacityBytes: number;
  availableBytes: number;
  inodes: number;
  inodesFree: number;
}

/** What something takes of the file system that it is on. */
export interface Taken extends FileSystem {
  usedBytes: number;
  inodesUsed: number;
}

export interface ContainerFacts {
  record: ContainerRecord;
  /** Below the kernel's mount. */
  cgroup: string;
  usage: Usage | undefined;
  rootfs: Taken | undefined;
  logs: Taken | undefined;
}

export interface PodFacts {
  pod: Pod;
  sandbox: Sandbox | undefined;
  cgroup: string;
  usage: Usage | undefined;
  interfaces: readonly NetworkInterface[];
  containers: readonly ContainerFacts[];
  volumes: readonly (Taken & { name: string })[];
}

export interface Facts {
  atMs: number;
  machine: MachineCounters | undefined;
  usage: Usage | undefined;
  interfaces: readonly NetworkInterface[];
  nodeFs: Taken | undefined;
  imageFs: Taken | undefined;
  pods: readonly PodFacts[];
}

export interface FactsParts {
  pods: Pick<PodManager, 'pods' | 'worker'>;
  runtime: Pick<Runtime, 'stats' | 'imageUsage'>;
  cgroups: Pick<Cgroups, 'parent'>;
  volumes: Pick<Volumes, 'podDirectory'>;
  /** '' writes none. */
  logsDirectory: string;
  /** Its file system is the node's. '' counts nothing of the machine: the node is simulated. */
  stateDir: string;
  clock: Clock;
}

const freshMs = 1000;
const directoriesFreshMs = 60_000;
const podsAtOnceMax = 16;
const entriesMax = 200_000;
/** Rates are taken over at least so long. */
const rateMs = 5000;

interface Rate {
  atMs: number;
  cpuNanoseconds: number;
  nanoCores: number | undefined;
}

export class FactsGatherer {
  readonly #p: FactsParts;
  #facts: { atMs: number; full: boolean; value: Promise<Facts> } | undefined;
  #rates = new Map<string, Rate>();
  #sizes = new Map<string, { atMs: number; size: Promise<{ bytes: number; inodes: number }> }>();

  constructor(parts: FactsParts) {
    this.#p = parts;
  }

  /** `full`: with networks, file systems and volumes. */
  gather(full: boolean): Promise<Facts> {
    const atMs = this.#p.clock.now();
    const known = this.#facts;
    if (known && (known.full || !full) && Math.abs(atMs - known.atMs) < freshMs) return known.value;
    const value = this.#gather(full);
    this.#facts = { atMs, full, value };
    value.catch(() => {
      if (this.#facts?.value === value) this.#facts = undefined;
    });
    return value;
  }

  async #gather(full: boolean): Promise<Facts> {
    const { pods, runtime, cgroups, stateDir, clock } = this.#p;
    const real = stateDir !== '';
    const list = pods.pods();
    // The kernel is asked first: the runtime would ask a process of each container.
    const asked = full || list.some((pod) => cgroups.parent(pod) === '');
    const [stats, machine, interfaces, nodeFs, image] = await Promise.all([
      asked ? runtime.stats() : { containers: [], sandboxes: [] },
      real ? machineCounters() : undefined,
      real && full ? interfacesOf('self') : [],
      real && full ? fileSystem(stateDir) : undefined,
      full ? runtime.imageUsage().catch(() => undefined) : undefined,
    ]);
    const imageFs = image && ((await fileSystem(image.mountpoint)) ?? nodeFs);
    const all: PodFacts[] = [];
    for (let i = 0; i < list.length; i += podsAtOnceMax)
      all.push(
        ...(await Promise.all(
          list.slice(i, i + podsAtOnceMax).map((pod) => this.#pod(pod, stats, imageFs, nodeFs, full)),
        )),
      );
    const atMs = clock.now();
    const usage = machine && this.#rated('', { atMs, ...machine });
    const seen = new Set(['', ...all.flatMap((p) => [p.pod.metadata.uid, ...p.containers.map((c) => c.record.id)])]);
    for (const key of this.#rates.keys()) if (!seen.has(key)) this.#rates.delete(key);
    for (const [key, { atMs: at }] of this.#sizes) if (atMs - at > 2 * directoriesFreshMs) this.#sizes.delete(key);
    return {
      atMs,
      machine,
      usage,
      interfaces,
      nodeFs: nodeFs && taken(nodeFs, nodeFs.capacityBytes - nodeFs.freeBytes, nodeFs.inodes - nodeFs.inodesFree),
      imageFs: image && imageFs && taken(imageFs, image.bytes, image.inodes),
      pods: all,
    };
  }

  async #pod(
    pod: Pod,
    stats: RuntimeCounters,
    imageFs: FileSystem | undefined,
    nodeFs: FileSystem | undefined,
    full: boolean,
  ): Promise<PodFacts> {
    const { cgroups, volumes, logsDirectory } = this.#p;
    const { uid } = pod.metadata;
    const state = this.#p.pods.worker(uid)?.state;
    const records = [...(state?.containers.values() ?? [])];
    const running = records.filter((r) => r.state === 'running' && latest({ containers: records }, r.name) === r);
    const sandbox = state?.sandboxes[0];
    const cgroup = cgroups.parent(pod);
    const containers = await Promise.all(
      running.map(async (record): Promise<ContainerFacts> => {
        const own = stats.containers.find((s) => s.id === record.id);
        const at = cgroup && path.posix.join(cgroup, record.id);
        const logs = path.join(podLogs(logsDirectory, pod.metadata), record.name);
        return {
          record,
          cgroup: at,
          usage: await this.#usage(record.id, at, own),
          rootfs:
            full && imageFs && own?.writtenBytes !== undefined
              ? taken(imageFs, own.writtenBytes, own.writtenInodes ?? 0)
              : undefined,
          logs: full && nodeFs && logsDirectory ? await this.#directory(logs, nodeFs) : undefined,
        };
      }),
    );
    const pid = full && sandbox?.ready && containers[0]?.cgroup ? await processOf(containers[0].cgroup) : undefined;
    const directory = volumes.podDirectory(uid);
    const sized =
      full && nodeFs && directory && sandbox?.ready ? (pod.spec?.volumes ?? []).filter((v) => v.emptyDir) : [];
    return {
      pod,
      sandbox,
      cgroup,
      usage: await this.#usage(
        uid,
        cgroup,
        stats.sandboxes.find((s) => s.id === sandbox?.id),
      ),
      // What is on the host's network has none of its own.
      interfaces: pid !== undefined && !pod.spec?.hostNetwork ? await interfacesOf(pid) : [],
      containers,
      volumes: await Promise.all(
        sized.map(async (v) => ({
          name: v.name,
          ...(await this.#directory(path.join(directory, 'volumes', 'kubernetes.io~empty-dir', v.name), nodeFs!)),
        })),
      ),
    };
  }

  async #usage(key: string, cgroup: string, told: Counters | undefined): Promise<Usage | undefined> {
    const counted = cgroup ? await cgroupCounters(cgroup) : undefined;
    const usage: Usage | undefined = counted ? { atMs: this.#p.clock.now(), ...counted } : told;
    return usage && this.#rated(key, usage);
  }

  #rated(key: string, usage: Usage): Usage {
    const { atMs, cpuNanoseconds } = usage;
    if (cpuNanoseconds === undefined) return usage;
    const before = this.#rates.get(key);
    const elapsedMs = before ? atMs - before.atMs : 0;
    if (!before || elapsedMs >= rateMs || elapsedMs < 0 || cpuNanoseconds < before.cpuNanoseconds) {
      const grown = before && elapsedMs > 0 ? cpuNanoseconds - before.cpuNanoseconds : -1;
      const nanoCores = grown >= 0 ? Math.round((grown * 1000) / elapsedMs) : undefined;
      this.#rates.set(key, { atMs, cpuNanoseconds, nanoCores });
      return { ...usage, nanoCores };
    }
    return { ...usage, nanoCores: before.nanoCores };
  }

  async #directory(directory: string, on: FileSystem): Promise<Taken> {
    const atMs = this.#p.clock.now();
    let known = this.#sizes.get(directory);
    if (!known || atMs - known.atMs > directoriesFreshMs) {
      known = { atMs, size: sizeOf(directory) };
      this.#sizes.set(directory, known);
    }
    const { bytes, inodes } = await known.size;
    return taken(on, bytes, inodes);
  }
}

const taken = (
  { capacityBytes, availableBytes, inodes, inodesFree }: FileSystem,
  usedBytes: number,
  inodesUsed: number,
): Taken => ({
  capacityBytes,
  availableBytes,
  inodes,
  inodesFree,
  usedBytes,
  inodesUsed,
});

async function fileSystem(directory: string): Promise<(FileSystem & { freeBytes: number }) | undefined> {
  const s = await fs.statfs(directory).catch(() => undefined);
  return (
    s && {
      capacityBytes: s.blocks * s.bsize,
      availableBytes: s.bavail * s.bsize,
      freeBytes: s.bfree * s.bsize,
      inodes: s.files,
      inodesFree: s.ffree,
    }
  );
}

/** As `du`: what is allocated. No link is followed; a very large tree is counted in part, and no directory is in memory as a whole. */
async function sizeOf(directory: string): Promise<{ bytes: number; inodes: number }> {
  const size = { bytes: 0, inodes: 0 };
  const count = async (at: string): Promise<void> => {
    const stat = await fs.lstat(at).catch(() => undefined);
    size.bytes += (stat?.blocks ?? 0) * 512;
    size.inodes += stat ? 1 : 0;
  };
  const waiting = [directory];
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
    await count(at);
    try {
      for await (const entry of await fs.opendir(at, { bufferSize: 256 })) {
        if (size.inodes + waiting.length >= entriesMax) return size;
        if (entry.isDirectory()) waiting.push(path.join(at, entry.name));
        else await count(path.join(at, entry.name));
      }
    } catch {
      // It went meanwhile.
    }
  }
  return size;
}
