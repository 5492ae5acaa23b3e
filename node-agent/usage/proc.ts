// What the kernel has counted of the machine and of networks, read from /proc. Parsers are apart from readers.
import fs from 'node:fs/promises';
import path from 'node:path';
import type { InterfaceCounters } from '../runtime.ts';
import { flatKeyed } from './cgroup.ts';

export interface MachineCounters {
  cpuNanoseconds: number;
  usageBytes: number;
  /** Without what could be reclaimed at once. */
  workingSetBytes: number;
  rssBytes: number;
  totalBytes: number;
  swapTotalBytes: number;
  swapUsedBytes: number;
  pageFaults: number;
  majorPageFaults: number;
  bootedAtMs: number;
  processes: number;
  processesMax: number;
}

export interface NetworkInterface extends InterfaceCounters {
  rxPackets: number;
  rxDropped: number;
  txPackets: number;
  txDropped: number;
}

const tickNanoseconds = 1e7;
/** user, nice, system, irq, softirq, steal: neither idle nor waiting; guests are counted within user. */
const busyColumns = [1, 2, 3, 6, 7, 8];

export function busyNanoseconds(stat: string): number {
  const columns = stat.split('\n', 1)[0]!.split(/\s+/);
  return busyColumns.reduce((n, i) => n + Number(columns[i] ?? 0), 0) * tickNanoseconds;
}

/** In bytes. */
export function memoryInfo(text: string): Record<string, number> {
  const lines = [...text.matchAll(/^([^:\n]+):\s+(\d+)( kB)?$/gm)];
  return Object.fromEntries(lines.map(([, name, value, unit]) => [name, Number(value) * (unit ? 1024 : 1)]));
}

/** Of /proc/net/dev, without the loopback. */
export function networkInterfaces(text: string): NetworkInterface[] {
  return text
    .split('\n')
    .slice(2)
    .map((line) => /^\s*([^:\s]+):\s*(.*)$/.exec(line))
    .filter((match) => match !== null && match[1] !== 'lo')
    .map((match) => {
      const n = match![2]!.trim().split(/\s+/).map(Number);
      const [rxBytes = 0, rxPackets = 0, rxErrors = 0, rxDropped = 0] = n;
      const [txBytes = 0, txPackets = 0, txErrors = 0, txDropped = 0] = n.slice(8);
      return { name: match![1]!, rxBytes, rxPackets, rxErrors, rxDropped, txBytes, txPackets, txErrors, txDropped };
    });
}

const read = (file: string): Promise<string> => fs.readFile(file, 'utf8').catch(() => '');

/** Undefined where there is no /proc. */
export async function machineCounters(proc = '/proc'): Promise<MachineCounters | undefined> {
  const [stat, meminfo, vmstat, load, max] = await Promise.all(
    ['stat', 'meminfo', 'vmstat', 'loadavg', 'sys/kernel/pid_max'].map((file) => read(path.join(proc, file))),
  );
  if (!stat || !meminfo) return undefined;
  const memory = memoryInfo(meminfo);
  const { pgfault = 0, pgmajfault = 0 } = flatKeyed(vmstat!);
  const usageBytes = (memory.MemTotal ?? 0) - (memory.MemFree ?? 0);
  return {
    cpuNanoseconds: busyNanoseconds(stat),
    usageBytes,
    workingSetBytes: Math.max(0, usageBytes - (memory['Inactive(file)'] ?? 0)),
    rssBytes: memory.AnonPages ?? 0,
    totalBytes: memory.MemTotal ?? 0,
    swapTotalBytes: memory.SwapTotal ?? 0,
    swapUsedBytes: (memory.SwapTotal ?? 0) - (memory.SwapFree ?? 0),
    pageFaults: pgfault,
    majorPageFaults: pgmajfault,
    bootedAtMs: Number(/^btime (\d+)$/m.exec(stat)?.[1] ?? 0) * 1000,
    processes: Number(/\/(\d+)/.exec(load!)?.[1] ?? 0),
    processesMax: Number(max) || 32_768,
  };
}

/** As a process sees them, the one of the default route first. */
export async function interfacesOf(pid: number | 'self', proc = '/proc'): Promise<NetworkInterface[]> {
  const at = path.join(proc, String(pid), 'net');
  const [dev, route] = await Promise.all([read(path.join(at, 'dev')), read(path.join(at, 'route'))]);
  const first = /^(\S+)\t00000000\t/m.exec(route)?.[1];
  const all = networkInterfaces(dev);
  return [...all.filter((i) => i.name === first), ...all.filter((i) => i.name !== first)];
}
