// The last samples of what a node and its containers use, in memory, and the rates that follow from them: as metrics-server
// takes them, of the two latest samples that are far enough apart, or of a container's start and its first sample. A pod of which
// some container has no rate yet is left out. Whatever an agent says, no more is kept than a few samples of bounded size.
import type { NodeUsageRates, PodUsage, UsageRate } from '../machinery/usage.ts';
import type { Clock } from '../ports/index.ts';
import { type ContainerUsage, type NodeUsage, nodeUsage, type UsageSample } from '../protocol/usage.ts';

/** Rates of a shorter time say little. */
const windowMinMs = 5_000;
/** A container's start counts as its first sample from this age on, up to that one: later it would be an average over its life. */
const freshMinMs = 10_000;
const freshMaxMs = 60_000;
/** What is older says nothing of now: the agent is silent, or of another version. */
const staleMs = 120_000;
const samplesMax = 3;

export class UsageHistory {
  readonly #clock: Clock;
  /** Oldest first. */
  #samples: NodeUsage[] = [];
  #heardMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** What came with a poll; what is no sample, or not newer than the last one, is ignored. */
  add(given: unknown): void {
    if (given === undefined) return;
    const parsed = nodeUsage.safeParse(given);
    if (!parsed.success) return;
    const sample = parsed.data;
    const last = this.#samples.at(-1);
    if (last && sample.node.atMs === last.node.atMs) return;
    // The node's clock was set back, or it restarted and counts anew: what was before says nothing any more.
    const anew = last && (sample.node.atMs < last.node.atMs || sample.node.cpuNanoseconds < last.node.cpuNanoseconds);
    this.#samples = [...(anew ? [] : this.#samples), sample].slice(-samplesMax);
    this.#heardMs = this.#clock.now();
  }

  /** Empty while nothing is known. */
  rates(): NodeUsageRates {
    const last = this.#samples.at(-1);
    if (!last || this.#clock.now() - this.#heardMs > staleMs) return { pods: [] };
    const before = this.#samples.findLast(({ node }) => last.node.atMs - node.atMs >= windowMinMs);
    const node = before && rateOf(last.node, before.node);
    const earlier = new Map((before?.containers ?? []).map((one) => [keyOf(one), one]));
    const pods = new Map<string, PodUsage>();
    const incomplete = new Set<string>();
    // Of what is said twice the last counts.
    for (const [key, container] of new Map(last.containers.map((one) => [keyOf(one), one]))) {
      const { podUid: uid, namespace, pod: name } = container;
      const rate = containerRate(container, earlier.get(key));
      if (!rate) incomplete.add(uid);
      const pod = pods.get(uid) ?? { namespace, name, uid, containers: [] };
      if (rate) pod.containers.push({ name: container.container, ...rate });
      pods.set(uid, pod);
    }
    return { ...(node ? { node } : {}), pods: [...pods.values()].filter(({ uid }) => !incomplete.has(uid)) };
  }
}

const keyOf = ({ podUid, container }: ContainerUsage): string => `${podUid}/${container}`;

function containerRate(last: ContainerUsage, before: ContainerUsage | undefined): UsageRate | undefined {
  if (before && before.startedAtMs === last.startedAtMs) return rateOf(last, before);
  const ageMs = last.atMs - last.startedAtMs;
  if (ageMs < freshMinMs || ageMs > freshMaxMs) return undefined;
  return rateOf(last, { atMs: last.startedAtMs, cpuNanoseconds: 0 });
}

function rateOf(last: UsageSample, before: Pick<UsageSample, 'atMs' | 'cpuNanoseconds'>): UsageRate | undefined {
  const windowMs = last.atMs - before.atMs;
  const used = last.cpuNanoseconds - before.cpuNanoseconds;
  if (windowMs <= 0 || used < 0) return undefined;
  return {
    atMs: last.atMs,
    windowMs,
    cpuNanocores: Math.floor((used * 1000) / windowMs),
    memoryBytes: Math.floor(last.workingSetBytes),
  };
}
