// What the kernel has counted of a cgroup and what is below it, read from its files: versions 1 and 2. What a machine does not
// count is absent.
import fs from 'node:fs/promises';
import path from 'node:path';

export interface CgroupCounters {
  cpuNanoseconds: number;
  userSeconds?: number | undefined;
  systemSeconds?: number | undefined;
  /** Periods in which there was a quota, those of them in which it was used up, and for how long. */
  periods?: number | undefined;
  throttledPeriods?: number | undefined;
  throttledSeconds?: number | undefined;
  usageBytes: number;
  /** Without what could be reclaimed at once. */
  workingSetBytes: number;
  rssBytes: number;
  cacheBytes: number;
  mappedBytes: number;
  swapBytes?: number | undefined;
  pageFaults: number;
  majorPageFaults: number;
  /** How often it hit its limit. */
  failures?: number | undefined;
  limitBytes?: number | undefined;
  processes?: number | undefined;
}

/** Of the clock that version 1 counts in. */
const ticksPerSecond = 100;

type Numbers = Record<string, number>;

/** `name value` in each line. */
export const flatKeyed = (text: string): Numbers =>
  Object.fromEntries(
    text
      .split('\n')
      .map((line) => line.split(' '))
      .filter(([name]) => name)
      .map(([name, value]) => [name, Number(value)]),
  );

const read = (file: string): Promise<string | undefined> => fs.readFile(file, 'utf8').catch(() => undefined);
const number = async (file: string): Promise<number | undefined> => {
  const text = await read(file);
  return text === undefined ? undefined : Number(text);
};
const flat = async (file: string): Promise<Numbers | undefined> => {
  const text = await read(file);
  return text === undefined ? undefined : flatKeyed(text);
};
/** A limit that is none is `max`, or the largest number of whole pages. */
const limit = (bytes: number | undefined): number | undefined =>
  bytes !== undefined && bytes < 2 ** 62 ? bytes : undefined;
const seconds = (count: number | undefined, perSecond: number): number | undefined =>
  count === undefined ? undefined : count / perSecond;

/** `cgroup`: its path below the mount (version 2), or below each hierarchy (version 1). Undefined: there is none. */
export async function cgroupCounters(cgroup: string, mount = '/sys/fs/cgroup'): Promise<CgroupCounters | undefined> {
  const unified = await isUnified(mount);
  return unified ? version2(path.join(mount, cgroup)) : version1((hierarchy) => path.join(mount, hierarchy, cgroup));
}

const unifiedMounts = new Map<string, Promise<boolean>>();
function isUnified(mount: string): Promise<boolean> {
  const known = unifiedMounts.get(mount) ?? read(path.join(mount, 'cgroup.controllers')).then((t) => t !== undefined);
  unifiedMounts.set(mount, known);
  return known;
}

async function version2(at: string): Promise<CgroupCounters | undefined> {
  const [cpu, usageBytes, memory, swapBytes, events, limitBytes, processes] = await Promise.all([
    flat(path.join(at, 'cpu.stat')),
    number(path.join(at, 'memory.current')),
    flat(path.join(at, 'memory.stat')),
    number(path.join(at, 'memory.swap.current')),
    flat(path.join(at, 'memory.events')),
    number(path.join(at, 'memory.max')),
    number(path.join(at, 'pids.current')),
  ]);
  if (!cpu || usageBytes === undefined || !memory) return undefined;
  return {
    cpuNanoseconds: (cpu.usage_usec ?? 0) * 1000,
    userSeconds: seconds(cpu.user_usec, 1e6),
    systemSeconds: seconds(cpu.system_usec, 1e6),
    periods: cpu.nr_periods,
    throttledPeriods: cpu.nr_throttled,
    throttledSeconds: seconds(cpu.throttled_usec, 1e6),
    usageBytes,
    workingSetBytes: Math.max(0, usageBytes - (memory.inactive_file ?? 0)),
    rssBytes: memory.anon ?? 0,
    cacheBytes: memory.file ?? 0,
    mappedBytes: memory.file_mapped ?? 0,
    swapBytes,
    pageFaults: memory.pgfault ?? 0,
    majorPageFaults: memory.pgmajfault ?? 0,
    failures: events?.max,
    limitBytes: limit(limitBytes),
    processes,
  };
}

async function version1(at: (hierarchy: string) => string): Promise<CgroupCounters | undefined> {
  const file = (hierarchy: string, name: string): string => path.join(at(hierarchy), name);
  const [cpuNanoseconds, times, cpu, usageBytes, memory, failures, processes] = await Promise.all([
    number(file('cpuacct', 'cpuacct.usage')),
    flat(file('cpuacct', 'cpuacct.stat')),
    flat(file('cpu', 'cpu.stat')),
    number(file('memory', 'memory.usage_in_bytes')),
    flat(file('memory', 'memory.stat')),
    number(file('memory', 'memory.failcnt')),
    number(file('pids', 'pids.current')),
  ]);
  if (cpuNanoseconds === undefined || usageBytes === undefined || !memory) return undefined;
  return {
    cpuNanoseconds,
    userSeconds: seconds(times?.user, ticksPerSecond),
    systemSeconds: seconds(times?.system, ticksPerSecond),
    periods: cpu?.nr_periods,
    throttledPeriods: cpu?.nr_throttled,
    throttledSeconds: seconds(cpu?.throttled_time, 1e9),
    usageBytes,
    workingSetBytes: Math.max(0, usageBytes - (memory.total_inactive_file ?? 0)),
    rssBytes: memory.total_rss ?? 0,
    cacheBytes: memory.total_cache ?? 0,
    mappedBytes: memory.total_mapped_file ?? 0,
    swapBytes: memory.total_swap,
    pageFaults: memory.total_pgfault ?? 0,
    majorPageFaults: memory.total_pgmajfault ?? 0,
    failures,
    limitBytes: limit(memory.hierarchical_memory_limit),
    processes,
  };
}

/** A process of a cgroup or of one below it; undefined: there is none. */
export async function processOf(cgroup: string, mount = '/sys/fs/cgroup'): Promise<number | undefined> {
  const at = path.join(mount, (await isUnified(mount)) ? '' : 'memory', cgroup);
  const pid = Number((await read(path.join(at, 'cgroup.procs')))?.split('\n', 1)[0]);
  return pid > 0 ? pid : undefined;
}
