// metrics.k8s.io through the Worker: what agents say with their polls, as `kubectl top` reads it.
import { evictDurableObject, reset } from 'cloudflare:test';
import { env, exports } from 'cloudflare:workers';
import { afterEach, expect, it } from 'vitest';
import type { Env } from '../../workers/env.ts';

const bindings = env as unknown as Env;
const worker = (exports as unknown as { default: Fetcher }).default;
const metrics = '/apis/metrics.k8s.io/v1beta1';

// biome-ignore lint/suspicious/noExplicitAny: answers of any shape, looked at field by field
type Answer = { status: number; body: any };

async function call(
  method: string,
  path: string,
  body?: unknown,
  token = 'test-admin',
  accept?: string,
): Promise<Answer> {
  const headers = {
    authorization: `Bearer ${token}`,
    'content-type': 'application/json',
    ...(accept ? { accept } : {}),
  };
  const init = body === undefined ? {} : { body: JSON.stringify(body) };
  const response = await worker.fetch(`https://tiffin.test${path}`, { method, headers, ...init });
  return { status: response.status, body: await response.json() };
}

async function join(name: string): Promise<string> {
  await call('POST', '/api/v1/namespaces/kube-system/secrets', {
    metadata: { name: 'bootstrap-token-abcdef' },
    type: 'bootstrap.kubernetes.io/token',
    stringData: {
      'token-id': 'abcdef',
      'token-secret': '0123456789abcdef',
      'usage-bootstrap-authentication': 'true',
    },
  });
  const joined = await call('POST', '/tiffin.dev/v1/join', { token: 'abcdef.0123456789abcdef', nodeName: name });
  expect(joined.status).toBe(200);
  const { credential } = joined.body;
  const conditions = [{ type: 'Ready', status: 'True', reason: 'KubeletReady', message: '' }];
  const node = { metadata: { name, labels: { 'kubernetes.io/hostname': name } }, status: { conditions } };
  await report(name, credential, [{ type: 'node', object: node }]);
  return credential;
}

async function report(node: string, credential: string, writes: unknown[]): Promise<void> {
  const { body } = await call('POST', `/tiffin.dev/v1/nodes/${node}/report`, { session: 's', writes }, credential);
  expect(body.results.map(({ code }: { code: number }) => code)).toEqual(writes.map(() => 200));
}

const sync = (node: string, credential: string, usage?: unknown): Promise<Answer> => {
  const request = { since: 0, epoch: '', serviceRevision: 0, waitMs: 0, session: 's', usage };
  return call('POST', `/tiffin.dev/v1/nodes/${node}/sync`, request, credential);
};

async function runningPod(name: string, node: string, credential: string): Promise<string> {
  const made = await call('POST', '/api/v1/namespaces/default/pods', {
    metadata: { name, labels: { app: name } },
    spec: { nodeName: node, containers: [{ name: 'c', image: 'x:1' }], automountServiceAccountToken: false },
  });
  expect(made.status).toBe(201);
  const { uid } = made.body.metadata;
  await report(node, credential, [
    { type: 'podStatus', namespace: 'default', name, uid, status: { phase: 'Running' } },
  ]);
  return uid;
}

/** After so many seconds, of so many milliseconds of CPU time. */
const sample = (seconds: number, cpuMs: number, pods: Record<string, string>) => {
  const counted = {
    atMs: Date.parse('2026-01-01T00:00:00Z') + seconds * 1000,
    cpuNanoseconds: cpuMs * 1e6,
    workingSetBytes: 3 * 1024 * 1024,
  };
  const containers = Object.entries(pods).map(([pod, podUid]) => ({
    ...counted,
    ...{ podUid, pod, namespace: 'default', container: 'c', startedAtMs: 1 },
  }));
  return { node: counted, containers };
};

afterEach(async () => {
  await reset();
});

