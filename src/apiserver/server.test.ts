import { expect, test } from 'vitest';
import { openSql } from '../../test/harness/sql.ts';
import { openWatch, testServer } from './testing.ts';

const configMap = (name: string, data: Record<string, string> = {}, more: object = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, ...more },
  data,
});
const maps = '/api/v1/namespaces/default/configmaps';

test('create, get, list, watch, update, delete', async () => {
  const { call, server, log } = await testServer(openSql());

  const created = await call('POST', maps, configMap('a', { x: '1' }));
  expect(created.code).toBe(201);
  expect(created.text).toMatch(
    /^\{"kind":"ConfigMap","apiVersion":"v1","metadata":\{"name":"a","namespace":"default","uid"/,
  );
  expect((await call('GET', `${maps}/a`)).text).toBe(created.text);
  const again = await call('POST', maps, configMap('a'));
  expect([again.code, again.json.reason, again.json.message]).toEqual([
    409,
    'AlreadyExists',
    'configmaps "a" already exists',
  ]);
  const listed = await call('GET', maps);
  expect(listed.json.items).toHaveLength(1);
  expect(listed.json.items[0].kind).toBeUndefined();

  const watch = await openWatch(server, `${maps}?watch=1&resourceVersion=${listed.json.metadata.resourceVersion}`);
  const updated = await call('PUT', `${maps}/a`, { ...created.json, data: { x: '2' } });
  expect(updated.code).toBe(200);
  expect(await watch.next()).toEqual({ type: 'MODIFIED', object: updated.json });
  const conflicting = await call('PUT', `${maps}/a`, { ...created.json, data: { x: '3' } });
  expect(conflicting.json.message).toBe(
    'Operation cannot be fulfilled on configmaps "a": the object has been modified; please apply your changes to the latest version and try again',
  );
  const deleted = await call('DELETE', `${maps}/a`);
  expect(deleted.json).toEqual({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    details: { name: 'a', kind: 'configmaps', uid: created.json.metadata.uid },
  });
  expect((await watch.next())?.type).toBe('DELETED');
  await watch.cancel();
  expect(server.watches).toBe(0);
  expect((await call('GET', `${maps}/a`)).json).toMatchObject({
    reason: 'NotFound',
    message: 'configmaps "a" not found',
    code: 404,
  });
  expect(log.errors).toEqual([]);
});
