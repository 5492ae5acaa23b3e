// The cgroups between the machine and a pod's containers, in the kubelet's cgroupfs layout: ROOT/pod<uid> for Guaranteed,
// ROOT/burstable/pod<uid>, ROOT/besteffort/pod<uid>. Versions 1 and 2. It limits pods; containers are limited by the runtime.
import fs from 'node:fs/promises';
import path from 'node:path';
import type { Pod } from '../../src/generated/schemas/core-v1.ts';
import { cfsPeriodUs, type PodLimits, podLimits, qosClass } from './pod-resources.ts';

export interface Cgroups {
  /** The pod's cgroup as the runtime takes it; created and limited. */
  create(pod: Pod): Promise<string>;
  /** Removes the pod's cgroup and what is below it; false while processes are left. */
  remove(uid: string): Promise<boolean>;
  parent(pod: Pod): string;
  /** What the pod's cgroup is held to by now, but for its shares; undefined when it has none. */
  limits(pod: Pod): Promise<PodLimits | undefined>;
  /** Sets those limits that are given; fails when the kernel refuses one. */
  limit(pod: Pod, limits: PodLimits): Promise<void>;
  /** Bytes that the pod uses now; undefined when nobody counts them. */
  memoryUsage(pod: Pod): Promise<number | undefined>;
  /** Uids of pods that have a cgroup here. */
  list(): Promise<string[]>;
}

const classes = ['', 'burstable', 'besteffort'];
const v2Controllers = ['cpu', 'memory', 'pids', 'cpuset', 'io'];

export class NoCgroups implements Cgroups {
  parent(): string {
    return '';
  }
  async create(): Promise<string> {
    return '';
  }
  async remove(): Promise<boolean> {
    return true;
  }
  async limits(): Promise<undefined> {}
  async limit(): Promise<void> {}
  async memoryUsage(): Promise<undefined> {}
  async list(): Promise<string[]> {
    return [];
  }
}

export class KernelCgroups implements Cgroups {
  readonly #root: string;
  readonly #mount: string;
  #hierarchies: Promise<string[]> | undefined;

  /** `root`: path below the mount, unique on this kernel, such as `kubepods-a1`. */
  constructor(root: string, mount = '/sys/fs/cgroup') {
    this.#root = root;
    this.#mount = mount;
  }

