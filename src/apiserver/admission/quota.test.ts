import { describe, expect, test } from 'vitest';
import { openSql } from '../../../test/harness/sql.ts';
import { testServer } from '../testing.ts';

const base = '/api/v1/namespaces/default';
type Call = Awaited<ReturnType<typeof testServer>>['call'];

/** A server whose default namespace has a quota that has been counted: nothing is used. */
async function withQuota(hard: Record<string, string>, spec: object = {}) {
  const { call } = await testServer(openSql());
  await call('POST', `${base}/serviceaccounts`, { metadata: { name: 'default' } });
  expect(
    (await call('POST', `${base}/resourcequotas`, { metadata: { name: 'q' }, spec: { hard, ...spec } })).code,
  ).toBe(201);
  const used = Object.fromEntries(Object.keys(hard).map((name) => [name, '0']));
  expect((await call('PATCH', `${base}/resourcequotas/q/status`, { status: { hard, used } })).code).toBe(200);
  return { call, used: async () => (await call('GET', `${base}/resourcequotas/q`)).json.status.used };
}

const pod = (name: string, resources: object = {}, spec: object = {}) => ({
  metadata: { name },
  spec: { containers: [{ name: 'c', image: 'i', resources }], ...spec },
});
const create = (call: Call, plural: string, body: object) => call('POST', `${base}/${plural}`, body);

test('pods are charged until the quota is exhausted, in upstream words', async () => {
  const { call, used } = await withQuota({ pods: '1', cpu: '1', 'requests.memory': '1Gi' });
  expect((await create(call, 'pods', pod('a'))).json).toMatchObject({
    code: 403,
    reason: 'Forbidden',
    message: 'pods "a" is forbidden: failed quota: q: must specify cpu for: c; requests.memory for: c',
  });
  const resources = { requests: { cpu: '500m', memory: '252Mi' } };
  expect((await call('POST', `${base}/pods?dryRun=All`, pod('a', resources))).code).toBe(201);
  expect(await used()).toEqual({ pods: '0', cpu: '0', 'requests.memory': '0' });
  expect((await create(call, 'pods', pod('a', resources))).code).toBe(201);
  expect(await used()).toEqual({ pods: '1', cpu: '500m', 'requests.memory': '252Mi' });
  expect((await create(call, 'pods', pod('b', { requests: { cpu: '600m', memory: '1Gi' } }))).json.message).toBe(
    'pods "b" is forbidden: exceeded quota: q, requested: cpu=600m,pods=1,requests.memory=1Gi, used: cpu=500m,pods=1,requests.memory=252Mi, limited: cpu=1,pods=1,requests.memory=1Gi',
  );
  expect((await create(call, 'pods', pod('a', resources))).json.reason).toBe('Forbidden');
  expect(await used()).toMatchObject({ pods: '1' });
});

test('a refused create leaves no charge behind', async () => {
  const { call, used } = await withQuota({ configmaps: '5' });
  expect((await create(call, 'configmaps', { metadata: { name: 'a' } })).code).toBe(201);
  expect((await create(call, 'configmaps', { metadata: { name: 'a' } })).json.reason).toBe('AlreadyExists');
  expect(await used()).toEqual({ configmaps: '1' });
});

test('an unknown status holds everything back; an empty one nothing', async () => {
  const { call } = await withQuota({ secrets: '5' });
  await call('PATCH', `${base}/resourcequotas/q/status`, { status: { used: { secrets: null } } });
  expect((await create(call, 'secrets', { metadata: { name: 'a' } })).json.message).toBe(
    'secrets "a" is forbidden: status unknown for quota: q, resources: secrets',
  );
  await call('PATCH', `${base}/resourcequotas/q/status`, { status: { hard: null } });
  expect((await create(call, 'secrets', { metadata: { name: 'a' } })).code).toBe(201);
});

