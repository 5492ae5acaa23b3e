// `tiffin down`: supervisor, agents, pods, containerds and control plane, in this order, then whatever is left of any of them.
// Nothing here depends on the step before: it is also how a half-dead cluster is cleaned up.
import fs from 'node:fs';
import { removeAllPods } from '../cri.ts';
import { CliError } from '../errors.ts';
import { localNodes } from '../local-nodes.ts';
import { takeLock } from '../lock.ts';
import { isRoot } from '../packages.ts';
import { nodePaths, runRootOf, type StatePaths, statePaths } from '../paths.ts';
import { end, find, findAll } from '../processes.ts';
import { type Progress, withProgress } from '../progress.ts';
import { type ClusterSettings, readSettings, releaseInstance } from '../settings.ts';
import { foreignEntries, removeStateDir } from '../state-dir.ts';
import { endProcesses, removeLeftovers } from '../teardown.ts';

/** How long containers may take to end: less than a pod's own grace, since the whole machine is asked to stop. */
const podGraceMs = 5000;

export async function down(options: { stateDir: string; purge?: boolean }): Promise<void> {
  const paths = statePaths(options.stateDir);
  // Somebody removed the directory under a cluster that ran.
  if (!fs.existsSync(paths.settings) && findAll(paths).length > 0) {
    await endProcesses(paths);
    console.log(`stopped what still ran from ${paths.dir}; its state is gone`);
  }
  if (!fs.existsSync(paths.dir)) {
    console.log(`nothing in ${paths.dir}`);
    return;
  }
  const settings = readSettings(paths);
  // Without settings it is one whose first start was cut short, or somebody else's.
  if (!settings && (!fs.existsSync(paths.pids) || foreignEntries(paths).length > 0))
    throw new CliError(`${paths.dir} is not a state directory of tiffin`);
  const release = await takeLock(paths.lock, 2000);
  try {
    await withProgress('stopping', (progress) => lower(paths, settings, progress));
    if (options.purge) {
      const left = removeStateDir(paths);
      if (settings && isRoot()) releaseInstance(paths.dir, settings.instance);
      console.log(
        left.length === 0 ? `removed ${paths.dir}` : `removed the state in ${paths.dir}, not: ${left.join(' ')}`,
      );
    } else {
      console.log('the cluster is down; its state is kept, and tiffin up brings it back');
    }
  } finally {
    release();
  }
}

async function lower(paths: StatePaths, settings: ClusterSettings | undefined, progress: Progress): Promise<void> {
  const before = performance.now();
  // First those that would start the others again.
  const supervisor = find(paths, 'supervisor');
  if (supervisor) await end(supervisor.pid, 5000);
  const agents = findAll(paths).filter((p) => p.name.startsWith('agent-'));
  await Promise.all(agents.map((agent) => end(agent.pid, 5000)));
  progress.detail = 'pods';
  if (settings) await stopPods(paths, settings, progress);
  progress.detail = '';
  await endProcesses(paths);
  if (settings && isRoot()) await removeLeftovers(paths, settings.instance);
  for (const file of fs.existsSync(paths.pids) ? fs.readdirSync(paths.pids) : []) fs.rmSync(`${paths.pids}/${file}`);
  progress.print(`stopped everything in ${((performance.now() - before) / 1000).toFixed(1)} s`);
}

/** Through containerd where it runs; what it does not do is done the hard way later. */
async function stopPods(paths: StatePaths, settings: ClusterSettings, progress: Progress): Promise<void> {
  const names = new Set(localNodes(paths, settings).map((node) => node.name));
  // Also of nodes that an earlier `up` had.
  for (const entry of fs.existsSync(paths.nodes) ? fs.readdirSync(paths.nodes) : []) names.add(entry);
  await Promise.all(
    [...names].map(async (name) => {
      const { socket } = nodePaths(paths.nodes, runRootOf(settings.instance), name);
      if (!find(paths, `containerd-${name}`) || !fs.existsSync(socket)) return;
      try {
        const { removed, failures } = await removeAllPods(socket, podGraceMs);
        progress.print(`${name}: ${removed} pod${removed === 1 ? '' : 's'} stopped`);
        for (const failure of failures.slice(0, 3)) progress.note(`${name}: ${failure}`);
      } catch (error) {
        progress.note(`${name}: containerd does not answer (${(error as Error).message}); its containers are killed`);
      }
    }),
  );
}
