// Brings the node's network to what the snapshot says: prepared once the node is known, applied after each change, tried again
// until it works. Knows which revision of Services and endpoints is in effect.
import type { Log, Timers } from '../src/ports/index.ts';
import type { ClusterInfo } from '../src/protocol/node.ts';
import type { Store } from './link/store.ts';
import type { NodeNetwork } from './network/types.ts';

export interface NetworkApplierOptions {
  network: NodeNetwork;
  store: Store;
  timers: Timers;
  log: Log;
  cluster(): ClusterInfo;
  /** The packet filter follows a change that somebody may wait for. */
  acknowledge(): void;
}

const retryMs = 1000;
const acknowledgedResources = ['services', 'endpointslices.discovery.k8s.io'];
const resources = ['services', 'endpointslices.discovery.k8s.io', 'nodes', 'pods'];

export class NetworkApplier {
  /** Revision up to which Services and endpoints are in effect. */
  serviceRevision = 0;
  readonly #o: NetworkApplierOptions;
  #podCidr: string | undefined;
  #started = false;
  #dirty = false;
  #acknowledge = false;
  #busy = false;
  #stopped = false;

  constructor(options: NetworkApplierOptions) {
    this.#o = options;
  }

  stop(): void {
    this.#stopped = true;
  }

  /** Whether the node has been given another pod network than the one that is set up. */
  get outdated(): boolean {
    return this.#o.store.node()?.spec?.podCIDR !== this.#podCidr;
  }

  /** Until this has worked no pod gets a network. */
  async prepare(): Promise<void> {
    const { network, store, timers, log, cluster } = this.#o;
    try {
      if (!this.#started) await network.start(cluster());
      this.#started = true;
      const cidr = store.node()?.spec?.podCIDR;
      if (cidr && cidr !== this.#podCidr) {
        await network.setPodCidr(cidr);
        this.#podCidr = cidr;
      }
    } catch (error) {
      log.error('network not prepared', { error: String(error) });
      timers.after(retryMs, () => !this.#stopped && void this.prepare());
    }
  }

  /** The snapshot has moved; `touched` names the resources in which. */
  moved(touched: ReadonlySet<string>, reset: boolean): void {
    if (reset || resources.some((r) => touched.has(r))) this.#dirty = true;
    if (reset || acknowledgedResources.some((r) => touched.has(r))) this.#acknowledge = true;
    void this.#apply();
  }

  async #apply(): Promise<void> {
    const { network, store, timers, log } = this.#o;
    if (this.#busy) return;
    if (!this.#dirty) {
      this.serviceRevision = store.revision;
      return;
    }
    this.#busy = true;
    try {
      while (this.#dirty && !this.#stopped) {
        this.#dirty = false;
        const { revision } = store;
        await network.apply(store.network());
        this.serviceRevision = revision;
      }
      this.serviceRevision = store.revision;
      if (this.#acknowledge) this.#o.acknowledge();
      this.#acknowledge = false;
    } catch (error) {
      log.error('network not applied', { error: String(error) });
      this.#dirty = true;
      timers.after(retryMs, () => void this.#apply());
    } finally {
      this.#busy = false;
    }
  }
}
