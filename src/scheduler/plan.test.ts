import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Pod, Taint } from '../generated/schemas/core-v1.ts';
import { type NodeSketch, node, type PodSketch, pod } from './fixtures.ts';
import { plan } from './plan.ts';
import { podInfo, podRequests } from './resources.ts';
import { Cluster } from './snapshot.ts';

function cluster(nodes: Record<string, NodeSketch>, placed: [Pod, string][] = []): Cluster {
  const seen = new Cluster();
  for (const [name, sketch] of Object.entries(nodes)) seen.setNode(node(name, sketch));
  for (const [object, name] of placed) seen.place(object, name);
  return seen;
}

const tainted: Taint = { key: 'k', value: 'v', effect: 'NoSchedule' };
const soft: Taint = { key: 'k', value: 'v', effect: 'PreferNoSchedule' };
const required = (...nodeSelectorTerms: object[]): PodSketch => ({
  spec: {
    affinity: {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: nodeSelectorTerms as never },
      },
    },
  },
});
const expression = (key: string, operator: string, ...values: string[]) => ({
  matchExpressions: [{ key, operator, values }],
});

const app = (name: string): PodSketch => ({ labels: { app: name } });
const term = (name: string, topologyKey: string) => ({ labelSelector: { matchLabels: { app: name } }, topologyKey });
const near = (...terms: object[]): Partial<Pod['spec']> => ({
  affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: terms as never } },
});
const away = (...terms: object[]): Partial<Pod['spec']> => ({
  affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: terms as never } },
});
const zone = (name: string): NodeSketch => ({ labels: { zone: name } });
const spread = (maxSkew: number, topologyKey = 'zone', more: object = {}): PodSketch => ({
  labels: { app: 'web' },
  spec: {
    topologySpreadConstraints: [
      {
        maxSkew,
        topologyKey,
        whenUnsatisfiable: 'DoNotSchedule',
        labelSelector: { matchLabels: { app: 'web' } },
        ...more,
      },
    ],
  },
});
const host = 'kubernetes.io/hostname';

interface Case {
  title: string;
  nodes: Record<string, NodeSketch>;
  placed?: [Pod, string][];
  pod: PodSketch;
  /** A node's name, or the message of the refusal up to its preemption part, after a `!`. */
  goes: string;
}

