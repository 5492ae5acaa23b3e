// What the kernel holds a cgroup to, read from its files: for tests on real containers. Versions 1 and 2.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

const mount = '/sys/fs/cgroup';

export interface KernelLimits {
  /** Version 1's figure; of version 2 the weight, turned back. */
  shares: number;
  /** -1: none. */
  quotaUs: number;
  memoryBytes: number;
}

/** `cgroup`: its path below the mount (version 2) or below each controller's hierarchy (version 1). */
export function limitsOf(cgroup: string): KernelLimits {
  const text = (...parts: string[]): string => readFileSync(path.join(mount, ...parts), 'utf8').trim();
  if (!existsSync(path.join(mount, 'cgroup.controllers')))
    return {
      shares: Number(text('cpu', cgroup, 'cpu.shares')),
      quotaUs: Number(text('cpu', cgroup, 'cpu.cfs_quota_us')),
      memoryBytes: Number(text('memory', cgroup, 'memory.limit_in_bytes')),
    };
  const quota = text(cgroup, 'cpu.max').split(' ')[0]!;
  return {
    shares: Math.round(((Number(text(cgroup, 'cpu.weight')) - 1) * 262_142) / 9999 + 2),
    quotaUs: quota === 'max' ? -1 : Number(quota),
    memoryBytes: Number(text(cgroup, 'memory.max').replace('max', 'Infinity')),
  };
}

/** The oldest process of a cgroup. */
export function firstProcess(cgroup: string): number {
  const unified = existsSync(path.join(mount, 'cgroup.controllers'));
  const text = readFileSync(path.join(mount, unified ? '' : 'memory', cgroup, 'cgroup.procs'), 'utf8');
  return Number(text.trim().split('\n')[0]);
}
