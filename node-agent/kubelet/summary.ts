// Summary of k8s.io/kubelet/pkg/apis/stats/v1alpha1: what /stats/summary answers. Pure.
import { formatTime } from '../../src/machinery/time.ts';
import type { InterfaceCounters } from '../runtime.ts';
import type { ContainerFacts, Facts, PodFacts, Taken, Usage } from './facts.ts';

type Json = Record<string, unknown>;

export interface SummaryOptions {
  nodeName: string;
  startedAtMs: number;
  onlyCpuAndMemory: boolean;
  /** Of this process. */
  kubelet: Usage;
}

export function summaryOf(facts: Facts, o: SummaryOptions): Json {
  const time = formatTime(facts.atMs);
  const full = !o.onlyCpuAndMemory;
  const { machine, nodeFs, imageFs } = facts;
  return {
    node: {
      nodeName: o.nodeName,
      systemContainers: [{ name: 'kubelet', startTime: formatTime(o.startedAtMs), ...usageOf(o.kubelet) }],
      startTime: formatTime(machine?.bootedAtMs ?? o.startedAtMs),
      ...usageOf(facts.usage, machine?.totalBytes),
      ...(full
        ? {
            ...networkOf(facts.interfaces, time),
            ...(nodeFs ? { fs: fsOf(nodeFs, time) } : {}),
            ...(imageFs ? { runtime: { imageFs: fsOf(imageFs, time), containerFs: fsOf(imageFs, time) } } : {}),
            ...(machine ? { rlimit: { time, maxpid: machine.processesMax, curproc: machine.processes } } : {}),
          }
        : {}),
      ...(machine
        ? {
            swap: {
              time,
              swapAvailableBytes: machine.swapTotalBytes - machine.swapUsedBytes,
              swapUsageBytes: machine.swapUsedBytes,
            },
          }
        : {}),
    },
    pods: facts.pods.filter((p) => p.containers.length > 0).map((p) => podOf(p, time, full)),
  };
}

function podOf(facts: PodFacts, time: string, full: boolean): Json {
  const { metadata, status } = facts.pod;
  const ephemeral = [...facts.containers.flatMap((c) => [c.rootfs, c.logs]), ...facts.volumes].filter(
    (t) => t !== undefined,
  );
  return {
    podRef: { name: metadata.name, namespace: metadata.namespace, uid: metadata.uid },
    startTime: facts.sandbox ? formatTime(facts.sandbox.createdAtMs) : (status?.startTime ?? null),
    containers: facts.containers.map((c) => containerOf(c, time, full)),
    ...usageOf(facts.usage ?? summed(facts.containers)),
    ...(full
      ? {
          ...networkOf(facts.interfaces, time),
          ...(facts.volumes.length > 0
            ? { volume: facts.volumes.map((v) => ({ ...fsOf(v, time), name: v.name })) }
            : {}),
          ...(ephemeral.length > 0 ? { 'ephemeral-storage': fsOf(together(ephemeral), time) } : {}),
          ...(facts.usage?.processes === undefined ? {} : { process_stats: { process_count: facts.usage.processes } }),
        }
      : {}),
  };
}

const containerOf = ({ record, usage, rootfs, logs }: ContainerFacts, time: string, full: boolean): Json => ({
  name: record.name,
  startTime: formatTime(record.startedAtMs),
  ...usageOf(usage, usage?.limitBytes),
  ...(full && rootfs ? { rootfs: fsOf(rootfs, time) } : {}),
  ...(full && logs ? { logs: fsOf(logs, time) } : {}),
  ...(usage?.swapBytes === undefined
    ? {}
    : { swap: { time: formatTime(usage.atMs), swapUsageBytes: usage.swapBytes } }),
});

function usageOf(usage: Usage | undefined, limitBytes?: number | undefined): Json {
  if (!usage) return {};
  const time = formatTime(usage.atMs);
  const available = limitBytes === undefined ? undefined : Math.max(0, limitBytes - (usage.workingSetBytes ?? 0));
  return {
    cpu: { time, ...given({ usageNanoCores: usage.nanoCores, usageCoreNanoSeconds: usage.cpuNanoseconds }) },
    memory: {
      time,
      ...given({
        availableBytes: available,
        usageBytes: usage.usageBytes,
        workingSetBytes: usage.workingSetBytes,
        rssBytes: usage.rssBytes,
        pageFaults: usage.pageFaults,
        majorPageFaults: usage.majorPageFaults,
      }),
    },
  };
}

const fields = [
  'cpuNanoseconds',
  'nanoCores',
  'usageBytes',
  'workingSetBytes',
  'rssBytes',
  'pageFaults',
  'majorPageFaults',
] as const;

/** Of a pod that nobody counts as a whole. */
export function summed(containers: readonly ContainerFacts[]): Usage | undefined {
  const all = containers.map((c) => c.usage).filter((u) => u !== undefined);
  const [first] = all;
  if (!first) return undefined;
  const sum: Usage = { atMs: first.atMs };
  for (const field of fields)
    if (all.every((u) => u[field] !== undefined)) sum[field] = all.reduce((n, u) => n + (u[field] ?? 0), 0);
  return sum;
}

const together = (all: readonly Taken[]): Taken => ({
  ...all[0]!,
  usedBytes: all.reduce((n, t) => n + t.usedBytes, 0),
  inodesUsed: all.reduce((n, t) => n + t.inodesUsed, 0),
});

const fsOf = (
  { capacityBytes, availableBytes, usedBytes, inodes, inodesFree, inodesUsed }: Taken,
  time: string,
): Json => ({
  time,
  availableBytes,
  capacityBytes,
  usedBytes,
  inodesFree,
  inodes,
  inodesUsed,
});

function networkOf(interfaces: readonly InterfaceCounters[], time: string): Json {
  const all = interfaces.map(({ name, rxBytes, rxErrors, txBytes, txErrors }) => ({
    name,
    rxBytes,
    rxErrors,
    txBytes,
    txErrors,
  }));
  return all.length === 0 ? {} : { network: { time, ...all[0], interfaces: all } };
}

const given = (values: Record<string, number | undefined>): Json =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
