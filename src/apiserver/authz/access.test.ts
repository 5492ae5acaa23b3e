import { expect, test } from 'vitest';
import { openSql } from '../../../test/harness/sql.ts';
import { issueCredential } from '../nodes/credentials.ts';
import { testServer } from '../testing.ts';

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

test('who is not known is not let in; health and version are open', async () => {
  const { call } = await testServer(openSql());
  for (const path of ['/version', '/livez', '/readyz', '/healthz'])
    expect((await call('GET', path, undefined, { authorization: '' })).code).toBe(200);
  for (const headers of [bearer('x'), bearer('a.b.c'), bearer('abcdef.0123456789abcdef')])
    expect((await call('GET', '/api', undefined, headers)).json).toMatchObject({ code: 401, reason: 'Unauthorized' });
});

test('whoever shows nothing is anonymous, and may do nothing else', async () => {
  const { call } = await testServer(openSql());
  for (const authorization of ['', 'Bearer', 'Basic YTpi'])
    expect((await call('GET', '/api', undefined, { authorization })).json).toMatchObject({
      code: 403,
      reason: 'Forbidden',
      message: 'forbidden: User "system:anonymous" cannot get path "/api"',
      details: {},
    });
  const as = { authorization: '' };
  const refused = (what: string) => `User "system:anonymous" cannot ${what} at the cluster scope`;
  expect((await call('GET', '/api/v1/secrets', undefined, as)).json).toMatchObject({
    code: 403,
    message: `secrets is forbidden: ${refused('list resource "secrets" in API group ""')}`,
  });
  const review = '/apis/authentication.k8s.io/v1/selfsubjectreviews';
  expect((await call('POST', review, {}, as)).code).toBe(403);
  expect((await call('GET', '/api', undefined, { ...as, 'impersonate-user': 'admin' })).json.message).toBe(
    'forbidden: User "system:anonymous" cannot impersonate-on:user-info:get path "/api"',
  );
});

test('a node sees its own pods and what they need, and nothing else', async () => {
  const { call, server } = await testServer(openSql());
  const token = await issueCredential(server.core, 'n1');
  const as = bearer(token);
  await call('POST', '/api/v1/namespaces/default/serviceaccounts', { metadata: { name: 'default' } });
  for (const name of ['mine', 'other'])
    await call('POST', '/api/v1/namespaces/default/secrets', { metadata: { name } });
  const pod = (name: string, nodeName: string, secretName: string) => ({
    metadata: { name },
    spec: {
      nodeName,
      containers: [{ name: 'c', image: 'i' }],
      volumes: [{ name: 's', secret: { secretName } }],
    },
  });
  await call('POST', '/api/v1/namespaces/default/pods', pod('a', 'n1', 'mine'));
  await call('POST', '/api/v1/namespaces/default/pods', pod('b', 'n2', 'other'));
  const code = async (method: string, path: string, body?: unknown) => (await call(method, path, body, as)).code;
  expect(await code('GET', '/api/v1/pods?fieldSelector=spec.nodeName%3Dn1')).toBe(200);
  expect(await code('GET', '/api/v1/pods')).toBe(403);
  expect(await code('GET', '/api/v1/namespaces/default/pods/a')).toBe(200);
  expect(await code('GET', '/api/v1/namespaces/default/pods/b')).toBe(403);
  expect(await code('GET', '/api/v1/namespaces/default/secrets/mine')).toBe(200);
  expect(await code('GET', '/api/v1/namespaces/default/secrets/other')).toBe(403);
  expect(await code('GET', '/api/v1/secrets')).toBe(403);
  const request = async (spec: object) =>
    (await call('POST', '/api/v1/namespaces/default/serviceaccounts/default/token', { spec }, as)).json;
  const uidOf = async (name: string) =>
    (await call('GET', `/api/v1/namespaces/default/pods/${name}`)).json.metadata.uid as string;
  const ref = { apiVersion: 'v1', kind: 'Pod', name: 'a', uid: await uidOf('a') };
  expect((await request({ boundObjectRef: ref })).status.token).toBeTruthy();
  expect((await request({})).message).toContain('node requested token not bound to a pod');
  expect((await request({ boundObjectRef: { ...ref, uid: '' } })).message).toContain('without a uid');
  expect((await request({ boundObjectRef: { ...ref, uid: 'x' } })).code).toBe(403);
  expect((await request({ boundObjectRef: { ...ref, name: 'b', uid: await uidOf('b') } })).message).toContain(
    'node requested token bound to a pod scheduled on a different node',
  );
  expect((await request({ boundObjectRef: ref, audiences: ['vault'] })).code).toBe(403);
  expect(await code('POST', '/api/v1/nodes', { metadata: { name: 'n1' } })).toBe(201);
  expect(await code('POST', '/api/v1/nodes', { metadata: { name: 'n2' } })).toBe(403);
  expect(await code('PATCH', '/api/v1/nodes/n1', { spec: { taints: [] } })).toBe(403);
  expect(await code('DELETE', '/api/v1/namespaces/default/pods/b')).toBe(403);
  expect(await code('PATCH', '/api/v1/namespaces/default/pods/a/status', { status: { phase: 'Running' } })).toBe(200);
  expect(await code('DELETE', '/api/v1/namespaces/default/pods/a?gracePeriodSeconds=0')).toBe(200);
});

