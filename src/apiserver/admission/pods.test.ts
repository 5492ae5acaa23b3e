// What admission makes of pods: limits of the namespace, priority, runtime class.
import { describe, expect, test } from 'vitest';
import { openSql } from '../../../test/harness/sql.ts';
import { testServer } from '../testing.ts';

const base = '/api/v1/namespaces/default';

async function server() {
  const { call } = await testServer(openSql());
  await call('POST', `${base}/serviceaccounts`, { metadata: { name: 'default' } });
  return call;
}
const pod = (spec: object = {}, metadata: object = { name: 'p' }) => ({
  metadata,
  spec: { containers: [{ name: 'c', image: 'i' }], ...spec },
});
const container = (name: string, resources: object) => ({ name, image: 'i', resources });

describe('LimitRanger', () => {
  const limited = async (...limits: object[]) => {
    const call = await server();
    expect((await call('POST', `${base}/limitranges`, { metadata: { name: 'l' }, spec: { limits } })).code).toBe(201);
    return call;
  };

  test('containers that state nothing get the defaults', async () => {
    const call = await limited({
      type: 'Container',
      default: { cpu: '500m' },
      defaultRequest: { cpu: '100m', memory: '200Mi' },
    });
    const { json } = await call(
      'POST',
      `${base}/pods`,
      pod({ initContainers: [container('i', { limits: { cpu: '1' } })] }),
    );
    expect(json.spec.containers[0].resources).toEqual({
      limits: { cpu: '500m' },
      requests: { cpu: '100m', memory: '200Mi' },
    });
    expect(json.metadata.annotations['kubernetes.io/limit-ranger']).toBe(
      'LimitRanger plugin set: cpu, memory request for container c; cpu limit for container c; memory request for init container i',
    );
  });

  test.each<[string, object, object, string]>([
    [
      'less than the least',
      { min: { cpu: '1' } },
      { requests: { cpu: '500m' } },
      'minimum cpu usage per Container is 1, but request is 500m',
    ],
    [
      'more than the most, of both',
      { max: { cpu: '1', memory: '1Gi' } },
      { limits: { cpu: '2', memory: '2Gi' } },
      '[maximum cpu usage per Container is 1, but limit is 2, maximum memory usage per Container is 1Gi, but limit is 2Gi]',
    ],
    [
      'a ratio',
      { maxLimitRequestRatio: { cpu: '2' } },
      { requests: { cpu: '100m' }, limits: { cpu: '300m' } },
      'cpu max limit to request ratio per Container is 2, but provided ratio is 3.000000',
    ],
    [
      'a ratio of nothing',
      { maxLimitRequestRatio: { cpu: '2' } },
      {},
      'cpu max limit to request ratio per Container is 2, but no request is specified or request is 0',
    ],
  ])('%s', async (_what, item, resources, why) => {
    const call = await limited({ type: 'Container', ...item });
    const { json } = await call('POST', `${base}/pods`, pod({ containers: [container('c', resources)] }));
    expect(json.message).toBe(`pods "p" is forbidden: ${why}`);
  });

  test('a pod is held to its sum', async () => {
    const call = await limited({ type: 'Pod', max: { cpu: '1' }, min: { cpu: '300m' } });
    const of = (cpu: string) => container(`c${cpu}`, { requests: { cpu }, limits: { cpu } });
    const create = (...cpus: string[]) => call('POST', `${base}/pods`, pod({ containers: cpus.map(of) }));
    expect((await create('600m', '700m')).json.message).toContain('maximum cpu usage per Pod is 1, but limit is 1300m');
    expect((await create('200m')).json.message).toContain('minimum cpu usage per Pod is 300m, but request is 200m');
    expect((await create('400m', '600m')).code).toBe(201);
  });
});

describe('Priority', () => {
  const classes = '/apis/scheduling.k8s.io/v1/priorityclasses';
  test('the class decides, and the default class of those that name none', async () => {
    const call = await server();
    await call('POST', classes, { metadata: { name: 'high' }, value: 7, preemptionPolicy: 'Never' });
    const create = async (name: string, spec: object) => (await call('POST', `${base}/pods`, pod(spec, { name }))).json;
    expect((await create('a', { priorityClassName: 'high' })).spec).toMatchObject({
      priority: 7,
      preemptionPolicy: 'Never',
    });
    expect((await create('b', { priorityClassName: 'high', priority: 8 })).message).toBe(
      'pods "b" is forbidden: the integer value of priority (8) must not be provided in pod spec; priority admission controller computed 7 from the given PriorityClass name',
    );
    expect(
      (await create('c', { priorityClassName: 'high', preemptionPolicy: 'PreemptLowerPriority' })).message,
    ).toContain('the string value of PreemptionPolicy (PreemptLowerPriority) must not be provided');
    await call('POST', classes, { metadata: { name: 'usual' }, value: 3, globalDefault: true });
    expect((await create('d', {})).spec).toMatchObject({ priorityClassName: 'usual', priority: 3 });
    expect((await call('POST', classes, { metadata: { name: 'x' }, globalDefault: true })).json.message).toBe(
      'priorityclasses.scheduling.k8s.io "x" is forbidden: PriorityClass usual is already marked as default. Only one default can exist',
    );
    expect((await call('PATCH', `${classes}/high`, { globalDefault: true })).code).toBe(403);
    expect((await call('PATCH', `${classes}/usual`, { description: 'd' })).code).toBe(200);
  });
});

