// Paths that are not as one writes them. What is expected was read off a real API server.
import { describe, expect, it, test } from 'vitest';
import { openSql } from '../../test/harness/sql.ts';
import { pathOf, requestInfo, withReadableQuery } from './routing.ts';
import { adminToken, testServer } from './testing.ts';

describe('the path of a request', () => {
  it.each([
    ['https://x/a/../b', '/a/../b'],
    ['https://x/a/%2e%2E/b', '/a/../b'],
    ['https://x/a%2Fb//c/', '/a/b//c/'],
    ['https://x/a\\b', '/a\\b'],
    ['https://x?q=/a', '/'],
    ['https://x', '/'],
    ['https://x/%e9%C3%A9', '/\ufffdé'],
    ['https://x/%', undefined],
    ['https://x/%zz', undefined],
    ['https://x/a?/b//c', '/a'],
  ])('%s is %s', (url, path) => expect(pathOf(url)).toBe(path));
});

it.each([
  ['?a=1&b=2', 'a=1&b=2'],
  ['?limit=1;watch=1&a=1', 'a=1'],
  ['?pretty=%zz&a=%41', 'a=A'],
  ['?a=%', ''],
])('the query %s is read as %s', (query, read) =>
  expect(withReadableQuery(new URL(`https://x/${query}`)).searchParams.toString()).toBe(read),
);

it.each([
  ['/api/v1/namespaces//pods', { verb: 'list', resource: 'pods', namespace: '' }],
  ['/api/v1/namespaces/a//pods', { verb: 'get', resource: '', name: 'pods', namespace: 'a' }],
  ['/api/v1/namespaces/a/pods//log', { verb: 'list', resource: 'pods', name: '', subresource: 'log' }],
  ['/api/v1/namespaces/a/pods/../', { verb: 'get', resource: 'pods', name: '..' }],
  ['/api/v1/watch/namespaces/a/pods/x', { verb: 'watch', resource: 'pods', name: 'x' }],
  ['//api/v1/pods', { isResource: false }],
  ['/apis//v1/pods', { isResource: false }],
  ['/apis/apps/v1', { isResource: false }],
])('%s', (path, info) => expect(requestInfo('GET', path, new URLSearchParams())).toMatchObject(info));

const byName = 'fieldSelector=status.phase%3DRunning,metadata.name%3Dx';
it.each([
  [byName, { verb: 'list', name: 'x', fieldSelector: 'status.phase=Running,metadata.name=x' }],
  [`${byName}&watch=1&labelSelector=a`, { verb: 'watch', name: 'x', labelSelector: 'a' }],
  ['fieldSelector=metadata.name==x', { name: 'x' }],
  ['fieldSelector=metadata.name%3Da%5C,b', { name: 'a,b' }],
  ['fieldSelector=metadata.name!=x', { name: '' }],
  ['fieldSelector=metadata.name=a/b', { name: '' }],
  // What cannot be read as a whole says nothing but whether it is a watch.
  [`${byName}&labelSelector=!!&watch=1`, { verb: 'watch', name: '', labelSelector: '!!' }],
  [`${byName}&limit=x`, { verb: 'list', name: '' }],
  [`${byName},`, { name: 'x' }],
  [`${byName},y`, { name: '', fieldSelector: 'status.phase=Running,metadata.name=x,y' }],
])('of the query %s', (query, info) =>
  expect(requestInfo('GET', '/api/v1/namespaces/a/pods', new URLSearchParams(query))).toMatchObject(info),
);

