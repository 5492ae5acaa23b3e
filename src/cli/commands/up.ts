// `tiffin up`: from nothing, or from whatever is there, to a running cluster. Every step finds out what is done already, so
// that running it again is harmless. It starts the components itself, which is quickest, and hands them to the supervisor.
import fs from 'node:fs';
import path from 'node:path';
import { Api, localTarget } from '../api.ts';
import { createBootstrapToken } from '../bootstrap-token.ts';
import { agentSources, sourceStamp } from '../bundle.ts';
import { keepConfiguration, keptConfiguration, offeredConfiguration } from '../configuration.ts';
import type { ContainerdPlace } from '../containerd.ts';
import { controlPlaneComponent, listenAddresses } from '../control-plane.ts';
import { CliError } from '../errors.ts';
import { ensureLan, ensureNodeNetns } from '../host-network.ts';
import { importBuiltIn } from '../image-import.ts';
import {
  agentComponents,
  containerdComponents,
  containerdPlace,
  joined,
  localNodes,
  nodeNames,
  simulatedNames,
} from '../local-nodes.ts';
import { takeLock } from '../lock.ts';
import { agentOf, readyNodes } from '../nodes-ready.ts';
import { aptInstall, canInstall, isRoot, missingPackages } from '../packages.ts';
import { nodePaths, repoRoot, runRootOf, type StatePaths, statePaths } from '../paths.ts';
import { type Component, end, find, findAll, graceMsOf, logFile, signal, sleep, start } from '../processes.ts';
import { type Progress, startProgress } from '../progress.ts';
import { checkEncryptionKeys, scrubDatabases } from '../sealed-database.ts';
import { type ClusterSettings, choosePort, claimInstance, rangesOf, readSettings, writeSettings } from '../settings.ts';

import { makeStateDir } from '../state-dir.ts';

export interface UpOptions {
  stateDir: string;
  port?: number;
  listen?: string;
  nodes?: number;
  simulatedNodes?: number;
  config?: string;
  detach?: boolean;
  demo?: boolean;
}

const apiReadyMs = 30_000;
const nodesReadyMs = 90_000;
const agentTokenTtlMs = 10 * 60_000;

const startedAt = performance.now();
/** Times of the API have whole seconds. */
const upSinceMs = Math.floor(Date.now() / 1000) * 1000;
/** Of the one `up` of this process. */
let progress: Progress;
function say(message: string): void {
  progress.print(`[${((performance.now() - startedAt) / 1000).toFixed(1).padStart(5)} s] ${message}`);
}
/** What keeps the next line waiting. */
function wait(what: string): void {
  progress.detail = what;
}

export async function up(options: UpOptions): Promise<void> {
  progress = startProgress('starting');
  try {
    await begin(options);
  } finally {
    progress.done();
  }
}

async function begin(options: UpOptions): Promise<void> {
  if (process.platform !== 'linux') throw new CliError('tiffin up runs on Linux');
  const paths = statePaths(options.stateDir);
  makeStateDir(paths);
  const offered = options.config === undefined ? undefined : offeredConfiguration(options.config);
  const release = await takeLock(paths.lock, 2000);
  try {
    checkEncryptionKeys(paths, offered?.configuration ?? keptConfiguration(paths));
    if (offered) keepConfiguration(paths, offered);
    await raise(paths, options);
  } finally {
    release();
  }
  if (options.demo) await (await import('./demo.ts')).demo(options.stateDir, say);
  progress.done();
  if (!options.detach) printNext(paths);
}

