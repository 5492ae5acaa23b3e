// What containers, pods and the node use: samples that the agent sends with its polls, and the node's link keeps a few of, in
// memory. CPU is a counter; whoever needs a rate takes it of two samples.
import * as z from 'zod/mini';

/** Of the runtime's and the kernel's counters at one time. */
const sample = {
  atMs: z.number(),
  /** CPU time since the start, in nanoseconds. */
  cpuNanoseconds: z.number(),
  /** What cannot be reclaimed at once, in bytes: what `kubectl top` shows, and what evictions count. */
  workingSetBytes: z.number(),
};
export const usageSample = z.object(sample);
export type UsageSample = z.infer<typeof usageSample>;

export const containerUsage = z.object({
  ...sample,
  podUid: z.string(),
  namespace: z.string(),
  pod: z.string(),
  container: z.string(),
  /** An instance begins its counters anew. */
  startedAtMs: z.number(),
});
export type ContainerUsage = z.infer<typeof containerUsage>;

/** Of the node as a whole, and of every container that runs. */
export const nodeUsage = z.object({ node: usageSample, containers: z.array(containerUsage) });
export type NodeUsage = z.infer<typeof nodeUsage>;