describe('RuntimeClass', () => {
  const runtimeClass = {
    metadata: { name: 'kata' },
    handler: 'kata',
    overhead: { podFixed: { cpu: '250m' } },
    scheduling: {
      nodeSelector: { runtime: 'kata' },
      tolerations: [{ key: 'k', operator: 'Exists' }],
    },
  };
  test.each<[string, object, string | object]>([
    ['an unknown class', { runtimeClassName: 'none' }, 'pod rejected: RuntimeClass "none" not found'],
    [
      'its overhead and place',
      {
        runtimeClassName: 'kata',
        nodeSelector: { a: 'b' },
        tolerations: [{ key: 'k', operator: 'Equal', value: 'v' }],
      },
      { overhead: { cpu: '250m' }, nodeSelector: { a: 'b', runtime: 'kata' } },
    ],
    [
      'another overhead',
      { runtimeClassName: 'kata', overhead: { cpu: '1' } },
      "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead",
    ],
    [
      'overhead without a class',
      { overhead: { cpu: '1' } },
      'pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead',
    ],
    [
      'another place',
      { runtimeClassName: 'kata', nodeSelector: { runtime: 'runc' } },
      'conflict: runtimeClass.scheduling.nodeSelector[runtime] = kata; pod.spec.nodeSelector[runtime] = runc',
    ],
  ])('%s', async (_what, spec, expected) => {
    const call = await server();
    expect((await call('POST', '/apis/node.k8s.io/v1/runtimeclasses', runtimeClass)).code).toBe(201);
    const { json } = await call('POST', `${base}/pods`, pod(spec));
    if (typeof expected === 'string') expect(json.message).toBe(`pods "p" is forbidden: ${expected}`);
    else {
      expect(json.spec).toMatchObject(expected);
      expect(json.spec.tolerations.filter((one: { key: string }) => one.key === 'k')).toEqual([
        { key: 'k', operator: 'Exists' },
      ]);
    }
  });
});

test('tolerations of a runtime class and of its pod are those that no other implies', async () => {
  const call = await server();
  const classes = '/apis/node.k8s.io/v1/runtimeclasses';
  const scheduling = { tolerations: [{ key: 'k', operator: 'Exists', effect: 'NoSchedule' }] };
  expect((await call('POST', classes, { metadata: { name: 'r' }, handler: 'r', scheduling })).code).toBe(201);
  const left = async (tolerations: readonly object[], name: string) => {
    const { json } = await call('POST', `${base}/pods`, pod({ runtimeClassName: 'r', tolerations }, { name }));
    return json.spec.tolerations.filter(({ key }: { key: string }) => !key?.startsWith('node.kubernetes.io/'));
  };
  const noExecute = (key: string, tolerationSeconds: number) => ({
    key,
    operator: 'Exists',
    effect: 'NoExecute',
    tolerationSeconds,
  });
  const equal = { key: 'k', operator: 'Equal', value: 'v' };
  expect(
    await left(
      [noExecute('a', 5), equal, noExecute('a', 9), noExecute('a', 7), { ...equal, effect: 'NoSchedule' }, equal],
      'p',
    ),
  ).toEqual([equal, noExecute('a', 9), scheduling.tolerations[0]]);
  const begun = performance.now();
  expect(
    await left(
      [...Array(10_000).keys()].map((i) => noExecute(`k${i}`, i)),
      'many',
    ),
  ).toHaveLength(10_001);
  expect(performance.now() - begun).toBeLessThan(4000);
});

test('a pod that is made on its node is labelled by where that is', async () => {
  const call = await server();
  const zone = { 'topology.kubernetes.io/zone': 'a' };
  await call('POST', '/api/v1/nodes', { metadata: { name: 'n', labels: { ...zone, other: 'b' } } });
  expect((await call('POST', `${base}/pods`, pod({ nodeName: 'n' }))).json.metadata.labels).toEqual(zone);
  expect((await call('POST', `${base}/pods`, pod({}, { name: 'q' }))).json.metadata.labels).toBeUndefined();
});