async function raise(paths: StatePaths, options: UpOptions): Promise<void> {
  const settings = await settle(paths, options);
  const real = settings.nodes > 0;
  say(`cluster in ${paths.dir}: ${describe(settings)}`);
  if (settings.nodes > 1) await ensureLan(rangesOf(settings.instance));

  const place = real ? await containerdPlace(paths) : undefined;
  if (place?.snapshotter === 'native')
    say(`${paths.dir} lies on an overlay file system: containers get plain copies (slower)`);
  const supervised = find(paths, 'supervisor');
  // Nobody has the database open, nor is anybody about to.
  if (!supervised && !find(paths, 'workerd') && scrubDatabases(paths))
    say('the database was written anew: nothing of what was once stored in plain is left in it');
  const controlPlane = await controlPlaneComponent(paths, settings);
  const before = new Map(findAll(paths).map((p) => [p.name, p.pid]));
  const components = [controlPlane];
  await apply(paths, components, [controlPlane], supervised?.pid);
  const elsewhere = listenAddresses(settings).filter((address) => address !== '127.0.0.1');
  say(
    `control plane at https://127.0.0.1:${settings.port}${elsewhere.length > 0 ? `, also on ${elsewhere.join(', ')}` : ''}`,
  );

  if (place) {
    await netns(settings);
    components.push(...containerdComponents(paths, settings, place));
    await apply(paths, components, components.slice(1), supervised?.pid);
  }
  const images = place ? loadImages(paths, settings, place) : Promise.resolve();
  // Looked at below; until then it must not count as unhandled.
  images.catch(() => {});

  const api = new Api(localTarget(paths));
  const input = { sources: sourceStamp(agentSources), cniBinDir: place?.cniBinDir };
  wait('for the API server');
  await api.waitReady(apiReadyMs, () => diedEarly(paths, 'workerd'));
  say('API server ready');
  const newcomers = notJoined(paths, settings);
  const bootstrapTokens = await nodeTokens(api, newcomers, settings);
  for (const name of newcomers) {
    // One that still tries with a token of an earlier `up`, which has expired.
    const stale = name === 'sim' ? undefined : find(paths, `agent-${name}`);
    if (stale) await end(stale.pid, 5000);
  }
  const agents = agentComponents(paths, settings, { ...input, bootstrapTokens });
  components.push(...agents);
  await apply(paths, components, agents, supervised?.pid);
  await supervise(paths, supervised?.pid);
  wait('for images');
  await images;
  if (options.detach) {
    say('started; see tiffin status');
  } else {
    await waitNodes(api, settings, paths, before);
  }
  api.close();
}

/** Decides index, port and numbers: what was asked for, else what was before, else defaults. */
async function settle(paths: StatePaths, options: UpOptions): Promise<ClusterSettings> {
  const before = readSettings(paths);
  let nodes = options.nodes ?? before?.nodes ?? 1;
  let simulatedNodes = options.simulatedNodes ?? before?.simulatedNodes ?? 0;
  if (nodes > 0 && !(await canRunContainers(paths))) {
    simulatedNodes = Math.max(simulatedNodes, nodes);
    nodes = 0;
  }
  const listen = options.listen ?? before?.listen ?? '127.0.0.1';
  const instance = isRoot() ? claimInstance(paths.dir, before?.instance) : (before?.instance ?? 0);
  const settings: ClusterSettings = {
    instance,
    port: options.port ?? before?.port ?? 6443,
    listen,
    nodes,
    simulatedNodes,
  };
  const running = find(paths, 'workerd');
  if (!running || settings.port !== before?.port) {
    const wanted = settings.port;
    // Kubeconfigs name the port: one that is in use already stays.
    const insist = options.port !== undefined || before !== undefined;
    const here = listen === '127.0.0.1' || listen === '0.0.0.0' ? [listen] : ['127.0.0.1', listen];
    settings.port = await choosePort(wanted, here, insist);
    if (settings.port !== wanted) say(`port ${wanted} is taken: using ${settings.port}`);
  }
  if (before && before.nodes > nodes) await dropNodes(paths, before, nodes);
  writeSettings(paths, settings);
  return settings;
}

async function canRunContainers(paths: StatePaths): Promise<boolean> {
  const missing = missingPackages();
  if (missing.length > 0 && canInstall()) {
    say(`installing from Debian: ${missing.join(' ')} (log: ${path.join(paths.logs, 'apt.log')})`);
    wait('apt-get');
    await aptInstall(missing, path.join(paths.logs, 'apt.log'));
  }
  const still = missingPackages();
  if (isRoot() && still.length === 0) return true;
  const why = [...(isRoot() ? [] : ['not root']), ...(still.length > 0 ? [`missing: ${still.join(' ')}`] : [])];
  say(`no containers here (${why.join('; ')}): simulated nodes instead`);
  return false;
}

