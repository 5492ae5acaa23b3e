// The runtime contract on the simulated runtime, and a hundred simulated nodes in one process.
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Pod } from '../../src/generated/schemas/core-v1.ts';
import { buildAgents } from '../build.ts';
import { systemRandom, systemTimers } from '../platform.ts';
import { runtimeContract } from '../runtime.contract.ts';
import { FakeControlPlane } from '../testing/control-plane.ts';
import { SimulatedRuntime } from './index.ts';

const quiet = { debug() {}, info() {}, warn() {}, error() {} };

describe('simulated', () => {
  const runtime = new SimulatedRuntime({ timers: systemTimers, random: systemRandom, address: (n) => `198.18.0.${n}` });
  runtimeContract(() => ({
    runtime,
    image: 'x:1',
    logsDirectory: '',
    kill: (id) => runtime.crash(id),
    limitsOf(id) {
      const { cpu_shares, cpu_quota, memory_limit_in_bytes } = runtime.resourcesOf(id);
      return { shares: cpu_shares, quotaUs: cpu_quota, memoryBytes: memory_limit_in_bytes };
    },
  }));
});

test('simulated nodes run pods, end jobs, debug and let go of what is deleted', async () => {
  const stateDir = mkdtempSync(path.join(os.tmpdir(), 'sim-'));
  const planes = new Map(Array.from({ length: 20 }, (_, i) => [`sim-${i}`, new FakeControlPlane()]));
  const agents = buildAgents(
    {
      nodeName: 'sim',
      url: 'http://control.invalid',
      stateDir,
      runDir: stateDir,
      bootstrapToken: 't',
      address: '127.0.0.1',
      networkId: 'x',
      simulatedNodes: planes.size,
    },
    {
      timers: systemTimers,
      random: systemRandom,
      log: () => quiet,
      fetch: async (request) => {
        const body = (await request.clone().json()) as { nodeName?: string };
        const name = body.nodeName ?? /\/nodes\/([^/]+)\//.exec(request.url)![1]!;
        return planes.get(name)!.fetch(request);
      },
    },
  );
  try {
    await Promise.all(agents.map((a) => a.start()));
    for (const [node, plane] of planes) {
      for (const name of ['web', 'job']) {
        plane.put('pods', {
          apiVersion: 'v1',
          kind: 'Pod',
          metadata: {
            name,
            namespace: 'd',
            uid: `${node}-${name}`,
            resourceVersion: '1',
            creationTimestamp: '2026-01-01T00:00:00Z',
            annotations:
              name === 'job'
                ? { 'simulated.tiffin.dev/run-seconds': '0.2', 'simulated.tiffin.dev/exit-code': '3' }
                : {},
          },
          spec: {
            nodeName: node,
            restartPolicy: name === 'job' ? 'Never' : 'Always',
            containers: [{ name: 'c', image: 'x:1', resources: { limits: { memory: '64Mi' } } }],
          },
          status: {},
        } satisfies Pod);
      }
    }
    const all = async (what: string, probe: (p: FakeControlPlane) => boolean): Promise<void> => {
      for (let i = 0; i < 500; i++) {
        if ([...planes.values()].every(probe)) return;
        await new Promise((r) => setTimeout(r, 10));
      }
      throw new Error(`never: ${what}`);
    };
    const phase = (p: FakeControlPlane, name: string): string | undefined =>
      p.get<Pod>('pods', 'd', name)?.status?.phase;
    await all('running', (p) => phase(p, 'web') === 'Running');
    await all('failed', (p) => phase(p, 'job') === 'Failed');
    const size = (p: FakeControlPlane, limit: string): void => {
      const { metadata, spec, ...rest } = p.get<Pod>('pods', 'd', 'web')!;
      const containers = spec!.containers.map((c) => ({ ...c, resources: { limits: { memory: limit } } }));
      p.put('pods', { ...rest, metadata, spec: { ...spec, containers } });
    };
    const container = (p: FakeControlPlane) => p.get<Pod>('pods', 'd', 'web')?.status?.containerStatuses?.[0];
    const ids = [...planes.values()].map((p) => container(p)?.containerID);
    for (const p of planes.values()) size(p, '32Mi');
    await all('resized', (p) => container(p)?.resources?.limits?.memory === '32Mi');
    expect([...planes.values()].map((p) => container(p)?.containerID)).toEqual(ids);
    for (const p of planes.values()) {
      const { metadata, spec, ...rest } = p.get<Pod>('pods', 'd', 'web')!;
      const ephemeralContainers = ['c', ''].map((target) => ({
        name: `debug-${target}`,
        image: 'x:1',
        targetContainerName: target,
      }));
      p.put('pods', { ...rest, metadata, spec: { ...spec!, ephemeralContainers } });
    }
    await all('debugged', (p) => {
      const { ephemeralContainerStatuses } = p.get<Pod>('pods', 'd', 'web')?.status ?? {};
      return ephemeralContainerStatuses?.filter((s) => s.state?.running).length === 2;
    });
    for (const p of planes.values()) p.deletePod('d', 'web', 30);
    for (const [node, p] of planes) {
      p.drained.push(`${node}-web`);
      p.wake();
    }
    await all('gone', (p) => p.get('pods', 'd', 'web') === undefined);
    expect(agents.flatMap((a) => a.pods.pods().map((x) => x.metadata.name))).toEqual(Array(planes.size).fill('job'));
  } finally {
    await Promise.all(agents.map((a) => a.stop()));
    rmSync(stateDir, { recursive: true, force: true });
  }
});
