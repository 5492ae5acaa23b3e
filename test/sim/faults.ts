// What goes wrong, at random: objects and agents end in the middle of what they do, nodes fall silent, containers die,
// messages get lost, late or come twice, history is compacted.
import type { SimulatedCluster } from '../harness/cluster.ts';
import { noFaults } from '../harness/objects.ts';
import type { SeededRandom } from '../harness/time.ts';

export class FaultMaker {
  readonly #cluster: SimulatedCluster;
  readonly #random: SeededRandom;
  readonly #say: (text: string) => void;

  constructor(cluster: SimulatedCluster, random: SeededRandom, say: (text: string) => void) {
    this.#cluster = cluster;
    this.#random = random;
    this.#say = say;
  }

  act(): void {
    const { apiServer, controllerManager, scheduler, links, nodes, world } = this.#cluster;
    const r = this.#random;
    const node = nodes[r.int(nodes.length)]!;
    const roll = r.int(100);
    if (roll < 14) {
      const host = r.pick([apiServer, controllerManager, controllerManager, scheduler, scheduler])!;
      this.#say(`evict ${host.name}`);
      host.evict();
    } else if (roll < 20) {
      this.#say(`evict the link of ${node.name}`);
      links.get(node.name)?.evict();
    } else if (roll < 32) {
      node.cut = !node.cut;
      this.#say(`${node.name} is ${node.cut ? 'cut off' : 'back'}`);
    } else if (roll < 46) {
      this.#say(`${node.running ? 'kill' : 'start'} the agent of ${node.name}`);
      if (node.running) node.kill();
      else node.start();
    } else if (roll < 54) {
      this.#say(`restart the agent of ${node.name}`);
      node.kill();
      node.start();
    } else if (roll < 74) {
      void this.#crash(node);
    } else if (roll < 94) {
      const level = () => r.pick([0, 0, 0.01, 0.05, 0.2])!;
      world.faults = { lost: level(), late: level(), twice: level() };
      this.#say(`faults: ${JSON.stringify(world.faults)}`);
    } else {
      const { instance } = apiServer.enter();
      const revision = instance.ledger.revision - r.int(20);
      this.#say(`compact at ${revision}`);
      if (revision > instance.ledger.compactedRevision) instance.ledger.compact(revision);
    }
  }

  /** Everything is well from now on. */
  end(): void {
    this.#cluster.world.faults = noFaults;
    for (const node of this.#cluster.nodes) {
      node.cut = false;
      if (!node.running) node.start();
    }
  }

  async #crash(node: SimulatedCluster['nodes'][number]): Promise<void> {
    const running = ((await node.runtime?.list())?.containers ?? []).filter(({ state }) => state === 'running');
    const container = this.#random.pick(running);
    if (!container) return;
    this.#say(`kill container ${container.name} of pod ${container.podUid} on ${node.name}`);
    node.runtime?.crash(container.id);
  }
}
