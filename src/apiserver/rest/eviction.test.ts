// Evictions over HTTP, with the budgets over them; containers added to and resized in a pod that runs.

import { beforeEach, describe, expect, test } from 'vitest';
import { openSql } from '../../../test/harness/sql.ts';
import { type TestServer, testServer } from '../testing.ts';

const base = '/api/v1/namespaces/default';
const budgets = '/apis/policy/v1/namespaces/default/poddisruptionbudgets';
const ready = [{ type: 'Ready', status: 'True' }];
const container = { name: 'web', image: 'nginx:1' };

let api: TestServer;
beforeEach(async () => {
  api = await testServer(openSql());
  await api.call('POST', `${base}/serviceaccounts`, { metadata: { name: 'default' } });
});

async function running(name = 'p', status: object = { conditions: ready }, spec: object = {}): Promise<void> {
  const pod = { metadata: { name, labels: { app: 'web' } }, spec: { nodeName: 'n', containers: [container], ...spec } };
  expect((await api.call('POST', `${base}/pods`, pod)).code).toBe(201);
  const written = await api.call(
    'PATCH',
    `${base}/pods/${name}/status`,
    JSON.stringify({ status: { phase: 'Running', ...status } }),
    { 'content-type': 'application/merge-patch+json' },
  );
  expect(written.code).toBe(200);
}

async function budget(status: object | undefined, spec: object = {}): Promise<void> {
  const selector = { matchLabels: { app: 'web' } };
  expect((await api.call('POST', budgets, { metadata: { name: 'b' }, spec: { selector, ...spec } })).code).toBe(201);
  if (!status) return;
  const { code } = await api.call('PATCH', `${budgets}/b/status`, JSON.stringify({ status }), {
    'content-type': 'application/merge-patch+json',
  });
  expect(code).toBe(200);
}

const evict = (body: object = {}, name = 'p', query = '') =>
  api.call('POST', `${base}/pods/${name}/eviction${query}`, {
    apiVersion: 'policy/v1',
    kind: 'Eviction',
    metadata: { name },
    ...body,
  });

