// metrics.k8s.io over what links would answer.
import { expect, test } from 'vitest';
import { nodes as nodesToken } from '../../generated/schemas/index.ts';
import type { ObjectMeta } from '../../machinery/meta.ts';
import type { Computing } from '../../machinery/resource.ts';
import type { PodUsage, UsageRate } from '../../machinery/usage.ts';
import nodeMetrics from './nodes/definition.ts';
import podMetrics from './pods/definition.ts';

const atMs = Date.parse('2026-01-02T03:04:05.678Z');
const rate = (cpuNanocores: number, memoryBytes: number): UsageRate => ({
  atMs,
  windowMs: 15_030,
  cpuNanocores,
  memoryBytes,
});

interface Row {
  metadata: Partial<ObjectMeta>;
  fields?: Record<string, string>;
}

function world(
  name: string,
  rows: Row[],
  used: { nodes?: (UsageRate | undefined)[]; pods?: Record<string, PodUsage> },
) {
  const asked: unknown[] = [];
  const computing: Computing = {
    clock: { now: () => Date.parse('2026-01-02T03:05:00Z') },
    parts: {},
    groupVersions: [],
    name,
    get: () => undefined,
    selected: () => rows.map(({ metadata, fields = {} }) => ({ metadata: metadata as ObjectMeta, fields })),
    usage: {
      ofNodes: async (names) => names.map((_, i) => used.nodes?.[i]),
      ofPods: async (pods) => {
        asked.push(...pods);
        return pods.map(({ uid }) => used.pods?.[uid]);
      },
    },
  };
  return { computing, asked };
}

test('a node is shown as metrics-server shows it, with its labels; one of which nothing is known is not', async () => {
  const rows = [{ metadata: { name: 'a', labels: { zone: 'z' } } }, { metadata: { name: 'b' } }];
  const { computing } = world('', rows, { nodes: [rate(12_345, 1024 * 1025)] });
  expect(await nodeMetrics.computed?.(computing)).toEqual([
    {
      metadata: { name: 'a', creationTimestamp: '2026-01-02T03:05:00Z', labels: { zone: 'z' } },
      timestamp: '2026-01-02T03:04:05Z',
      window: '15.03s',
      usage: { cpu: '12345n', memory: '1025Ki' },
    },
  ]);
});

test('what is not there, and what has no metrics, is not found in upstream words', async () => {
  const refusal = async (name: string, rows: Row[], of: typeof nodeMetrics | typeof podMetrics) =>
    Promise.resolve(of.computed?.(world(name, rows, {}).computing)).then(
      () => 'found',
      (error: Error) => error.message,
    );
  const pod = { metadata: { name: 'x', namespace: 'd', uid: 'u' }, fields: { 'status.phase': 'Running' } };
  expect(await refusal('x', [], nodeMetrics)).toBe('nodes "x" not found');
  expect(await refusal('x', [{ metadata: { name: 'x' } }], nodeMetrics)).toBe(
    'nodemetrics.metrics.k8s.io "x" not found',
  );
  expect(await refusal('x', [], podMetrics)).toBe('pods "x" not found');
  expect(await refusal('x', [pod], podMetrics)).toBe('podmetrics.metrics.k8s.io "d/x" not found');
  expect(await refusal('', [pod], podMetrics)).toBe('found');
  expect(nodesToken.plural).toBe('nodes');
});

test('pods that run, with their containers, at the time of the oldest sample', async () => {
  const row = (name: string, phase: string): Row => ({
    metadata: { name, namespace: 'd', uid: name },
    fields: { 'status.phase': phase, 'spec.nodeName': 'n' },
  });
  const two = [
    { name: 'one', ...rate(1_500_000, 2048) },
    { name: 'two', ...rate(500_000, 1024), atMs: atMs - 5000, windowMs: 10_000 },
  ];
  const used = (uid: string): PodUsage => ({ uid, name: uid, namespace: 'd', containers: two });
  const rows = [row('a', 'Running'), row('done', 'Succeeded'), row('new', 'Running')];
  const { computing, asked } = world('', rows, { pods: { a: used('a'), done: used('done') } });
  const made = (await podMetrics.computed?.(computing)) ?? [];
  expect(made).toEqual([
    {
      metadata: { name: 'a', namespace: 'd', creationTimestamp: '2026-01-02T03:05:00Z' },
      timestamp: '2026-01-02T03:04:00Z',
      window: '10s',
      containers: [
        { name: 'one', usage: { cpu: '1500u', memory: '2Ki' } },
        { name: 'two', usage: { cpu: '500u', memory: '1Ki' } },
      ],
    },
  ]);
  expect(asked).toEqual([
    { uid: 'a', node: 'n' },
    { uid: 'new', node: 'n' },
  ]);
  const cells = podMetrics.columns.map(({ cell }) => cell(made[0] as never));
  expect(cells).toEqual(['a', '2m', '3Ki', '10s']);
  expect(podMetrics.columns.map(({ name }) => name)).toEqual(['Name', 'cpu', 'memory', 'Window']);
});
