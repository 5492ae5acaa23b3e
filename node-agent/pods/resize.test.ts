import { describe, expect, test } from 'vitest';
import type { Container, Node, Pod, PodSpec, ResourceRequirements } from '../../src/generated/schemas/core-v1.ts';
import { podLimits } from '../resources/pod-resources.ts';
import { now, record, sandbox } from '../testing/seen.ts';
import { plan } from './plan.ts';
import {
  type Allocation,
  byTurn,
  conditionsOf,
  isDone,
  left,
  recalled,
  refusal,
  resizeMessage,
  type Waiting,
  withAllocation,
} from './resize.ts';
import type { InstanceMemory, Seen } from './seen.ts';
import { computeStatus } from './status.ts';

const both = (cpu: string, memory: string): ResourceRequirements => ({
  requests: { cpu, memory },
  limits: { cpu, memory },
});

const container = (name: string, resources: ResourceRequirements, more: Partial<Container> = {}): Container => ({
  name,
  image: 'i',
  resources,
  ...more,
});

const pod = (containers: Container[], spec: Partial<PodSpec> = {}, more: Partial<Pod['metadata']> = {}): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name: 'p',
    namespace: 'd',
    uid: 'u',
    resourceVersion: '1',
    creationTimestamp: '2026-01-01T00:00:00Z',
    generation: 7,
    ...more,
  },
  spec: { containers, ...spec },
  status: {},
});

const node = (cpu: string, memory: string): Node =>
  ({ metadata: { name: 'n' }, status: { allocatable: { cpu, memory, pods: '110' } } }) as unknown as Node;

/** A pod in the middle of a resize: `inForce` by container. */
function seen(p: Pod, inForce: Record<string, ResourceRequirements>, more: Partial<Seen> = {}): Seen {
  const containers = more.containers ?? Object.keys(inForce).map((name) => record(name));
  const memory = new Map(
    containers.map((c): [string, InstanceMemory] => [
      c.id,
      { started: true, ready: true, ...(inForce[c.name] ? { resources: inForce[c.name]! } : {}) },
    ]),
  );
  return {
    pod: p,
    nowMs: now,
    sandboxes: [sandbox()],
    containers,
    memory,
    busy: new Set(),
    volumesMounted: true,
    volumesStale: false,
    released: false,
    imagesReady: new Set(['a', 'b']),
    retryAtMs: new Map(),
    backoffs: new Map(),
    waiting: new Map(),
    resize: { inProgress: { generation: 7 } },
    podLimits: podLimits(p),
    ...more,
  };
}

const restart = { resizePolicy: [{ resourceName: 'memory', restartPolicy: 'RestartContainer' }] };
const small = both('100m', '64Mi');
const large = both('200m', '128Mi');

describe('what the node can give', () => {
  const others = [pod([container('o', both('3', '1Gi'))])];
  const rows: [string, ResourceRequirements, ReturnType<typeof refusal>][] = [
    ['what fits', both('1', '1Gi'), undefined],
    [
      'never so many processors',
      both('5', '1Gi'),
      { reason: 'Infeasible', message: "Node didn't have enough capacity: cpu, requested: 5000, capacity: 4000" },
    ],
    [
      'never so much memory, which is said first',
      both('5', '5Gi'),
      {
        reason: 'Infeasible',
        message: "Node didn't have enough capacity: memory, requested: 5368709120, capacity: 4294967296",
      },
    ],
    [
      'not next to the others',
      both('2', '1Gi'),
      {
        reason: 'Deferred',
        message: "Node didn't have enough resource: cpu, requested: 2000, used: 3000, capacity: 4000",
      },
    ],
  ];
  test.each(rows)('%s', (_, resources, expected) =>
    expect(refusal(pod([container('a', resources)]), others, node('4', '4Gi'))).toEqual(expected),
  );

  test('pods that ask for no more come first, then by priority, class and time', () => {
    const waiting = (
      name: string,
      wants: string,
      has: string,
      priority = 0,
      sinceMs = 0,
      guaranteed = false,
    ): Waiting => ({
      pod: {
        ...pod([container('a', both(wants, '1Mi'))], { priority }, { name }),
        status: { qosClass: guaranteed ? 'Guaranteed' : 'Burstable' },
      },
      allocated: pod([container('a', both(has, '1Mi'))]),
      ...(sinceMs ? { sinceMs } : {}),
    });
    const all = [
      waiting('new', '2', '1'),
      waiting('late', '2', '1', 0, 2),
      waiting('early', '2', '1', 0, 1),
      waiting('guaranteed', '2', '1', 0, 0, true),
      waiting('urgent', '2', '1', 10),
      waiting('less', '1', '2'),
    ];
    expect(all.toSorted(byTurn).map((w) => w.pod.metadata.name)).toEqual([
      'less',
      'urgent',
      'guaranteed',
      'early',
      'late',
      'new',
    ]);
  });
});

