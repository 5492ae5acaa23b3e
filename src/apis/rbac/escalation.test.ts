import { beforeEach, describe, expect, test } from 'vitest';
import { openSql } from '../../../test/harness/sql.ts';
import { type Authorizer, authorizeBy, masters } from '../../apiserver/authz/authorizer.ts';
import { rbacAuthorizer } from '../../apiserver/authz/rbac/authorizer.ts';
import { Policy } from '../../apiserver/authz/rbac/policy.ts';
import { TestClock, type TestServer, testServer } from '../../apiserver/testing.ts';
import { createLedger } from '../../ledger/ledger.ts';
import { defaultClusterConfig } from '../../ports/index.ts';

const group = 'rbac.authorization.k8s.io';
const base = `/apis/${group}/v1`;
const inShop = `${base}/namespaces/shop`;
const as = { 'impersonate-user': 'jane' };
const apply = { ...as, 'content-type': 'application/apply-patch+yaml' };
const rule = (verbs: string, resources: string, apiGroups = '', more: object = {}) => ({
  verbs: verbs.split(' '),
  apiGroups: apiGroups.split(' '),
  resources: resources.split(' '),
  ...more,
});
const toBob = (name: string, role: string, kind = 'ClusterRole') => ({
  metadata: { name },
  roleRef: { apiGroup: group, kind, name: role },
  subjects: [{ kind: 'User', name: 'bob', apiGroup: group }],
});
const held =
  'user "jane" (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n';

let call: TestServer['call'];
beforeEach(async () => {
  ({ call } = await testServer(openSql()));
  await call('POST', '/api/v1/namespaces', { metadata: { name: 'shop' } });
});

/** Gives jane a role of these rules: in shop, or everywhere. */
async function give(rules: object[], everywhere = false): Promise<void> {
  const [roles, bindings, kind] = everywhere
    ? [`${base}/clusterroles`, `${base}/clusterrolebindings`, 'ClusterRole']
    : [`${inShop}/roles`, `${inShop}/rolebindings`, 'Role'];
  expect((await call('POST', roles, { metadata: { name: 'hers' }, rules })).code).toBe(201);
  const subjects = [{ kind: 'User', name: 'jane' }];
  expect((await call('POST', bindings, { ...toBob('hers', 'hers', kind), subjects })).code).toBe(201);
}

const writes = 'create update patch delete get';

