// What simulated containers and nodes use: the same for the same name, plausible beside others, and steady. Pods may say
// otherwise in their annotations (see index.ts).
import type { Counters, Runtime } from '../runtime.ts';
import type { CounterReader, Running } from '../usage/counters.ts';

const mib = 1024 ** 2;
/** What a machine uses when it runs nothing. */
const idle = { milli: 150, bytes: 6 * 1024 * mib };

/** Thousandths of a core and bytes of a container, by its pod's name and its own. */
export function plausibleUse(pod: string, container: string): { milli: number; bytes: number } {
  // FNV-1a.
  let hash = 0x811c9dc5;
  for (const char of `${pod}/${container}`) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  return { milli: 1 + (hash % 50), bytes: (8 + ((hash >>> 8) % 120)) * mib };
}

export class SimulatedCounters implements CounterReader {
  readonly #runtime: Pick<Runtime, 'stats'>;
  readonly #bootMs: number;
  readonly #now: () => number;
  /** CPU time by container, as it was seen last, and of those that are gone. */
  #seen = new Map<string, number>();
  #spent = 0;

  constructor(runtime: Pick<Runtime, 'stats'>, now: () => number) {
    this.#runtime = runtime;
    this.#now = now;
    this.#bootMs = now();
  }

  async node(): Promise<Counters> {
    const { containers } = await this.#runtime.stats();
    const now = new Map(containers.map(({ id, cpuNanoseconds = 0 }) => [id, cpuNanoseconds]));
    for (const [id, nanoseconds] of this.#seen) if (!now.has(id)) this.#spent += nanoseconds;
    this.#seen = now;
    const nowMs = this.#now();
    const bytes = containers.reduce((sum, { workingSetBytes = 0 }) => sum + workingSetBytes, idle.bytes);
    return {
      atMs: nowMs,
      cpuNanoseconds:
        (nowMs - this.#bootMs) * idle.milli * 1000 + this.#spent + [...now.values()].reduce((a, b) => a + b, 0),
      usageBytes: bytes,
      workingSetBytes: bytes,
      rssBytes: bytes,
    };
  }

  async containers(running: readonly Running[]): Promise<ReadonlyMap<string, Counters>> {
    if (running.length === 0) return new Map();
    return new Map((await this.#runtime.stats()).containers.map((counters) => [counters.id, counters]));
  }
}
