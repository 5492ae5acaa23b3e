// What the kernel has counted of a cgroup and what is below it, read from its files: versions 1 and 2. What a machine does not
// count is absent.
import fs from 'node:fs/promises';
import path from 'node:path';

/** What samples are made of: three small files. */
export interface CgroupUsage {
  cpuNanoseconds: number;
  usageBytes: number;
  /** Without what could be reclaimed at once. */
  workingSetBytes: number;
  rssBytes: number;
  pageFaults: number;
  majorPageFaults: number;
}

export interface CgroupCounters extends CgroupUsage {
  userSeconds?: number | undefined;
  systemSeconds?: number | undefined;
  /** Periods in which there was a quota, those of them in which it was used up, and for how long. */
  periods?: number | undefined;
  throttledPeriods?: number | undefined;
  throttledSeconds?: number | undefined;
  cacheBytes: number;
  mappedBytes: number;
  swapBytes?: number | undefined;
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
/** Undefined for what is none, as `max`. */
const number = async (file: string): Promise<number | undefined> => {
  const value = Number.parseInt((await read(file)) ?? '', 10);
  return Number.isNaN(value) ? undefined : value;
};
const flat = async (file: string): Promise<Numbers | undefined> => {
  const text = await read(file);
  return text === undefined ? undefined : flatKeyed(text);
};
/** A limit that is none is also the largest number of whole pages. */
const limit = (bytes: number | undefined): number | undefined =>
  bytes !== undefined && bytes < 2 ** 62 ? bytes : undefined;
const seconds = (count: number | undefined, perSecond: number): number | undefined =>
  count === undefined ? undefined : count / perSecond;

const defaultMount = '/sys/fs/cgroup';

/** `cgroup`: its path below the mount (version 2), or below each hierarchy (version 1). Undefined: there is none. */
export async function cgroupCounters(cgroup: string, mount = defaultMount): Promise<CgroupCounters | undefined> {
  return (await isUnified(mount)) ? version2(path.join(mount, cgroup)) : version1(hierarchies(mount, cgroup));
}

/** `otherwise`: the bytes in use where the cgroup does not count them, as the root of version 2 does not. */
export async function cgroupUsage(
  cgroup: string,
  mount = defaultMount,
  otherwise?: () => Promise<number | undefined>,
): Promise<CgroupUsage | undefined> {
  const found = (await isUnified(mount))
    ? await usage2(path.join(mount, cgroup), otherwise)
    : await usage1(hierarchies(mount, cgroup));
  return found?.usage;
}

type FileOf = (hierarchy: string, name: string) => string;
const hierarchies =
  (mount: string, cgroup: string): FileOf =>
  (hierarchy, name) =>
    path.join(mount, hierarchy, cgroup, name);

const unifiedMounts = new Map<string, Promise<boolean>>();
function isUnified(mount: string): Promise<boolean> {
  const known = unifiedMounts.get(mount) ?? read(path.join(mount, 'cgroup.controllers')).then((t) => t !== undefined);
  unifiedMounts.set(mount, known);
  return known;
}

async function usage2(at: string, otherwise?: () => Promise<number | undefined>) {
  const [cpu, counted, memory] = await Promise.all([
    flat(path.join(at, 'cpu.stat')),
    number(path.join(at, 'memory.current')),
    flat(path.join(at, 'memory.stat')),
  ]);
  const usageBytes = counted ?? (await otherwise?.());
  if (cpu?.usage_usec === undefined || usageBytes === undefined || !memory) return undefined;
  const usage: CgroupUsage = {
    cpuNanoseconds: cpu.usage_usec * 1000,
    usageBytes,
    workingSetBytes: Math.max(0, usageBytes - (memory.inactive_file ?? 0)),
    rssBytes: memory.anon ?? 0,
    pageFaults: memory.pgfault ?? 0,
    majorPageFaults: memory.pgmajfault ?? 0,
  };
  return { usage, cpu, memory };
}

async function version2(at: string): Promise<CgroupCounters | undefined> {
  const [found, swapBytes, events, limitBytes, processes] = await Promise.all([
    usage2(at),
    number(path.join(at, 'memory.swap.current')),
    flat(path.join(at, 'memory.events')),
    number(path.join(at, 'memory.max')),
    number(path.join(at, 'pids.current')),
  ]);
  if (!found) return undefined;
  const { usage, cpu, memory } = found;
  return {
    ...usage,
    userSeconds: seconds(cpu.user_usec, 1e6),
    systemSeconds: seconds(cpu.system_usec, 1e6),
    periods: cpu.nr_periods,
    throttledPeriods: cpu.nr_throttled,
    throttledSeconds: seconds(cpu.throttled_usec, 1e6),
    cacheBytes: memory.file ?? 0,
    mappedBytes: memory.file_mapped ?? 0,
    swapBytes,
    failures: events?.max,
    limitBytes: limit(limitBytes),
    processes,
  };
}

async function usage1(file: FileOf) {
  const [cpuNanoseconds, usageBytes, memory] = await Promise.all([
    number(file('cpuacct', 'cpuacct.usage')),
    number(file('memory', 'memory.usage_in_bytes')),
    flat(file('memory', 'memory.stat')),
  ]);
  if (cpuNanoseconds === undefined || usageBytes === undefined || !memory) return undefined;
  const usage: CgroupUsage = {
    cpuNanoseconds,
    usageBytes,
    workingSetBytes: Math.max(0, usageBytes - (memory.total_inactive_file ?? 0)),
    rssBytes: memory.total_rss ?? 0,
    pageFaults: memory.total_pgfault ?? 0,
    majorPageFaults: memory.total_pgmajfault ?? 0,
  };
  return { usage, memory };
}

async function version1(file: FileOf): Promise<CgroupCounters | undefined> {
  const [found, times, cpu, failures, processes] = await Promise.all([
    usage1(file),
    flat(file('cpuacct', 'cpuacct.stat')),
    flat(file('cpu', 'cpu.stat')),
    number(file('memory', 'memory.failcnt')),
    number(file('pids', 'pids.current')),
  ]);
  if (!found) return undefined;
  const { usage, memory } = found;
  return {
    ...usage,
    userSeconds: seconds(times?.user, ticksPerSecond),
    systemSeconds: seconds(times?.system, ticksPerSecond),
    periods: cpu?.nr_periods,
    throttledPeriods: cpu?.nr_throttled,
    throttledSeconds: seconds(cpu?.throttled_time, 1e9),
    cacheBytes: memory.total_cache ?? 0,
    mappedBytes: memory.total_mapped_file ?? 0,
    swapBytes: memory.total_swap,
    failures,
    limitBytes: limit(memory.hierarchical_memory_limit),
    processes,
  };
}

/** A process of a cgroup or of one below it; undefined: there is none. */
export async function processOf(cgroup: string, mount = defaultMount): Promise<number | undefined> {
  const at = path.join(mount, (await isUnified(mount)) ? '' : 'memory', cgroup);
  const pid = Number((await read(path.join(at, 'cgroup.procs')))?.split('\n', 1)[0]);
  return pid > 0 ? pid : undefined;
}
