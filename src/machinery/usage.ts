// What a node and its containers use, as rates: what the node's link makes of the samples that the agent reports, and the API
// server shows as metrics.k8s.io.

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
