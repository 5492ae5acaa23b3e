// What a node and its containers use, as rates: what a node's link makes of the samples that the agent reports, and who reads
// them (metrics.k8s.io, autoscalers).

export interface UsageRate {
  /** End of the window that the CPU's rate is of; memory is of this time. */
  atMs: number;
  windowMs: number;
  /** Thousand millionths of a core. */
  cpuNanocores: number;
  memoryBytes: number;
}

/** A pod with all its containers that run. */
export interface PodUsage {
  namespace: string;
  name: string;
  uid: string;
  containers: (UsageRate & { name: string })[];
}

export interface NodeUsageRates {
  /** Absent: not known yet. */
  node?: UsageRate;
  pods: PodUsage[];
}

export interface PodOnNode {
  uid: string;
  /** '': it has none. */
  node: string;
}

/** In the order of what is asked for; undefined: not known, as of what began just now, or of a node that does not answer. */
export interface UsageReader {
  ofNodes(names: readonly string[]): Promise<(UsageRate | undefined)[]>;
  /** A node is believed about pods that are said to be on it, and about no others. */
  ofPods(pods: readonly PodOnNode[]): Promise<(PodUsage | undefined)[]>;
}
