// Counters of both versions of the kernel's files, as plain files below a directory, and when samples are taken of them.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Pod } from '../../src/generated/schemas/core-v1.ts';
import { nodeUsage, sampledContainersMax } from '../../src/protocol/usage.ts';
import type { ContainerRecord } from '../runtime.ts';
import { SimulatedCounters } from '../runtime-simulated/usage.ts';
import type { CounterReader, Running } from './counters.ts';
import { KernelCounters } from './kernel.ts';
import { Sampler, sampleEveryMs } from './sampler.ts';

let mount: string;
beforeEach(() => {
  mount = fs.mkdtempSync(path.join(os.tmpdir(), 'counters-'));
});
afterEach(() => fs.rmSync(mount, { recursive: true }));

const pod = { metadata: { name: 'p', namespace: 'd', uid: 'u' } } as Pod;
const running = (id: string, startedAtMs = 5): Running => ({
  pod,
  container: { id, name: `name-${id}`, startedAtMs } as ContainerRecord,
});

function write(files: Record<string, string>): void {
  for (const [file, text] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(mount, file)), { recursive: true });
    fs.writeFileSync(path.join(mount, file), text);
  }
}

const counters = () =>
  new KernelCounters({
    clock: { now: () => 7 },
    parent: () => '/root/podu',
    mount,
    memoryInfo: path.join(mount, 'meminfo'),
  });

const version1 = (cgroup: string, cpu: number, usage: number): Record<string, string> => ({
  [`cpuacct${cgroup}/cpuacct.usage`]: `${cpu}\n`,
  [`memory${cgroup}/memory.usage_in_bytes`]: `${usage}\n`,
  // What is meant is the tree below, not the group itself.
  [`memory${cgroup}/memory.stat`]: 'rss 1\ninactive_file 1\ntotal_rss 30\ntotal_inactive_file 40\ntotal_pgfault 9\n',
});

const version2 = (cgroup: string, cpuUs: number, usage: number | undefined): Record<string, string> => ({
  'cgroup.controllers': 'cpu memory\n',
  [`${cgroup}/cpu.stat`]: `usage_usec ${cpuUs}\nuser_usec 1\nsystem_usec 2\n`,
  ...(usage === undefined ? {} : { [`${cgroup}/memory.current`]: `${usage}\n` }),
  [`${cgroup}/memory.stat`]: 'anon 30\nfile 60\ninactive_file 40\npgfault 9\npgmajfault 2\n',
});

describe('the kernel', () => {
  test('version 1: container and node', async () => {
    write({ ...version1('', 900, 1000), ...version1('/root/podu/a', 100, 500) });
    expect(await counters().node()).toMatchObject({ atMs: 7, cpuNanoseconds: 900, workingSetBytes: 960 });
    const found = await counters().containers([running('a'), running('gone')]);
    expect([...found.keys()]).toEqual(['a']);
    expect(found.get('a')).toEqual({
      atMs: 7,
      cpuNanoseconds: 100,
      usageBytes: 500,
      workingSetBytes: 460,
      rssBytes: 30,
      pageFaults: 9,
      majorPageFaults: 0,
    });
  });

  test('version 2: container, and a root whose memory only the machine knows', async () => {
    write({ ...version2('', 900, undefined), ...version2('/root/podu/a', 100, 500) });
    write({ meminfo: 'MemTotal:        100 kB\nMemFree:          60 kB\n' });
    expect(await counters().node()).toMatchObject({
      cpuNanoseconds: 900_000,
      usageBytes: 40 * 1024,
      workingSetBytes: 40 * 1024 - 40,
    });
    const found = await counters().containers([running('a')]);
    expect(found.get('a')).toMatchObject({ cpuNanoseconds: 100_000, workingSetBytes: 460, rssBytes: 30 });
  });

  test('a working set is never less than nothing; what is not readable is absent', async () => {
    write(version1('/root/podu/a', 1, 10));
    const found = await counters().containers([running('a')]);
    expect(found.get('a')?.workingSetBytes).toBe(0);
    write({ 'memory/root/podu/a/memory.usage_in_bytes': 'nonsense' });
    expect((await counters().containers([running('a')])).size).toBe(0);
    expect(await counters().node()).toBeUndefined();
  });

  test('this machine can be read', async () => {
    const node = await new KernelCounters({ clock: { now: () => 7 }, parent: () => '' }).node();
    if (!fs.existsSync('/sys/fs/cgroup/cpuacct') && !fs.existsSync('/sys/fs/cgroup/cpu.stat')) return;
    expect(node?.cpuNanoseconds).toBeGreaterThan(0);
    expect(node?.workingSetBytes).toBeGreaterThan(0);
  });
});

