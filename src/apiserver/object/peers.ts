// Whom the API server's object calls, and what links ask it.
import type { NodeUsageRates } from '../../machinery/usage.ts';
import type { Consumer } from './poker.ts';

/** Those who follow the ledger. Every call may reject: the object was restarted, or cannot be reached. */
export interface Peers {
  controllerManager: Consumer;
  scheduler: Consumer;
  link(node: string): {
    /** Answers what the node has acknowledged. */
    poke(revision: number): Promise<{ serviceRevision: number }>;
    credentialChanged(): Promise<void>;
    /** Last sign of life, for readers of Nodes and Leases; absent: what the link's calls prove must do. */
    lastContact?(): Promise<number | undefined>;
    /** What the node and its pods use, as it says; absent: nobody knows. */
    usage?(): Promise<NodeUsageRates>;
  };
}

export interface NodeNewsRequest {
  node: string;
  since: number;
  epoch: string;
  serviceRevision: number;
}
