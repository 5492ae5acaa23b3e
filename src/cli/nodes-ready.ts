// Which nodes of a local cluster are ready in this run: what is stored of them, and the signs of life that the control plane fills
// in, may be of before: it counts its own start as one. So each agent is asked something, through the link that it holds.
import type { Api } from './api.ts';

interface NodeObject {
  metadata: { name: string };
  status?: { conditions?: { type: string; status: string; lastHeartbeatTime?: string }[] };
}

/** The process that speaks for a node: one for all simulated ones. */
export const agentOf = (node: string): string => `agent-${node.startsWith('sim-') ? 'sim' : node}`;

function readySince({ status }: NodeObject, since: number): boolean {
  const ready = status?.conditions?.find((c) => c.type === 'Ready' && c.status === 'True');
  return ready !== undefined && (!ready.lastHeartbeatTime || Date.parse(ready.lastHeartbeatTime) >= since);
}

/** Of `wanted`. `sinceOf`: when a node's agent was started. `heard`: agents that have answered, of which one node is enough. */
export async function readyNodes(
  api: Pick<Api, 'json' | 'request'>,
  wanted: readonly string[],
  sinceOf: (node: string) => number,
  heard: Set<string>,
): Promise<Set<string>> {
  const { items } = await api.json<{ items: NodeObject[] }>('GET', '/api/v1/nodes');
  const objects = new Map(items.map((node) => [node.metadata.name, node]));
  const said = wanted.filter((name) => {
    const node = objects.get(name);
    return node && readySince(node, sinceOf(name));
  });
  const silent = [...new Map(said.map((name) => [agentOf(name), name]))].filter(([agent]) => !heard.has(agent));
  const ask = async ([agent, node]: [string, string]): Promise<void> => {
    const { status } = await api.request('GET', `/api/v1/nodes/${node}/proxy/healthz`);
    if (status === 200) heard.add(agent);
  };
  await Promise.all(silent.map(ask));
  return new Set(said.filter((name) => heard.has(agentOf(name))));
}
