// What the node and its running containers use, as it goes out with a poll: read then, and only if the last sample is old
// enough. Nothing ticks, and nothing is kept but the time.

import type { Clock } from '../../src/ports/index.ts';
import { type NodeUsage, sampledContainersMax, type UsageSample } from '../../src/protocol/usage.ts';
import type { Counters } from '../runtime.ts';
import type { CounterReader, Running } from './counters.ts';

/** Between two samples, at least. */
export const sampleEveryMs = 10_000;

export interface SamplerOptions {
  clock: Clock;
  counters: CounterReader;
  running(): Iterable<Running>;
}

export class Sampler {
  readonly #o: SamplerOptions;
  #takenMs = Number.NEGATIVE_INFINITY;

  constructor(options: SamplerOptions) {
    this.#o = options;
  }

  /** Undefined: it is too early, or nobody counts what this node uses. Never rejects. */
  async take(): Promise<NodeUsage | undefined> {
    const { clock, counters } = this.#o;
    const now = clock.now();
    // A clock that was set back must not end the samples.
    if (now >= this.#takenMs && now - this.#takenMs < sampleEveryMs) return undefined;
    this.#takenMs = now;
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
