import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { columns, printable } from './columns.ts';
import { concerns, grantsOf, isOfTheSystem, likely, ownGroups, type Policy } from './grants.ts';
import { attributesOf, doubts, servedOf } from './question.ts';
import { summary } from './summary.ts';

const policy = parse(`
clusterRoles:
  - metadata: { name: cluster-admin }
    rules:
      - { verbs: ['*'], apiGroups: ['*'], resources: ['*'] }
      - { verbs: ['*'], nonResourceURLs: ['*'] }
  - metadata: { name: view }
    rules:
      - { verbs: [get, list, watch], apiGroups: ['', apps], resources: [pods, deployments] }
  - metadata: { name: empty }
    rules: null
roles:
  - metadata: { name: view, namespace: web }
    rules: [{ verbs: [get], apiGroups: [''], resources: [secrets], resourceNames: [one, two] }]
clusterRoleBindings:
  - metadata: { name: admins, labels: { kubernetes.io/bootstrapping: rbac-defaults } }
    roleRef: { kind: ClusterRole, name: cluster-admin }
    subjects: [{ kind: Group, name: system:masters }]
  - metadata: { name: nobody }
    roleRef: { kind: ClusterRole, name: gone }
    subjects: null
  - metadata: { name: parts, labels: { kubernetes.io/bootstrapping: rbac-defaults } }
    roleRef: { kind: ClusterRole, name: empty }
    subjects: [{ kind: User, name: system:kube-scheduler }, { kind: ServiceAccount, name: x, namespace: kube-system }]
roleBindings:
  - metadata: { name: everyone, namespace: web }
    roleRef: { kind: ClusterRole, name: view }
    subjects: [{ kind: User, name: jane }, { kind: ServiceAccount, name: ci, namespace: tools }]
  - metadata: { name: own, namespace: web }
    roleRef: { kind: Role, name: view }
    subjects: [{ kind: User, name: jane }]
  - metadata: { name: dangling, namespace: shop }
    roleRef: { kind: Role, name: view }
    subjects: [{ kind: User, name: jane }]
`) as Policy;

const line = (grant: ReturnType<typeof grantsOf>[number]) =>
  [grant.subject.kind, grant.subject.name, grant.namespace, grant.role.kind, grant.role.name].join(' ');

test('a line for each subject of a binding, with the rules of the role that it names', () => {
  const grants = grantsOf(policy);
  expect(grants.map(line)).toEqual([
    'Group system:masters  ClusterRole cluster-admin',
    'User jane shop Role view',
    'User jane web ClusterRole view',
    'User jane web Role view',
    'User system:kube-scheduler  ClusterRole empty',
    'User system:serviceaccount:kube-system:x  ClusterRole empty',
    'User system:serviceaccount:tools:ci web ClusterRole view',
  ]);
  // The Role `view` is one of web's: in shop there is none.
  expect(grants[1]?.rules).toBeUndefined();
  expect(grants[3]?.rules).toHaveLength(1);
  expect(grants.filter(isOfTheSystem).map((grant) => grant.subject.name)).toEqual([
    'system:kube-scheduler',
    'system:serviceaccount:kube-system:x',
  ]);
});

test('what concerns a user: its name, the groups that it is said to be in, and those that come with the name', () => {
  const of = (user: string, groups: string[] = []) =>
    grantsOf(policy).filter((grant) => concerns(grant, user, [...ownGroups(user), ...groups]));
  expect(of('jane').map((grant) => grant.namespace)).toEqual(['shop', 'web', 'web']);
  expect(of('joe', ['system:masters']).map((grant) => grant.role.name)).toEqual(['cluster-admin']);
  expect(of('system:serviceaccount:tools:ci')).toHaveLength(1);
  // A group of a user's name is another thing.
  expect(of('system:masters')).toEqual([]);
  expect(ownGroups('system:serviceaccount:tools:ci')).toEqual([
    'system:serviceaccounts',
    'system:serviceaccounts:tools',
    'system:authenticated',
  ]);
  expect(ownGroups('system:node:n1')).toEqual(['system:nodes', 'system:authenticated']);
  expect(ownGroups('system:anonymous')).toEqual(['system:unauthenticated']);
});

test('what else a name may mean', () => {
  const of = (name: string) => likely(name, grantsOf(policy));
  expect(of('jane')).toEqual([]);
  expect(of('ci')).toEqual(['system:serviceaccount:tools:ci']);
  expect(of('system:masters')).toEqual(['--group system:masters']);
});