describe('services', () => {
  const service = (name: string, spec: object) => ({ metadata: { name }, spec: { ports: [{ port: 80 }], ...spec } });
  test('load balancers and node ports count; an update is charged with the difference', async () => {
    const { call, used } = await withQuota({
      services: '3',
      'services.nodeports': '1',
      'services.loadbalancers': '1',
      'count/services': '3',
    });
    expect((await create(call, 'services', service('a', {}))).code).toBe(201);
    expect((await create(call, 'services', service('b', { type: 'LoadBalancer' }))).code).toBe(201);
    expect(await used()).toEqual({
      services: '2',
      'services.nodeports': '1',
      'services.loadbalancers': '1',
      'count/services': '2',
    });
    expect((await call('PATCH', `${base}/services/a`, { spec: { type: 'NodePort' } })).json.message).toBe(
      'services "a" is forbidden: exceeded quota: q, requested: services.nodeports=1, used: services.nodeports=1, limited: services.nodeports=1',
    );
    expect((await call('PATCH', `${base}/services/a`, { metadata: { labels: { a: 'b' } } })).code).toBe(200);
    const without = service('c', { type: 'LoadBalancer', allocateLoadBalancerNodePorts: false });
    expect((await create(call, 'services', without)).json.message).toContain('services.loadbalancers=1');
  });
});

test('objects of any kind are counted under count/', async () => {
  const { call, used } = await withQuota({ 'count/deployments.apps': '0', 'count/configmaps': '1' });
  const template = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } };
  const deployment = { metadata: { name: 'd' }, spec: { selector: { matchLabels: { a: 'b' } }, template } };
  expect((await call('POST', '/apis/apps/v1/namespaces/default/deployments', deployment)).json.message).toBe(
    'deployments.apps "d" is forbidden: exceeded quota: q, requested: count/deployments.apps=1, used: count/deployments.apps=0, limited: count/deployments.apps=0',
  );
  expect((await create(call, 'configmaps', { metadata: { name: 'a' } })).code).toBe(201);
  expect(await used()).toEqual({ 'count/deployments.apps': '0', 'count/configmaps': '1' });
});

describe('scopes', () => {
  const burstable = { requests: { cpu: '1' } };
  const priorityClass = { metadata: { name: 'high' }, value: 7 };
  const inClass = (operator: string, values?: string[]) => ({
    scopeSelector: { matchExpressions: [{ scopeName: 'PriorityClass', operator, ...(values ? { values } : {}) }] },
  });
  test.each<[string, object, object, boolean]>([
    ['BestEffort', { scopes: ['BestEffort'] }, pod('p'), true],
    ['BestEffort', { scopes: ['BestEffort'] }, pod('p', burstable), false],
    ['NotBestEffort', { scopes: ['NotBestEffort'] }, pod('p', burstable), true],
    ['Terminating', { scopes: ['Terminating'] }, pod('p', {}, { activeDeadlineSeconds: 5 }), true],
    ['Terminating', { scopes: ['Terminating'] }, pod('p'), false],
    ['NotTerminating', { scopes: ['NotTerminating'] }, pod('p'), true],
    ['class in', inClass('In', ['high']), pod('p', {}, { priorityClassName: 'high' }), true],
    ['class in', inClass('In', ['low']), pod('p', {}, { priorityClassName: 'high' }), false],
    ['class not in', inClass('NotIn', ['high']), pod('p'), true],
    ['class not in', inClass('NotIn', ['high']), pod('p', {}, { priorityClassName: 'high' }), false],
    ['class exists', inClass('Exists'), pod('p', {}, { priorityClassName: 'high' }), true],
    ['class does not exist', inClass('DoesNotExist'), pod('p', {}, { priorityClassName: 'high' }), false],
  ])('%s', async (_what, scope, body, charged) => {
    const { call, used } = await withQuota({ pods: '3' }, scope);
    await call('POST', '/apis/scheduling.k8s.io/v1/priorityclasses', priorityClass);
    expect((await create(call, 'pods', body)).code).toBe(201);
    expect(await used()).toEqual({ pods: charged ? '1' : '0' });
  });

  test('what is not in a namespace, and kinds that have no scopes, are left alone', async () => {
    const { call, used } = await withQuota({ pods: '0', 'count/configmaps': '0' }, { scopes: ['NotTerminating'] });
    expect((await create(call, 'configmaps', { metadata: { name: 'a' } })).code).toBe(201);
    expect((await call('POST', '/api/v1/nodes', { metadata: { name: 'n' } })).code).toBe(201);
    expect(await used()).toEqual({ pods: '0', 'count/configmaps': '0' });
  });
});