describe('evictions', () => {
  test('without a budget the pod is told why, and deleted', async () => {
    await running();
    const { code, json } = await evict();
    expect(code).toBe(201);
    expect(json).toEqual({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 });
    const { metadata, status } = (await api.call('GET', `${base}/pods/p`)).json;
    expect(metadata.deletionGracePeriodSeconds).toBe(30);
    expect(status.conditions.at(-1)).toEqual({
      type: 'DisruptionTarget',
      status: 'True',
      observedGeneration: 1,
      lastTransitionTime: '2026-01-02T03:04:05Z',
      reason: 'EvictionByEvictionAPI',
      message: 'Eviction API: evicting',
    });
  });

  test('the former version of the body, grace, dry run', async () => {
    await running();
    expect((await evict({ apiVersion: 'policy/v1beta1' }, 'p', '?dryRun=All')).code).toBe(201);
    expect((await evict({ deleteOptions: { dryRun: ['All'] } })).code).toBe(201);
    expect((await api.call('GET', `${base}/pods/p`)).json.metadata.deletionTimestamp).toBeUndefined();
    expect((await evict({ deleteOptions: { gracePeriodSeconds: 0 } })).code).toBe(201);
    expect((await api.call('GET', `${base}/pods/p`)).code).toBe(404);
  });

  test('names and preconditions', async () => {
    await running();
    expect((await evict({ metadata: { name: 'q' } })).json.message).toBe(
      'name in URL does not match name in Eviction object',
    );
    expect((await evict({ metadata: { name: 'q' } }, 'q')).code).toBe(404);
    const refused = await evict({ deleteOptions: { preconditions: { uid: 'other' } } });
    expect([refused.code, refused.json.reason]).toEqual([409, 'Conflict']);
    expect(refused.json.message).toMatch(
      /^Operation cannot be fulfilled on Pod "p": the UID in the precondition \(other\) does not match the UID in record/,
    );
    expect((await api.call('GET', `${base}/pods/p`)).json.metadata.deletionTimestamp).toBeUndefined();
  });

  test('a budget that its controller has not seen', async () => {
    await running();
    await budget(undefined);
    const { code, json, headers } = await evict();
    expect(code).toBe(429);
    expect(headers.get('retry-after')).toBe('10');
    expect(json).toMatchObject({
      status: 'Failure',
      message: "Cannot evict pod as it would violate the pod's disruption budget.",
      reason: 'TooManyRequests',
      details: {
        causes: [
          { reason: 'DisruptionBudget', message: 'The disruption budget b is still being processed by the server.' },
        ],
        retryAfterSeconds: 10,
      },
      code: 429,
    });
  });

  test('a budget is counted down, until it allows no more', async () => {
    await running();
    await running('q');
    await budget({ observedGeneration: 1, disruptionsAllowed: 1, desiredHealthy: 1, currentHealthy: 2 });
    expect((await evict({}, 'p', '?dryRun=All')).code).toBe(201);
    expect((await evict()).code).toBe(201);
    expect((await api.call('GET', `${budgets}/b`)).json.status).toMatchObject({
      disruptionsAllowed: 0,
      disruptedPods: { p: '2026-01-02T03:04:05Z' },
      conditions: [{ type: 'DisruptionAllowed', status: 'False', reason: 'InsufficientPods', observedGeneration: 1 }],
    });
    const refused = await evict({}, 'q');
    expect([refused.code, refused.headers.get('retry-after')]).toEqual([429, null]);
    expect(refused.json.details.causes).toEqual([
      { reason: 'DisruptionBudget', message: 'The disruption budget b needs 1 healthy pods and has 2 currently' },
    ]);
  });

  test.each<[string, object, object, number]>([
    ['all that it wants are healthy', { desiredHealthy: 1, currentHealthy: 1 }, {}, 201],
    ['too few are', { desiredHealthy: 2, currentHealthy: 1 }, {}, 429],
    ['too few are, whatever', { desiredHealthy: 2 }, { unhealthyPodEvictionPolicy: 'AlwaysAllow' }, 201],
  ])('an unhealthy pod under a budget: %s', async (_name, status, spec, code) => {
    await running('p', {});
    await budget({ observedGeneration: 1, ...status }, spec);
    expect((await evict()).code).toBe(code);
  });

  test('what is no disruption needs no budget; two budgets are too many', async () => {
    await running('p', { phase: 'Succeeded' });
    await running('q');
    await budget(undefined);
    expect((await evict()).code).toBe(201);
    await api.call('POST', budgets, { metadata: { name: 'c' }, spec: { selector: {} } });
    const { code, json } = await evict({}, 'q');
    expect([code, json.message]).toEqual([
      500,
      'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.',
    ]);
  });
});

const patch = (path: string, body: object) =>
  api.call('PATCH', `${base}/pods/p/${path}`, JSON.stringify(body), {
    'content-type': 'application/strategic-merge-patch+json',
  });
const texts = (json: { details: { causes: { field: string; message: string }[] } }): string[] =>
  json.details.causes.map(({ field, message }) => `${field}: ${message}`);

