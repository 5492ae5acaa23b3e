// `tiffin status`: what runs of a cluster. Exit code 0 only when everything does and the API is ready.
import fs from 'node:fs';
import { Api, localTarget } from '../api.ts';
import { CliError } from '../errors.ts';
import { type StatePaths, statePaths } from '../paths.ts';
import { type Component, find } from '../processes.ts';
import { readSettings } from '../settings.ts';

interface NodeObject {
  metadata: { name: string };
  status?: { addresses?: { type: string; address: string }[]; conditions?: { type: string; status: string }[] };
}

interface Status {
  stateDir: string;
  url: string;
  ready: boolean;
  components: { name: string; pid?: number; state: 'running' | 'stopped' | 'outdated' }[];
  nodes: { name: string; ready: boolean; address: string }[];
}

export async function status(options: { stateDir: string; output: 'text' | 'json' }): Promise<void> {
  const paths = statePaths(options.stateDir);
  const settings = readSettings(paths);
  if (!settings) throw new CliError(`no cluster in ${paths.dir}; start one with: tiffin up`);
  const components = listComponents(paths);
  // A machine that joined a control plane elsewhere has no port of its own.
  const local = settings.port > 0;
  const { ready, nodes } = local ? await ask(paths) : { ready: true, nodes: [] };
  const result: Status = {
    stateDir: paths.dir,
    url: local ? `https://127.0.0.1:${settings.port}` : '',
    ready,
    components,
    nodes,
  };
  if (options.output === 'json') console.log(JSON.stringify(result, null, 2));
  else print(result);
  if (!ready || components.some((c) => c.state === 'stopped') || nodes.some((n) => !n.ready)) process.exitCode = 1;
}

function listComponents(paths: StatePaths): Status['components'] {
  let expected: Component[] = [];
  try {
    expected = JSON.parse(fs.readFileSync(paths.components, 'utf8')) as Component[];
  } catch {
    // Never started.
  }
  const supervisor = find(paths, 'supervisor');
  return [
    { name: 'supervisor', pid: supervisor?.pid, state: supervisor ? ('running' as const) : ('stopped' as const) },
    ...expected.map(({ name, fingerprint }) => {
      const running = find(paths, name);
      const state = !running
        ? ('stopped' as const)
        : running.fingerprint === fingerprint
          ? ('running' as const)
          : ('outdated' as const);
      return { name, pid: running?.pid, state };
    }),
  ];
}

async function ask(paths: StatePaths): Promise<Pick<Status, 'ready' | 'nodes'>> {
  const api = new Api(localTarget(paths));
  try {
    const ready = (await api.request('GET', '/readyz', undefined, 2000)).status === 200;
    const list = await api.json<{ items: NodeObject[] }>('GET', '/api/v1/nodes');
    const nodes = list.items.map((node) => ({
      name: node.metadata.name,
      ready: node.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True') ?? false,
      address: node.status?.addresses?.find((a) => a.type === 'InternalIP')?.address ?? '',
    }));
    return { ready, nodes };
  } catch {
    return { ready: false, nodes: [] };
  } finally {
    api.close();
  }
}

/** Above this many, nodes are counted instead of listed. */
const listedNodesMax = 20;

function print(status: Status): void {
  console.log(`state directory  ${status.stateDir}`);
  if (status.url) console.log(`API              ${status.url}  ${status.ready ? 'ready' : 'not ready'}`);
  console.log('\nCOMPONENT                 PID      STATE');
  for (const c of status.components) console.log(`${c.name.padEnd(25)} ${String(c.pid ?? '-').padEnd(8)} ${c.state}`);
  if (!status.ready || !status.url) return;
  console.log('\nNODE                      ADDRESS          STATE');
  for (const n of status.nodes.slice(0, listedNodesMax)) {
    console.log(`${n.name.padEnd(25)} ${n.address.padEnd(16)} ${n.ready ? 'Ready' : 'NotReady'}`);
  }
  const more = status.nodes.length - listedNodesMax;
  if (more > 0)
    console.log(`and ${more} more; ${status.nodes.filter((n) => n.ready).length} of ${status.nodes.length} are Ready`);
}
