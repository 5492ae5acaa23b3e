// The kernel's counters, out of cgroups: three small files each, where the runtime would ask a process for every container. Of the
// node as a whole they are those of the root, whose memory version 2 does not count: there it is what the machine does not have free.
import fs from 'node:fs/promises';
import path from 'node:path';
import type { Pod } from '../../src/generated/schemas/core-v1.ts';
import type { Clock } from '../../src/ports/index.ts';
import type { Counters } from '../runtime.ts';
import { cgroupUsage } from './cgroup.ts';
import type { CounterReader, Running } from './counters.ts';
import { memoryInfo } from './proc.ts';

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

  constructor(options: KernelCountersOptions) {
    this.#o = options;
  }

  node(): Promise<Counters | undefined> {
    return this.#of('/', () => this.#machineUsage());
  }

  async containers(running: readonly Running[]): Promise<ReadonlyMap<string, Counters>> {
    const found = new Map<string, Counters>();
    for (let i = 0; i < running.length; i += readAtOnceMax)
      await Promise.all(
        running.slice(i, i + readAtOnceMax).map(async ({ pod, container: { id } }) => {
          const counters = await this.#of(path.posix.join(this.#o.parent(pod), id));
          if (counters) found.set(id, counters);
        }),
      );
    return found;
  }

  async #of(cgroup: string, otherwise?: () => Promise<number | undefined>): Promise<Counters | undefined> {
    const usage = await cgroupUsage(cgroup, this.#o.mount, otherwise);
    return usage && { atMs: this.#o.clock.now(), ...usage };
  }

  async #machineUsage(): Promise<number | undefined> {
    const text = await fs.readFile(this.#o.memoryInfo ?? '/proc/meminfo', 'utf8').catch(() => '');
    const { MemTotal, MemFree } = memoryInfo(text);
    return MemTotal === undefined || MemFree === undefined ? undefined : MemTotal - MemFree;
  }
}