it('shows what agents report of their own pods, and of no others', async () => {
  for (let i = 0; i < 600; i++) {
    if ((await call('GET', '/api/v1/namespaces/default/serviceaccounts/default')).status === 200) break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const [first, second] = [await join('n1'), await join('n2')];
  const web = await runningPod('web', 'n1', first);
  const other = await runningPod('other', 'n2', second);
  expect((await call('GET', `${metrics}/nodes`)).body).toMatchObject({ kind: 'NodeMetricsList', items: [] });

  await sync('n1', first, sample(0, 0, { web }));
  await sync('n1', first, sample(10, 1000, { web }));
  // The second node speaks of a pod that is on the first, and of its own.
  await sync('n2', second, sample(0, 0, { web, other }));
  await sync('n2', second, sample(10, 5000, { web, other }));

  const { body } = await call('GET', `${metrics}/pods`);
  expect(body).toMatchObject({ kind: 'PodMetricsList', apiVersion: 'metrics.k8s.io/v1beta1', metadata: {} });
  expect(body.items).toEqual([
    {
      metadata: expect.objectContaining({ name: 'other', namespace: 'default', labels: { app: 'other' } }),
      ...{ timestamp: '2026-01-01T00:00:10Z', window: '10s' },
      containers: [{ name: 'c', usage: { cpu: '500m', memory: '3Mi' } }],
    },
    expect.objectContaining({ containers: [{ name: 'c', usage: { cpu: '100m', memory: '3Mi' } }] }),
  ]);
  const named = await call('GET', `${metrics}/namespaces/default/pods?labelSelector=app%3Dweb`);
  expect(named.body.items.map((one: { metadata: { name: string } }) => one.metadata.name)).toEqual(['web']);
  expect((await call('GET', `${metrics}/namespaces/other/pods`)).body.items).toEqual([]);
  expect(
    (await call('GET', `${metrics}/namespaces/default/pods?fieldSelector=metadata.name%3Dother`)).body.items,
  ).toHaveLength(1);
  expect((await call('GET', `${metrics}/nodes/n1`)).body).toMatchObject({
    kind: 'NodeMetrics',
    metadata: { name: 'n1', labels: { 'kubernetes.io/hostname': 'n1' } },
    usage: { cpu: '100m', memory: '3Mi' },
  });
  const table = 'application/json;as=Table;v=v1;g=meta.k8s.io';
  const shown = await call('GET', `${metrics}/namespaces/default/pods/web`, undefined, 'test-admin', table);
  expect(shown.body.rows[0].cells).toEqual(['web', '100m', '3Mi', '10s']);

  // A sample that is none spoils neither the poll nor what is known.
  for (const nonsense of [null, 'x', { node: {}, containers: [null] }, { node: 1, containers: { length: 9 } }])
    expect((await sync('n1', first, nonsense)).status).toBe(200);
  expect((await call('GET', `${metrics}/nodes`)).body.items).toHaveLength(2);

  // What the link knew is gone with it, and comes back with two samples.
  await evictDurableObject(bindings.NODE_LINK.get(bindings.NODE_LINK.idFromName('n1')));
  const gone = await call('GET', `${metrics}/namespaces/default/pods/web`);
  expect(gone).toMatchObject({
    status: 404,
    body: { message: 'podmetrics.metrics.k8s.io "default/web" not found', reason: 'NotFound' },
  });
  expect((await call('GET', `${metrics}/nodes`)).body.items).toHaveLength(1);
});

it('serves what metrics-server serves, and refuses what it refuses', async () => {
  const refused = async (method: string, path: string) => {
    const { status, body } = await call(method, metrics + path, method === 'POST' ? {} : undefined);
    return [status, body.message];
  };
  expect(await refused('GET', '/nodes/x')).toEqual([404, 'nodes "x" not found']);
  expect(await refused('GET', '/namespaces/default/pods/x')).toEqual([404, 'pods "x" not found']);
  expect(await refused('GET', '/pods?watch=true')).toEqual([
    405,
    'watch is not supported on resources of kind "pods.metrics.k8s.io"',
  ]);
  expect((await refused('POST', '/namespaces/default/pods'))[0]).toBe(405);
  expect((await refused('DELETE', '/nodes/x'))[0]).toBe(405);
  expect(await refused('GET', '/pods?fieldSelector=spec.nodeName%3Dx')).toEqual([
    400,
    '"spec.nodeName" is not a known field selector: only "metadata.name", "metadata.namespace"',
  ]);
  const services = await call('GET', '/apis/apiregistration.k8s.io/v1/apiservices');
  expect(services.body.items.map((one: { metadata: { name: string } }) => one.metadata.name)).toEqual(
    expect.arrayContaining(['v1.', 'v1.apps', 'v1beta1.metrics.k8s.io']),
  );
  for (const one of services.body.items) {
    expect(one.status.conditions).toMatchObject([{ type: 'Available', status: 'True', reason: 'Local' }]);
    expect(one.metadata.creationTimestamp).toMatch(/Z$/);
  }
  expect((await call('POST', '/apis/apiregistration.k8s.io/v1/apiservices', {})).status).toBe(405);
});
