import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Node, Pod } from '../../src/generated/schemas/core-v1.ts';
import type { Agent } from '../agent.ts';
import { buildAgents } from '../build.ts';
import { systemRandom } from '../platform.ts';
import { FakeControlPlane } from '../testing/control-plane.ts';
import { FakeTimers } from '../testing/timers.ts';
import { Drift } from './drift.ts';

test('a difference is answered once, and again only after it was gone or has changed', () => {
  const drift = new Drift();
  expect(drift.found('p', 'same', 'same')).toBe(false);
  expect(drift.found('p', 'other', 'same')).toBe(true);
  expect(drift.found('p', 'other', 'same')).toBe(false);
  expect(drift.found('p', 'third', 'same')).toBe(true);
  expect(drift.found('p', 'same', 'same')).toBe(false);
  expect(drift.found('p', 'third', 'same')).toBe(true);
});

test('a difference that was written again, over the answer, is answered again; a fight ends', () => {
  const drift = new Drift();
  expect(drift.found('p', 'other', 'same', '1')).toBe(true);
  expect(drift.found('p', 'other', 'same', '1')).toBe(false);
  for (const revision of ['3', '5', '7', '9']) expect(drift.found('p', 'other', 'same', revision)).toBe(true);
  expect(drift.found('p', 'other', 'same', '11')).toBe(false);
  expect(drift.found('p', 'same', 'same', '12')).toBe(false);
  expect(drift.found('p', 'other', 'same', '13')).toBe(true);
});

describe('a node whose conditions were changed by somebody else', () => {
  const quiet = { debug() {}, info() {}, warn() {}, error() {} };
  const timers = new FakeTimers();
  const plane = new FakeControlPlane();
  const stateDir = mkdtempSync(path.join(os.tmpdir(), 'drift-'));
  let agent: Agent;
  /** Files and requests take real moments. */
  const pass = async (ms: number): Promise<void> => {
    for (let i = 0; i < 20; i++) {
      await new Promise((r) => setTimeout(r, 5));
      await timers.advance(ms / 20);
    }
  };

  beforeAll(async () => {
    [agent] = buildAgents(
      {
        nodeName: 'n',
        url: 'http://control.invalid',
        stateDir: stateDir,
        runDir: '',
        bootstrapToken: 't',
        address: '127.0.0.1',
        networkId: 'x',
        simulatedNodes: 1,
      },
      { timers, random: systemRandom, log: () => quiet, fetch: plane.fetch },
    ) as [Agent];
    await agent.start();
    await pass(4000);
  });
  afterAll(async () => {
    await agent.stop();
    rmSync(stateDir, { recursive: true });
  });

  const nodeNow = (): Node => plane.get<Node>('nodes', '', 'n-0')!;
  const statuses = (type: string): number => plane.writes.filter((w) => w.type === type).length;

  test('says again how it is, once', async () => {
    const node = nodeNow();
    const said = statuses('nodeStatus');
    plane.put('nodes', {
      ...node,
      status: {
        ...node.status,
        conditions: node.status!.conditions!.map((c) => ({ ...c, status: 'Unknown', reason: 'NodeStatusUnknown' })),
      },
    });
    await pass(4000);
    expect(statuses('nodeStatus')).toBe(said + 1);
    expect(plane.writes.findLast((w) => w.type === 'nodeStatus')).toMatchObject({
      status: { conditions: expect.arrayContaining([expect.objectContaining({ type: 'Ready', status: 'True' })]) },
    });
    await pass(60_000);
    expect(statuses('nodeStatus')).toBe(said + 1);
  });

  test('and so of its pods', async () => {
    plane.put('pods', {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name: 'p',
        namespace: 'd',
        uid: 'u',
        resourceVersion: '1',
        creationTimestamp: '2026-01-01T00:00:00Z',
      },
      spec: { nodeName: 'n-0', containers: [{ name: 'c', image: 'i' }] },
      status: {},
    });
    await pass(4000);
    const pod = plane.get<Pod>('pods', 'd', 'p')!;
    expect(pod.status?.phase).toBe('Running');
    const said = statuses('podStatus');
    plane.put('pods', {
      ...pod,
      status: {
        ...pod.status,
        conditions: pod.status!.conditions!.map((c) => (c.type === 'Ready' ? { ...c, status: 'False' } : c)),
      },
    });
    await pass(4000);
    expect(plane.get<Pod>('pods', 'd', 'p')?.status?.conditions).toContainEqual(
      expect.objectContaining({ type: 'Ready', status: 'True' }),
    );
    expect(statuses('podStatus')).toBe(said + 1);
    await pass(60_000);
    expect(statuses('podStatus')).toBe(said + 1);
  });
});
