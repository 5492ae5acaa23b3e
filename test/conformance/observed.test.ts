import { expect, test } from 'vitest';
import { judge, readAllowed } from './allowed.ts';
import { compareBootstrap, compareDiscovery, compareTables, differences } from './observed.ts';

const pod = {
  resource: 'pods',
  responseKind: { group: '', version: '', kind: 'Pod' },
  scope: 'Namespaced',
  verbs: ['get', 'list'],
  subresources: [{ subresource: 'log', verbs: ['get'] }],
};
const node = { ...pod, resource: 'nodes', responseKind: { ...pod.responseKind, kind: 'Node' }, subresources: [] };
const core = (resources: object[]) => ({
  metadata: {},
  versions: [{ version: 'v1', resources, freshness: 'Current' }],
});
const server = (items: object[]) => async (path: string) => ({
  items: path === '/api' ? items : [],
});

test('discovery: what is missing, what is more, what differs, the order', async () => {
  const theirs = [core([node, pod])] as never;
  expect(await compareDiscovery(server([core([node, pod])]), theirs)).toEqual([]);
  expect(await compareDiscovery(server([core([pod])]), theirs)).toEqual(['discovery: v1 nodes: missing']);
  expect(await compareDiscovery(server([core([node, pod, { ...pod, resource: 'cups' }])]), theirs)).toEqual([
    'discovery: v1 cups: not there',
  ]);
  expect(await compareDiscovery(server([core([pod, node])]), theirs)).toEqual([
    'discovery: v1 order: nodes pods there, pods nodes here',
  ]);
  const changed = { ...pod, shortNames: ['po'], subresources: [{ subresource: 'log', verbs: ['post'] }] };
  expect(await compareDiscovery(server([core([node, changed])]), theirs)).toEqual([
    'discovery: v1 pods: shortNames: nothing there, ["po"] here',
    'discovery: v1 pods/log: verbs[0]: "get" there, "post" here',
  ]);
});

test('tables: a column is its name, type, format and priority', async () => {
  const columns: [string, string, string, number][] = [['Name', 'string', 'name', 0]];
  const definition = { name: 'Name', type: 'string', format: 'name', priority: 0, description: 'x' };
  const answer = (columnDefinitions: object[]) => async () => ({ kind: 'Table', columnDefinitions });
  expect(await compareTables(answer([definition]), { 'v1 pods': columns })).toEqual([]);
  expect(await compareTables(answer([{ ...definition, priority: 1 }]), { 'v1 pods': columns })).toEqual([
    'tables: v1 pods: [["Name","string","name",0]] there, [["Name","string","name",1]] here',
  ]);
  expect(await compareTables(async () => undefined, { 'v1 pods': columns })).toEqual(['tables: v1 pods: missing']);
});

test('bootstrap: what a server fills in is left out; an object that is not theirs is named', async () => {
  const discovery = [core([{ ...node, resource: 'namespaces', responseKind: { kind: 'Namespace' } }])] as never;
  const theirs = [{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'default' }, spec: { finalizers: ['a'] } }];
  const own = (metadata: object, finalizer: string) => ({
    metadata: { uid: 'u', resourceVersion: '1', ...metadata },
    spec: { finalizers: [finalizer] },
    status: {},
  });
  const answer = (items: object[]) => async () => ({ items });
  expect(await compareBootstrap(answer([own({ name: 'default' }, 'a')]), discovery, theirs)).toEqual([]);
  expect(
    await compareBootstrap(answer([own({ name: 'default' }, 'b'), own({ name: 'x' }, 'a')]), discovery, theirs),
  ).toEqual([
    'bootstrap: Namespace default: spec.finalizers[0]: "a" there, "b" here',
    'bootstrap: Namespace x: not there',
  ]);
});

test('lists of objects: what one side has more is named, unless they differ in another way', () => {
  const [a, b, c] = ['a', 'b', 'c'].map((name) => ({ name, on: 1 }));
  expect(differences([a, b], [a, { on: 1, name: 'c' }, b], 'rules')).toEqual(['rules: {"name":"c","on":1}: not there']);
  expect(differences([a, b, c], [a, c], 'rules')).toEqual(['rules: {"name":"b","on":1}: missing']);
  for (const ours of [[b, a, c], [a, c, c], [a]]) expect(differences([a, b], ours, 'rules').join()).not.toBe('');
  expect(differences([a, b], [b, a, c], 'rules')).toEqual([
    expect.stringMatching(/^rules: \[.*\] there, \[.*\] here$/),
  ]);
  expect(differences([a, b], [c], 'rules')).toEqual([expect.stringMatching(/ there, .* here$/)]);
});

test('the page lists patterns in the first column of one table; one that nothing matches is stale', () => {
  const page = [
    '## Another',
    '| `tables: *` | no |',
    '## Against an observed server',
    '| Lines | Why |',
    '|---|---|',
    '| `discovery: a/v1: missing`, `tables: a/v1 *: missing` | later, as `tables: b/v1 x` |',
    '| `bootstrap: A *` | later |',
    '## Next',
    '| `bootstrap: *` | no |',
  ].join('\n');
  const lines = ['discovery: a/v1: missing', 'tables: a/v1 x: missing', 'tables: a/v1 x: missing too'];
  expect(judge(lines, readAllowed(page))).toEqual({
    unlisted: ['tables: a/v1 x: missing too'],
    listed: lines.slice(0, 2),
    stale: ['bootstrap: A *'],
  });
});
