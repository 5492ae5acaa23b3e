// Leaves nothing of a stopped cluster in the kernel: processes, mounts, cgroups, network. Each step works alone, on whatever is
// left, so that a half-dead cluster goes as completely as a healthy one. Touches only what carries this cluster's names.
import fs from 'node:fs';
import path from 'node:path';
import { removeNetwork } from './host-network.ts';
import { runRootOf, type StatePaths } from './paths.ts';
import { alive, end, findAll, graceMsOf, signal, sleep } from './processes.ts';
import { tryRun } from './run.ts';
import { rangesOf } from './settings.ts';

function read(file: string): string {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

/** Mount points at or below any of the folders, innermost first. */
export function mountsBelow(folders: readonly string[], mountinfo = read('/proc/self/mountinfo')): string[] {
  const unescaped = (text: string) =>
    text.replace(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
  return mountinfo
    .split('\n')
    .map((line) => unescaped(line.split(' ')[4] ?? ''))
    .filter((point) => folders.some((folder) => point === folder || point.startsWith(`${folder}/`)))
    .reverse();
}

async function unmountBelow(folders: readonly string[]): Promise<void> {
  for (let round = 0; round < 3; round++) {
    const points = mountsBelow(folders);
    if (points.length === 0) return;
    for (const point of points) {
      if ((await tryRun('umount', [point])).code !== 0) await tryRun('umount', ['-l', point]);
    }
  }
}

/** Cgroup folders of pods of this cluster, in every hierarchy. */
export function cgroupsOf(instance: number, root = '/sys/fs/cgroup'): string[] {
  const own = new RegExp(`(^|[-_.])tf${instance}n\\d+($|[-_.])`);
  const found: string[] = [];
  const visit = (dir: string, depth: number) => {
    let entries: fs.Dirent[];
    try {
      entries = fs.readdirSync(dir, { withFileTypes: true });
    } catch {
      return;
    }
    for (const entry of entries) {
      if (!entry.isDirectory()) continue;
      const file = path.join(dir, entry.name);
      if (own.test(entry.name)) found.push(file);
      else if (depth < 2) visit(file, depth + 1);
    }
  };
  visit(root, 0);
  return found;
}

function* processesIn(cgroup: string): Generator<number> {
  for (const pid of read(path.join(cgroup, 'cgroup.procs')).split('\n').map(Number)) if (pid > 0) yield pid;
  for (const entry of fs.existsSync(cgroup) ? fs.readdirSync(cgroup, { withFileTypes: true }) : []) {
    if (entry.isDirectory()) yield* processesIn(path.join(cgroup, entry.name));
  }
}

function removeCgroup(cgroup: string): void {
  try {
    for (const entry of fs.readdirSync(cgroup, { withFileTypes: true })) {
      if (entry.isDirectory()) removeCgroup(path.join(cgroup, entry.name));
    }
    fs.rmdirSync(cgroup);
  } catch {
    // Busy: a process is still on its way out. The caller tries again.
  }
}

async function removeCgroups(instance: number): Promise<void> {
  const deadline = performance.now() + 5000;
  for (;;) {
    const groups = cgroupsOf(instance);
    if (groups.length === 0 || performance.now() > deadline) return;
    for (const group of groups) {
      for (const pid of processesIn(group)) if (pid !== process.pid) signal(pid, 'SIGKILL');
      removeCgroup(group);
    }
    if (cgroupsOf(instance).length > 0) await sleep(30);
  }
}

/** Shims that lost their containerd, with the containers below them; and the sockets that they leave behind. */
async function endShims(paths: StatePaths, runRoot: string): Promise<void> {
  const sockets: string[] = [];
  for (const node of fs.existsSync(runRoot) ? fs.readdirSync(runRoot) : []) {
    const bundles = path.join(runRoot, node, 'containerd/io.containerd.runtime.v2.task/k8s.io');
    for (const id of fs.existsSync(bundles) ? fs.readdirSync(bundles) : []) {
      const init = Number.parseInt(read(path.join(bundles, id, 'init.pid')), 10);
      const mark = read(`/proc/${init}/cgroup`);
      // The number may be someone else's by now: only if its cgroup names the container.
      if (init > 1 && mark.includes(id)) signal(init, 'SIGKILL');
      const address = read(path.join(bundles, id, 'address')).trim();
      if (address.startsWith('unix://')) sockets.push(address.slice('unix://'.length));
    }
  }
  const shims = findAll(paths).filter((p) => p.shim);
  for (const shim of shims) signal(shim.pid, 'SIGKILL');
  while (shims.some((shim) => alive(shim.pid))) await sleep(10);
  for (const socket of sockets) fs.rmSync(socket, { force: true });
}

/** Ends every process of this cluster that still runs, in the order in which they would restart one another. */
export async function endProcesses(paths: StatePaths): Promise<void> {
  const all = findAll(paths);
  const these = (test: (name: string) => boolean) =>
    all.filter((p) => !p.shim && test(p.name)).map((p) => end(p.pid, graceMsOf(p.name)));
  await Promise.all(these((name) => name === 'supervisor'));
  await Promise.all(these((name) => name !== 'supervisor'));
}

/** The ranges of the cluster that this machine joined, when it is not one of its own. */
function joinedRanges(paths: StatePaths): { podCidr?: string; serviceCidr?: string } {
  for (const node of fs.existsSync(paths.nodes) ? fs.readdirSync(paths.nodes) : []) {
    try {
      const identity = JSON.parse(read(path.join(paths.nodes, node, 'agent/identity.json'))) as {
        cluster?: Record<string, string>;
      };
      const { podCidr, serviceCidr } = identity.cluster ?? {};
      if (podCidr && serviceCidr) return { podCidr, serviceCidr };
    } catch {
      // It never joined.
    }
  }
  return {};
}

/** Removes what is left once the processes are gone. Without root there is nothing in the kernel to remove. */
export async function removeLeftovers(paths: StatePaths, instance: number): Promise<void> {
  const ranges = { ...rangesOf(instance), ...joinedRanges(paths) };
  const runRoot = runRootOf(instance);
  await endShims(paths, runRoot);
  await unmountBelow([runRoot, path.join(paths.dir, 'nodes')]);
  await removeCgroups(instance);
  await removeNetwork(ranges, instance);
  fs.rmSync(runRoot, { recursive: true, force: true });
  try {
    fs.rmdirSync(path.dirname(runRoot));
  } catch {
    // Another cluster is up.
  }
}
