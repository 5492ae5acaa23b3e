import { expect, test } from 'vitest';
import { openSql } from '../../../test/harness/sql.ts';
import { testServer } from '../testing.ts';
import { storageVersionHash } from './discovery.ts';
import { compareGroups, compareVersions } from './groups.ts';

const aggregated = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

test('storage version hashes are upstream’s', async () => {
  for (const [kind, hash] of [
    ['/v1/Pod', 'xPOwRZ+Yhw8='],
    ['/v1/ConfigMap', 'qFsyl6wFWjQ='],
    ['autoscaling/v2/HorizontalPodAutoscaler', 'qwQve8ut294='],
  ] as const) {
    const [group = '', version = '', name = ''] = kind.split('/');
    expect(await storageVersionHash({ group, version, kind: name })).toBe(hash);
  }
});

test('groups by rank, then by name; versions by stability, then by number', () => {
  expect(['z.io', 'batch', 'a.io', '', 'apps'].sort(compareGroups)).toEqual(['', 'apps', 'batch', 'a.io', 'z.io']);
  const versions = ['foo', 'v1', 'v1alpha1', 'v10', 'v1beta2', 'v2', 'v1beta10', 'v2alpha1', 'bar'];
  expect(versions.sort(compareVersions)).toEqual([
    'v10',
    'v2',
    'v1',
    'v1beta10',
    'v1beta2',
    'v2alpha1',
    'v1alpha1',
    'bar',
    'foo',
  ]);
});

test('aggregated discovery: one document each, kept by its ETag; version 2 alone', async () => {
  const { call } = await testServer(openSql());
  const { headers, json } = await call('GET', '/apis', undefined, { accept: aggregated });
  expect(headers.get('content-type')).toBe(aggregated);
  expect(headers.get('vary')).toBe('Accept');
  expect(headers.get('cache-control')).toBe('public');
  expect(headers.get('etag')).toMatch(/^"[0-9A-F]{128}"$/);
  expect(json).toMatchObject({ kind: 'APIGroupDiscoveryList', apiVersion: 'apidiscovery.k8s.io/v2' });
  expect(json.items[0].metadata).toEqual({ name: 'apiregistration.k8s.io' });
  const known = { accept: aggregated, 'if-none-match': headers.get('etag') as string };
  const again = await call('GET', '/apis', undefined, known);
  expect([again.code, again.text]).toEqual([304, '']);
  expect((await call('GET', '/api', undefined, known)).code).toBe(200);
  for (const encoding of ['yaml', 'vnd.kubernetes.protobuf']) {
    const accept = aggregated.replace('json', encoding);
    const other = await call('GET', '/apis', undefined, { accept });
    expect([other.code, other.headers.get('content-type')]).toEqual([200, accept]);
    expect(other.headers.get('etag')).toBe(headers.get('etag'));
    expect(other.text).toContain('APIGroupDiscoveryList');
    expect(other.text).toContain('deployments');
  }
  const beta = aggregated.replace('v=v2', 'v=v2beta1');
  expect((await call('GET', '/apis', undefined, { accept: beta })).code).toBe(406);
  const fallback = await call('GET', '/apis', undefined, { accept: `${beta},application/json` });
  expect(fallback.json.kind).toBe('APIGroupList');
});

test('the legacy documents, in JSON and protobuf', async () => {
  const { call } = await testServer(openSql());
  expect((await call('GET', '/api')).json).toEqual({
    kind: 'APIVersions',
    versions: ['v1'],
    serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress: 'cluster.test:443' }],
  });
  const apps = { groupVersion: 'apps/v1', version: 'v1' };
  expect((await call('GET', '/apis/apps')).json).toEqual({
    kind: 'APIGroup',
    apiVersion: 'v1',
    ...{ name: 'apps', versions: [apps], preferredVersion: apps },
  });
  const core = (await call('GET', '/api/v1')).json;
  expect(core.apiVersion).toBe(undefined);
  const named = (name: string) => core.resources.find((one: { name: string }) => one.name === name);
  expect(named('pods')).toEqual({
    ...{ name: 'pods', singularName: 'pod', namespaced: true, kind: 'Pod' },
    verbs: ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'],
    ...{ shortNames: ['po'], categories: ['all'], storageVersionHash: 'xPOwRZ+Yhw8=' },
  });
  expect(named('serviceaccounts/token')).toMatchObject({
    group: 'authentication.k8s.io',
    version: 'v1',
    singularName: '',
  });
  expect(named('bindings')).toEqual({
    ...{ name: 'bindings', singularName: 'binding', namespaced: true, kind: 'Binding', verbs: ['create'] },
  });
  const protobuf = 'application/vnd.kubernetes.protobuf';
  for (const path of ['/api', '/apis', '/apis/apps', '/apis/apps/v1']) {
    const { code, headers, text } = await call('GET', path, undefined, { accept: protobuf });
    expect([code, headers.get('content-type'), text.slice(0, 3)]).toEqual([200, protobuf, 'k8s']);
  }
});

test('what is not there: a Status below what is served, a page elsewhere', async () => {
  const { call } = await testServer(openSql());
  const status = { reason: 'NotFound', message: 'the server could not find the requested resource', details: {} };
  for (const path of ['/api/v2', '/api/v1/cups', '/apis/apps/v2', '/apis/apps/v1/cups', '/version/x'])
    expect((await call('GET', path)).json).toMatchObject({ ...status, code: 404 });
  for (const path of [
    '/apis/no.such',
    '/apis/no.such/v1/cups',
    '/logs',
    '/livez/no',
    '/livez/',
    '//version',
    '/openapi/v3/api/v2',
    '/x',
  ]) {
    const { code, text, headers } = await call('GET', path);
    expect([code, text, headers.get('content-type')]).toEqual([
      404,
      '404 page not found\n',
      'text/plain; charset=utf-8',
    ]);
  }
  for (const path of ['/api', '/api/v1', '/apis/apps/v1', '/version'])
    expect((await call('POST', path, {})).json).toMatchObject({ code: 405, reason: 'MethodNotAllowed', details: {} });
  for (const path of ['/apis', '/apis/apps']) expect((await call('POST', path, {})).code).toBe(200);
});

test('the index lists what is served, the version all that upstream tells', async () => {
  const { call } = await testServer(openSql());
  const { json, text } = await call('GET', '/');
  expect(text.startsWith('{\n  "paths": [\n')).toBe(true);
  expect(json.paths).toEqual([...json.paths].sort());
  for (const path of [
    '/api/v1',
    '/apis/',
    '/apis/apps',
    '/apis/apps/v1',
    '/livez/ping',
    '/metrics',
    '/openapi/v3/',
    '/version',
  ])
    expect(json.paths).toContain(path);
  for (const path of json.paths as string[]) expect((await call('GET', path)).code, path).toBe(200);
  const version = (await call('GET', '/version')).json;
  expect(Object.keys(version)).toEqual(
    ['major', 'minor', 'emulationMajor', 'emulationMinor', 'minCompatibilityMajor', 'minCompatibilityMinor'].concat([
      'gitVersion',
      'gitCommit',
      'gitTreeState',
      'buildDate',
      'goVersion',
      'compiler',
      'platform',
    ]),
  );
  expect(version).toMatchObject({ major: '1', minor: '36' });
});
