import { describe, expect, test } from 'vitest';
import type { ResourceQuota } from '../../generated/schemas/core-v1.ts';
import { configMaps, pods, resourceQuotas, secrets, services } from '../../generated/schemas/index.ts';
import { groupResource, type KubeObject } from '../../machinery/meta.ts';
import type { ObjectChange } from '../../reconcile/types.ts';
import { meta, pod, service, startMs } from '../lib/testing.ts';
import { create } from './controller.ts';
import { withStatus } from './plan.ts';

const tokens = [configMaps, pods, secrets, services];

function quota(spec: ResourceQuota['spec'], status: ResourceQuota['status'] = {}): ResourceQuota {
  return { apiVersion: 'v1', kind: 'ResourceQuota', metadata: meta('q'), spec, status };
}

const statusOf = (one: ResourceQuota, objects: Record<string, KubeObject[]>, nowMs = startMs) =>
  withStatus(one, tokens, new Map(Object.entries(objects)), nowMs)?.status;

const sized = (name: string, cpu: string, more: object = {}) =>
  pod(name, {
    spec: { containers: [{ name: 'c', image: 'i', resources: { requests: { cpu }, limits: { cpu } } }] },
    ...more,
  });

describe('the status of a quota', () => {
  test('everything of the namespace is counted', () => {
    const hard = {
      pods: '5',
      'limits.cpu': '2',
      'requests.example.com/gpu': '1',
      'count/pods': '9',
      configmaps: '1',
      'count/secrets': '1',
      'services.nodeports': '1',
    };
    const gone = { ...sized('d', '1', { deleted: true }) };
    const objects = {
      pods: [sized('a', '500m'), sized('b', '250m'), sized('c', '1', { phase: 'Succeeded' }), gone],
      configmaps: [pod('m'), pod('n')],
      services: [service({ type: 'NodePort' })],
    };
    expect(statusOf(quota({ hard }), objects, startMs + 31_000)).toEqual({
      hard,
      used: {
        pods: '2',
        'limits.cpu': '750m',
        'requests.example.com/gpu': '0',
        'count/pods': '4',
        configmaps: '2',
        'count/secrets': '0',
        'services.nodeports': '1',
      },
    });
    expect(statusOf(quota({ hard: { pods: '5' } }), objects, startMs)?.used).toEqual({ pods: '3' });
  });

  test('scopes narrow it to pods', () => {
    const spec: ResourceQuota['spec'] = { hard: { pods: '5', configmaps: '1' }, scopes: ['BestEffort'] };
    const objects = { pods: [sized('a', '1'), pod('b')], configmaps: [pod('m')] };
    expect(statusOf(quota(spec), objects)?.used).toEqual({ pods: '1', configmaps: '0' });
  });

  test('what is right is not written; what is bounded no longer is dropped; what nobody measures stays', () => {
    const hard = { pods: '5', 'example.org/x': '1' };
    const status = { hard: { pods: '5000m', 'example.org/x': '1' }, used: { pods: '1', 'example.org/x': '1' } };
    expect(statusOf(quota({ hard }, status), { pods: [pod('a')] })).toBeUndefined();
    expect(statusOf(quota({ hard: { 'example.org/x': '1' } }, status), {})).toEqual({
      hard: { 'example.org/x': '1' },
      used: { 'example.org/x': '1' },
    });
    expect(statusOf(quota({}), {})).toEqual({ hard: {}, used: {} });
  });

  test.each<[string, { containers?: string[]; initContainers?: string[]; [more: string]: unknown }, string]>([
    ['containers side by side', { containers: ['1', '500m'] }, '1500m'],
    ['a larger step of the start', { containers: ['1'], initContainers: ['3'] }, '3'],
    ['the overhead of the runtime', { containers: ['1'], overhead: { cpu: '100m' } }, '1100m'],
    ["the pod's own figure", { containers: ['1'], resources: { requests: { cpu: '4' } } }, '4'],
  ])('a pod asks for %s', (_what, { containers = [], initContainers = [], ...spec }, cpu) => {
    const of = (requests: string[]) =>
      requests.map((one, i) => ({ name: `c${i}`, image: 'i', resources: { requests: { cpu: one } } }));
    const one = pod('a', { spec: { ...spec, containers: of(containers), initContainers: of(initContainers) } });
    expect(statusOf(quota({ hard: { 'requests.cpu': '9' } }), { pods: [one] })?.used).toEqual({ 'requests.cpu': cpu });
  });
});

describe('reasons to count', () => {
  const keys = (change: Partial<ObjectChange>): string[] =>
    create({} as never).sources.flatMap(({ resource, keys: of }) =>
      groupResource(resource) === groupResource(change.resource as never)
        ? (of(change as never, undefined as never) as string[])
        : [],
    );
  const hard = (pods: string) => quota({ hard: { pods } });
  test.each<[string, Partial<ObjectChange>, boolean]>([
    ['a new quota', { type: 'put', resource: resourceQuotas, object: hard('1') }, true],
    ['other bounds', { type: 'put', resource: resourceQuotas, object: hard('1'), previous: hard('2') }, true],
    ['a charge', { type: 'put', resource: resourceQuotas, object: hard('1'), previous: hard('1') }, false],
    ['a deletion', { type: 'delete', resource: configMaps, object: pod('m') }, true],
    ['a new object', { type: 'put', resource: pods, object: pod('a') }, false],
    ['an end', { type: 'put', resource: pods, object: pod('a', { phase: 'Failed' }), previous: pod('a') }, true],
    [
      'a pod that starts',
      { type: 'put', resource: pods, object: pod('a'), previous: pod('a', { phase: 'Pending' }) },
      false,
    ],
    [
      'a service without ports',
      { type: 'put', resource: services, object: service(), previous: service({ type: 'NodePort' }) },
      true,
    ],
  ])('%s', (_what, change, counts) => {
    expect(keys(change)).toEqual(counts ? ['default'] : []);
  });
});