describe('samples', () => {
  let now: number;
  beforeEach(() => {
    now = 1_000_000;
  });
  const clock = { now: () => now };
  const counted = { atMs: 1, cpuNanoseconds: 2, workingSetBytes: 3 };
  const all: CounterReader = {
    node: async () => counted,
    containers: async (of) => new Map(of.map(({ container }) => [container.id, counted])),
  };

  /** What comes with the poll after the one that began to read. */
  const taken = async (sampler: Sampler) => {
    sampler.take();
    await new Promise((resolve) => setTimeout(resolve));
    return sampler.take();
  };

  test('at most one in a while, as the protocol has it; no poll waits for it', async () => {
    const sampler = new Sampler({ clock, counters: all, running: () => [running('a')] });
    expect(sampler.take()).toBeUndefined();
    const first = await taken(sampler);
    expect(first).toEqual({
      node: counted,
      containers: [{ ...counted, podUid: 'u', namespace: 'd', pod: 'p', container: 'name-a', startedAtMs: 5 }],
    });
    expect(nodeUsage.parse(first)).toEqual(first);
    now += sampleEveryMs - 1;
    expect(await taken(sampler)).toBeUndefined();
    now += 1;
    expect(await taken(sampler)).toBeDefined();
    now -= 1_000_000;
    expect(await taken(sampler), 'after the clock was set back').toBeDefined();
  });

  test('a reading that takes long is not begun twice', async () => {
    let begun = 0;
    const slow: CounterReader = { ...all, node: () => new Promise(() => void begun++) };
    const sampler = new Sampler({ clock, counters: slow, running: () => [] });
    for (let i = 0; i < 3; i++, now += sampleEveryMs) expect(await taken(sampler)).toBeUndefined();
    expect(begun).toBe(1);
  });

  test('what is not counted is left out, and a node that is not counted says nothing', async () => {
    const some: CounterReader = {
      node: async () => counted,
      containers: async () => new Map([['a', { atMs: 1, cpuNanoseconds: 2 }]]),
    };
    const sampler = new Sampler({ clock, counters: some, running: () => [running('a'), running('b')] });
    expect(await taken(sampler)).toEqual({ node: counted, containers: [] });
    const none = new Sampler({ clock, counters: { ...all, node: async () => undefined }, running: () => [] });
    expect(await taken(none)).toBeUndefined();
  });

  test('are bounded as the other side wants it', async () => {
    const many = Array.from({ length: sampledContainersMax + 1 }, (_, i) => running(String(i)));
    const sample = await taken(new Sampler({ clock, counters: all, running: () => many }));
    expect(nodeUsage.safeParse(sample).success).toBe(true);
  });
});

test('what a simulated node has used only rises, also when containers go', async () => {
  let now = 0;
  let containers = [{ id: 'a', atMs: 0, cpuNanoseconds: 5000, workingSetBytes: 100 }];
  const node = new SimulatedCounters({ stats: async () => ({ containers, sandboxes: [] }) }, () => now);
  const first = await node.node();
  containers = [];
  const second = await node.node();
  expect(second.cpuNanoseconds).toBe(first.cpuNanoseconds);
  expect(second.workingSetBytes).toBe((first.workingSetBytes ?? 0) - 100);
  now = 1000;
  expect((await node.node()).cpuNanoseconds).toBeGreaterThan(second.cpuNanoseconds ?? 0);
});