it.each([
  ['DELETE', '/api/v1/namespaces/a/pods', { verb: 'deletecollection', name: '', fieldSelector: 'metadata.name=x' }],
  ['GET', '/api/v1/watch/namespaces/a/pods', { verb: 'watch', name: '', fieldSelector: '' }],
  ['GET', '/api/v1/namespaces/a/pods/y', { verb: 'get', name: 'y', fieldSelector: '' }],
  ['OPTIONS', '/api/v1/pods', { verb: '' }],
  ['constructor', '/api/v1/pods', { verb: '' }],
  ['POST', '/api/v1/proxy/nodes/y/z', { verb: 'proxy', resource: 'nodes', name: 'y', subresource: '' }],
])('%s %s, selecting a name', (method, path, info) =>
  expect(requestInfo(method, path, new URLSearchParams('fieldSelector=metadata.name%3Dx'))).toMatchObject(info),
);

it('takes no time for slashes', () => {
  const begun = performance.now();
  requestInfo('GET', `/x${'/'.repeat(200_000)}y`, new URLSearchParams());
  expect(performance.now() - begun).toBeLessThan(1000);
});

test.each<[string, string, number, string]>([
  ['GET', '/api/v1/namespaces/default/configmaps/..', 400, `Name parameter invalid: "..": may not be '..'`],
  ['DELETE', '/api/v1/namespaces/doomed/configmaps/..', 400, `Name parameter invalid: "..": may not be '..'`],
  ['DELETE', '/api/v1/namespaces/doomed/configmaps/%2e%2e', 400, `Name parameter invalid: "..": may not be '..'`],
  ['GET', '/api/v1/namespaces/default/configmaps/a%25b', 400, `Name parameter invalid: "a%b": may not contain '%'`],
  ['GET', '/api/v1/namespaces/default/configmaps/a%2Fb', 404, 'the server could not find the requested resource'],
  ['GET', '/api/v1/namespaces/default/configmaps/a\\b', 404, 'configmaps "a\\\\b" not found'],
  ['GET', '/api/v1/namespaces/default//configmaps', 404, 'the server could not find the requested resource'],
  ['GET', '/api/v1/namespaces//configmaps/a', 400, 'Namespace parameter required.'],
  ['DELETE', '/api/v1/namespaces//configmaps', 400, 'Namespace parameter required.'],
  ['GET', '/api/v1/namespaces//nodes', 404, 'the server could not find the requested resource'],
  ['GET', '/api/v1/namespaces/default/pods//status', 400, 'name must be provided'],
  ['GET', '/api/v1/namespaces//finalize', 405, 'the server does not allow this method on the requested resource'],
  ['GET', '/api/v1//namespaces', 404, 'the server could not find the requested resource'],
  ['GET', '/api/apps%2Fv1/deployments', 404, 'the server could not find the requested resource'],
  ['DELETE', '/api/v1/watch/namespaces/doomed', 405, 'the server does not allow this method on the requested resource'],
  ['POST', '/api/v1/watch/namespaces', 405, 'the server does not allow this method on the requested resource'],
  ['GET', '/api/v1/watch/namespaces/doomed/status', 404, 'the server could not find the requested resource'],
  ['GET', '/api/v1/bindings', 404, 'the server could not find the requested resource'],
])('%s %s is %i', async (method, path, code, message) => {
  const { server, call } = await testServer(openSql());
  await call('POST', '/api/v1/namespaces', { metadata: { name: 'doomed' } });
  const answer = await server.answer({
    method,
    url: `https://cluster.test${path}`,
    headers: new Headers({ authorization: `Bearer ${adminToken}` }),
    body: null,
    arrayBuffer: async () => new ArrayBuffer(0),
    signal: new AbortController().signal,
  });
  expect([answer.status, JSON.parse(answer.body as string).message]).toEqual([code, message]);
  expect((await call('GET', '/api/v1/namespaces/doomed')).json.status.phase).toBe('Active');
});

test('a page that is not there says so as Go does', async () => {
  const { call } = await testServer(openSql());
  const { code, text, headers } = await call('GET', '/apis/nope/v1');
  expect([code, text]).toEqual([404, '404 page not found\n']);
  expect(headers.get('cache-control')).toBe('no-cache, private');
  expect(headers.get('x-content-type-options')).toBe('nosniff');
});
