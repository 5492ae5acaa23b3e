// The cgroups between the machine and a pod's containers, in the kubelet's cgroupfs layout: ROOT/pod<uid> for Guaranteed,
// ROOT/burstable/pod<uid>, ROOT/besteffort/pod<uid>. Versions 1 and 2. It limits pods; containers are limited by the runtime.
import fs from 'node:fs/promises';
import path from 'node:path';
import type { Pod } from '../../src/generated/schemas/core-v1.ts';
import { cfsPeriodUs, podLimit, podRequest, qosClass, quotaOf, sharesOf } from './pod-resources.ts';

export interface Cgroups {
  /** The pod's cgroup as the runtime takes it; created and limited. */
  create(pod: Pod): Promise<string>;
  /** Removes the pod's cgroup and what is below it; false while processes are left. */
  remove(uid: string): Promise<boolean>;
  parent(pod: Pod): string;
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
    if (unified) await this.#createV2(unified, parent, pod);
    else await this.#createV1(parent, pod);
    return parent;
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

  async #createV1(parent: string, pod: Pod): Promise<void> {
    const cpu = path.join(this.#mount, 'cpu', parent);
    const memory = path.join(this.#mount, 'memory', parent);
    await Promise.all([fs.mkdir(cpu, { recursive: true }), fs.mkdir(memory, { recursive: true })]);
    const memoryLimit = podLimit(pod, 'memory');
    const cpuLimit = podLimit(pod, 'cpu');
    await Promise.all([
      write(path.join(cpu, 'cpu.shares'), sharesOf(podRequest(pod, 'cpu'))),
      cpuLimit ? write(path.join(cpu, 'cpu.cfs_period_us'), cfsPeriodUs) : undefined,
      cpuLimit ? write(path.join(cpu, 'cpu.cfs_quota_us'), quotaOf(cpuLimit)) : undefined,
      memoryLimit ? write(path.join(memory, 'memory.limit_in_bytes'), memoryLimit) : undefined,
    ]);
  }

  async #createV2(unified: string, parent: string, pod: Pod): Promise<void> {
    const available = (await fs.readFile(path.join(unified, 'cgroup.controllers'), 'utf8')).split(/\s+/);
    const enable = v2Controllers
      .filter((c) => available.includes(c))
      .map((c) => `+${c}`)
      .join(' ');
    let at = unified;
    for (const part of parent.split('/').filter(Boolean)) {
      await write(path.join(at, 'cgroup.subtree_control'), enable);
      at = path.join(at, part);
      await fs.mkdir(at, { recursive: true });
    }
    await write(path.join(at, 'cgroup.subtree_control'), enable);
    const memoryLimit = podLimit(pod, 'memory');
    const cpuLimit = podLimit(pod, 'cpu');
    const weight = 1 + Math.floor(((sharesOf(podRequest(pod, 'cpu')) - 2) * 9999) / 262_142);
    await write(path.join(at, 'cpu.weight'), weight);
    if (cpuLimit) await write(path.join(at, 'cpu.max'), `${quotaOf(cpuLimit)} ${cfsPeriodUs}`);
    if (memoryLimit) await write(path.join(at, 'memory.max'), memoryLimit);
  }
}

const exists = (file: string): Promise<boolean> =>
  fs.access(file).then(
    () => true,
    () => false,
  );

/** A controller that this machine lacks limits nothing; the pod still runs. */
async function write(file: string, value: string | number): Promise<void> {
  await fs.writeFile(file, String(value)).catch(() => {});
}

async function removeTree(directory: string): Promise<boolean> {
  const entries = await fs.readdir(directory, { withFileTypes: true }).catch(() => undefined);
  if (!entries) return true;
  for (const e of entries) if (e.isDirectory()) await removeTree(path.join(directory, e.name));
  return fs.rmdir(directory).then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code === 'ENOENT',
  );
}
