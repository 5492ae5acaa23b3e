// What the node and its running containers use, as it goes out with polls. A poll waits for nothing: it takes what was read while
// the one before was out, and begins the next reading if the last is old enough. Nothing ticks.

import type { Clock } from '../../src/ports/index.ts';
import { type NodeUsage, sampledContainersMax, type UsageSample } from '../../src/protocol/usage.ts';
import type { Counters } from '../runtime.ts';
import type { CounterReader, Running } from './counters.ts';

/** Between two readings, at least: a little less than a heartbeat, so that each poll of a quiet node begins one. */
export const sampleEveryMs = 7_500;

export interface SamplerOptions {
  clock: Clock;
  counters: CounterReader;
  running(): Iterable<Running>;
}

export class Sampler {
  readonly #o: SamplerOptions;
  #begunMs = Number.NEGATIVE_INFINITY;
  #reading = false;
  #ready: NodeUsage | undefined;

  constructor(options: SamplerOptions) {
    this.#o = options;
  }

  /** What was read since the last call; undefined: nothing, or nobody counts what this node uses. */
  take(): NodeUsage | undefined {
    const now = this.#o.clock.now();
    // A clock that was set back must not end the samples.
    const due = now < this.#begunMs || now - this.#begunMs >= sampleEveryMs;
    if (due && !this.#reading) {
      this.#begunMs = now;
      this.#reading = true;
      const reading = this.#read().catch(() => undefined);
      void reading.then((usage) => {
        this.#ready = usage;
        this.#reading = false;
      });
    }
    const ready = this.#ready;
    this.#ready = undefined;
    return ready;
  }

  async #read(): Promise<NodeUsage | undefined> {
    const { counters } = this.#o;
    const running = [...this.#o.running()].slice(0, sampledContainersMax);
    const [machine, found] = await Promise.all([counters.node(), counters.containers(running)]);
    const node = sampleOf(machine);
    if (!node) return undefined;
    const containers = running.flatMap(({ pod, container }) => {
      const sample = sampleOf(found.get(container.id));
      const { namespace = '', name, uid } = pod.metadata;
      const of = { podUid: uid, namespace, pod: name, container: container.name, startedAtMs: container.startedAtMs };
      return sample ? [{ ...sample, ...of }] : [];
    });
    return { node, containers };
  }
}

function sampleOf(counters: Counters | undefined): UsageSample | undefined {
  const { atMs = 0, cpuNanoseconds, workingSetBytes } = counters ?? {};
  if (cpuNanoseconds === undefined || workingSetBytes === undefined) return undefined;
  return { atMs, cpuNanoseconds, workingSetBytes };
}
