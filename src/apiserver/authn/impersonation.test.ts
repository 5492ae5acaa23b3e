// Impersonation: whom the headers ask for, and who must be allowed what for it.
import { describe, expect, test } from 'vitest';
import { openSql } from '../../../test/harness/sql.ts';
import { ApiError } from '../../machinery/errors.ts';
import type { Attributes, Authorizer } from '../authz/authorizer.ts';
import type { User } from '../core.ts';
import { testServer } from '../testing.ts';
import { Impersonation, wantedUser } from './impersonation.ts';

const wanted = (...headers: [string, string][]) => wantedUser(new Headers(headers));
const problem = (...headers: [string, string][]) => {
  try {
    wanted(...headers);
  } catch (error) {
    return error instanceof ApiError ? error.message : String(error);
  }
  return undefined;
};

describe('whom the headers ask for', () => {
  test('everything there is', () => {
    const headers = new Headers([
      ['Impersonate-User', 'jäne'],
      ['Impersonate-Uid', 'u'],
      ['Impersonate-Group', 'a'],
      ['Impersonate-Group', 'b'],
      ['Impersonate-Extra-Acme.com%2FProject', 'x'],
      ['Impersonate-Extra-Acme.com%2FProject', 'y'],
      ['Impersonate-Extra-%zz', 'z'],
      ['Impersonate-Extra-__proto__', 'p'],
      ['X-Remote-User', 'eve'],
      ['Impersonate_Group', 'system:masters'],
      ['Impersonate-Userx', 'eve'],
    ]);
    expect(wantedUser(headers)).toEqual({
      name: 'jäne',
      uid: 'u',
      groups: ['a', 'b'],
      extra: new Map([
        ['%zz', ['z']],
        ['__proto__', ['p']],
        ['acme.com/project', ['x', 'y']],
      ]),
    });
  });

  test('nobody', () => {
    expect(wanted(['X-Remote-User', 'eve'], ['impersonate_user', 'eve'], ['Impersonate', 'eve'])).toBeUndefined();
    expect(wanted(['Impersonate-User', ''])).toBeUndefined();
    expect(problem(['Impersonate-Group', 'a'], ['Impersonate-Extra-B', '1'], ['Impersonate-Extra-A', '2'])).toBe(
      'requested &user.DefaultInfo{Name:"", UID:"", Groups:[]string{"a"}, Extra:map[string][]string{"a":[]string{"2"}, "b":[]string{"1"}}} without impersonating a user name',
    );
    expect(problem(['Impersonate-Uid', 'u'], ['Impersonate-User', ''])).toBe(
      'requested &user.DefaultInfo{Name:"", UID:"u", Groups:[]string(nil), Extra:map[string][]string(nil)} without impersonating a user name',
    );
  });

  test('a comma in a group stays in it; one with a space nobody can tell from two, so that none is of the system', () => {
    expect(wanted(['Impersonate-User', 'j'], ['Impersonate-Group', 'CN=a,OU=b'])?.groups).toEqual(['CN=a,OU=b']);
    expect(wanted(['Impersonate-User', 'j'], ['Impersonate-Group', 'system:masters'])?.groups).toEqual([
      'system:masters',
    ]);
    const everybody = ['system:authenticated', 'system:serviceaccounts', 'system:serviceaccounts:x'];
    expect(wanted(['Impersonate-User', 'j'], ['Impersonate-Group', everybody.join(', ')])?.groups).toEqual(everybody);
    for (const group of ['system:masters', 'system:nodes', 'system:serviceaccountsx'])
      expect(problem(['Impersonate-User', 'j'], ['Impersonate-Group', `Sales, ${group}`])).toContain(
        'must be the only one',
      );
    // Two users are neither of them.
    expect(wanted(['Impersonate-User', 'admin'], ['Impersonate-User', 'jane'])?.name).toBe('admin, jane');
  });
});

