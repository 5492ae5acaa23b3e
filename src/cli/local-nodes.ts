// The nodes of this machine as the supervisor's components: for each real one a containerd and an agent, for all simulated ones
// together one agent. Writes their configuration; starts nothing.
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type ContainerdPlace, containerdMajor, prepareContainerd, snapshotterFor } from './containerd.ts';
import { inNetns } from './host-network.ts';
import { cniBinDir, which } from './packages.ts';
import { type NodePaths, nodePaths, repoRoot, runRootOf, type StatePaths } from './paths.ts';
import { pkiFiles } from './pki.ts';
import type { Component } from './processes.ts';
import { type ClusterSettings, rangesOf } from './settings.ts';

export const fingerprintOf = (...parts: unknown[]) =>
  createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 16);

export const nodeNames = (count: number) => Array.from({ length: count }, (_, i) => `node-${i + 1}`);
export const simulatedNames = (count: number) => Array.from({ length: count }, (_, i) => `sim-${i}`);

export function localNodes(
  paths: StatePaths,
  settings: ClusterSettings,
): { name: string; k: number; paths: NodePaths }[] {
  const runRoot = runRootOf(settings.instance);
  return nodeNames(settings.nodes).map((name, i) => ({ name, k: i + 1, paths: nodePaths(paths.nodes, runRoot, name) }));
}

/** The address of the interface that the default route uses; of any other; else the loopback address. */
export function hostAddress(): string {
  const usable = (name: string) =>
    (os.networkInterfaces()[name] ?? []).find((a) => a.family === 'IPv4' && !a.internal)?.address;
  let routes = '';
  try {
    routes = fs.readFileSync('/proc/net/route', 'utf8');
  } catch {
    // Not Linux: only simulated nodes run here.
  }
  const byDefault = routes
    .split('\n')
    .map((line) => line.split('\t'))
    .find((columns) => columns[1] === '00000000')?.[0];
  const names = [...(byDefault ? [byDefault] : []), ...Object.keys(os.networkInterfaces())];
  // Bridges of clusters are no addresses of the machine.
  return (
    names
      .filter((name) => !/^(tf\d|docker|cni|br-|veth)/.test(name))
      .map(usable)
      .find(Boolean) ?? '127.0.0.1'
  );
}

export async function containerdPlace(paths: StatePaths): Promise<ContainerdPlace> {
  return {
    major: await containerdMajor(which('containerd')!),
    runc: which('runc')!,
    cniBinDir: cniBinDir()!,
    snapshotter: snapshotterFor(paths.dir),
  };
}

/** Makes the folders of a node, writes containerd's configuration, and says how to run it. */
export function containerdComponent(name: string, node: NodePaths, place: ContainerdPlace): Component {
  const program = which('containerd')!;
  const toml = prepareContainerd(node, place);
  return {
    name: `containerd-${name}`,
    command: [program, '--config', node.containerdConfig],
    // Shims and runc are looked for in PATH.
    env: { PATH: `${path.dirname(program)}:${process.env.PATH ?? ''}:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin` },
    fingerprint: fingerprintOf(toml, program, fs.statSync(program).mtimeMs),
  };
}

export function containerdComponents(
  paths: StatePaths,
  settings: ClusterSettings,
  place: ContainerdPlace,
): Component[] {
  return localNodes(paths, settings).map(({ name, k, paths: node }) => {
    const component = containerdComponent(name, node, place);
    return k === 1
      ? component
      : { ...component, command: inNetns(rangesOf(settings.instance), name, component.command) };
  });
}

export interface AgentInput {
  /** A hash over the agent's sources: a changed agent is restarted. */
  sources: string;
  bootstrapToken?: string;
}

/** Of several agents: tokens by the name of the agent. */
type AgentsInput = Omit<AgentInput, 'bootstrapToken'> & {
  cniBinDir?: string;
  bootstrapTokens: ReadonlyMap<string, string>;
};

/** Whether an agent has bought its credential already, so that it needs no bootstrap token. */
export function joined(agentStateDir: string): boolean {
  try {
    const text = fs.readFileSync(path.join(agentStateDir, 'identity.json'), 'utf8');
    const { credential, refused } = JSON.parse(text) as { credential?: string; refused?: boolean };
    return credential !== undefined && !refused;
  } catch {
    return false;
  }
}

/**
 * A small nursery. What flows through an agent are buffers outside of V8's heap, which count for its collector while their short-lived
 * objects wait for a collection of the nursery: with a larger one the whole heap is marked for every 20 MB of a stream.
 */
const v8Flags = ['--max-semi-space-size=1'];

const nodeCommand = (config: string) => [
  process.execPath,
  ...v8Flags,
  '--disable-warning=ExperimentalWarning',
  path.join(repoRoot, 'node-agent/main.ts'),
  '--config',
  config,
];

/** Writes an agent's configuration and says how to run it. */
export function agentComponent(
  name: string,
  file: string,
  config: Record<string, unknown>,
  input: AgentInput,
): Component {
  const bootstrapToken = input.bootstrapToken;
  fs.mkdirSync(path.dirname(file), { recursive: true });
  // The token is a secret, though a short-lived one.
  fs.writeFileSync(`${file}.new`, `${JSON.stringify({ ...config, bootstrapToken }, null, 2)}\n`, { mode: 0o600 });
  fs.renameSync(`${file}.new`, file);
  const command = nodeCommand(file);
  return { name: `agent-${name}`, command, env: {}, fingerprint: fingerprintOf(config, input.sources, command) };
}

export function agentComponents(
  paths: StatePaths,
  settings: ClusterSettings,
  { cniBinDir, bootstrapTokens, sources }: AgentsInput,
): Component[] {
  const inputOf = (name: string): AgentInput => {
    const bootstrapToken = bootstrapTokens.get(name);
    return { sources, ...(bootstrapToken ? { bootstrapToken } : {}) };
  };
  const ranges = rangesOf(settings.instance);
  const caFile = pkiFiles(paths.pki).caCertificate;
  const several = settings.nodes > 1;
  const components = localNodes(paths, settings).map(({ name, k, paths: node }) => {
    const component = agentComponent(
      name,
      node.agentConfig,
      {
        nodeName: name,
        url: `https://${k === 1 ? '127.0.0.1' : ranges.bridgeAddress}:${settings.port}`,
        caFile,
        stateDir: node.agent,
        runDir: node.run,
        containerd: { socket: node.socket, cniConfDir: node.cniConf, cniBinDir },
        address: several ? ranges.nodeAddress(k) : hostAddress(),
        networkId: ranges.networkId(k),
      },
      inputOf(name),
    );
    return k === 1 ? component : { ...component, command: inNetns(ranges, name, component.command) };
  });
  if (settings.simulatedNodes > 0) {
    const node = nodePaths(paths.nodes, runRootOf(settings.instance), 'sim');
    fs.mkdirSync(node.agent, { recursive: true });
    components.push(
      agentComponent(
        'sim',
        node.agentConfig,
        {
          nodeName: 'sim',
          url: `https://127.0.0.1:${settings.port}`,
          caFile,
          stateDir: node.agent,
          // No sockets, and perhaps no right to write under /run.
          runDir: path.join(node.dir, 'run'),
          simulatedNodes: settings.simulatedNodes,
          address: '127.0.0.1',
          networkId: `tf${settings.instance}sim`,
        },
        inputOf('sim'),
      ),
    );
  }
  return components;
}
