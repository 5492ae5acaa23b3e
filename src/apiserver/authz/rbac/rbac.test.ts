import { beforeEach, describe, expect, test } from 'vitest';
import { openSql } from '../../../../test/harness/sql.ts';
import { createLedger } from '../../../ledger/ledger.ts';
import type { Ledger } from '../../../ledger/types.ts';
import { defaultClusterConfig } from '../../../ports/index.ts';
import { TestClock, type TestServer, testServer } from '../../testing.ts';
import type { Attributes } from '../authorizer.ts';
import { rbacAuthorizer } from './authorizer.ts';
import { Policy } from './policy.ts';

const rbac = '/apis/rbac.authorization.k8s.io/v1';
const suffix = 'rbac.authorization.k8s.io';

const asking = (name: string, groups: string[], more: Partial<Attributes> = {}): Attributes => ({
  user: { name, groups },
  verb: 'get',
  isResource: true,
  path: '',
  group: '',
  version: 'v1',
  namespace: 'shop',
  resource: 'pods',
  subresource: '',
  name: '',
  ...more,
});

describe('over what is stored', () => {
  let ledger: Ledger;
  let put: (key: string, object: unknown) => Promise<unknown>;
  beforeEach(() => {
    ledger = createLedger({ sql: openSql(), clock: new TestClock(), config: defaultClusterConfig });
    put = (key, object) =>
      ledger.commit((tx) =>
        tx.put(key, () => ({
          value: typeof object === 'string' ? object : JSON.stringify(object).slice(1),
          side: '',
          tags: [],
        })),
      );
  });
  const rules = [{ verbs: ['get'], apiGroups: [''], resources: ['pods'] }];

  test('whoever is bound is told by what; what is taken away is gone at once', async () => {
    const authorizer = rbacAuthorizer(new Policy(ledger));
    const reason = (name: string, groups: string[] = [], more: Partial<Attributes> = {}) =>
      authorizer.authorize(asking(name, groups, more));
    expect(reason('jane')).toBeUndefined();
    await put(`clusterroles.${suffix}/read"er`, { rules });
    await put(`clusterrolebindings.${suffix}/all`, {
      roleRef: { kind: 'ClusterRole', name: 'read"er' },
      subjects: [
        { kind: 'Group', name: 'team' },
        { kind: 'User', name: 'jane' },
        { kind: 'ServiceAccount', name: 'nowhere' },
      ],
    });
    await put(`rolebindings.${suffix}/shop/ci`, {
      roleRef: { kind: 'Role', name: 'local' },
      subjects: [
        { kind: 'ServiceAccount', name: 'ci' },
        { kind: 'ServiceAccount', name: 'x', namespace: 'tools' },
      ],
    });
    const by = (to: string) => ({
      allowed: true,
      reason: `RBAC: allowed by ClusterRoleBinding "all" of ClusterRole "read\\"er" to ${to}`,
    });
    expect(reason('jane')).toEqual(by('User "jane"'));
    expect(reason('jane', ['a', 'team'])).toEqual(by('Group "team"'));
    expect(reason('Jane')).toBeUndefined();
    expect(reason('jane', [], { verb: 'list' })).toBeUndefined();

    const missing = { allowed: undefined, reason: `RBAC: role.${suffix} "local" not found` };
    const ci = 'system:serviceaccount:shop:ci';
    expect(reason(ci)).toEqual(missing);
    expect(reason(ci, [], { namespace: 'other' })).toBeUndefined();
    await put(`roles.${suffix}/shop/local`, { rules });
    expect(reason(ci)?.reason).toBe(
      'RBAC: allowed by RoleBinding "ci/shop" of Role "local" to ServiceAccount "ci/shop"',
    );
    expect(reason('system:serviceaccount:tools:x')?.reason).toContain('to ServiceAccount "x/tools"');
    expect(reason(ci, [], { namespace: '' })).toBeUndefined();
    await ledger.commit((tx) => tx.delete(`roles.${suffix}/shop/local`, () => ({ value: '', side: '' })));
    expect(reason(ci)).toEqual(missing);
    await put(`clusterrolebindings.${suffix}/more`, {
      roleRef: { kind: 'ClusterRole', name: 'gone' },
      subjects: [
        { kind: 'User', name: ci },
        { kind: 'Group', name: 'g' },
      ],
    });
    expect(reason(ci, ['g'])?.reason).toBe(
      `RBAC: [clusterrole.${suffix} "gone" not found, role.${suffix} "local" not found]`,
    );
    await put(`clusterrolebindings.${suffix}/all`, { roleRef: { kind: 'ClusterRole', name: 'read"er' } });
    expect(reason('jane', ['team'])).toBeUndefined();
  });

  test('whatever is stored, nobody is let in and nothing fails', async () => {
    const jane = [{ kind: 'User', name: 'jane' }];
    const things = [
      'not json',
      '',
      '"rules":null}',
      ...[null, 1, '*', ['*'], [null], [{ verbs: '*', apiGroups: null }], [{ verbs: [null, 1, {}] }], {}].map(
        (odd) => ({
          rules: odd,
          roleRef: odd,
          subjects: odd,
        }),
      ),
      { roleRef: { kind: 'ClusterRole', name: 'role7' }, subjects: jane },
      { roleRef: { kind: '__proto__', name: 'constructor' }, subjects: jane },
      {
        roleRef: { kind: 'ClusterRole', name: 'toString' },
        subjects: [...jane, null, 7, { kind: 'valueOf', name: {} }],
      },
      { roleRef: null, subjects: [{ kind: 'Group', name: null }, { kind: 'User' }, { kind: 'ServiceAccount' }] },
    ];
    const policies = [new Policy(ledger)];
    for (const [i, thing] of things.entries())
      for (const kind of ['roles', 'clusterroles', 'rolebindings', 'clusterrolebindings']) {
        const name = `${kind.startsWith('cluster') ? '' : 'shop/'}role${i}`;
        await put(`${kind}.${suffix}/${name}`, thing);
        if (i === 3) policies.push(new Policy(ledger));
        for (const policy of [...policies, new Policy(ledger)])
          for (const [user, groups] of [
            ['jane', ['constructor']],
            ['__proto__', ['', 'undefined', 'null']],
            ['', []],
          ] as const)
            expect(rbacAuthorizer(policy).authorize(asking(user, [...groups]))?.allowed).not.toBe(true);
      }
    expect(rbacAuthorizer(policies[0] as Policy).authorize(asking('jane', []))?.reason).toBe(
      `RBAC: [unsupported role reference kind: "__proto__", clusterrole.${suffix} "toString" not found]`,
    );
  });

  test('a decision among thousands of bindings looks only at what concerns it', async () => {
    await ledger.commit((tx) => {
      const store = (key: string, object: object) =>
        tx.put(key, () => ({ value: JSON.stringify(object).slice(1), side: '', tags: [] }));
      for (let i = 0; i < 5000; i++) {
        store(`clusterroles.${suffix}/r${i}`, { rules: [{ verbs: ['list'], apiGroups: [''], resources: ['pods'] }] });
        store(`rolebindings.${suffix}/n${i % 50}/b${i}`, {
          roleRef: { kind: 'ClusterRole', name: `r${i}` },
          subjects: [
            { kind: 'User', name: `u${i % 500}` },
            { kind: 'Group', name: `g${i % 70}` },
          ],
        });
      }
    });
    const policy = new Policy(ledger);
    let looked = 0;
    policy.visit({ name: 'u7', groups: ['g7'] }, 'n7', ({ namespace, subjects }) => {
      looked++;
      expect([namespace, [...subjects.keys()].some((holder) => /^(User u7|Group g7)$/.test(holder))]).toEqual([
        'n7',
        true,
      ]);
      return false;
    });
    expect(looked).toBe(10 + 15 - 2);
  });
});

