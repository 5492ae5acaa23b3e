// What containers and the node use: samples that the agent sends with its polls, and of which the node's link keeps a few, in
// memory. CPU is a counter; whoever needs a rate takes it of two samples. Whatever a sample says of pods that are not the node's
// is for the API server to drop.
import * as z from 'zod/mini';

/** Far beyond any real figure, and small enough to reckon with. */
const count = z.number().check(z.nonnegative(), z.lte(1e21));
/** Milliseconds since the epoch, of a time that has four digits of a year. */
const time = z.number().check(z.nonnegative(), z.lte(253_402_300_799_999));
const name = z.string().check(z.maxLength(253));

/** Of the runtime's and the kernel's counters at one time. */
const sample = {
  atMs: time,
  /** CPU time since the start, in nanoseconds. */
  cpuNanoseconds: count,
  /** What cannot be reclaimed at once, in bytes: what `kubectl top` shows, and what evictions count. */
  workingSetBytes: count,
};
export const usageSample = z.object(sample);
export type UsageSample = z.infer<typeof usageSample>;

export const containerUsage = z.object({
  ...sample,
  podUid: name,
  namespace: name,
  pod: name,
  container: name,
  /** An instance begins its counters anew. */
  startedAtMs: time,
});
export type ContainerUsage = z.infer<typeof containerUsage>;

/** Of one node; of more nothing is told. */
export const sampledContainersMax = 2000;

/** Of the node as a whole, and of every container that runs. */
export const nodeUsage = z.object({
  node: usageSample,
  containers: z.array(containerUsage).check(z.maxLength(sampledContainersMax)),
});
export type NodeUsage = z.infer<typeof nodeUsage>;
