// What bootstrap's roles and bindings let whom do, and that they are whole again after a start.
import { beforeAll, describe, expect, test } from 'vitest';
import { openSql } from '../../../../test/harness/sql.ts';
import { type TestServer, testServer } from '../../testing.ts';

const group = 'rbac.authorization.k8s.io';
const base = `/apis/${group}/v1`;
const reviews = '/apis/authorization.k8s.io/v1/subjectaccessreviews';

/** `get pods/log`, `list deployments.apps in shop`, `get /metrics`; of the namespace `shop` unless it is of `*`, all. */
async function may(call: TestServer['call'], user: object, question: string): Promise<boolean> {
  const [, verb = '', what = '', place = 'shop'] = /^(\S+) (\S+?)(?: in (\S+))?$/.exec(question) ?? [];
  const [, resource = '', apiGroup = '', subresource = ''] = /^([^./]+)\.?([^/]*)\/?(.*)$/.exec(what) ?? [];
  const namespace = place === '*' ? '' : place;
  const spec = what.startsWith('/')
    ? { nonResourceAttributes: { verb, path: what } }
    : { resourceAttributes: { verb, resource, group: apiGroup, subresource, namespace } };
  return (await call('POST', reviews, { spec: { ...user, ...spec } })).json.status.allowed;
}

const everyone = 'system:authenticated';
const reads = [
  'get pods',
  'list deployments.apps',
  'watch configmaps',
  'get pods/log',
  'list endpointslices.discovery.k8s.io',
];
const writes = [
  'create pods',
  'patch deployments.apps',
  'delete services',
  'create pods/exec',
  'update deployments.apps/scale',
];
const never = [
  'create resourcequotas',
  'update namespaces',
  'get nodes',
  'list pods in *',
  'list pods in other',
  'get /metrics',
];
const own = [
  'create selfsubjectaccessreviews.authorization.k8s.io in *',
  'create selfsubjectreviews.authentication.k8s.io in *',
];
const discovery = ['get /api', 'get /apis/apps/v1', 'get /openapi/v3', 'get /version', 'get /healthz'];

describe('who may what', () => {
  let on: TestServer;
  beforeAll(async () => {
    on = await testServer(openSql());
    await on.call('POST', '/api/v1/namespaces', { metadata: { name: 'shop' } });
    for (const name of ['view', 'edit', 'admin', 'cluster-admin'])
      await on.call('POST', `${base}/namespaces/shop/rolebindings`, {
        metadata: { name },
        roleRef: { kind: 'ClusterRole', name },
        subjects: [{ kind: 'User', name: `holder of ${name}` }],
      });
  });

  test.each<[string, object, string[], string[]]>([
    [
      'nobody',
      { user: 'system:anonymous', groups: ['system:unauthenticated'] },
      ['get /version', 'get /version/', 'get /livez', 'get /readyz', 'get /healthz'],
      [
        ...reads,
        ...own,
        'get /api',
        'get /apis',
        'get /openapi/v2',
        'get /',
        'get /livez/ping',
        'get /metrics',
        'post /version',
      ],
    ],
    [
      'anybody',
      { user: 'jane', groups: [everyone] },
      [...own, ...discovery],
      [...reads, ...writes, ...never, 'post /api'],
    ],
    ['a user without groups', { user: 'jane' }, [], [...own, ...discovery]],
    [
      'view',
      { user: 'holder of view' },
      reads,
      [...writes, ...never, 'get secrets', 'get pods/exec', 'get roles.rbac.authorization.k8s.io'],
    ],
    [
      'edit',
      { user: 'holder of edit' },
      [...reads, ...writes, 'get secrets', 'impersonate serviceaccounts', 'create serviceaccounts/token'],
      [...never, 'get roles.rbac.authorization.k8s.io', 'create rolebindings.rbac.authorization.k8s.io'],
    ],
    [
      'admin',
      { user: 'holder of admin' },
      [
        ...reads,
        ...writes,
        'get secrets',
        'create roles.rbac.authorization.k8s.io',
        'delete rolebindings.rbac.authorization.k8s.io',
        'create localsubjectaccessreviews.authorization.k8s.io',
      ],
      [...never, 'escalate roles.rbac.authorization.k8s.io', 'bind clusterroles.rbac.authorization.k8s.io'],
    ],
    [
      'cluster-admin of a namespace',
      { user: 'holder of cluster-admin' },
      [
        ...reads,
        ...writes,
        'create resourcequotas',
        'escalate roles.rbac.authorization.k8s.io',
        'anything whatever.x.y',
      ],
      ['list pods in *', 'get /metrics'],
    ],
    [
      'masters',
      { user: 'x', groups: ['system:masters'] },
      [...reads, ...writes, ...never, ...own, ...discovery, 'anything whatever.x.y in *'],
      [],
    ],
    [
      'the scheduler',
      { user: 'system:kube-scheduler' },
      [
        'create pods/binding',
        'list nodes in *',
        'update pods/status',
        'create leases.coordination.k8s.io in kube-system',
      ],
      ['create pods', 'get secrets', 'update nodes in *'],
    ],
    [
      'a controller',
      { user: 'system:serviceaccount:kube-system:deployment-controller' },
      ['create replicasets.apps', 'update deployments.apps/status'],
      ['create pods/exec', 'get secrets'],
    ],
    ['its namesake', { user: 'system:serviceaccount:default:deployment-controller' }, [], ['create replicasets.apps']],
    [
      'a node, by roles alone',
      { user: 'system:node', groups: ['system:nodes'] },
      [],
      ['get nodes in *', 'get secrets', 'create leases.coordination.k8s.io in kube-node-lease'],
    ],
    [
      'monitoring',
      { user: 'x', groups: ['system:monitoring'] },
      ['get /metrics', 'get /readyz/ledger', 'get /livez/ping'],
      ['get /logs', 'list pods in *'],
    ],
    [
      'service accounts',
      { user: 'x', groups: ['system:serviceaccounts'] },
      ['get /openid/v1/jwks', 'get /.well-known/openid-configuration'],
      ['get /api'],
    ],
  ])('%s', async (_who, user, yes, no) => {
    for (const question of yes) expect([question, await may(on.call, user, question)]).toEqual([question, true]);
    for (const question of no) expect([question, await may(on.call, user, question)]).toEqual([question, false]);
  });

  test('whoever shows nothing sees health and version, as long as bootstrap says so', async () => {
    const { call } = await testServer(openSql());
    const code = async (path: string) => (await call('GET', path, undefined, { authorization: '' })).code;
    for (const path of ['/version', '/version/', '/livez', '/readyz', '/healthz']) expect(await code(path)).toBe(200);
    for (const path of ['/', '/api', '/apis', '/livez/ping', '/metrics', '/openid/v1/jwks', '/nope'])
      expect(await code(path)).toBe(403);
    await call('DELETE', `${base}/clusterrolebindings/system:public-info-viewer`);
    expect(await code('/version')).toBe(403);
  });
});

