// Where things are: the layout of a state directory (DIR) and of its volatile half under /run. The one place that knows it.
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { CliError } from './errors.ts';

/** The root of the checkout. */
export const repoRoot = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');

export interface StatePaths {
  dir: string;
  kubeconfig: string;
  lock: string;
  /** Settings that stay as they are from one `up` to the next: see ClusterSettings. */
  settings: string;
  /** What the supervisor keeps alive. */
  components: string;
  /** What was given with --config, as JSON. Private: it may hold keys. */
  configuration: string;
  logs: string;
  /** Audit events, in files by time. */
  audit: string;
  pids: string;
  pki: string;
  worker: string;
  ledger: string;
  nodes: string;
}

export function statePaths(stateDir: string): StatePaths {
  if (stateDir === '') throw new CliError('an empty name is no directory');
  const dir = path.resolve(stateDir);
  const at = (name: string) => path.join(dir, name);
  return {
    dir,
    kubeconfig: at('kubeconfig'),
    lock: at('lock'),
    settings: at('cluster.json'),
    components: at('components.json'),
    configuration: at('configuration.json'),
    logs: at('logs'),
    audit: path.join(dir, 'logs', 'audit'),
    pids: at('pids'),
    pki: at('pki'),
    worker: at('worker'),
    ledger: at('ledger'),
    nodes: at('nodes'),
  };
}

export interface NodePaths {
  dir: string;
  agentConfig: string;
  /** The agent's own state. */
  agent: string;
  containerdConfig: string;
  containerdRoot: string;
  cniConf: string;
  certs: string;
  /** Sockets and mounts; short, since a socket's path has at most 107 bytes. `runLink` under DIR points there. */
  run: string;
  runLink: string;
  socket: string;
}

/** `runRoot`: the volatile directory of one cluster, such as /run/tiffin/0. */
export function nodePaths(nodesDir: string, runRoot: string, name: string): NodePaths {
  const dir = path.join(nodesDir, name);
  const run = path.join(runRoot, name);
  return {
    dir,
    agentConfig: path.join(dir, 'agent.json'),
    agent: path.join(dir, 'agent'),
    containerdConfig: path.join(dir, 'containerd.toml'),
    containerdRoot: path.join(dir, 'containerd'),
    cniConf: path.join(dir, 'cni'),
    certs: path.join(dir, 'certs.d'),
    run,
    runLink: path.join(dir, 'run'),
    socket: path.join(run, 'containerd.sock'),
  };
}

export const runRootOf = (instance: number) => `/run/tiffin/${instance}`;
