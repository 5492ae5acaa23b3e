// The cluster in memory: nodes, and the pods on each with the sum of what they request. Kept up by the feed, and by the
// scheduler's own assumptions: a pod whose binding is under way counts at once.
// Invariant: a node's `requested` is the sum over its pods. Pods that have ended do not count.
import type { Node, Pod } from '../generated/schemas/core-v1.ts';
import type { NodeInfo, PodInfo, Snapshot } from './framework.ts';
import { add, podInfo, resourcesOf } from './resources.ts';

class NodeState implements NodeInfo {
  readonly name: string;
  /** Undefined while only pods speak of the node. */
  object: Node | undefined;
  allocatable = new Map<string, number>();
  readonly requested = new Map<string, number>();
  readonly scored = { milliCpu: 0, memory: 0 };
  readonly pods = new Map<string, PodInfo>();
  readonly affine = new Map<string, PodInfo>();
  readonly owners = new Map<string, number>();

  constructor(name: string) {
    this.name = name;
  }

  get node(): Node {
    return this.object!;
  }

  place(info: PodInfo, sign: 1 | -1): void {
    add(this.requested, info.requests, sign);
    this.scored.milliCpu += sign * info.scored.milliCpu;
    this.scored.memory += sign * info.scored.memory;
    const { ownerUid } = info;
    if (ownerUid !== undefined && !info.pod.metadata.deletionTimestamp) {
      const count = (this.owners.get(ownerUid) ?? 0) + sign;
      if (count > 0) this.owners.set(ownerUid, count);
      else this.owners.delete(ownerUid);
    }
    const uid = info.pod.metadata.uid;
    if (sign > 0) this.pods.set(uid, info);
    else this.pods.delete(uid);
    if (sign > 0 && info.affinities) this.affine.set(uid, info);
    else this.affine.delete(uid);
  }
}

export function hasEnded(pod: Pod): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
}

export class Cluster implements Snapshot {
  readonly #nodes = new Map<string, NodeState>();
  readonly #placed = new Map<string, { node: NodeState; info: PodInfo }>();
  #list: NodeState[] | undefined;

  get nodes(): readonly NodeInfo[] {
    this.#list ??= [...this.#nodes.values()].filter((state) => state.object);
    return this.#list;
  }

  node(name: string): NodeInfo | undefined {
    const state = this.#nodes.get(name);
    return state?.object ? state : undefined;
  }

  setNode(node: Node): void {
    const state = this.#state(node.metadata.name);
    if (!state.object) this.#list = undefined;
    state.object = node;
    state.allocatable = resourcesOf(node.status?.allocatable);
  }

  removeNode(name: string): void {
    const state = this.#nodes.get(name);
    if (!state) return;
    state.object = undefined;
    this.#list = undefined;
    if (state.pods.size === 0) this.#nodes.delete(name);
  }

  /** The name of the node that this pod takes room on. */
  nodeOf(uid: string): string | undefined {
    return this.#placed.get(uid)?.node.name;
  }

  /** Puts the pod on a node, or updates it there. */
  place(pod: Pod, nodeName: string, info: PodInfo = podInfo(pod)): void {
    this.remove(pod.metadata.uid);
    const node = this.#state(nodeName);
    node.place(info, 1);
    this.#placed.set(pod.metadata.uid, { node, info });
  }

  /** Returns the name of the node that has more room now. */
  remove(uid: string): string | undefined {
    const placed = this.#placed.get(uid);
    if (!placed) return undefined;
    this.#placed.delete(uid);
    placed.node.place(placed.info, -1);
    if (!placed.node.object && placed.node.pods.size === 0) this.#nodes.delete(placed.node.name);
    return placed.node.name;
  }

  #state(name: string): NodeState {
    let state = this.#nodes.get(name);
    if (!state) {
      state = new NodeState(name);
      this.#nodes.set(name, state);
    }
    return state;
  }
}
