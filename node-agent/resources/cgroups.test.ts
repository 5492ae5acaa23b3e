// Both versions of the kernel's files, as plain files below a directory.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Pod, ResourceRequirements } from '../../src/generated/schemas/core-v1.ts';
import { KernelCgroups } from './cgroups.ts';
import { podLimits } from './pod-resources.ts';

const Mi = 1 << 20;
const pod = (resources: ResourceRequirements): Pod =>
  ({ metadata: { uid: 'u' }, spec: { containers: [{ name: 'a', image: 'i', resources }] } }) as unknown as Pod;
const limited = pod({ requests: { cpu: '100m', memory: '32Mi' }, limits: { cpu: '200m', memory: '64Mi' } });

let mount: string;
beforeEach(() => {
  mount = fs.mkdtempSync(path.join(os.tmpdir(), 'cgroups-'));
});
afterEach(() => fs.rmSync(mount, { recursive: true }));

interface Version {
  name: string;
  prepare(): void;
  /** Path of a file of the pod's cgroup below the mount. */
  at(file: string): string;
  files: Record<string, string>;
  unlimited: Record<string, string>;
  usage: string;
  raised: Record<string, string>;
}

const versions: Version[] = [
  {
    name: 'version 1',
    prepare: () => {},
    at: (file: string) => path.join(file.startsWith('cpu') ? 'cpu' : 'memory', 'root/burstable/podu', file),
    files: {
      'cpu.shares': '102',
      'cpu.cfs_period_us': '100000',
      'cpu.cfs_quota_us': '20000',
      'memory.limit_in_bytes': String(64 * Mi),
    },
    unlimited: { 'cpu.cfs_quota_us': '-1\n', 'memory.limit_in_bytes': '9223372036854771712\n' },
    usage: 'memory.usage_in_bytes',
    raised: { 'cpu.shares': '512', 'cpu.cfs_quota_us': '50000' },
  },
  {
    name: 'version 2',
    prepare: () => fs.writeFileSync(path.join(mount, 'cgroup.controllers'), 'cpu memory pids\n'),
    at: (file: string) => path.join('root/burstable/podu', file),
    files: { 'cpu.weight': '4', 'cpu.max': '20000 100000', 'memory.max': String(64 * Mi) },
    unlimited: { 'cpu.max': 'max 100000\n', 'memory.max': 'max\n' },
    usage: 'memory.current',
    raised: { 'cpu.weight': '20', 'cpu.max': '50000 100000' },
  },
];

describe.each(versions)('$name', ({ prepare, at, files, unlimited, usage, raised }) => {
  const write = (all: Record<string, string>) => {
    for (const [file, text] of Object.entries(all)) fs.writeFileSync(path.join(mount, at(file)), text);
  };
  const written = (all: Record<string, string>) =>
    Object.fromEntries(Object.keys(all).map((file) => [file, fs.readFileSync(path.join(mount, at(file)), 'utf8')]));

  test('a pod is held to its limits, which are read and changed', async () => {
    prepare();
    const cgroups = new KernelCgroups('root', mount);
    expect(await cgroups.limits(limited)).toBeUndefined();
    expect(await cgroups.memoryUsage(limited)).toBeUndefined();
    expect(await cgroups.create(limited)).toBe('/root/burstable/podu');
    expect(written(files)).toEqual(files);
    const { cpuShares: _written, ...limits } = podLimits(limited);
    expect(await cgroups.limits(limited)).toEqual(limits);
    await cgroups.limit(limited, { cpuShares: 512, cpuQuotaUs: 50_000 });
    expect(written(raised)).toEqual(raised);
    expect(await cgroups.limits(limited)).toEqual({ cpuQuotaUs: 50_000, memoryBytes: 64 * Mi });
    write({ ...unlimited, [usage]: '4096\n' });
    expect(await cgroups.limits(limited)).toEqual({});
    expect(await cgroups.memoryUsage(limited)).toBe(4096);
  });

  test('a refusal of the kernel is told when limits change, and does not keep a pod from starting', async () => {
    prepare();
    const cgroups = new KernelCgroups('root', mount);
    const file = path.join(mount, at(Object.keys(files).at(-1)!));
    fs.mkdirSync(file, { recursive: true });
    await cgroups.create(limited);
    await expect(cgroups.limit(limited, { memoryBytes: Mi })).rejects.toThrow();
  });
});