describe('over HTTP', () => {
  let on: TestServer;
  beforeEach(async () => {
    on = await testServer(openSql());
  });
  const as = (user: string, ...groups: string[]) => ({
    'impersonate-user': user,
    ...(groups.length > 0 ? { 'impersonate-group': groups.join(',') } : {}),
  });

  test('the rules of a user, as they can be listed', async () => {
    const { call } = on;
    const rulesOf = async (user: string, namespace: string) => {
      const path = '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews';
      return (await call('POST', path, { spec: { namespace } }, as(user))).json.status;
    };
    await call('POST', `${rbac}/clusterroles`, {
      metadata: { name: 'one' },
      rules: [
        { verbs: ['get'], apiGroups: [''], resources: ['secrets'], resourceNames: ['a'] },
        { verbs: ['get'], nonResourceURLs: ['/x'] },
      ],
    });
    await call('POST', `${rbac}/clusterrolebindings`, {
      metadata: { name: 'one' },
      roleRef: { kind: 'ClusterRole', name: 'one' },
      subjects: [{ kind: 'User', name: 'jane' }],
    });
    const status = await rulesOf('jane', 'shop');
    expect(Object.keys(status)).toEqual(['resourceRules', 'nonResourceRules', 'incomplete']);
    expect(status.incomplete).toBe(false);
    expect(status.resourceRules[0]).toEqual({
      verbs: ['get'],
      apiGroups: [''],
      resources: ['secrets'],
      resourceNames: ['a'],
    });
    expect(status.nonResourceRules[0]).toEqual({ verbs: ['get'], nonResourceURLs: ['/x'] });
    // What every authenticated user has.
    expect(status.resourceRules).toContainEqual({
      verbs: ['create'],
      apiGroups: ['authentication.k8s.io'],
      resources: ['selfsubjectreviews'],
    });
    await call('DELETE', `${rbac}/clusterroles/one`);
    expect((await rulesOf('jane', 'shop')).evaluationError).toBe(`clusterrole.${suffix} "one" not found`);
  });

  test('a review heeds selectors only as far as they can be understood, and says so', async () => {
    const path = '/apis/authorization.k8s.io/v1/subjectaccessreviews';
    const review = async (resourceAttributes: object) =>
      (await on.call('POST', path, { spec: { user: 'jane', resourceAttributes } })).json.status;
    const pods = { verb: 'list', resource: 'pods' };
    const requirements = [
      { key: 'spec.nodeName', operator: 'In', values: ['n'] },
      { key: 'a', operator: 'Newer' },
    ];
    expect(await review({ ...pods, fieldSelector: { requirements } })).toEqual({
      allowed: false,
      evaluationError: 'spec.resourceAttributes.fieldSelector partially ignored due to parse error',
    });
    expect(
      await review({
        ...pods,
        fieldSelector: { rawSelector: 'x' },
        labelSelector: { requirements: [{ key: 'a', operator: 'Newer' }] },
      }),
    ).toEqual({
      allowed: false,
      evaluationError:
        'spec.resourceAttributes.fieldSelector ignored due to parse error; spec.resourceAttributes.labelSelector ignored due to parse error',
    });
    expect(await review({ ...pods, labelSelector: { rawSelector: 'a in (b)' } })).toEqual({ allowed: false });
  });
});
