// What CRI tells of counters, as the agent's core reads it.
import type { ContainerCounters, Counters, InterfaceCounters, SandboxCounters } from '../runtime.ts';
import type { CriContainerStats, CriInterface, CriSandboxStats, CriUsage } from './messages.ts';

const counters = ({ cpu, memory }: CriUsage, nowMs: number): Counters => {
  const timestamp = cpu?.timestamp || memory?.timestamp;
  return {
    atMs: timestamp ? Math.floor(timestamp / 1e6) : nowMs,
    cpuNanoseconds: cpu?.usage_core_nano_seconds?.value,
    usageBytes: memory?.usage_bytes?.value,
    workingSetBytes: memory?.working_set_bytes?.value,
    rssBytes: memory?.rss_bytes?.value,
    pageFaults: memory?.page_faults?.value,
    majorPageFaults: memory?.major_page_faults?.value,
  };
};

export const containerCounters = (s: CriContainerStats, nowMs: number): ContainerCounters => ({
  id: s.attributes?.id ?? '',
  ...counters(s, nowMs),
  writtenBytes: s.writable_layer?.used_bytes?.value,
  writtenInodes: s.writable_layer?.inodes_used?.value,
});

const interfaceCounters = (i: CriInterface): InterfaceCounters => ({
  name: i.name,
  rxBytes: i.rx_bytes?.value ?? 0,
  rxErrors: i.rx_errors?.value ?? 0,
  txBytes: i.tx_bytes?.value ?? 0,
  txErrors: i.tx_errors?.value ?? 0,
});

export function sandboxCounters({ attributes, linux }: CriSandboxStats, nowMs: number): SandboxCounters {
  const { default_interface: first, interfaces = [] } = linux?.network ?? {};
  const all = [...(first ? [first] : []), ...interfaces.filter((i) => i.name !== first?.name)];
  return {
    id: attributes?.id ?? '',
    ...counters(linux ?? {}, nowMs),
    processes: linux?.process?.process_count?.value,
    interfaces: all.map(interfaceCounters),
  };
}
