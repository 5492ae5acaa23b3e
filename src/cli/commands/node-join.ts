// `tiffin node join`: this machine as a node of a control plane elsewhere. A containerd of its own and the agent run under the
// same supervisor as local clusters' do. In the foreground, or as a systemd unit that runs this very command. Stopping it leaves
// the containers running, as stopping a kubelet does; `tiffin down --state-dir NODE-DIR` ends them too.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parsePinnedToken } from '../../protocol/sealed.ts';
import { checkUrl, readFile } from '../api.ts';
import { agentSources, sourceStamp } from '../bundle.ts';
import { CliError } from '../errors.ts';
import { importBuiltIn } from '../image-import.ts';
import { agentComponent, containerdComponent, containerdPlace, hostAddress, joined } from '../local-nodes.ts';
import { takeLock } from '../lock.ts';
import { aptInstall, canInstall, isRoot, missingPackages, which } from '../packages.ts';
import { type NodePaths, nodePaths, repoRoot, runRootOf, type StatePaths, statePaths } from '../paths.ts';
import { pinnedCa } from '../pin.ts';
import { type Component, end, find, sleep, start } from '../processes.ts';
import { run } from '../run.ts';
import { claimInstance, rangesOf, readSettings, writeSettings } from '../settings.ts';
import { makeStateDir } from '../state-dir.ts';

export interface JoinOptions {
  url: string;
  token?: string;
  caFile?: string;
  name?: string;
  address?: string;
  label?: string[];
  nodeDir: string;
  systemd?: boolean;
}

const unitFile = '/etc/systemd/system/tiffin-node.service';

export async function nodeJoin(options: JoinOptions): Promise<void> {
  const url = checkUrl(options.url);
  const name = options.name ?? os.hostname().toLowerCase();
  if (!/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(name))
    throw new CliError(`not a name for a node: ${name}; give one with --name`);
  const labels = parseLabels(options.label ?? []);
  const token = options.token === undefined ? undefined : parsePinnedToken(options.token);
  if (options.token !== undefined && !token)
    throw new CliError(
      'not a bootstrap token (expected abcdef.0123456789abcdef@sha256:HASH); make one with: tiffin token create',
    );
  const paths = statePaths(options.nodeDir);
  makeStateDir(paths);
  await requirePrograms(paths);
  const instance = claimInstance(paths.dir, readSettings(paths)?.instance);
  const node = nodePaths(paths.nodes, runRootOf(instance), name);
  const bootstrapToken = options.token ?? earlierToken(node);
  if (!joined(node.agent) && !bootstrapToken)
    throw new CliError('a bootstrap token is needed the first time: --token (from tiffin token create)');
  if (!joined(node.agent) && options.token === undefined)
    console.error('the node has no credential that counts: trying the token of before; a new one goes in with --token');
  if (find(paths, 'supervisor'))
    throw new CliError(`a node runs from ${paths.dir} already; stop it first, or give another --node-dir`);
  const release = await takeLock(paths.lock);
  // `down` reads these; a joined node has no control plane and no port.
  writeSettings(paths, { instance, port: 0, listen: '', nodes: 0, simulatedNodes: 0 });
  const caFile = await keepCa(path.join(paths.dir, 'ca.crt'), url, options.caFile, token?.pin);

  const place = await containerdPlace(paths);
  const containerd = containerdComponent(name, node, place);
  const agent = agentComponent(
    name,
    node.agentConfig,
    {
      nodeName: name,
      url,
      caFile,
      stateDir: node.agent,
      runDir: node.run,
      containerd: { socket: node.socket, cniConfDir: node.cniConf, cniBinDir: place.cniBinDir },
      address: options.address ?? hostAddress(),
      networkId: rangesOf(instance).networkId(1),
      ...(Object.keys(labels).length > 0 ? { labels } : {}),
    },
    { sources: sourceStamp(agentSources), bootstrapToken },
  );
  fs.writeFileSync(paths.components, JSON.stringify([containerd, agent], null, 2), { mode: 0o600 });
  if (options.systemd) {
    release();
    return installUnit(options, url, name, caFile);
  }
  if (!find(paths, containerd.name)) await start(paths, containerd);
  for (let i = 0; !fs.existsSync(node.socket); i++) {
    if (i > 1500) throw new CliError(`containerd does not start; see ${paths.logs}`);
    await sleep(20);
  }
  await importBuiltIn(paths, node, place.snapshotter);
  release();
  console.log(
    `node ${name} for ${url}; logs in ${paths.logs}; Ctrl-C stops the agent and leaves the containers running`,
  );
  await superviseInForeground(paths, [containerd, agent]);
}