const cases: Case[] = [
  { title: 'an empty cluster', nodes: {}, pod: {}, goes: '!no nodes available to schedule pods' },
  {
    title: 'the node with room',
    nodes: { a: { cpu: '1' }, b: { cpu: '2' } },
    pod: { requests: { cpu: '1500m' } },
    goes: 'b',
  },
  {
    title: 'several shortages at once',
    nodes: { a: { cpu: '1', memory: '1Gi' }, b: { cpu: '1' }, c: { taints: [tainted] } },
    pod: { requests: { cpu: '2', memory: '2Gi' } },
    goes: '!0/3 nodes are available: 1 Insufficient memory, 1 node(s) had untolerated taint(s), 2 Insufficient cpu.',
  },
  {
    title: 'what pods on the node already take',
    nodes: { a: { cpu: '2' } },
    placed: [[pod('x', { requests: { cpu: '1500m' } }), 'a']],
    pod: { requests: { cpu: '600m' } },
    goes: '!0/1 nodes are available: 1 Insufficient cpu.',
  },
  {
    title: 'exactly what is left',
    nodes: { a: { cpu: '2' } },
    placed: [[pod('x', { requests: { cpu: '1500m' } }), 'a']],
    pod: { requests: { cpu: '0.5' } },
    goes: 'a',
  },
  {
    title: 'too many pods',
    nodes: { a: { pods: '1' } },
    placed: [[pod('x'), 'a']],
    pod: {},
    goes: '!0/1 nodes are available: 1 Too many pods.',
  },
  {
    title: 'extended resources',
    nodes: { a: {}, b: { extra: { 'x.dev/gpu': '1' } } },
    pod: { requests: { 'x.dev/gpu': '1' } },
    goes: 'b',
  },
  {
    title: 'an extended resource that nobody has',
    nodes: { a: {} },
    pod: { requests: { 'x.dev/gpu': '1' } },
    goes: '!0/1 nodes are available: 1 Insufficient x.dev/gpu.',
  },
  {
    title: 'ephemeral storage',
    nodes: { a: {} },
    pod: { requests: { 'ephemeral-storage': '200Gi' } },
    goes: '!0/1 nodes are available: 1 Insufficient ephemeral-storage.',
  },
  {
    title: 'a cordoned node',
    nodes: { a: { spec: { unschedulable: true } } },
    pod: {},
    goes: '!0/1 nodes are available: 1 node(s) were unschedulable.',
  },
  {
    title: 'a cordoned node that is tolerated',
    nodes: { a: { spec: { unschedulable: true } } },
    pod: { spec: { tolerations: [{ key: 'node.kubernetes.io/unschedulable', operator: 'Exists' }] } },
    goes: 'a',
  },
  { title: 'a taint', nodes: { a: { taints: [tainted] }, b: {} }, pod: {}, goes: 'b' },
  {
    title: 'a tolerated taint',
    nodes: { a: { taints: [tainted] } },
    pod: { spec: { tolerations: [{ key: 'k', value: 'v', effect: 'NoSchedule' }] } },
    goes: 'a',
  },
  {
    title: 'a toleration of another value',
    nodes: { a: { taints: [tainted] } },
    pod: { spec: { tolerations: [{ key: 'k', value: 'w' }] } },
    goes: '!0/1 nodes are available: 1 node(s) had untolerated taint(s).',
  },
  {
    title: 'everything tolerated',
    nodes: { a: { taints: [tainted] } },
    pod: { spec: { tolerations: [{ operator: 'Exists' }] } },
    goes: 'a',
  },
  { title: 'preferring no taint', nodes: { a: { taints: [soft], cpu: '64' }, b: {} }, pod: {}, goes: 'b' },
  {
    title: 'a node selector',
    nodes: { a: {}, b: { labels: { disk: 'ssd' } } },
    pod: { spec: { nodeSelector: { disk: 'ssd' } } },
    goes: 'b',
  },
  {
    title: 'a node selector that none meets',
    nodes: { a: {}, b: {} },
    pod: { spec: { nodeSelector: { disk: 'ssd' } } },
    goes: "!0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector.",
  },
  {
    title: 'alternatives of required affinity',
    nodes: { a: {}, b: { labels: { z: '2' } } },
    pod: required(expression('z', 'In', '1'), expression('z', 'Gt', '1')),
    goes: 'b',
  },
  {
    title: 'a term without requirements',
    nodes: { a: {} },
    pod: required({}),
    goes: "!0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.",
  },
  {
    title: 'a named node (as daemons are placed)',
    nodes: { a: {}, b: {}, c: { cpu: '1' } },
    pod: {
      ...required({ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['c'] }] }),
      requests: { cpu: '2' },
    },
    goes: "!0/3 nodes are available: 1 Insufficient cpu, 2 node(s) didn't satisfy plugin(s) [NodeAffinity].",
  },
  {
    title: 'preferred affinity',
    nodes: { a: { cpu: '64' }, b: { labels: { z: '1' } } },
    pod: {
      spec: {
        affinity: {
          nodeAffinity: {
            preferredDuringSchedulingIgnoredDuringExecution: [
              { weight: 10, preference: expression('z', 'Exists') as never },
            ],
          },
        },
      },
    },
    goes: 'b',
  },
  {
    title: 'a host port that is taken',
    nodes: { a: {}, b: {} },
    placed: [[pod('x', { hostPort: 80 }), 'a']],
    pod: { hostPort: 80 },
    goes: 'b',
  },
  {
    title: 'a host port that is taken everywhere',
    nodes: { a: {} },
    placed: [[pod('x', { hostPort: 80 }), 'a']],
    pod: { hostPort: 80 },
    goes: "!0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports.",
  },
  {
    title: 'the least allocated node',
    nodes: { a: {}, b: {}, c: {} },
    placed: [
      [pod('x', { requests: { cpu: '2' } }), 'a'],
      [pod('y', { requests: { memory: '4Gi' } }), 'c'],
    ],
    pod: {},
    goes: 'b',
  },
  {
    title: 'away from replicas of the same owner',
    nodes: { a: {}, b: {} },
    placed: [
      [pod('x', { owner: 'rs' }), 'a'],
      [pod('y', { requests: { cpu: '1' } }), 'b'],
    ],
    pod: { owner: 'rs' },
    goes: 'b',
  },
  {
    title: 'the pods it must be near',
    nodes: { a: zone('1'), b: zone('2') },
    placed: [[pod('x', app('db')), 'b']],
    pod: { spec: near(term('db', 'zone')) },
    goes: 'b',
  },
  {
    title: 'no pods that it must be near',
    nodes: { a: zone('1') },
    pod: { spec: near(term('db', 'zone')) },
    goes: "!0/1 nodes are available: 1 node(s) didn't match pod affinity rules.",
  },
  {
    title: 'itself as the first of its group',
    nodes: { a: zone('1') },
    pod: { ...app('db'), spec: near(term('db', 'zone')) },
    goes: 'a',
  },
  {
    title: 'the pods it must be away from',
    nodes: { a: zone('1'), b: zone('1'), c: zone('2') },
    placed: [[pod('x', app('db')), 'a']],
    pod: { spec: away(term('db', 'zone')) },
    goes: 'c',
  },
  {
    title: 'them everywhere',
    nodes: { a: {} },
    placed: [[pod('x', app('db')), 'a']],
    pod: { spec: away(term('db', host)) },
    goes: "!0/1 nodes are available: 1 node(s) didn't match pod anti-affinity rules.",
  },
  {
    title: 'pods that want it away',
    nodes: { a: {} },
    placed: [[pod('x', { spec: away(term('web', host)) }), 'a']],
    pod: app('web'),
    goes: "!0/1 nodes are available: 1 node(s) didn't satisfy existing pods anti-affinity rules.",
  },
  {
    title: 'pods that it prefers to be near',
    nodes: { a: { cpu: '64' }, b: {} },
    placed: [[pod('x', app('db')), 'b']],
    pod: {
      spec: {
        affinity: {
          podAffinity: {
            preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 100, podAffinityTerm: term('db', host) }],
          },
        },
      },
    },
    goes: 'b',
  },
  {
    title: 'pods of other namespaces as none of its own',
    nodes: { a: {} },
    placed: [[{ ...pod('x', app('db')), metadata: { ...pod('x', app('db')).metadata, namespace: 'other' } }, 'a']],
    pod: { spec: away(term('db', host)) },
    goes: 'a',
  },
  {
    title: 'a skew that is too great',
    nodes: { a: { ...zone('1'), cpu: '64' }, b: zone('2') },
    placed: [[pod('x', app('web')), 'a']],
    pod: spread(1),
    goes: 'b',
  },
  {
    title: 'a skew that it cannot mend',
    nodes: { a: zone('1'), b: { ...zone('2'), cpu: '1' }, c: {} },
    placed: [[pod('x', app('web')), 'a']],
    pod: { ...spread(1), requests: { cpu: '2' } },
    goes: "!0/3 nodes are available: 1 Insufficient cpu, 1 node(s) didn't match pod topology spread constraints, 1 node(s) didn't match pod topology spread constraints (missing required label).",
  },
  {
    title: 'fewer domains than wanted',
    nodes: { a: zone('1') },
    placed: [[pod('x', app('web')), 'a']],
    pod: spread(1, 'zone', { minDomains: 2 }),
    goes: "!0/1 nodes are available: 1 node(s) didn't match pod topology spread constraints.",
  },
];