/** Fewer nodes than before: their processes and containers go. Their Node objects are the user's to delete. */
async function dropNodes(paths: StatePaths, before: ClusterSettings, keep: number): Promise<void> {
  const { removeAllPods } = await import('../cri.ts');
  const supervisor = find(paths, 'supervisor');
  if (supervisor) await end(supervisor.pid, 5000);
  for (const name of nodeNames(before.nodes).slice(keep)) {
    say(`stopping ${name}; its Node object stays: kubectl delete node ${name}`);
    const agent = find(paths, `agent-${name}`);
    if (agent) await end(agent.pid, 5000);
    const node = nodePaths(paths.nodes, runRootOf(before.instance), name);
    const containerd = find(paths, `containerd-${name}`);
    if (!containerd) continue;
    await removeAllPods(node.socket, 2000).catch(() => {});
    await end(containerd.pid, 5000);
  }
}

async function netns(settings: ClusterSettings): Promise<void> {
  const ranges = rangesOf(settings.instance);
  for (const [i, name] of nodeNames(settings.nodes).entries()) if (i > 0) await ensureNodeNetns(ranges, name, i + 1);
}

/** Starts what is not running as described: through the supervisor when there is one, else directly. */
async function apply(
  paths: StatePaths,
  all: readonly Component[],
  these: readonly Component[],
  supervisor?: number,
): Promise<void> {
  fs.writeFileSync(`${paths.components}.new`, JSON.stringify(all, null, 2), { mode: 0o600 });
  fs.renameSync(`${paths.components}.new`, paths.components);
  if (supervisor) return signal(supervisor, 'SIGHUP');
  await Promise.all(
    these.map(async (component) => {
      const running = find(paths, component.name);
      if (running && running.fingerprint === component.fingerprint) return;
      // An older version, or with other settings. Containers do not mind.
      if (running) await end(running.pid, graceMsOf(component.name));
      await start(paths, component);
    }),
  );
}

/** Starts the supervisor unless the one that runs is this version. */
async function supervise(paths: StatePaths, supervisor?: number): Promise<void> {
  const sources = sourceStamp(['src/cli/supervisor.ts', 'src/cli/processes.ts', 'src/cli/paths.ts']);
  const running = find(paths, 'supervisor');
  if (running && running.pid === supervisor && running.fingerprint === sources) return;
  if (running) await end(running.pid, 5000);
  const command = [
    process.execPath,
    '--disable-warning=ExperimentalWarning',
    path.join(repoRoot, 'src/cli/supervisor.ts'),
    paths.dir,
  ];
  start(paths, { name: 'supervisor', command, env: {}, fingerprint: sources });
}

function diedEarly(paths: StatePaths, name: string): void {
  if (find(paths, name)) return;
  if (find(paths, 'supervisor')) return;
  throw new CliError(`${name} ended at once; the last of ${logFile(paths, name)}:\n${tail(logFile(paths, name), 8)}`);
}

function tail(file: string, lines: number): string {
  return fs.existsSync(file)
    ? fs.readFileSync(file, 'utf8').trimEnd().split('\n').slice(-lines).join('\n')
    : '(no log)';
}

/** Agents that need a bootstrap token. Simulated nodes join one by one: there may always be new ones. */
function notJoined(paths: StatePaths, settings: ClusterSettings): string[] {
  const runRoot = runRootOf(settings.instance);
  const names = [...nodeNames(settings.nodes), ...(settings.simulatedNodes > 0 ? ['sim'] : [])];
  return names.filter((name) => name === 'sim' || !joined(nodePaths(paths.nodes, runRoot, name).agent));
}

/** For each agent one of its own, good for as many nodes as it has. */
async function nodeTokens(
  api: Api,
  agents: readonly string[],
  settings: ClusterSettings,
): Promise<Map<string, string>> {
  const made = agents.map(async (name): Promise<[string, string]> => {
    return [name, await nodeToken(api, name === 'sim' ? settings.simulatedNodes : 1)];
  });
  return new Map(await Promise.all(made));
}