describe('roles', () => {
  const mayWrite = rule(writes, 'roles', group);

  test('nobody gives what they have not', async () => {
    await give([mayWrite, rule('get list', 'pods')]);
    const roles = `${inShop}/roles`;
    const role = (name: string, ...rules: object[]) => ({
      apiVersion: `${group}/v1`,
      kind: 'Role',
      metadata: { name },
      rules,
    });
    const post = async (name: string, ...rules: object[]) => (await call('POST', roles, role(name, ...rules), as)).json;
    expect((await post('fine', rule('get', 'pods'), rule('list', 'pods'))).metadata.name).toBe('fine');
    expect(await post('more', rule('get delete', 'pods secrets'), rule('*', '*', 'apps'))).toMatchObject({
      code: 403,
      reason: 'Forbidden',
      message: `roles.${group} "more" is forbidden: ${held}{APIGroups:[""], Resources:["pods"], Verbs:["delete"]}
{APIGroups:[""], Resources:["secrets"], Verbs:["get" "delete"]}
{APIGroups:["apps"], Resources:["*"], Verbs:["*"]}`,
      details: { name: 'more', group, kind: 'roles' },
    });
    expect((await post('named', rule('get', 'pods', '', { resourceNames: ['a'] }))).metadata.name).toBe('named');
    // The role is not valid either; that comes second.
    expect((await post('odd', { verbs: ['get'], nonResourceURLs: ['/x'] })).code).toBe(403);

    const all = [rule('get', 'pods'), rule('get', 'secrets')];
    const code = async (method: string, name: string, body: object, headers: object = as) =>
      (await call(method, `${roles}/${name}`, body, { ...headers })).code;
    expect(await code('PUT', 'fine', role('fine', ...all))).toBe(403);
    expect(await code('PUT', 'absent', role('absent', ...all))).toBe(403);
    expect(await code('PATCH', 'fine', { rules: all })).toBe(403);
    expect(await code('PATCH', 'fine?fieldManager=m&force=true', role('fine', ...all), apply)).toBe(403);
    expect(await code('PATCH', 'absent?fieldManager=m', role('absent', ...all), apply)).toBe(403);
    expect(await code('PATCH', 'absent?fieldManager=m', role('absent', rule('get', 'pods')), apply)).toBe(201);
    // What is the administrator's stays as it is, but may be tidied away.
    await call('PUT', `${roles}/fine`, role('fine', ...all));
    expect(await code('PATCH', 'fine', { metadata: { labels: { a: 'b' } } })).toBe(403);
    expect(await code('PATCH', 'fine', { metadata: { finalizers: ['x/y'] } })).toBe(200);
    expect(await code('PATCH', 'fine', {})).toBe(200);
    expect(await code('PATCH', 'fine', { rules: [rule('get', 'pods')] })).toBe(200);
  });

  test('who may escalate may, by the name in the path', async () => {
    await give([mayWrite, rule('escalate', 'roles', group, { resourceNames: ['r'] })]);
    const secrets = { metadata: { name: 'r' }, rules: [rule('get', 'secrets')] };
    // A create has none.
    expect((await call('POST', `${inShop}/roles`, secrets, as)).code).toBe(403);
    expect((await call('PUT', `${inShop}/roles/r`, secrets, as)).code).toBe(201);
    expect((await call('PUT', `${inShop}/roles/s`, { ...secrets, metadata: { name: 's' } }, as)).code).toBe(403);
  });

  test('what aggregates others may come to allow everything', async () => {
    await give([rule(writes, 'clusterroles', group)], true);
    const roles = `${base}/clusterroles`;
    const aggregationRule = { clusterRoleSelectors: [{ matchLabels: { a: 'b' } }] };
    const refused = (name: string) =>
      `clusterroles.${group} "${name}" is forbidden: must have cluster-admin privileges to use the aggregationRule`;
    const sum = { metadata: { name: 'sum' }, aggregationRule };
    expect((await call('POST', roles, sum, as)).json.message).toBe(refused('sum'));
    await call('POST', roles, sum);
    expect((await call('PATCH', `${roles}/sum`, { aggregationRule: null }, as)).json.message).toBe(refused('sum'));
    expect((await call('POST', roles, { metadata: { name: 'none' }, rules: [] }, as)).code).toBe(201);
    await call('POST', `${base}/clusterrolebindings`, {
      ...toBob('root', 'cluster-admin'),
      subjects: [{ kind: 'User', name: 'jane' }],
    });
    expect((await call('PATCH', `${roles}/sum`, { aggregationRule: null }, as)).code).toBe(200);
  });
});

