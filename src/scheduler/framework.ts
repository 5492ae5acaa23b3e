// What scheduler plugins see and say: a pod with its requests worked out, nodes with what their pods take. Read-only.
import type { Node, Pod } from '../generated/schemas/core-v1.ts';
import type { PodAffinities } from './affinity.ts';
import type { Resources } from './resources.ts';

export interface HostPort {
  ip: string;
  protocol: string;
  port: number;
}

/** A pod and what it costs, worked out once. */
export interface PodInfo {
  readonly pod: Pod;
  readonly requests: Resources;
  /** For scoring: containers that request nothing count as upstream's defaults (100m, 200 MB). */
  readonly scored: { readonly milliCpu: number; readonly memory: number };
  readonly hostPorts: readonly HostPort[];
  readonly affinities: PodAffinities | undefined;
  /** The controller's uid, if any: replicas of one owner are spread. */
  readonly ownerUid: string | undefined;
}

/** A node and its pods, those included that are assumed to be bound. */
export interface NodeInfo {
  readonly name: string;
  readonly node: Node;
  readonly allocatable: Resources;
  readonly requested: Resources;
  readonly scored: { readonly milliCpu: number; readonly memory: number };
  readonly pods: ReadonlyMap<string, PodInfo>;
  /** Those of its pods that have affinities, by uid. */
  readonly affine: ReadonlyMap<string, PodInfo>;
  /** Controller's uid → its pods here, the terminating ones left out. */
  readonly owners: ReadonlyMap<string, number>;
}

/** The cluster as the scheduler sees it; planning cannot change it. */
export interface Snapshot {
  readonly nodes: readonly NodeInfo[];
}

/** Why a node is out. `unresolvable`: no other pod's departure would help (upstream's UnschedulableAndUnresolvable). */
export interface Rejection {
  reasons: string[];
  unresolvable: boolean;
  /** A change of another node's pods may lift it. */
  elsewhere?: true;
}

/** One file in plugins/, its default export: it filters, scores, or both. */
export interface Plugin {
  /** Upstream's plugin name. */
  readonly name: string;
  /** Filters run in this order, upstream's; the first that refuses a node gives the reason. */
  readonly order: number;
  /** Names of the only nodes that come into question, when the pod alone says so. */
  preFilter?(pod: PodInfo): ReadonlySet<string> | undefined;
  filter?(pod: PodInfo, node: NodeInfo): Rejection | undefined;
  /** A filter that looks at the whole cluster first; undefined when it has nothing to say about this pod. */
  prepare?(pod: PodInfo, snapshot: Snapshot): ((node: NodeInfo) => Rejection | undefined) | undefined;
  /** Of its scores; default 1. */
  readonly weight?: number;
  /** One score per node, 0 to 100; undefined when the plugin has nothing to say about this pod. */
  score?(pod: PodInfo, nodes: readonly NodeInfo[], snapshot: Snapshot): number[] | undefined;
}

export const scoreMax = 100;

/** Scales scores so that the highest is 100 (upstream's DefaultNormalizeScore); `reverse`: the highest becomes 0. */
export function normalize(scores: readonly number[], reverse = false): number[] {
  const most = Math.max(0, ...scores);
  if (most === 0) return scores.map(() => (reverse ? scoreMax : 0));
  return scores.map((score) => {
    const scaled = Math.floor((scoreMax * score) / most);
    return reverse ? scoreMax - scaled : scaled;
  });
}