/** The kube-system namespace appears a moment after the API answers for the first time. */
async function nodeToken(api: Api, joins: number): Promise<string> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await createBootstrapToken(api, { ttlMs: agentTokenTtlMs, joins, description: 'tiffin up' });
    } catch (error) {
      if (attempt === 100) throw error;
      await sleep(50);
    }
  }
}

async function loadImages(paths: StatePaths, settings: ClusterSettings, place: ContainerdPlace): Promise<void> {
  const { builtInArchive } = await import('../image-import.ts');
  const archive = builtInArchive(paths);
  archive.catch(() => {});
  await Promise.all(
    localNodes(paths, settings).map(async ({ name, paths: node }) => {
      const deadline = performance.now() + 30_000;
      while (!(await accepts(node.socket))) {
        diedEarly(paths, `containerd-${name}`);
        if (performance.now() > deadline)
          throw new CliError(`containerd of ${name} does not answer; see tiffin logs containerd-${name}`);
        await sleep(20);
      }
      await archive;
      await importBuiltIn(paths, node, place.snapshotter);
    }),
  );
  say(`containerd ready on ${settings.nodes === 1 ? 'node-1' : `${settings.nodes} nodes`}, images loaded`);
}

async function accepts(socket: string): Promise<boolean> {
  const net = await import('node:net');
  return new Promise((resolve) => {
    const connection = net.connect(socket);
    connection.once('connect', () => {
      connection.destroy();
      resolve(true);
    });
    connection.once('error', () => resolve(false));
  });
}

async function waitNodes(
  api: Api,
  settings: ClusterSettings,
  paths: StatePaths,
  before: ReadonlyMap<string, number>,
): Promise<void> {
  const wanted = [...nodeNames(settings.nodes), ...simulatedNames(settings.simulatedNodes)];
  if (wanted.length === 0) return;
  const deadline = performance.now() + nodesReadyMs + wanted.length * 200;
  let told = 0;
  // An agent that ran before this command has been heard all along.
  const sinceOf = (node: string): number => {
    const pid = find(paths, agentOf(node))?.pid;
    return pid !== undefined && before.get(agentOf(node)) === pid ? 0 : upSinceMs;
  };
  const heard = new Set<string>();
  for (;;) {
    let ready = new Set<string>();
    try {
      ready = await readyNodes(api, wanted, sinceOf, heard);
    } catch (error) {
      // A control plane that was killed meanwhile comes back.
      if (performance.now() > deadline) throw error;
    }
    const waiting = wanted.filter((name) => !ready.has(name));
    const done = wanted.length - waiting.length;
    if (done > told) say(`nodes ready: ${done} of ${wanted.length}`);
    told = Math.max(told, done);
    wait(`for ${waiting.slice(0, 3).join(', ')}${waiting.length > 3 ? ' and others' : ''}`);
    if (waiting.length === 0) return;
    if (performance.now() > deadline) {
      const log = logFile(paths, agentOf(waiting[0]!));
      throw new CliError(`not Ready: ${waiting.slice(0, 5).join(', ')}; the last of ${log}:\n${tail(log, 8)}`);
    }
    await sleep(30);
  }
}

function describe(settings: ClusterSettings): string {
  const parts = ['control plane'];
  if (settings.nodes > 0) parts.push(`${settings.nodes} node${settings.nodes > 1 ? 's' : ''}`);
  if (settings.simulatedNodes > 0) parts.push(`${settings.simulatedNodes} simulated`);
  return parts.join(', ');
}

function printNext(paths: StatePaths): void {
  const standard = paths.dir === path.resolve('.tiffin');
  const flag = standard ? '' : ` --state-dir ${paths.dir}`;
  const tiffin = process.cwd() === repoRoot ? './tiffin' : path.join(repoRoot, 'tiffin');
  console.log(`
The cluster is up. Next:
  export KUBECONFIG=${paths.kubeconfig}
  ${tiffin} kubectl${flag} get nodes -o wide
  ${tiffin} kubectl${flag} create deployment web --image=tiffin.dev/hello:1 --replicas=3`);
}