describe('plan', () => {
  it.each(cases)('sees $title', ({ nodes, placed, pod: sketch, goes }) => {
    const decision = plan(cluster(nodes, placed), podInfo(pod('new', sketch)));
    if (!goes.startsWith('!')) expect(decision).toEqual({ type: 'bind', nodeName: goes });
    else expect(decision.type === 'unschedulable' && decision.message.split(' no new claims')[0]).toBe(goes.slice(1));
  });

  it('words a refusal as kube-scheduler does', () => {
    const seen = cluster({ a: { taints: [tainted] }, b: { cpu: '2' }, c: { cpu: '1' } }, [
      [pod('x', { requests: { cpu: '1' } }), 'b'],
    ]);
    const message = (sketch: PodSketch): string => {
      const decision = plan(seen, podInfo(pod('new', sketch)));
      return decision.type === 'unschedulable' ? decision.message : '';
    };
    expect(message({ requests: { cpu: '1500m' } })).toBe(
      '0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 Insufficient cpu. no new claims to deallocate, ' +
        'preemption: 0/3 nodes are available: 1 No preemption victims found for incoming pod, ' +
        '2 Preemption is not helpful for scheduling.',
    );
    expect(message({ requests: { cpu: '1500m' }, spec: { preemptionPolicy: 'Never' } })).toBe(
      '0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 Insufficient cpu. no new claims to deallocate, ' +
        'preemption: not eligible due to preemptionPolicy=Never.',
    );
  });

  it('spreads the replicas of one owner evenly', () => {
    const seen = cluster({ a: {}, b: {}, c: { cpu: '16', memory: '64Gi' } });
    for (let i = 0; i < 9; i++) {
      const replica = pod(`r${i}`, { owner: 'rs', requests: { cpu: '100m' } });
      const decision = plan(seen, podInfo(replica));
      if (decision.type === 'bind') seen.place(replica, decision.nodeName);
    }
    expect(seen.nodes.map((info) => info.pods.size)).toEqual([3, 3, 3]);
  });

  it('never gives a node more than it has, and refuses only what no node could take', () => {
    const amounts = fc.record({ cpu: fc.integer({ min: 1, max: 40 }), memory: fc.integer({ min: 1, max: 40 }) });
    const pods = fc.array(fc.record({ ...{ wants: amounts }, leaves: fc.nat(3), port: fc.nat(20) }), { maxLength: 60 });
    fc.assert(
      fc.property(fc.array(amounts, { minLength: 1, maxLength: 5 }), pods, (sizes, arrivals) => {
        const seen = new Cluster();
        for (const [i, { cpu, memory }] of sizes.entries())
          seen.setNode(node(`n${i}`, { cpu: `${cpu}00m`, memory: `${memory}Mi`, pods: '10' }));
        for (const [i, { wants, leaves, port }] of arrivals.entries()) {
          const requests = { cpu: `${wants.cpu}0m`, memory: `${wants.memory * 100}Ki` };
          const next = pod(`p${i}`, { requests, ...(port > 0 && port < 4 ? { hostPort: port } : {}) });
          const decision = plan(seen, podInfo(next), { start: i });
          if (decision.type === 'bind') seen.place(next, decision.nodeName);
          if (leaves === 0 && i > 0) seen.remove(`pod-p${i - 1}`);
          for (const info of seen.nodes) {
            const sum = { cpu: 0, memory: 0 };
            const ports: number[] = [];
            for (const { requests: taken, hostPorts } of info.pods.values()) {
              sum.cpu += taken.get('cpu') ?? 0;
              sum.memory += taken.get('memory') ?? 0;
              ports.push(...hostPorts.map((taken) => taken.port));
            }
            expect(sum.cpu).toBe(info.requested.get('cpu') ?? 0);
            expect(sum.cpu).toBeLessThanOrEqual(info.allocatable.get('cpu')!);
            expect(sum.memory).toBeLessThanOrEqual(info.allocatable.get('memory')!);
            expect(info.pods.size).toBeLessThanOrEqual(10);
            expect(new Set(ports).size).toBe(ports.length);
          }
        }
      }),
      { numRuns: 100 },
    );
  });
});