describe('ephemeral containers', () => {
  const debug = { name: 'debug', image: 'busybox', targetContainerName: 'web' };

  test('are added, and stay', async () => {
    await running();
    const added = await patch('ephemeralcontainers', { spec: { ephemeralContainers: [debug], nodeName: 'other' } });
    expect(added.code).toBe(200);
    expect(added.json.metadata.generation).toBe(2);
    expect(added.json.spec).toMatchObject({
      nodeName: 'n',
      ephemeralContainers: [{ ...debug, imagePullPolicy: 'Always' }],
    });
    const changed = await patch('ephemeralcontainers', { spec: { ephemeralContainers: [{ ...debug, image: 'x' }] } });
    expect(changed.json.message).toContain('existing ephemeral containers "debug" may not be changed');
    const pod = (await api.call('GET', `${base}/pods/p/ephemeralcontainers`)).json;
    delete pod.spec.ephemeralContainers;
    expect(texts((await api.call('PUT', `${base}/pods/p/ephemeralcontainers`, pod)).json)).toEqual([
      'spec.ephemeralContainers: Forbidden: existing ephemeral containers "debug" may not be removed\n',
    ]);
  });

  test('have nothing that a workload needs', async () => {
    await running();
    const wrong = {
      name: 'web',
      image: ' x',
      targetContainerName: 'nobody',
      ports: [{ containerPort: 80 }],
      livenessProbe: { exec: { command: ['x'] } },
    };
    const { code, json } = await patch('ephemeralcontainers', { spec: { ephemeralContainers: [wrong] } });
    expect(code).toBe(422);
    expect(texts(json)).toEqual([
      'spec.ephemeralContainers[0].image: Invalid value: " x": must not have leading or trailing whitespace',
      'spec.ephemeralContainers[0].name: Duplicate value: "web"',
      'spec.ephemeralContainers[0].targetContainerName: Not found: "nobody"',
      'spec.ephemeralContainers[0].ports: Forbidden: cannot be set for an Ephemeral Container',
      'spec.ephemeralContainers[0].livenessProbe: Forbidden: cannot be set for an Ephemeral Container',
    ]);
  });
});

describe('resize', () => {
  const of = (resources: object, more: object = {}) => ({
    spec: { containers: [{ name: 'web', resources, ...more }] },
  });
  const start = { requests: { cpu: '1', memory: '1Gi' } };
  const begin = (resources: object = start) => running('p', {}, { containers: [{ ...container, resources }] });

  test('changes CPU and memory, and nothing else', async () => {
    await begin();
    const { code, json } = await patch('resize', of({ requests: { cpu: '2' } }, { image: 'other' }));
    expect(code).toBe(200);
    expect(json.spec.containers[0]).toMatchObject({
      image: 'nginx:1',
      resources: { requests: { cpu: '2', memory: '1Gi' } },
    });
    expect(json.metadata.generation).toBe(2);
  });

  test.each<[string, object, object, string[]]>([
    [
      'removes a request',
      start,
      of({ requests: { cpu: null } }),
      ['spec.containers[0].resources.requests: Forbidden: resource requests cannot be removed'],
    ],
    [
      'asks for something else',
      start,
      of({ requests: { 'example.com/gpu': '1' }, limits: { 'example.com/gpu': '1' } }),
      ['spec: Forbidden: only cpu and memory resources are mutable'],
    ],
    [
      'changes the quality of service',
      start,
      of({ limits: { cpu: '1', memory: '1Gi' } }),
      ['spec: Invalid value: "Burstable": Pod QOS Class may not change as a result of resizing'],
    ],
    [
      'adds a container',
      start,
      { spec: { containers: [{ name: 'more', image: 'i' }] } },
      ['spec.containers: Forbidden: containers may not be added or removed on resize'],
    ],
    [
      'changes how it is resized',
      start,
      of({}, { resizePolicy: [{ resourceName: 'cpu', restartPolicy: 'RestartContainer' }] }),
      ['spec: Forbidden: only cpu and memory resources are mutable'],
    ],
  ])('%s', async (_name, resources, change, problems) => {
    await begin(resources);
    const { code, json } = await patch('resize', change);
    expect(code).toBe(422);
    expect(texts(json)).toEqual(problems);
  });
});

test.each([
  ['GET', 'exec', 400, 'pod p does not have a host assigned'],
  ['POST', 'attach?container=nope', 400, 'container nope is not valid for pod p'],
  ['GET', 'portforward', 400, 'pod p does not have a host assigned'],
  ['DELETE', 'proxy/some/path', 400, 'address not allowed'],
  ['GET', 'log/path', 404, 'the server could not find the requested resource'],
])('streams: %s %s', async (method, path, code, message) => {
  await api.call('POST', `${base}/pods`, { metadata: { name: 'p' }, spec: { containers: [container] } });
  const answer = await api.call(method, `${base}/pods/p/${path}`);
  expect([answer.code, answer.json.message]).toEqual([code, message]);
});
