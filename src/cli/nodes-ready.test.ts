import { expect, test } from 'vitest';
import { readyNodes } from './nodes-ready.ts';

const now = Date.parse('2026-01-01T00:00:10Z');
const node = (name: string, status: string, lastHeartbeatTime?: string) => ({
  metadata: { name },
  status: { conditions: [{ type: 'Ready', status, ...(lastHeartbeatTime ? { lastHeartbeatTime } : {}) }] },
});

test('a node is ready once it says so, was heard of since, and its agent answers; an agent of many nodes is asked once', async () => {
  const items: unknown[] = [
    node('node-1', 'True', '2026-01-01T00:00:10Z'),
    node('node-2', 'True', '2026-01-01T00:00:09Z'),
    node('node-3', 'Unknown', '2026-01-01T00:00:11Z'),
    node('sim-1', 'True'),
    node('sim-2', 'True'),
    node('other', 'True'),
    { metadata: { name: 'node-4' } },
  ];
  const asked: string[] = [];
  let answering = /sim/;
  const api = {
    json: async () => ({ items }) as never,
    request: async (_method: string, path: string) => {
      asked.push(path);
      return { status: answering.test(path) ? 200 : 504, text: '' };
    },
  };
  const wanted = ['node-1', 'node-2', 'node-3', 'node-4', 'node-5', 'sim-1', 'sim-2'];
  const heard = new Set<string>();
  const ready = async () => [...(await readyNodes(api, wanted, () => now, heard))];
  // What is stored says that it is ready, and the control plane has begun since: it is not there for all that.
  expect(await ready()).toEqual(['sim-1', 'sim-2']);
  expect(asked).toEqual(['/api/v1/nodes/node-1/proxy/healthz', '/api/v1/nodes/sim-2/proxy/healthz']);
  answering = /./;
  items[1] = node('node-2', 'True', '2026-01-01T00:00:10Z');
  expect(await ready()).toEqual(['node-1', 'node-2', 'sim-1', 'sim-2']);
  expect(asked).toHaveLength(4);
  // One that fails later is not ready, and nobody is asked again.
  items[0] = node('node-1', 'False', '2026-01-01T00:00:12Z');
  expect(await ready()).toEqual(['node-2', 'sim-1', 'sim-2']);
  expect(asked).toHaveLength(4);
});
