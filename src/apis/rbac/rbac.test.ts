import { describe, expect, test } from 'vitest';
import type { ClusterRole, ClusterRoleBinding, PolicyRule } from '../../generated/schemas/rbac-v1.ts';
import type { KubeObject, New } from '../../machinery/meta.ts';
import type { AnyResource } from '../../machinery/resource.ts';
import { defaultClusterConfig } from '../../ports/index.ts';
import { cellsOf, createOf, objectOf, updateOf } from '../testing.ts';
import clusterRoleBindings from './clusterrolebindings/definition.ts';
import clusterRoles from './clusterroles/definition.ts';
import roleBindings from './rolebindings/definition.ts';
import roles from './roles/definition.ts';
import { parseRules } from './rules.ts';

const group = 'rbac.authorization.k8s.io';
const roleRef = { kind: 'ClusterRole', name: 'r' };

describe('validation', () => {
  test.each<[string, AnyResource, object, string[]]>([
    ['a rule', roles, { rules: [{ verbs: ['get'], apiGroups: [''], resources: ['pods'] }] }, []],
    [
      'an empty rule',
      roles,
      { rules: [{ verbs: [] }] },
      [
        'rules[0].verbs: Required value: verbs must contain at least one value',
        'rules[0].apiGroups: Required value: resource rules must supply at least one api group',
        'rules[0].resources: Required value: resource rules must supply at least one resource',
      ],
    ],
    [
      'a path in a namespace',
      roles,
      { rules: [{ verbs: ['get'], nonResourceURLs: ['/x'] }] },
      ['rules[0].nonResourceURLs: Invalid value: ["/x"]: namespaced rules cannot apply to non-resource URLs'],
    ],
    [
      'paths and resources',
      clusterRoles,
      { rules: [{ verbs: ['get'], nonResourceURLs: ['/x'], resources: ['pods'] }] },
      [
        'rules[0].nonResourceURLs: Invalid value: ["/x"]: rules cannot apply to both regular resources and non-resource URLs',
      ],
    ],
    [
      'names of two resources',
      roles,
      { rules: [{ verbs: ['get'], apiGroups: [''], resources: ['a', 'b'], resourceNames: ['x'] }] },
      [],
    ],
    [
      'an aggregation of nothing',
      clusterRoles,
      { aggregationRule: {} },
      [
        'aggregationRule.clusterRoleSelectors: Required value: at least one clusterRoleSelector required if aggregationRule is non-nil',
      ],
    ],
    [
      'an aggregation with a bad selector',
      clusterRoles,
      { aggregationRule: { clusterRoleSelectors: [{ matchExpressions: [{ key: 'a', operator: 'In' }] }] } },
      [
        "aggregationRule.clusterRoleSelectors[0].matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
        'aggregationRule.clusterRoleSelectors[0]: Invalid value: "null": invalid label selector.',
      ],
    ],
    ['a binding', roleBindings, { roleRef, subjects: [{ kind: 'User', name: 'u' }] }, []],
    [
      'no role',
      roleBindings,
      {},
      [
        `roleRef.apiGroup: Unsupported value: "": supported values: "${group}"`,
        'roleRef.kind: Unsupported value: "": supported values: "Role", "ClusterRole"',
        'roleRef.name: Required value',
      ],
    ],
    [
      'a role for the cluster',
      clusterRoleBindings,
      { roleRef: { kind: 'Role', name: 'a/b' } },
      [
        'roleRef.kind: Unsupported value: "Role": supported values: "ClusterRole"',
        'roleRef.name: Invalid value: "a/b": may not contain \'/\'',
      ],
    ],
    [
      'subjects',
      clusterRoleBindings,
      { roleRef, subjects: [{ kind: 'ServiceAccount', name: 'a', apiGroup: 'x' }, { kind: 'User' }, { kind: 'Cat' }] },
      [
        'subjects[0].apiGroup: Unsupported value: "x": supported values: ""',
        'subjects[0].namespace: Required value',
        'subjects[1].name: Required value',
        'subjects[2].name: Required value',
        'subjects[2].kind: Unsupported value: "Cat": supported values: "ServiceAccount", "User", "Group"',
      ],
    ],
  ])('%s', (_what, definition, parts, problems) => {
    expect(createOf(definition, parts).problems).toEqual(problems);
  });

  test('a binding is for one role', () => {
    const { object } = createOf(roleBindings, { roleRef });
    expect(object.roleRef.apiGroup).toBe(group);
    const changed = updateOf(roleBindings, object, { roleRef: { ...roleRef, name: 'other' } });
    expect(changed.problems).toEqual([
      `roleRef: Invalid value: {"APIGroup":"${group}","Kind":"ClusterRole","Name":"other"}: cannot change roleRef`,
    ]);
  });

  test('names are path segments', () => {
    const check = roles.strategy.validateName;
    expect(check?.('system:A b', false)).toEqual([]);
    expect(check?.('a/%', true)).toEqual(["may not contain '/'", "may not contain '%'"]);
  });
});

test('columns', () => {
  const binding = objectOf(roleBindings, {
    roleRef: { kind: 'Role', name: 'r' },
    subjects: [
      { kind: 'User', name: 'u' },
      { kind: 'User', name: 'v' },
      { kind: 'Group', name: 'g' },
      { kind: 'ServiceAccount', namespace: 'n', name: 's' },
    ],
  });
  expect(cellsOf(roleBindings, binding)).toMatchObject({
    Role: 'Role/r',
    Users: 'u, v',
    Groups: 'g',
    ServiceAccounts: 'n/s',
  });
  expect(cellsOf(roles, objectOf(roles, {}))).toEqual({ Name: 'x', 'Created At': '2026-01-02T03:04:05Z' });
});