test('service account tokens: bound, expiring, and holding the roles that are bound to them', async () => {
  const { call, clock } = await testServer(openSql());
  const accounts = '/api/v1/namespaces/default/serviceaccounts';
  await call('POST', accounts, { metadata: { name: 'default' } });
  await call('POST', '/api/v1/namespaces/default/pods', {
    metadata: { name: 'p' },
    spec: { nodeName: 'n', containers: [{ name: 'c', image: 'i' }] },
  });
  const request = (spec: object) => call('POST', `${accounts}/default/token`, { spec });
  expect((await request({ expirationSeconds: 10 })).json.message).toContain(
    'may not specify a duration less than 10 minutes',
  );
  const issued = await request({ boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: 'p' } });
  expect(issued.code).toBe(201);
  const as = bearer(issued.json.status.token);
  const pods = '/api/v1/namespaces/default/pods';
  expect((await call('GET', pods, undefined, as)).json.message).toContain(
    'pods is forbidden: User "system:serviceaccount:default:default" cannot list resource "pods" in API group "" in the namespace "default"',
  );
  await call('POST', '/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings', {
    metadata: { name: 'view' },
    roleRef: { kind: 'ClusterRole', name: 'view' },
    subjects: [{ kind: 'ServiceAccount', name: 'default' }],
  });
  expect((await call('GET', pods, undefined, as)).code).toBe(200);
  expect((await call('GET', '/api/v1/namespaces/default/secrets', undefined, as)).code).toBe(403);
  expect((await call('GET', '/api/v1/pods', undefined, as)).code).toBe(403);
  for (const path of ['namespaces/default/nodes', 'watch/namespaces/default/nodes', 'namespaces/default/nodes/n'])
    expect((await call('GET', `/api/v1/${path}`, undefined, as)).code).toBe(403);
  expect((await call('DELETE', `${pods}/p`, undefined, as)).code).toBe(403);
  const other = await request({ audiences: ['elsewhere'] });
  expect((await call('GET', pods, undefined, bearer(other.json.status.token))).code).toBe(401);
  const unbound = bearer((await request({})).json.status.token);
  await call('DELETE', `${pods}/p?gracePeriodSeconds=0`);
  expect((await call('GET', pods, undefined, as)).code).toBe(401);
  expect((await call('GET', pods, undefined, unbound)).code).toBe(200);
  await call('POST', '/api/v1/nodes', { metadata: { name: 'n' } });
  const ofNode = await request({ boundObjectRef: { apiVersion: 'v1', kind: 'Node', name: 'n' } });
  expect((await call('GET', pods, undefined, bearer(ofNode.json.status.token))).code).toBe(200);
  await call('DELETE', '/api/v1/nodes/n');
  expect((await call('GET', pods, undefined, bearer(ofNode.json.status.token))).code).toBe(401);
  // Clocks may differ by a minute.
  clock.advance(3600_000 + 59_000);
  expect((await call('GET', pods, undefined, unbound)).code).toBe(200);
  clock.advance(2_000);
  expect((await call('GET', pods, undefined, unbound)).code).toBe(401);
});

test('who impersonates counts as that user, and only who may do so', async () => {
  const { call } = await testServer(openSql());
  const get = (headers: Record<string, string>) => call('GET', '/api/v1/namespaces', undefined, headers);
  expect((await get({ 'impersonate-user': 'jane' })).json.message).toContain(
    'namespaces is forbidden: User "jane" cannot list resource "namespaces" in API group "" at the cluster scope',
  );
  expect((await get({ 'impersonate-user': 'jane', 'impersonate-group': 'system:masters' })).code).toBe(200);
  expect((await get({ 'impersonate-group': 'system:masters' })).code).toBe(400);
  await call('POST', '/api/v1/namespaces/default/serviceaccounts', { metadata: { name: 'a' } });
  const issued = await call('POST', '/api/v1/namespaces/default/serviceaccounts/a/token', { spec: {} });
  const as = bearer(issued.json.status.token);
  const refused = await get({ ...as, 'impersonate-user': 'kubernetes-admin', 'impersonate-group': 'system:masters' });
  expect(refused.json.message).toContain(
    'namespaces is forbidden: User "system:serviceaccount:default:a" cannot impersonate-on:user-info:list resource "namespaces" in API group "" at the cluster scope',
  );
  const who = await call(
    'POST',
    '/apis/authentication.k8s.io/v1/selfsubjectreviews',
    { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' },
    { 'impersonate-user': 'system:serviceaccount:default:a', 'impersonate-extra-scopes%2fx': 'view' },
  );
  expect(who.json.status.userInfo).toEqual({
    username: 'system:serviceaccount:default:a',
    groups: ['system:serviceaccounts', 'system:serviceaccounts:default', 'system:authenticated'],
    extra: { 'scopes/x': ['view'] },
  });
});
