import { expect, test } from 'vitest';
import { openSql } from '../../../test/harness/sql.ts';
import { testServer } from '../testing.ts';

const path = '/api/v1/componentstatuses';
const warning = '299 - "v1 ComponentStatus is deprecated in v1.19+"';

const server = () => testServer(openSql(), { components: { scheduler: () => 'connection refused' } });

test('component statuses are made when they are read', async () => {
  const { call } = await server();
  const list = await call('GET', path);
  expect(list.code).toBe(200);
  expect(list.headers.get('Warning')).toBe(warning);
  const ok = { type: 'Healthy', status: 'True', message: 'ok' };
  expect(list.json).toEqual({
    kind: 'ComponentStatusList',
    apiVersion: 'v1',
    metadata: {},
    items: [
      { metadata: { name: 'controller-manager' }, conditions: [ok] },
      { metadata: { name: 'etcd-0' }, conditions: [ok] },
      { metadata: { name: 'scheduler' }, conditions: [{ ...ok, status: 'False', message: 'connection refused' }] },
    ],
  });
  expect((await call('GET', `${path}/etcd-0`)).json).toEqual({
    kind: 'ComponentStatus',
    apiVersion: 'v1',
    metadata: { name: 'etcd-0' },
    conditions: [ok],
  });
});

test('a table, a selector, what is not there and what cannot be done', async () => {
  const { call } = await server();
  const table = await call('GET', `${path}?fieldSelector=metadata.name%3Dscheduler`, undefined, {
    accept: 'application/json;as=Table;v=v1;g=meta.k8s.io',
  });
  expect(table.json.rows).toEqual([
    {
      cells: ['scheduler', 'Unhealthy', 'connection refused', ''],
      object: { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: { name: 'scheduler' } },
    },
  ]);
  const partial = await call('GET', path, undefined, {
    accept: 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io',
  });
  expect([partial.json.kind, partial.json.items.length]).toEqual(['PartialObjectMetadataList', 3]);
  const missing = await call('GET', `${path}/nobody`);
  expect([missing.code, missing.json.message]).toEqual([404, 'componentstatuses "nobody" not found']);
  expect(missing.headers.get('Warning')).toBe(warning);
  expect((await call('DELETE', `${path}/scheduler`)).code).toBe(405);
  expect((await call('GET', `${path}?watch=1`)).code).toBe(405);
});

test('whatever is done with a deprecated version is warned of, first', async () => {
  const { call } = await server();
  const endpoints = '/api/v1/namespaces/default/endpoints';
  const deprecated = '299 - "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"';
  const created = await call('POST', endpoints, {
    metadata: { name: 'a' },
    subsets: [{ addresses: [{ ip: '2001:DB8::1' }] }],
    bogus: 1,
  });
  expect(created.code).toBe(201);
  expect(created.headers.get('Warning')).toBe(
    `${deprecated}, 299 - "unknown field \\"bogus\\"", 299 - "subsets[0].addresses[0].ip: IPv6 address \\"2001:DB8::1\\" should be in RFC 5952 canonical format (\\"2001:db8::1\\")"`,
  );
  for (const [method, at] of [
    ['GET', `${endpoints}/a`],
    ['GET', endpoints],
    ['DELETE', `${endpoints}/b`],
  ] as const)
    expect((await call(method, at)).headers.get('Warning')).toBe(deprecated);
});

test('only what is served is deprecated', async () => {
  const { call } = await server();
  const refused = await call('POST', path, { metadata: { name: 'a' } });
  expect([refused.code, refused.headers.get('Warning')]).toEqual([405, null]);
});