describe('bindings', () => {
  const mayWrite = rule(writes, 'rolebindings', group);

  test('nobody gives a role whose rules they have not', async () => {
    await give([mayWrite, rule('get', 'pods')]);
    await call('POST', `${inShop}/roles`, { metadata: { name: 'small' }, rules: [rule('get', 'pods')] });
    const bindings = `${inShop}/rolebindings`;
    expect((await call('POST', bindings, toBob('small', 'small', 'Role'), as)).code).toBe(201);
    const refused = await call('POST', bindings, toBob('dns', 'system:kube-dns'), as);
    expect([refused.code, refused.json.message]).toEqual([
      403,
      `rolebindings.${group} "dns" is forbidden: ${held}{APIGroups:[""], Resources:["endpoints"], Verbs:["list" "watch"]}
{APIGroups:[""], Resources:["services"], Verbs:["list" "watch"]}`,
    ]);
    expect((await call('POST', bindings, toBob('none', 'nope'), as)).json).toMatchObject({
      code: 404,
      message: `clusterroles.${group} "nope" not found`,
    });
    expect((await call('POST', bindings, toBob('odd', 'x', 'Cat'), as)).code).toBe(422);
    expect((await call('POST', bindings, { metadata: { name: 'x' } }, as)).code).toBe(422);
    expect((await call('PUT', `${bindings}/dns`, toBob('dns', 'system:kube-dns'), as)).code).toBe(403);

    await call('POST', bindings, toBob('dns', 'system:kube-dns'));
    const patch = async (body: object) => (await call('PATCH', `${bindings}/dns`, body, as)).code;
    expect(await patch({ subjects: [{ kind: 'User', name: 'jane', apiGroup: group }] })).toBe(403);
    expect(await patch({ metadata: { annotations: { a: 'b' } } })).toBe(403);
    expect(await patch({ metadata: { finalizers: ['x/y'] } })).toBe(200);
    // What she has in shop she has not everywhere.
    await call('POST', `${base}/clusterroles`, {
      metadata: { name: 'writer' },
      rules: [rule(writes, 'clusterrolebindings', group)],
    });
    await call('POST', `${base}/clusterrolebindings`, {
      ...toBob('writer', 'writer'),
      subjects: [{ kind: 'User', name: 'jane' }],
    });
    await call('POST', `${base}/clusterroles`, { metadata: { name: 'pods' }, rules: [rule('get', 'pods')] });
    const wide = await call('POST', `${base}/clusterrolebindings`, toBob('wide', 'pods'), as);
    expect(wide.json.message).toBe(
      `clusterrolebindings.${group} "wide" is forbidden: ${held}{APIGroups:[""], Resources:["pods"], Verbs:["get"]}`,
    );
    expect((await call('POST', bindings, toBob('narrow', 'pods'), as)).code).toBe(201);
  });

  test('who may bind may, and what cannot be found is told beside', async () => {
    await give([mayWrite, rule('bind', 'clusterroles', group, { resourceNames: ['view'] })]);
    const bindings = `${inShop}/rolebindings`;
    expect((await call('POST', bindings, toBob('v', 'view'), as)).code).toBe(201);
    expect((await call('POST', bindings, toBob('e', 'edit'), as)).code).toBe(403);
    await call('POST', bindings, { ...toBob('lost', 'lost'), subjects: [{ kind: 'User', name: 'jane' }] });
    expect((await call('POST', bindings, toBob('d', 'system:kube-aggregator'), as)).json.message).toMatch(
      new RegExp(`\\n\\{.*\\}; resolution errors: \\[clusterroles.${group} "lost" not found\\]$`),
    );
  });

  test('an admin of a namespace gives what admin has, and no more', async () => {
    await call('POST', `${inShop}/rolebindings`, {
      ...toBob('janes', 'admin'),
      subjects: [{ kind: 'User', name: 'jane' }],
    });
    for (const role of ['view', 'edit', 'admin'])
      expect((await call('POST', `${inShop}/rolebindings`, toBob(role, role), as)).code).toBe(201);
    expect((await call('POST', `${inShop}/rolebindings`, toBob('root', 'cluster-admin'), as)).code).toBe(403);
    expect((await call('POST', `${base}/namespaces/default/rolebindings`, toBob('x', 'view'), as)).code).toBe(403);
    expect((await call('POST', `${base}/clusterrolebindings`, toBob('x', 'view'), as)).code).toBe(403);
  });

  test('who decides may be elsewhere', async () => {
    const ledger = createLedger({ sql: openSql(), clock: new TestClock(), config: defaultClusterConfig });
    const asked: string[] = [];
    const elsewhere: Authorizer = {
      authorize({ verb, name }) {
        if (verb !== 'bind' && verb !== 'escalate') return undefined;
        const later = async () => {
          asked.push(`${verb} ${name}`);
          return { allowed: /^(view|r)$/.test(name) || undefined, reason: '' };
        };
        return { allowed: undefined, reason: '', later };
      },
    };
    const authorizer = authorizeBy([masters, elsewhere, rbacAuthorizer(new Policy(ledger))]);
    ({ call } = await testServer(openSql(), { ledger, authorizer }));
    await call('POST', '/api/v1/namespaces', { metadata: { name: 'shop' } });
    await give([
      mayWrite,
      rule(writes, 'roles', group),
      rule('bind', 'clusterroles', group, { resourceNames: ['edit'] }),
    ]);
    for (const role of ['view', 'edit'])
      expect((await call('POST', `${inShop}/rolebindings`, toBob(role, role), as)).code).toBe(201);
    expect((await call('POST', `${inShop}/rolebindings`, toBob('admin', 'admin'), as)).code).toBe(403);
    const secrets = (name: string) => ({ metadata: { name }, rules: [rule('get', 'secrets')] });
    expect((await call('PUT', `${inShop}/roles/r`, secrets('r'), as)).code).toBe(201);
    expect((await call('PUT', `${inShop}/roles/s`, secrets('s'), as)).code).toBe(403);
    expect(asked).toEqual(['bind view', 'bind edit', 'bind admin', 'escalate r', 'escalate s']);
  });
});
