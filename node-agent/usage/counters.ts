// What is counted of the node and of its containers: the port that the samples for the control plane are made from. Counters of
// an instance only rise; a new instance begins anew. Nothing here rejects: what is not there, or not counted, is absent.
import type { Pod } from '../../src/generated/schemas/core-v1.ts';
import type { ContainerRecord, Counters } from '../runtime.ts';

/** A container that runs, and its pod. */
export interface Running {
  pod: Pod;
  container: ContainerRecord;
}

export interface CounterReader {
  /** Of the machine as a whole. */
  node(): Promise<Counters | undefined>;
  /** By container id. */
  containers(running: readonly Running[]): Promise<ReadonlyMap<string, Counters>>;
}