/** Allows what is listed, in the form `verb group/resource/subresource namespace/name`; tells what it was asked. */
function allowing(...rules: string[]): { authorizer: Authorizer; asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    authorizer: {
      authorize({ verb, group, resource, subresource, namespace, name, isResource, path }: Attributes) {
        const what = isResource ? `${group}/${resource}/${subresource} ${namespace}/${name}` : path;
        asked.push(`${verb} ${what}`);
        return { allowed: rules.includes(`${verb} ${what}`), reason: '' };
      },
    },
  };
}

const boss: User = { name: 'boss', groups: [] };
const request = (user = boss): Attributes => ({
  user,
  verb: 'get',
  isResource: true,
  path: '',
  group: '',
  version: 'v1',
  namespace: 'default',
  resource: 'pods',
  subresource: '',
  name: 'p',
});
const on = (mode: string) => `impersonate-on:${mode}:get /pods/ default/p`;
const authn = 'authentication.k8s.io';

async function impersonate(rules: string[], headers: [string, string][], user = boss) {
  const { authorizer, asked } = allowing(...rules);
  const own = new Impersonation(authorizer);
  try {
    return { ...(await own.impersonate(wanted(...headers) as never, request(user))), asked };
  } catch (error) {
    return { refused: (error as Error).message, asked };
  }
}

test('a user, with the constrained verbs', async () => {
  const headers: [string, string][] = [
    ['Impersonate-User', 'jane'],
    ['Impersonate-Uid', 'u'],
    ['Impersonate-Group', 'g'],
    ['Impersonate-Extra-Acme.com%2Fx', 'v'],
  ];
  const rules = [
    on('user-info'),
    `impersonate:user-info ${authn}/users/ /jane`,
    `impersonate:user-info ${authn}/uids/ /u`,
    `impersonate:user-info ${authn}/groups/ /g`,
    `impersonate:user-info ${authn}/userextras/acme.com/x /v`,
  ];
  const allowed = await impersonate(rules, headers);
  expect(allowed).toMatchObject({
    constraint: 'impersonate:user-info',
    user: { name: 'jane', uid: 'u', groups: ['g', 'system:authenticated'], extra: { 'acme.com/x': ['v'] } },
  });
  expect(allowed.asked).toEqual(rules);
  for (const missing of rules) {
    const refused = await impersonate(
      rules.filter((rule) => rule !== missing),
      headers,
    );
    expect(refused.refused, missing).toContain('cannot impersonate');
    // Last, whoever may do everything is asked for.
    expect(refused.asked.at(-1)).toBe('impersonate /users/ /jane');
  }
});

test('with the verb for everything', async () => {
  const rules = ['impersonate /users/ /jane', 'impersonate /groups/ /system:masters'];
  const headers: [string, string][] = [
    ['Impersonate-User', 'jane'],
    ['Impersonate-Group', 'system:masters'],
  ];
  expect(await impersonate(rules, headers)).toMatchObject({
    constraint: '',
    user: { groups: ['system:masters', 'system:authenticated'] },
  });
  expect((await impersonate(rules.slice(0, 1), headers)).refused).toBe(
    'pods "p" is forbidden: User "boss" cannot impersonate-on:user-info:get resource "pods" in API group "" in the namespace "default"',
  );
  // The constrained verbs are never enough for it.
  const constrained = [
    on('user-info'),
    `impersonate:user-info ${authn}/users/ /jane`,
    `impersonate:user-info ${authn}/groups/ /system:masters`,
  ];
  expect((await impersonate(constrained, headers)).refused).toContain(
    'impersonating the system:masters group is not allowed',
  );
});

