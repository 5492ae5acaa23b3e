// The kernel's counters, out of the files of cgroups of either version: three small files each, where the runtime would ask a
// process for every container. Of the node as a whole they are those of the root, whose memory version 2 does not count: there
// it is what the machine does not have free.
import fs from 'node:fs/promises';
import path from 'node:path';
import type { Pod } from '../../src/generated/schemas/core-v1.ts';
import type { Clock } from '../../src/ports/index.ts';
import type { Counters } from '../runtime.ts';
import type { CounterReader, Running } from './counters.ts';

export interface KernelCountersOptions {
  clock: Clock;
  /** The cgroup of a pod, below the mount; those of its containers are below it, by their ids. */
  parent(pod: Pod): string;
  mount?: string;
  memoryInfo?: string;
}

/** Cgroups that are read at once. */
const readAtOnceMax = 32;

export class KernelCounters implements CounterReader {
  readonly #o: KernelCountersOptions;
  readonly #mount: string;
  #unified: Promise<boolean> | undefined;

  constructor(options: KernelCountersOptions) {
    this.#o = options;
    this.#mount = options.mount ?? '/sys/fs/cgroup';
  }

  node(): Promise<Counters | undefined> {
    return this.of('/');
  }

  async containers(running: readonly Running[]): Promise<ReadonlyMap<string, Counters>> {
    const found = new Map<string, Counters>();
    for (let i = 0; i < running.length; i += readAtOnceMax)
      await Promise.all(
        running.slice(i, i + readAtOnceMax).map(async ({ pod, container: { id } }) => {
          const counters = await this.of(path.posix.join(this.#o.parent(pod), id));
          if (counters) found.set(id, counters);
        }),
      );
    return found;
  }

  /** Of one cgroup, by its path below the mount. */
  async of(cgroup: string): Promise<Counters | undefined> {
    this.#unified ??= text(path.join(this.#mount, 'cgroup.controllers')).then((found) => found !== undefined);
    return (await this.#unified) ? this.#version2(cgroup) : this.#version1(cgroup);
  }

  async #version1(cgroup: string): Promise<Counters | undefined> {
    const [cpu, usage, memory] = await Promise.all([
      number(path.join(this.#mount, 'cpuacct', cgroup, 'cpuacct.usage')),
      number(path.join(this.#mount, 'memory', cgroup, 'memory.usage_in_bytes')),
      table(path.join(this.#mount, 'memory', cgroup, 'memory.stat')),
    ]);
    return this.#counters(cpu, usage, memory, 'total_', 'rss');
  }

  async #version2(cgroup: string): Promise<Counters | undefined> {
    const at = (file: string): string => path.join(this.#mount, cgroup, file);
    const [cpu, current, memory] = await Promise.all([
      table(at('cpu.stat')),
      number(at('memory.current')),
      table(at('memory.stat')),
    ]);
    const usedUs = cpu?.get('usage_usec');
    const usage = current ?? (cgroup === '/' ? await this.#machineUsage() : undefined);
    return this.#counters(usedUs === undefined ? undefined : usedUs * 1000, usage, memory, '', 'anon');
  }

  #counters(
    cpuNanoseconds: number | undefined,
    usageBytes: number | undefined,
    memory: ReadonlyMap<string, number> | undefined,
    prefix: string,
    rss: string,
  ): Counters | undefined {
    if (cpuNanoseconds === undefined || usageBytes === undefined || !memory) return undefined;
    const of = (field: string): number => memory.get(prefix + field) ?? 0;
    return {
      atMs: this.#o.clock.now(),
      cpuNanoseconds,
      usageBytes,
      workingSetBytes: Math.max(0, usageBytes - of('inactive_file')),
      rssBytes: of(rss),
      pageFaults: of('pgfault'),
      majorPageFaults: of('pgmajfault'),
    };
  }

  async #machineUsage(): Promise<number | undefined> {
    const found = await table(this.#o.memoryInfo ?? '/proc/meminfo');
    const [total, free] = [found?.get('MemTotal:'), found?.get('MemFree:')];
    return total === undefined || free === undefined ? undefined : (total - free) * 1024;
  }
}

const text = (file: string): Promise<string | undefined> => fs.readFile(file, 'utf8').catch(() => undefined);

async function number(file: string): Promise<number | undefined> {
  const value = Number.parseInt((await text(file)) ?? '', 10);
  return Number.isNaN(value) ? undefined : value;
}

/** Lines of a name and a number. */
async function table(file: string): Promise<Map<string, number> | undefined> {
  const lines = (await text(file))?.split('\n');
  return (
    lines &&
    new Map(
      lines.flatMap((line): [string, number][] => {
        const [name, value] = line.split(/\s+/);
        return name && value ? [[name, Number.parseInt(value, 10)]] : [];
      }),
    )
  );
}
