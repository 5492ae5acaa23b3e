// What nodes and their pods use, asked of the nodes' links when somebody wants to know: all at once, with one limit of time for
// all, and whoever asks meanwhile gets the same answers. Nothing is kept.
import type { NodeUsageRates, PodOnNode, PodUsage, UsageRate, UsageReader } from '../../machinery/usage.ts';
import type { Timers } from '../../ports/index.ts';

/** Links that are asked at once. */
const askedAtOnceMax = 100;
/** How long a reader waits; a node that has not answered by then is left out. */
const waitMs = 3_000;

export class Usage implements UsageReader {
  readonly #timers: Timers;
  readonly #ask: (node: string) => Promise<NodeUsageRates | undefined>;
  readonly #asking = new Map<string, Promise<NodeUsageRates | undefined>>();

  /** `ask` may reject, or never answer. */
  constructor(timers: Timers, ask: (node: string) => Promise<NodeUsageRates | undefined>) {
    this.#timers = timers;
    this.#ask = ask;
  }

  async ofNodes(names: readonly string[]): Promise<(UsageRate | undefined)[]> {
    const rates = await this.#of(names);
    return names.map((name) => rates.get(name)?.node);
  }

  async ofPods(pods: readonly PodOnNode[]): Promise<(PodUsage | undefined)[]> {
    const nodes = new Set(pods.map(({ node }) => node).filter((node) => node !== ''));
    const rates = await this.#of([...nodes]);
    const byNode = new Map([...rates].map(([node, of]) => [node, new Map(of.pods.map((pod) => [pod.uid, pod]))]));
    return pods.map(({ uid, node }) => byNode.get(node)?.get(uid));
  }

  async #of(nodes: readonly string[]): Promise<ReadonlyMap<string, NodeUsageRates>> {
    const found = new Map<string, NodeUsageRates>();
    const waiting = [...nodes];
    const limit = this.#limit();
    let over = false;
    const work = async (): Promise<void> => {
      for (let node = waiting.pop(); node !== undefined && !over; node = waiting.pop()) {
        const rates = await this.#once(node);
        if (rates && !over) found.set(node, rates);
      }
    };
    await limit(Promise.all(Array.from({ length: Math.min(askedAtOnceMax, nodes.length) }, work)));
    over = true;
    return found;
  }

  /** Never rejects. */
  #once(node: string): Promise<NodeUsageRates | undefined> {
    const asked = this.#asking.get(node);
    if (asked) return asked;
    const answer = this.#limit()(this.#ask(node)).catch(() => undefined);
    this.#asking.set(node, answer);
    return answer.finally(() => this.#asking.delete(node));
  }

  /** From now on: resolves with what comes, or without it. */
  #limit(): <T>(work: Promise<T>) => Promise<T | undefined> {
    let cancel = (): void => {};
    const over = new Promise<undefined>((resolve) => {
      cancel = this.#timers.after(waitMs, () => resolve(undefined));
    });
    return (work) => Promise.race([work, over]).finally(cancel);
  }
}