  parent(pod: Pod): string {
    return path.posix.join('/', this.#root, this.#below(pod));
  }

  async create(pod: Pod): Promise<string> {
    const parent = this.parent(pod);
    const [unified] = await this.#v2();
    if (unified) await this.#createV2(unified, parent);
    else for (const c of ['cpu', 'memory']) await fs.mkdir(path.join(this.#mount, c, parent), { recursive: true });
    await this.#write(pod, podLimits(pod), () => {});
    return parent;
  }

  async limits(pod: Pod): Promise<PodLimits | undefined> {
    const files = await this.#files(pod);
    const [quota, memory] = await Promise.all([read(files.quota), read(files.memory)]);
    if (quota === undefined && memory === undefined) return undefined;
    const [quotaUs, bytes] = [Number.parseInt(quota ?? '', 10), Number.parseInt(memory ?? '', 10)];
    return {
      // -1 and `max` are no limit; nor is version 1's largest number of bytes.
      ...(quotaUs > 0 ? { cpuQuotaUs: quotaUs } : {}),
      ...(bytes < Number.MAX_SAFE_INTEGER ? { memoryBytes: bytes } : {}),
    };
  }

  async limit(pod: Pod, limits: PodLimits): Promise<void> {
    await this.#write(pod, limits, (error) => {
      throw error;
    });
  }

  async memoryUsage(pod: Pod): Promise<number | undefined> {
    const text = await read((await this.#files(pod)).usage);
    return text === undefined ? undefined : Number(text);
  }

  async remove(uid: string): Promise<boolean> {
    let gone = true;
    for (const hierarchy of await this.#all()) {
      for (const qos of classes) {
        gone = (await removeTree(path.join(hierarchy, this.#root, qos, `pod${uid}`))) && gone;
      }
    }
    return gone;
  }

  async list(): Promise<string[]> {
    const uids = new Set<string>();
    for (const hierarchy of await this.#all()) {
      for (const qos of classes) {
        const names = await fs.readdir(path.join(hierarchy, this.#root, qos)).catch(() => []);
        for (const name of names) if (/^pod[0-9a-f-]{36}$/.test(name)) uids.add(name.slice(3));
      }
    }
    return [...uids];
  }

  #below(pod: Pod): string {
    const qos = qosClass(pod);
    return path.posix.join(qos === 'Guaranteed' ? '' : qos.toLowerCase(), `pod${pod.metadata.uid}`);
  }

  async #v2(): Promise<string[]> {
    return (await exists(path.join(this.#mount, 'cgroup.controllers'))) ? [this.#mount] : [];
  }

  /** Directories of all hierarchies: the mount itself (v2), or each controller's (v1). */
  async #all(): Promise<string[]> {
    this.#hierarchies ??= (async () => {
      const unified = await this.#v2();
      if (unified.length > 0) return unified;
      const names = await fs.readdir(this.#mount).catch(() => []);
      return names.map((n) => path.join(this.#mount, n));
    })();
    return this.#hierarchies;
  }

  async #files(pod: Pod): Promise<Record<'shares' | 'period' | 'quota' | 'memory' | 'usage', string>> {
    const [unified] = await this.#v2();
    const parent = this.parent(pod);
    const [cpu, memory] = ['cpu', 'memory'].map((c) => path.join(unified ?? path.join(this.#mount, c), parent)) as [
      string,
      string,
    ];
    return {
      shares: path.join(cpu, unified ? 'cpu.weight' : 'cpu.shares'),
      period: path.join(cpu, unified ? 'cpu.max' : 'cpu.cfs_period_us'),
      quota: path.join(cpu, unified ? 'cpu.max' : 'cpu.cfs_quota_us'),
      memory: path.join(memory, unified ? 'memory.max' : 'memory.limit_in_bytes'),
      usage: path.join(memory, unified ? 'memory.current' : 'memory.usage_in_bytes'),
    };
  }

  async #write(pod: Pod, limits: PodLimits, failed: (error: Error) => void): Promise<void> {
    const { cpuShares, cpuQuotaUs, memoryBytes } = limits;
    const files = await this.#files(pod);
    const unified = files.period === files.quota;
    const write = (file: string, value: string | number): Promise<void> =>
      fs.writeFile(file, String(value)).catch(async (error: Error) => {
        // A controller that this machine lacks limits nothing; the pod still runs.
        if (await exists(file)) failed(error);
      });
    if (cpuShares !== undefined)
      await write(files.shares, unified ? 1 + Math.floor(((cpuShares - 2) * 9999) / 262_142) : cpuShares);
    if (cpuQuotaUs !== undefined) {
      if (!unified) await write(files.period, cfsPeriodUs);
      await write(files.quota, unified ? `${cpuQuotaUs} ${cfsPeriodUs}` : cpuQuotaUs);
    }
    if (memoryBytes !== undefined) await write(files.memory, memoryBytes);
  }

  async #createV2(unified: string, parent: string): Promise<void> {
    const available = (await fs.readFile(path.join(unified, 'cgroup.controllers'), 'utf8')).split(/\s+/);
    const enable = v2Controllers
      .filter((c) => available.includes(c))
      .map((c) => `+${c}`)
      .join(' ');
    let at = unified;
    for (const part of parent.split('/').filter(Boolean)) {
      await this.#enable(at, enable);
      at = path.join(at, part);
      await fs.mkdir(at, { recursive: true });
    }
    await this.#enable(at, enable);
  }

  /** What cannot be had limits nothing. */
  async #enable(directory: string, controllers: string): Promise<void> {
    await fs.writeFile(path.join(directory, 'cgroup.subtree_control'), controllers).catch(() => {});
  }
}

const read = (file: string): Promise<string | undefined> => fs.readFile(file, 'utf8').catch(() => undefined);

const exists = (file: string): Promise<boolean> =>
  fs.access(file).then(
    () => true,
    () => false,
  );

async function removeTree(directory: string): Promise<boolean> {
  const entries = await fs.readdir(directory, { withFileTypes: true }).catch(() => undefined);
  if (!entries) return true;
  for (const e of entries) if (e.isDirectory()) await removeTree(path.join(directory, e.name));
  return fs.rmdir(directory).then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code === 'ENOENT',
  );
}