describe('podRequests', () => {
  const container = (cpu: string, restartPolicy?: string) => ({
    name: 'x',
    resources: { requests: { cpu } },
    ...(restartPolicy ? { restartPolicy } : {}),
  });
  const cpu = (spec: Partial<Pod['spec']>): number | undefined => podRequests({ containers: [], ...spec }).get('cpu');

  it.each([
    ['containers add up', { containers: [container('100m'), container('1')] }, 1100],
    [
      'the greatest init container counts alone',
      { containers: [container('1')], initContainers: [container('3'), container('2')] },
      3000,
    ],
    [
      'sidecars add to the containers',
      { containers: [container('1')], initContainers: [container('2', 'Always')] },
      3000,
    ],
    [
      'init containers run beside earlier sidecars',
      { containers: [container('1')], initContainers: [container('2', 'Always'), container('5')] },
      7000,
    ],
    [
      'not beside later ones',
      { containers: [container('1')], initContainers: [container('5'), container('2', 'Always')] },
      5000,
    ],
    ['overhead is added', { containers: [container('1')], overhead: { cpu: '250m' } }, 1250],
    ['the pod as a whole overrules', { containers: [container('1')], resources: { requests: { cpu: '4' } } }, 4000],
    ['fractions of a thousandth round up', { containers: [container('0.0001')] }, 1],
  ])('%s', (_title, spec, expected) => {
    expect(cpu(spec)).toBe(expected);
  });

  const infeasible = [{ type: 'PodResizePending', status: 'True' as const, reason: 'Infeasible' }];
  it.each([
    ['more is asked for than has been allocated', '3', '2', '1', undefined, 3000],
    ['more has been allocated than is in force', '1', '3', '2', undefined, 3000],
    ['more is in force still', '1', '2', '3', undefined, 3000],
    ['more is asked for than there is anywhere', '900', '1', '2', infeasible, 2000],
    ['nothing is being resized', '1', '1', '1', undefined, 1000],
  ])('resizing: %s', (_title, asked, allocated, inForce, conditions, expected) => {
    const status = {
      containerStatuses: [
        { name: 'x', allocatedResources: { cpu: allocated }, resources: { requests: { cpu: inForce } } },
      ],
      conditions,
    } as unknown as NonNullable<Pod['status']>;
    expect(podRequests({ containers: [container(asked)] }, undefined, status).get('cpu')).toBe(expected);
  });
});
