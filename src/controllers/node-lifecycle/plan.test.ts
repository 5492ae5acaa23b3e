import { describe, expect, it } from 'vitest';
import type { Toleration } from '../../generated/schemas/core-v1.ts';
import { at, node, pod, startMs } from '../lib/testing.ts';
import { evictable, silenceOf, silentConditions, withNoExecuteTaints, withNoScheduleTaints } from './conditions.ts';
import { evictionTime, planEvictions, tolerates } from './eviction.ts';

const s = 1000;

describe('silence', () => {
  it.each([
    ['heard lately', 'True', 95, { over: false, checkInMs: undefined }],
    ['nearly over', 'True', 81, { over: false, checkInMs: 1 * s }],
    ['over', 'True', 80, { over: true, checkInMs: undefined }],
    ['new, within the startup grace', undefined, 50, { over: false, checkInMs: 10 * s }],
    ['new and never heard', undefined, undefined, { over: true, checkInMs: undefined }],
  ] as const)('%s', (_, ready, contact, want) => {
    expect(
      silenceOf(node('n', ready), contact === undefined ? undefined : startMs + contact * s, 20 * s, startMs + 100 * s),
    ).toEqual(want);
  });
  it('makes the four conditions Unknown, once', () => {
    const lost = silentConditions(node('n', 'True'), startMs) ?? [];
    expect(lost.map(({ type, status, reason }) => `${type} ${status} ${reason}`)).toEqual([
      'Ready Unknown NodeStatusUnknown',
      'MemoryPressure Unknown NodeStatusNeverUpdated',
      'DiskPressure Unknown NodeStatusNeverUpdated',
      'PIDPressure Unknown NodeStatusNeverUpdated',
    ]);
    expect(silentConditions({ ...node('n', 'True'), status: { conditions: lost } }, startMs)).toBeUndefined();
  });
});

describe('taints', () => {
  const keys = (taints: { key: string; effect: string }[] | undefined): string[] | undefined =>
    taints?.map(({ key, effect }) => `${key.split('/').at(-1)}:${effect}`);
  it('follow the conditions and leave others alone', () => {
    const mine = { key: 'dedicated', value: 'x', effect: 'NoSchedule' as const };
    expect(keys(withNoScheduleTaints(node('n', 'Unknown', { taints: [mine], unschedulable: true }), startMs))).toEqual([
      'dedicated:NoSchedule',
      'unreachable:NoSchedule',
      'unschedulable:NoSchedule',
    ]);
    const unreachable = { key: 'node.kubernetes.io/unreachable', effect: 'NoSchedule' as const };
    expect(keys(withNoScheduleTaints(node('n', 'True', { taints: [mine, unreachable] }), startMs))).toEqual([
      'dedicated:NoSchedule',
    ]);
    expect(withNoScheduleTaints(node('n', 'True', { taints: [mine] }), startMs)).toBeUndefined();
  });
  it('with NoExecute change places between not-ready and unreachable', () => {
    const notReady = { key: 'node.kubernetes.io/not-ready', effect: 'NoExecute' as const };
    expect(keys(withNoExecuteTaints(node('n', 'Unknown', { taints: [notReady] }), true, startMs))).toEqual([
      'unreachable:NoExecute',
    ]);
    expect(keys(withNoExecuteTaints(node('n', 'False', { taints: [notReady] }), false, startMs))).toEqual([]);
  });
});

describe('disruption', () => {
  const cluster = (ready: number, lost: number, zone = ''): ReturnType<typeof node>[] => [
    ...Array.from({ length: ready }, (_, i) =>
      node(`r${zone}${i}`, 'True', {}, { 'topology.kubernetes.io/zone': zone }),
    ),
    ...Array.from({ length: lost }, (_, i) =>
      node(`l${zone}${i}`, 'Unknown', {}, { 'topology.kubernetes.io/zone': zone }),
    ),
  ];
  it.each([
    ['one of two', cluster(1, 1), true],
    ['the only one', cluster(0, 1), false],
    ['two of three', cluster(1, 2), true],
    ['three of four', cluster(1, 3), false],
    ['half of ten', cluster(5, 5), true],
    ['six of ten', cluster(4, 6), false],
    ['one zone of three', [...cluster(0, 2, 'a'), ...cluster(2, 0, 'b'), ...cluster(2, 0, 'c')], true],
    ['most of one zone', [...cluster(1, 3, 'a'), ...cluster(9, 0, 'b')], false],
  ])('%s', (_, nodes, evicted) => {
    const lost = nodes.find(({ metadata }) => metadata.name.startsWith('l'));
    expect(lost && evictable(nodes)(lost)).toBe(evicted);
  });
});

describe('eviction', () => {
  const taint = { key: 'node.kubernetes.io/unreachable', effect: 'NoExecute' as const, timeAdded: at(100) };
  const due = (...tolerations: Toleration[]): number | undefined =>
    evictionTime(pod('p', { node: 'n', spec: { tolerations } }), [taint], startMs + 110 * s);
  it('is at once, in time, or never', () => {
    expect(due()).toBe(startMs + 110 * s);
    expect(due({ key: taint.key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 })).toBe(
      startMs + 400 * s,
    );
    expect(due({ operator: 'Exists' })).toBeUndefined();
    expect(due({ operator: 'Exists' }, { key: taint.key, operator: 'Exists', tolerationSeconds: 5 })).toBe(
      startMs + 105 * s,
    );
    expect(due({ key: taint.key, operator: 'Exists', tolerationSeconds: -1 })).toBe(startMs + 100 * s);
  });
  it('leaves alone what is ending, and knows the next deadline', () => {
    const tolerations = [{ operator: 'Exists' as const, tolerationSeconds: 60 }];
    const pods = [
      pod('a', { node: 'n' }),
      pod('b', { node: 'n', deleted: true }),
      pod('c', { node: 'n', spec: { tolerations } }),
    ];
    const plan = planEvictions(pods, [taint], startMs + 110 * s);
    expect([plan.now.map((p) => p.metadata.name), plan.nextAtMs]).toEqual([['a'], startMs + 160 * s]);
  });
  it('matches tolerations as upstream', () => {
    const valued = { key: 'k', value: '5', effect: 'NoExecute' as const };
    expect(tolerates({ key: 'k', value: '5' }, valued)).toBe(true);
    expect(tolerates({ key: 'k', value: '6' }, valued)).toBe(false);
    expect(tolerates({ key: 'k', operator: 'Exists', effect: 'NoSchedule' }, valued)).toBe(false);
    expect(tolerates({ key: 'k', operator: 'Gt', value: '4' }, valued)).toBe(true);
  });
});