test('service accounts and nodes have modes of their own, and groups that follow from their names', async () => {
  const account: [string, string][] = [['Impersonate-User', 'system:serviceaccount:ns:sa']];
  expect(
    await impersonate([on('serviceaccount'), `impersonate:serviceaccount ${authn}/serviceaccounts/ ns/sa`], account),
  ).toMatchObject({
    constraint: 'impersonate:serviceaccount',
    user: { groups: ['system:serviceaccounts', 'system:serviceaccounts:ns', 'system:authenticated'] },
  });
  const legacy = await impersonate(['impersonate /serviceaccounts/ ns/sa'], account);
  expect(legacy).toMatchObject({ constraint: '' });
  const userInfo = [on('user-info'), `impersonate:user-info ${authn}/users/ /system:serviceaccount:ns:sa`];
  expect((await impersonate(userInfo, account)).refused).toBeDefined();
  const node: [string, string][] = [['Impersonate-User', 'system:node:n1']];
  expect(
    await impersonate([on('arbitrary-node'), `impersonate:arbitrary-node ${authn}/nodes/ /n1`], node),
  ).toMatchObject({
    user: { name: 'system:node:n1', groups: ['system:nodes', 'system:authenticated'] },
  });
  const agent: User = {
    name: 'system:serviceaccount:kube-system:agent',
    groups: [],
    extra: { 'authentication.kubernetes.io/node-name': ['n1'] },
  };
  const associated = [on('associated-node'), `impersonate:associated-node ${authn}/nodes/ /*`];
  expect(await impersonate(associated, node, agent)).toMatchObject({ constraint: 'impersonate:associated-node' });
  expect((await impersonate(associated, [['Impersonate-User', 'system:node:n2']], agent)).refused).toBeDefined();
  expect((await impersonate(associated, node)).refused).toBeDefined();
  // What only looks like one is a user.
  for (const name of ['system:serviceaccount:ns', 'system:serviceaccount:N:sa', 'system:node:', 'system:node:A/b'])
    expect(
      (await impersonate([`impersonate /users/ /${name}`], [['Impersonate-User', name]])).refused,
      name,
    ).toBeUndefined();
});

test('anonymous, and who says that he is unauthenticated', async () => {
  const rules = [
    'impersonate /users/ /system:anonymous',
    'impersonate /users/ /j',
    'impersonate /groups/ /system:unauthenticated',
  ];
  const groups = async (...headers: [string, string][]) => {
    const allowed = await impersonate(rules, headers);
    return 'user' in allowed ? allowed.user.groups : allowed.refused;
  };
  expect(await groups(['Impersonate-User', 'system:anonymous'])).toEqual(['system:unauthenticated']);
  expect(await groups(['Impersonate-User', 'j'], ['Impersonate-Group', 'system:unauthenticated'])).toEqual([
    'system:unauthenticated',
  ]);
});

test('many groups are asked about at once', async () => {
  const headers: [string, string][] = [
    ['Impersonate-User', 'j'],
    ['Impersonate-Group', 'a, b, c, d'],
  ];
  const allowed = await impersonate(
    [on('user-info'), `impersonate:user-info ${authn}/users/ /j`, `impersonate:user-info ${authn}/groups/ /*`],
    headers,
  );
  expect(allowed.asked).toHaveLength(3);
});

test.each([
  ['', 'impersonating the empty string key in extra is not allowed'],
  ['scopes', 'must be a domain-prefixed path (such as "acme.io/foo")'],
  ['a_b%2Fx', 'a lowercase RFC 1123 subdomain must consist of'],
  ['acme.com%2Fx%20y', 'Invalid path (regex used for validation is'],
])('an extra key %j needs the verb for everything', async (key, detail) => {
  const rules = [on('user-info'), `impersonate:user-info ${authn}/users/ /j`];
  const { refused } = await impersonate(rules, [
    ['Impersonate-User', 'j'],
    [`Impersonate-Extra-${key}`, 'v'],
  ]);
  expect(refused).toContain(detail);
});

test('whoever impersonates cannot go on from there, and a revocation counts at once', async () => {
  const { call } = await testServer(openSql());
  const as = { 'impersonate-user': 'boss' };
  const get = () => call('GET', '/api/v1/namespaces', undefined, as);
  const binding = '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings';
  await call('POST', binding, {
    metadata: { name: 'b' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'boss' }],
  });
  expect((await get()).code).toBe(200);
  await call('DELETE', `${binding}/b`);
  expect((await get()).json.message).toContain(
    'namespaces is forbidden: User "boss" cannot list resource "namespaces" in API group "" at the cluster scope',
  );
  // Headers ask for one user; there is no chain.
  const chain = await call('GET', '/api/v1/namespaces', undefined, { 'impersonate-user': 'jane, kubernetes-admin' });
  expect(chain.json.message).toContain('User "jane, kubernetes-admin" cannot list');
});