/** The authority of the control plane's certificate, beside the system's: as given, or the one that the token names. */
async function keepCa(
  kept: string,
  url: string,
  given: string | undefined,
  pin: string | undefined,
): Promise<string | undefined> {
  if (given) fs.writeFileSync(kept, readFile(given));
  else if (pin) fs.writeFileSync(kept, await pinnedCa(url, pin));
  return fs.existsSync(kept) ? kept : undefined;
}

function parseLabels(list: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    list.map((text) => {
      const at = text.indexOf('=');
      if (at <= 0) throw new CliError(`not a label: ${text} (expected key=value)`);
      return [text.slice(0, at), text.slice(at + 1)];
    }),
  );
}

async function requirePrograms(paths: StatePaths): Promise<void> {
  if (!isRoot()) throw new CliError('a node runs containers, which takes root');
  const missing = missingPackages();
  if (missing.length > 0 && canInstall()) {
    console.log(`installing from Debian: ${missing.join(' ')}`);
    await aptInstall(missing, path.join(paths.logs, 'apt.log'));
  }
  const still = missingPackages();
  if (still.length > 0) throw new CliError(`missing on this machine: ${still.join(' ')}`);
}

function earlierToken(node: NodePaths): string | undefined {
  try {
    return (JSON.parse(fs.readFileSync(node.agentConfig, 'utf8')) as { bootstrapToken?: string }).bootstrapToken;
  } catch {
    return undefined;
  }
}

async function superviseInForeground(paths: StatePaths, components: readonly Component[]): Promise<void> {
  let stopping = false;
  let wake = () => {};
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => {
      stopping = true;
      wake();
    });
  }
  const command = [
    process.execPath,
    '--disable-warning=ExperimentalWarning',
    path.join(repoRoot, 'src/cli/supervisor.ts'),
    paths.dir,
  ];
  while (!stopping) {
    let ended = '';
    const supervisor = await start(
      paths,
      { name: 'supervisor', command, env: {}, fingerprint: 'foreground' },
      (why) => {
        ended = why;
        wake();
      },
    );
    await new Promise<void>((resolve) => {
      // An unreferenced child does not keep this process alive: the timer does.
      const timer = setInterval(() => {}, 60_000);
      wake = () => {
        clearInterval(timer);
        resolve();
      };
      if (ended) wake();
    });
    // `tiffin down` told it to end: it sees to the rest.
    if (ended === 'code 0') return;
    if (stopping && supervisor > 0) await end(supervisor, 5000);
    else await sleep(200);
  }
  // First the agent, which would notice that containerd goes.
  for (const component of [...components].reverse()) {
    const running = find(paths, component.name);
    if (running) await end(running.pid, 5000);
  }
}

async function installUnit(options: JoinOptions, url: string, name: string, caFile: string | undefined): Promise<void> {
  if (!which('systemctl') || !fs.existsSync('/run/systemd/system'))
    throw new CliError('systemd does not run on this machine');
  fs.writeFileSync(
    unitFile,
    unitText({ ...options, url, name, caFile }, path.join(repoRoot, 'tiffin'), process.env.PATH ?? ''),
  );
  await run('systemctl', 'daemon-reload');
  await run('systemctl', 'enable', 'tiffin-node.service');
  await run('systemctl', 'restart', 'tiffin-node.service');
  console.log(
    `installed and started tiffin-node.service; its log: journalctl -u tiffin-node, and ${path.join(options.nodeDir, 'logs')}`,
  );
}

/** The token is not in the unit, which anyone may read: the agent's configuration holds it. */
export function unitText(options: Omit<JoinOptions, 'token'>, launcher: string, searchPath: string): string {
  const quote = (text: string) =>
    /^[\w@%+=:,./-]+$/.test(text)
      ? text.replaceAll('%', '%%')
      : `"${text.replace(/["\\]/g, '\\$&').replaceAll('%', '%%')}"`;
  const args = [
    ['--url', options.url],
    ...(options.name ? [['--name', options.name]] : []),
    ...(options.caFile ? [['--ca-file', options.caFile]] : []),
    ...(options.address ? [['--address', options.address]] : []),
    ...(options.label ?? []).map((label) => ['--label', label]),
    ['--node-dir', path.resolve(options.nodeDir)],
  ].flat();
  return `[Unit]
Description=Tiffin node agent
Wants=network-online.target
After=network-online.target

[Service]
Environment=${quote(`PATH=${searchPath}`)}
ExecStart=${[launcher, 'node', 'join', ...args].map(quote).join(' ')}
Restart=always
RestartSec=2
# Containers outlive the agent.
KillMode=process
Delegate=yes
TasksMax=infinity
LimitNOFILE=1048576

[Install]
WantedBy=multi-user.target
`;
}