describe('what is left to do', () => {
  test('only containers and sidecars that run, and differ in CPU or memory', () => {
    const p = pod([container('a', large), container('b', { ...large, limits: { ...large.limits, 'e.x/y': '1' } })], {
      initContainers: [container('i', large), container('s', large, { restartPolicy: 'Always' })],
    });
    const state = seen(p, { a: both('0.2', '134217728'), b: small, i: small, s: small });
    expect(left(state).update.map((r) => r.name)).toEqual(['s', 'b']);
    expect(left(seen(p, {}, { containers: [record('b', { state: 'exited' })] })).update).toEqual([]);
  });

  const p = pod([container('a', large, restart), container('b', large)]);
  const keys = (s: Seen): string[] => plan(s).actions.map((a) => a.key);
  const rows: [string, Seen, string[]][] = [
    ['in place', seen(p, { a: large, b: small }), ['resize']],
    ['a policy of another resource', seen(p, { a: both('100m', '128Mi'), b: large }), ['resize']],
    ['first what has to end for it', seen(p, { a: small, b: small }), ['kill:a-0']],
    ['the pod itself', seen(p, { a: large, b: large }, { podLimits: {} }), ['resize']],
    [
      'a pod whose limits are not known',
      { ...seen(p, { a: large, b: large }), podLimits: undefined as never },
      ['resize'],
    ],
    ['everything in force', seen(p, { a: large, b: large }), []],
    ['what nobody has allocated', seen(p, { a: small, b: small }, { resize: {} }), []],
    [
      'nothing starts while it goes on',
      seen(p, { b: small }, { containers: [record('b')], busy: new Set(['resize']) }),
      [],
    ],
    [
      'what failed does not hold up the rest',
      seen(p, { b: small }, { containers: [record('b')], retryAtMs: new Map([['resize', now + 1]]) }),
      ['container:a'],
    ],
  ];
  test.each(rows)('%s', (_, state, expected) => {
    expect(keys(state)).toEqual(expected);
    expect(isDone(state)).toBe(['everything in force'].includes(_));
  });

  test('what was ended for it starts anew though the pod would not restart it, and until then nothing is done', () => {
    const job = pod([container('a', large, restart)], { restartPolicy: 'OnFailure' });
    const ended = seen(job, {}, { containers: [record('a', { state: 'exited', finishedAtMs: now - 60_000 })] });
    expect(keys(ended)).not.toContain('container:a');
    (ended.memory.get('a-0') as InstanceMemory).restart = true;
    expect(keys(ended)).toEqual(['container:a']);
    expect(isDone(ended)).toBe(false);
    const status = computeStatus(ended, { hostIp: '1.1.1.1', old: {}, runtimeName: 'containerd' });
    expect(status).toMatchObject({
      phase: 'Running',
      containerStatuses: [
        { state: { waiting: { reason: 'ContainerCreating' } }, lastState: { terminated: { exitCode: 0 } } },
      ],
    });
    expect(isDone({ ...ended, containers: [...ended.containers, record('a', { attempt: 1 })] })).toBe(true);
  });
});

describe('what is said', () => {
  test('the pod as allocated, its other resources and its containers untouched', () => {
    const p = pod([container('a', large), container('b', small)]);
    const allocation: Allocation = { a: small, b: small };
    expect(withAllocation(p, allocation).spec.containers.map((c) => c.resources)).toEqual([small, small]);
    expect(withAllocation(p, { a: both('0.2', '128Mi'), b: small })).toBe(p);
  });

  test('resources in force, what is allocated, and both conditions until they are over', () => {
    const p = pod([container('a', large)]);
    const resize = {
      pending: { reason: 'Infeasible' as const, message: 'no', generation: 8 },
      inProgress: { generation: 7, error: 'busy' },
    };
    const context = { hostIp: '1.1.1.1', old: {}, runtimeName: 'containerd' };
    const status = computeStatus(seen(p, { a: small }, { resize }), context);
    expect(status.containerStatuses).toMatchObject([{ resources: small, allocatedResources: large.requests }]);
    const common = { status: 'True', lastTransitionTime: '2023-11-14T22:13:20Z' };
    expect(status.conditions?.slice(0, 2)).toEqual([
      { type: 'PodResizePending', observedGeneration: 8, ...common, reason: 'Infeasible', message: 'no' },
      { type: 'PodResizeInProgress', observedGeneration: 7, ...common, reason: 'Error', message: 'busy' },
    ]);
    expect(recalled(status.conditions)).toEqual(resize);
    const later = computeStatus(seen(p, { a: large }, { resize: {} }), { ...context, old: status });
    expect(later.conditions?.map((c) => c.type)).not.toContain('PodResizeInProgress');
    expect(later.conditions?.map((c) => c.type)).not.toContain('PodResizePending');
    expect(later.containerStatuses?.[0]?.resources).toEqual(large);
  });

  test('a transition is a change of the reason', () => {
    const at = (error: string | undefined, old: ReturnType<typeof conditionsOf>, ms: number) =>
      conditionsOf({ inProgress: error === undefined ? {} : { error } }, old, ms);
    const first = at('one', [], now);
    expect(at('two', first, now + 5000)[0]?.lastTransitionTime).toBe(first[0]?.lastTransitionTime);
    expect(at(undefined, first, now + 5000)[0]).toEqual({
      type: 'PodResizeInProgress',
      status: 'True',
      lastTransitionTime: '2023-11-14T22:13:25Z',
    });
  });

  test('events name every container, limits before requests, in the order of their names', () => {
    const p = pod([
      container('a', { requests: { memory: '1Mi', cpu: '1' }, limits: { cpu: '2' } }),
      container('b', {}),
    ]);
    expect(resizeMessage('Pod resize error', p, 3, 'no "room"')).toBe(
      'Pod resize error: {"containers":[{"name":"a","resources":{"limits":{"cpu":"2"},"requests":{"cpu":"1","memory":"1Mi"}}},{"name":"b","resources":{}}],"generation":3,"error":"no \\"room\\""}',
    );
  });
});