describe('at a start', () => {
  test('what is missing is added back, what was added stays, autoupdate=false is heeded', async () => {
    const sql = openSql();
    const { call } = await testServer(sql);
    const roles = `${base}/clusterroles`;
    const bindings = `${base}/clusterrolebindings`;
    const get = async (path: string) => (await call('GET', path)).json;
    const jane = { kind: 'User', name: 'jane', apiGroup: group };
    const extra = { verbs: ['get'], apiGroups: ['x'], resources: ['y'] };
    const before = {
      role: await get(`${roles}/system:kube-scheduler`),
      binding: await get(`${bindings}/system:discovery`),
      view: await get(`${roles}/view`),
    };
    const off = { metadata: { annotations: { 'rbac.authorization.kubernetes.io/autoupdate': 'false' } } };
    await call('PATCH', `${roles}/system:kube-scheduler`, { rules: [extra, ...before.role.rules.slice(2)] });
    await call('PATCH', `${bindings}/system:discovery`, { subjects: [jane] });
    await call('PATCH', `${roles}/system:basic-user`, { ...off, rules: [] });
    await call('PATCH', `${bindings}/system:monitoring`, { ...off, subjects: [] });
    await call('PATCH', `${roles}/view`, { metadata: { labels: null } });
    await call('DELETE', `${roles}/system:heapster`);
    await call('DELETE', `${bindings}/system:basic-user`);
    const roleRef = { apiGroup: group, kind: 'ClusterRole', name: 'view' };
    await call('POST', bindings, { metadata: { name: 'system:basic-user' }, roleRef, subjects: [jane] });

    const again = await testServer(sql);
    const read = async (path: string) => (await again.call('GET', path)).json;
    const { rules } = await read(`${roles}/system:kube-scheduler`);
    expect(rules.slice(0, before.role.rules.length - 1)).toEqual([extra, ...before.role.rules.slice(2)]);
    expect(rules.length).toBeGreaterThan(before.role.rules.length - 1);
    expect(await may(again.call, { user: 'system:kube-scheduler' }, 'create events')).toBe(true);
    expect((await read(`${bindings}/system:discovery`)).subjects).toEqual([jane, ...before.binding.subjects]);
    expect((await read(`${roles}/system:basic-user`)).rules).toBeNull();
    expect((await read(`${bindings}/system:monitoring`)).subjects).toBeUndefined();
    expect((await read(`${roles}/view`)).metadata.labels).toEqual(before.view.metadata.labels);
    expect((await read(`${roles}/system:heapster`)).metadata.name).toBe('system:heapster');
    const remade = await read(`${bindings}/system:basic-user`);
    expect([remade.roleRef.name, remade.subjects]).toEqual([
      'system:basic-user',
      [{ ...jane, kind: 'Group', name: everyone }],
    ]);

    const { revision } = again.ledger;
    const third = await testServer(sql);
    expect(third.ledger.revision).toBe(revision);
  });
});
