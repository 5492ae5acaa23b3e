import { expect, test } from 'vitest';
import { allowingLine, type Refused } from './access-line.ts';

const pods: Refused = {
  user: { name: 'jane', groups: ['system:authenticated'] },
  isResource: true,
  verb: 'list',
  group: '',
  resource: 'pods',
  subresource: '',
  name: '',
  namespace: 'shop',
  path: '',
};
const line = (more: Partial<Refused> = {}, served?: boolean) => allowingLine({ ...pods, ...more }, served);
const user = (name: string) => ({ user: { name, groups: [] } });
const page = (path: string, verb = 'get') => ({ isResource: false, verb, path, resource: '', namespace: '' });

test.each<[string, string, Partial<Refused>]>([
  ['kubectl create role allow-jane-list-pods-@ -n shop --verb=list --resource=pods', 'role', {}],
  ['kubectl create clusterrole allow-jane-list-pods-@ --verb=list --resource=pods', 'clusterrole', { namespace: '' }],
  [
    "kubectl create role allow-jane-get-deployments-scale-@ -n shop --verb=get --resource=deployments.apps/scale '--resource-name=a b'",
    'role',
    { verb: 'get', group: 'apps', resource: 'deployments', subresource: 'scale', name: 'a b' },
  ],
  [
    'kubectl create clusterrole allow-jane-get-metrics-@ --verb=get --non-resource-url=/metrics',
    'clusterrole',
    page('/metrics'),
  ],
])('%s', (role, kind, asked) => {
  const [first = '', second] = (line(asked) ?? '').split(' && ');
  const name = first.split(' ')[3] as string;
  expect(first.replace(name, name.replace(/[^-]+$/, '@'))).toBe(role);
  const place = kind === 'role' ? ' -n shop' : '';
  expect(second).toBe(`kubectl create ${kind}binding ${name}${place} --${kind}=${name} --user=jane`);
});

test.each([
  ['jane@example.com', '--user=jane@example.com'],
  ["O'Hara; rm -rf $HOME", `'--user=O'\\''Hara; rm -rf $HOME'`],
  ['system:serviceaccount:tools:ci', '--serviceaccount=tools:ci'],
  ['system:serviceaccount:a:b:c', '--user=system:serviceaccount:a:b:c'],
  ['system:serviceaccount:a b:c', "'--user=system:serviceaccount:a b:c'"],
])('the user %s', (name, words) => {
  expect(line(user(name))).toMatch(new RegExp(`${words.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`));
});

test('a group, where there is no user', () => {
  expect(line({ user: { name: '', groups: ['team', 'x'] } })).toMatch(/--group=team$/);
  expect(line({ user: { name: '', groups: [] } })).toBeUndefined();
});

test.each<[Partial<Refused>, boolean | undefined]>([
  [user('a\nb'), undefined],
  [user('jane\u202e'), undefined],
  [{ verb: 'impersonate' }, undefined],
  [{ verb: 'get,list' }, undefined],
  [{ name: 'é', verb: 'get' }, undefined],
  [{ resource: 'p.q' }, undefined],
  [{ resource: 'a,b' }, undefined],
  [page('/a,b'), undefined],
  [page('/a"b'), undefined],
  [{}, false],
])('what flags cannot say is JSON: %j', (asked, served) => {
  const text = line(asked, served) ?? '';
  const [, json = ''] = /^printf %s '(\{[ -&(-~]*\})' \| kubectl apply -f -$/.exec(text) ?? [];
  const { user: who, verb, resource, path, name } = { ...pods, ...asked };
  expect(JSON.parse(json)).toMatchObject({
    items: [
      { rules: [{ verbs: [verb], ...(path ? { nonResourceURLs: [path] } : { resources: [resource] }) }] },
      { subjects: [{ kind: 'User', name: who.name }] },
    ],
  });
  if (name) expect(JSON.parse(json).items[0].rules[0].resourceNames).toEqual([name]);
});

test('a quote in JSON ends no word', () => {
  expect(line(user("a'b\n"))).toContain(`"name":"a'\\''b\\n"`);
});

test('no line for what no rule allows without allowing more', () => {
  expect(line(page('/a*'))).toBeUndefined();
  expect(line({ verb: '' })).toBeUndefined();
});

test('another question has another name, the same question the same', () => {
  const name = (more: Partial<Refused>) => (line(more) ?? '').split(' ')[3];
  expect(name({})).toBe(name({}));
  const names = [{}, { name: 'a' }, { namespace: 'b' }, user('x:jane'), user('Jane'), { group: 'apps' }].map(name);
  expect(new Set(names).size).toBe(names.length);
});
