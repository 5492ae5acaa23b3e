import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { cgroupCounters, processOf } from './cgroup.ts';
import { busyNanoseconds, interfacesOf, machineCounters, memoryInfo, networkInterfaces } from './proc.ts';

let directory: string;
beforeAll(async () => {
  directory = await fs.mkdtemp(path.join(os.tmpdir(), 'cgroup-'));
});
afterAll(() => fs.rm(directory, { recursive: true }));

async function files(root: string, contents: Record<string, string>): Promise<string> {
  const at = path.join(directory, root);
  for (const [name, text] of Object.entries(contents)) {
    await fs.mkdir(path.dirname(path.join(at, name)), { recursive: true });
    await fs.writeFile(path.join(at, name), text);
  }
  return at;
}

test('version 2', async () => {
  const mount = await files('v2', {
    'cgroup.controllers': 'cpu memory pids\n',
    'a/b/cpu.stat':
      'usage_usec 5000000\nuser_usec 3000000\nsystem_usec 2000000\nnr_periods 10\nnr_throttled 4\nthrottled_usec 500000\n',
    'a/b/memory.current': '1000000\n',
    'a/b/memory.stat': 'anon 400000\nfile 500000\nfile_mapped 100000\ninactive_file 300000\npgfault 7\npgmajfault 2\n',
    'a/b/memory.swap.current': '0\n',
    'a/b/memory.events': 'low 0\nhigh 0\nmax 6\noom 0\n',
    'a/b/memory.max': '2000000\n',
    'a/b/pids.current': '3\n',
    'a/b/cgroup.procs': '41\n42\n',
    'a/c/cpu.stat': 'usage_usec 1\n',
    'a/c/memory.current': '5\n',
    'a/c/memory.stat': 'inactive_file 9\n',
    'a/c/memory.max': 'max\n',
    'a/c/cgroup.procs': '',
  });
  expect(await cgroupCounters('/a/b', mount)).toEqual({
    cpuNanoseconds: 5e9,
    userSeconds: 3,
    systemSeconds: 2,
    periods: 10,
    throttledPeriods: 4,
    throttledSeconds: 0.5,
    usageBytes: 1_000_000,
    workingSetBytes: 700_000,
    rssBytes: 400_000,
    cacheBytes: 500_000,
    mappedBytes: 100_000,
    swapBytes: 0,
    pageFaults: 7,
    majorPageFaults: 2,
    failures: 6,
    limitBytes: 2_000_000,
    processes: 3,
  });
  expect(await cgroupCounters('a/c', mount)).toMatchObject({
    workingSetBytes: 0,
    limitBytes: undefined,
    processes: undefined,
  });
  expect(await cgroupCounters('a/gone', mount)).toBeUndefined();
  expect([await processOf('a/b', mount), await processOf('a/c', mount), await processOf('x', mount)]).toEqual([
    41,
    undefined,
    undefined,
  ]);
});

test('version 1', async () => {
  const mount = await files('v1', {
    'cpuacct/a/cpuacct.usage': '5000000000\n',
    'cpuacct/a/cpuacct.stat': 'user 300\nsystem 200\n',
    'cpu/a/cpu.stat': 'nr_periods 10\nnr_throttled 4\nthrottled_time 500000000\n',
    'memory/a/memory.usage_in_bytes': '1000000\n',
    'memory/a/memory.stat':
      'cache 1\nrss 1\ninactive_file 1\nhierarchical_memory_limit 9223372036854771712\ntotal_cache 500000\ntotal_rss 400000\ntotal_mapped_file 100000\ntotal_swap 0\ntotal_inactive_file 300000\ntotal_pgfault 7\ntotal_pgmajfault 2\n',
    'memory/a/memory.failcnt': '6\n',
    'memory/a/cgroup.procs': '41\n',
    'pids/a/pids.current': '3\n',
  });
  expect(await cgroupCounters('/a', mount)).toMatchObject({
    cpuNanoseconds: 5e9,
    userSeconds: 3,
    throttledSeconds: 0.5,
    workingSetBytes: 700_000,
    rssBytes: 400_000,
    pageFaults: 7,
    failures: 6,
    limitBytes: undefined,
    processes: 3,
  });
  expect(await processOf('/a', mount)).toBe(41);
  expect(await cgroupCounters('/b', mount)).toBeUndefined();
});

test('the machine', async () => {
  const proc = await files('proc', {
    stat: 'cpu  100 20 30 1000 50 4 5 6 70 0\ncpu0 1 1 1 1\nbtime 1700000000\n',
    meminfo:
      'MemTotal:       1000 kB\nMemFree:         200 kB\nInactive(file):  300 kB\nAnonPages: 100 kB\nSwapTotal: 50 kB\nSwapFree: 20 kB\nHugePages_Total:       3\n',
    vmstat: 'pgfault 9\npgmajfault 1\n',
    loadavg: '0.1 0.2 0.3 2/345 9999\n',
    'sys/kernel/pid_max': '4194304\n',
    '7/net/dev':
      'Inter-|   Receive |  Transmit\n face |bytes packets errs drop fifo frame compressed multicast|bytes packets errs drop fifo colls carrier compressed\n    lo: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\n  net1: 1 2 3 4 0 0 0 0 5 6 7 8 0 0 0 0\neth0:10 20 30 40 0 0 0 0 50 60 70 80 0 0 0 0\n',
    '7/net/route': 'Iface\tDestination\tGateway\neth0\t00000000\t0100000A\nnet1\t0000000A\t00000000\n',
  });
  expect(await machineCounters(proc)).toEqual({
    cpuNanoseconds: (100 + 20 + 30 + 4 + 5 + 6) * 1e7,
    usageBytes: 800 * 1024,
    workingSetBytes: 500 * 1024,
    rssBytes: 100 * 1024,
    totalBytes: 1000 * 1024,
    swapTotalBytes: 50 * 1024,
    swapUsedBytes: 30 * 1024,
    pageFaults: 9,
    majorPageFaults: 1,
    bootedAtMs: 1_700_000_000_000,
    processes: 345,
    processesMax: 4_194_304,
  });
  expect((await interfacesOf(7, proc)).map((i) => [i.name, i.rxBytes, i.rxDropped, i.txPackets, i.txErrors])).toEqual([
    ['eth0', 10, 40, 60, 70],
    ['net1', 1, 4, 6, 7],
  ]);
  expect(await interfacesOf(8, proc)).toEqual([]);
  expect(await machineCounters(path.join(proc, 'none'))).toBeUndefined();
});

test.each(['', '\n', 'x', 'a: b\n:\n', '\0'])('nonsense is no fault: %j', (text) => {
  expect(() => [busyNanoseconds(text), memoryInfo(text), networkInterfaces(text)]).not.toThrow();
});