describe('rules', () => {
  test.each<[string, PolicyRule[]]>([
    ['read core: pods', [{ apiGroups: [''], resources: ['pods'], verbs: ['get', 'list', 'watch'] }]],
    [
      'get|list a,core: x = n m',
      ['get', 'list'].map((verb) => ({
        apiGroups: ['a', ''],
        resources: ['x'],
        resourceNames: ['n', 'm'],
        verbs: [verb],
      })),
    ],
    ['get /healthz /livez', [{ nonResourceURLs: ['/healthz', '/livez'], verbs: ['get'] }]],
    ['record', [{ apiGroups: ['', 'events.k8s.io'], resources: ['events'], verbs: ['create', 'patch', 'update'] }]],
  ])('%s', (text, rules) => {
    expect(parseRules(`\n  ${text}\n`)).toEqual(rules);
  });
});

describe('what every cluster holds', () => {
  const objects = <T extends KubeObject>(definition: { bootstrap?: { objects(config: never): readonly New<T>[] } }) =>
    definition.bootstrap?.objects(defaultClusterConfig as never) ?? [];
  const named = (name: string) =>
    objects<ClusterRole>(clusterRoles).find((one) => one.metadata.name === name) as ClusterRole;

  test('all of it is valid, and as many as upstream has, beside the role that metrics-server brings', () => {
    const counts: [AnyResource, number][] = [
      [clusterRoles, 70 + 1],
      [clusterRoleBindings, 51],
      [roles, 7],
      [roleBindings, 7],
    ];
    for (const [definition, count] of counts) {
      expect(objects(definition)).toHaveLength(count);
      for (const one of objects(definition)) expect(createOf(definition, one).problems).toEqual([]);
    }
  });

  test('edit has what view has, admin what edit has', () => {
    const [view, edit, admin] = ['view', 'edit', 'admin'].map((name) => named(name).rules ?? []);
    expect(edit).toEqual(expect.arrayContaining(view as PolicyRule[]));
    expect(admin).toEqual(expect.arrayContaining(edit as PolicyRule[]));
    expect(admin).toHaveLength((edit as PolicyRule[]).length + 2);
    const metrics = named('system:aggregated-metrics-reader');
    expect(metrics.rules).toEqual([
      { apiGroups: ['metrics.k8s.io'], resources: ['nodes', 'pods'], verbs: ['get', 'list', 'watch'] },
    ]);
    expect(Object.keys(metrics.metadata.labels ?? {})).toEqual(
      expect.arrayContaining(['view', 'edit', 'admin'].map((role) => `rbac.authorization.k8s.io/aggregate-to-${role}`)),
    );
    expect(view).toEqual([...(named('system:aggregate-to-view').rules ?? []), ...(metrics.rules ?? [])]);
  });

  test('what is missing comes back; what is there stays; autoupdate is heeded', () => {
    const wanted = named('system:kube-dns');
    const live = objectOf(clusterRoles, {
      metadata: { name: 'system:kube-dns' },
      rules: parseRules('list core: pods'),
    });
    const reconcile = clusterRoles.bootstrap?.reconcile;
    expect(reconcile?.(structuredClone(live), wanted)).toMatchObject({
      metadata: { labels: { 'kubernetes.io/bootstrapping': 'rbac-defaults' } },
      rules: parseRules('list core: pods\nlist|watch core: endpoints\nlist|watch core: services'),
    });
    live.metadata.annotations = { 'rbac.authorization.kubernetes.io/autoupdate': 'false' };
    expect(reconcile?.(structuredClone(live), wanted)).toBeUndefined();
    expect(reconcile?.(objectOf(clusterRoles, wanted), wanted)).toBeUndefined();
    const binding = objects<ClusterRoleBinding>(clusterRoleBindings)[0] as New<ClusterRoleBinding>;
    const bare = objectOf(clusterRoleBindings, { ...binding, subjects: [{ kind: 'User', name: 'x' }] });
    expect(clusterRoleBindings.bootstrap?.reconcile?.(bare, binding)?.subjects).toHaveLength(2);
  });

  test('a binding of another role is made anew; what a role aggregates is what it should', () => {
    const binding = objects<ClusterRoleBinding>(clusterRoleBindings)[0] as New<ClusterRoleBinding>;
    const other = objectOf(clusterRoleBindings, { ...binding, roleRef: { ...binding.roleRef, name: 'x' } });
    const replaces = clusterRoleBindings.bootstrap?.replaces;
    expect(replaces?.(other, binding)).toBe(true);
    expect(replaces?.(objectOf(clusterRoleBindings, binding), binding)).toBe(false);
    other.metadata.annotations = { 'rbac.authorization.kubernetes.io/autoupdate': 'false' };
    expect(replaces?.(other, binding)).toBe(false);

    const reconcile = clusterRoles.bootstrap?.reconcile;
    const view = named('view');
    const own = { matchLabels: { own: 'true' } };
    const live = objectOf(clusterRoles, { ...view, rules: [], aggregationRule: { clusterRoleSelectors: [own] } });
    expect(reconcile?.(live, view)).toMatchObject({
      aggregationRule: { clusterRoleSelectors: [own, ...(view.aggregationRule?.clusterRoleSelectors ?? [])] },
      rules: [],
    });
    const dns = named('system:kube-dns');
    const aggregating = objectOf(clusterRoles, { ...dns, aggregationRule: { clusterRoleSelectors: [own] } });
    expect(reconcile?.(aggregating, dns)).not.toHaveProperty('aggregationRule');
  });
});