test.each([
  [[{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }], 'everything'],
  [[{ verbs: ['*'], apiGroups: ['*'], resources: ['*'], resourceNames: ['a'] }], 'do anything with *.* a'],
  [[{ verbs: ['get', 'list', 'watch'], apiGroups: ['', 'apps'], resources: ['pods'] }], 'read pods, pods.apps'],
  [
    [{ verbs: ['get', 'list'], apiGroups: ['apps'], resources: ['deployments/scale'] }],
    'get, list deployments.apps/scale',
  ],
  [
    [
      {
        verbs: ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'],
        apiGroups: [''],
        resources: ['pods'],
      },
    ],
    'read, write pods',
  ],
  [[{ verbs: ['get'], nonResourceURLs: ['/metrics'] }], 'get /metrics'],
  [
    ['list', 'get', 'watch'].map((verb) => ({ verbs: [verb], apiGroups: [''], resources: ['pods', 'nodes'] })),
    'read nodes, pods',
  ],
  [
    [
      { verbs: ['get'], apiGroups: [''], resources: ['b'] },
      { verbs: ['use'], apiGroups: [''], resources: ['c'] },
      { verbs: ['get'], apiGroups: [''], resources: ['a'], resourceNames: ['one', 'two'] },
    ],
    'get a one|two, b; use c',
  ],
  [[{ verbs: ['get'], apiGroups: [''], resources: ['a', 'b', 'c', 'd', 'e'] }], 'get a, b, c and 2 more'],
  [[{ verbs: ['get'], apiGroups: [''], resources: ['a', 'b', 'c', 'd'] }], 'get a, b, c, d'],
  [[], 'nothing'],
])('%j in words', (rules, words) => {
  expect(summary(rules, 3)).toBe(words);
});

test('columns are aligned, and names do not move the cursor', () => {
  expect(
    columns([
      ['a', 'bb', 'c'],
      ['dddd', 'e', 'f'],
    ]),
  ).toBe('a     bb  c\ndddd  e   f');
  expect(printable('a\u001b[2Jb\u202ec')).toBe('a\\u{1b}[2Jb\\u{202e}c');
});

const served = servedOf([
  {
    items: [
      {
        metadata: { name: '' },
        versions: [
          {
            resources: [
              {
                resource: 'pods',
                singularResource: 'pod',
                shortNames: ['po'],
                subresources: [{ subresource: 'log' }],
                scope: 'Namespaced',
              },
              { resource: 'nodes', singularResource: 'node', shortNames: ['no'], scope: 'Cluster' },
              { resource: 'events', singularResource: 'event', shortNames: ['ev'], scope: 'Namespaced' },
            ],
          },
        ],
      },
    ],
  },
  {
    items: [
      {
        metadata: { name: 'events.k8s.io' },
        versions: [{ resources: [{ resource: 'events', singularResource: 'event', scope: 'Namespaced' }] }],
      },
    ],
  },
]);

test.each([
  ['po', { group: '', resource: 'pods' }],
  ['Pod', { group: '', resource: 'pods' }],
  ['pods/web-0', { group: '', resource: 'pods', name: 'web-0' }],
  ['events', { group: '', resource: 'events' }],
  ['events.events.k8s.io', { group: 'events.k8s.io', resource: 'events' }],
  ['*', { group: '*', resource: '*' }],
])('the resource %s', (thing, attributes) => {
  expect(attributesOf({ verb: 'get', thing, namespace: 'x' }, served)).toEqual({
    verb: 'get',
    namespace: 'x',
    ...attributes,
  });
});

test('a question that means nothing is not asked', () => {
  expect(() => attributesOf({ verb: 'get', thing: 'pots' }, served)).toThrow('no resource called pots');
  expect(() => attributesOf({ verb: 'get', thing: 'po.apps' }, served)).toThrow('no resource called po.apps');
  expect(() => attributesOf({ verb: 'get', thing: 'nodes', namespace: 'x' }, served)).toThrow('in no namespace');
  expect(attributesOf({ verb: 'get', thing: 'pods', subresource: 'log' }, served)).toEqual({
    verb: 'get',
    group: '',
    resource: 'pods',
    subresource: 'log',
  });
});

test.each([
  ['jane', 'get', 'pods', []],
  ['jane', 'impersonate', 'users/bob', []],
  ['jane', 'gett', 'pods', ['no request has the verb gett']],
  [
    'jane',
    'get',
    'po/log',
    ['this asks for an object called log: the subresource is asked for with --subresource log'],
  ],
  ['system:serviceaccount:shop', 'get', 'pods', ['a service account is system:serviceaccount:NAMESPACE:NAME']],
  ['system:serviceaccount:shop:app', 'get', 'pods', []],
  ['system:masters', 'get', 'pods', ['system:masters is a group: any name with --group system:masters']],
])('doubts about %s %s %s', (user, verb, thing, lines) => {
  expect(doubts(user, { verb, thing }, served)).toEqual(lines);
  expect(() => attributesOf({ verb, thing }, served)).not.toThrow();
});
