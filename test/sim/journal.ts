// What really happened: every commit of the ledger, taken where it is made. Everything that the cluster says or does is
// held against it. Checks at once what must hold at every moment: revisions without a gap, nodes within their capacity,
// no container twice.
import type { Pod } from '../../src/generated/schemas/core-v1.ts';
import type { Change } from '../../src/ledger/types.ts';
import { asBytes, toNumberMilli } from '../../src/machinery/quantity.ts';
import type { SimulatedCluster } from '../harness/cluster.ts';

export interface Entry {
  revision: number;
  type: 'put' | 'delete';
  key: string;
  created: boolean;
}

interface Capacity {
  cpuMilli: number;
  memoryBytes: number;
  pods: number;
}

interface Placed extends Capacity {
  node: string;
}

// biome-ignore lint/suspicious/noExplicitAny: objects of every kind
export type Live = any;

export class Journal {
  readonly entries: Entry[] = [];
  /** Everything that is there, by ledger key. */
  readonly live = new Map<string, Live>();
  readonly #placed = new Map<string, Placed>();
  readonly #fail: (text: string) => void;
  #revision = 0;

  constructor(fail: (text: string) => void) {
    this.#fail = fail;
  }

  get revision(): number {
    return this.#revision;
  }

  committed(changes: readonly Change[]): void {
    for (const { type, key, revision, createRevision, value } of changes) {
      if (revision !== this.#revision + 1) this.#fail(`revision ${revision} follows ${this.#revision}`);
      this.#revision = revision;
      this.entries.push({ revision, type, key, created: type === 'put' && createRevision === revision });
      if (key.startsWith('tiffin.dev/')) continue;
      if (type === 'delete') this.live.delete(key);
      else this.live.set(key, JSON.parse(`{${value}`));
      if (key.startsWith('pods/')) this.#placedPod(key, type === 'delete' ? undefined : this.live.get(key));
    }
  }

  of<T = Live>(resource: string): T[] {
    return [...this.live].flatMap(([key, object]) => (key.startsWith(`${resource}/`) ? [object as T] : []));
  }

  #placedPod(key: string, pod: Pod | undefined): void {
    const before = this.#placed.get(key);
    const node = pod?.spec?.nodeName;
    const ended = pod?.status?.phase === 'Succeeded' || pod?.status?.phase === 'Failed';
    if (!pod || !node || ended) {
      this.#placed.delete(key);
      return;
    }
    if (before?.node === node) return;
    if (before && this.live.get(key)?.metadata.uid === pod.metadata.uid && before.node !== node)
      this.#fail(`${key} moved from ${before.node} to ${node}`);
    this.#placed.set(key, { node, ...requestsOf(pod) });
    const room = this.live.get(`nodes/${node}`)?.status?.allocatable;
    if (!room) return;
    const used = this.used(node);
    if (
      used.pods > Number(room.pods) ||
      used.cpuMilli > toNumberMilli(room.cpu) ||
      used.memoryBytes > asBytes(room.memory)
    )
      this.#fail(`${node} holds more than it can: ${JSON.stringify(used)} of ${JSON.stringify(room)}, with ${key}`);
  }

  used(node: string): Capacity {
    const sum: Capacity = { cpuMilli: 0, memoryBytes: 0, pods: 0 };
    for (const placed of this.#placed.values()) {
      if (placed.node !== node) continue;
      sum.cpuMilli += placed.cpuMilli;
      sum.memoryBytes += placed.memoryBytes;
      sum.pods++;
    }
    return sum;
  }
}

export function requestsOf(pod: Pod): Capacity {
  let cpuMilli = 0;
  let memoryBytes = 0;
  for (const container of pod.spec?.containers ?? []) {
    cpuMilli += toNumberMilli(container.resources?.requests?.cpu ?? '0');
    memoryBytes += asBytes(container.resources?.requests?.memory ?? '0');
  }
  return { cpuMilli, memoryBytes, pods: 1 };
}

/** No two containers of the same name run for the same pod, on whatever nodes. To be asked whenever one has started. */
export async function checkNotTwice(cluster: SimulatedCluster, node: string, id: string): Promise<string | undefined> {
  const all = await Promise.all(
    cluster.nodes.map(async ({ name, runtime }) =>
      ((await runtime?.list())?.containers ?? []).map((container) => ({ ...container, node: name })),
    ),
  );
  const running = all.flat().filter(({ state }) => state === 'running');
  const mine = running.find((container) => container.node === node && container.id === id);
  if (!mine) return undefined;
  const twins = running.filter(({ podUid, name }) => podUid === mine.podUid && name === mine.name);
  return twins.length > 1
    ? `container ${mine.name} of pod ${mine.podUid} runs ${twins.length} times: ${twins.map((t) => `${t.node}/${t.id.slice(0, 8)} attempt ${t.attempt}`).join(', ')}`
    : undefined;
}
