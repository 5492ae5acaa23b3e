// What the agent's core asks of the node's network. One implementation for real nodes (nftables, CNI, DNS, the API inside
// pods), one that does nothing for simulated ones.
import type { Node, Pod, Service } from '../../src/generated/schemas/core-v1.ts';
import type { EndpointSlice } from '../../src/generated/schemas/discovery-v1.ts';
import type { ClusterInfo } from '../../src/protocol/node.ts';

/** Everything that routing and name resolution derive from; complete each time. */
export interface NetworkView {
  services: readonly Service[];
  slices: readonly EndpointSlice[];
  /** All nodes: their addresses and pod CIDRs become routes. */
  nodes: readonly Node[];
  /** Pods of this node (for host names, host ports). */
  pods: readonly Pod[];
}

export interface NodeNetwork {
  /** Prepares the kernel (sysctls, addresses, tables), DNS and the API endpoint inside pods. Idempotent. */
  start(cluster: ClusterInfo): Promise<void>;
  /** Writes the CNI configuration; until then no pod can start. Idempotent. */
  setPodCidr(cidr: string): Promise<void>;
  /** Resolves once the packet filter, the routes and the resolver follow this view. Calls are serialised; only the newest waiting view is applied. */
  apply(view: NetworkView): Promise<void>;
  /** Stops listeners; with `purge` also removes tables, routes, addresses and bridges. */
  stop(purge: boolean): Promise<void>;
  /** The resolver that pods are given. */
  readonly dnsAddress: string;
}
