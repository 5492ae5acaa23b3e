import { expect, test } from 'vitest';
import { openSql } from '../../../test/harness/sql.ts';
import { openWatch, testServer } from '../testing.ts';

const maps = '/api/v1/namespaces/default/configmaps';
const configMap = (name: string, labels: Record<string, string> = {}) => ({ metadata: { name, labels }, data: {} });

test('a watch from nothing begins with what is there, then goes on live', async () => {
  const { call, server } = await testServer(openSql());
  await call('POST', maps, configMap('a'));
  const watch = await openWatch(server, `${maps}?watch=true`);
  expect(await watch.next()).toMatchObject({ type: 'ADDED', object: { kind: 'ConfigMap', metadata: { name: 'a' } } });
  await call('POST', maps, configMap('b'));
  expect(await watch.next()).toMatchObject({ type: 'ADDED', object: { metadata: { name: 'b' } } });
  await watch.cancel();
  expect(server.watches).toBe(0);
});

test('WatchList ends its initial events with an annotated bookmark', async () => {
  const { call, server } = await testServer(openSql());
  await call('POST', maps, configMap('a'));
  const watch = await openWatch(
    server,
    `${maps}?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true`,
  );
  expect((await watch.next())?.type).toBe('ADDED');
  const bookmark = await watch.next();
  expect(bookmark?.type).toBe('BOOKMARK');
  expect(bookmark?.object.metadata.annotations).toEqual({ 'k8s.io/initial-events-end': 'true' });
  expect(Number(bookmark?.object.metadata.resourceVersion)).toBeGreaterThan(0);
  await watch.cancel();
});

test('objects enter and leave a label selection as ADDED and DELETED', async () => {
  const { call, server, ledger } = await testServer(openSql());
  const watch = await openWatch(server, `${maps}?watch=true&labelSelector=app%3Dx&resourceVersion=${ledger.revision}`);
  await call('POST', maps, configMap('a', { app: 'y' }));
  const entered = await call('PATCH', `${maps}/a`, { metadata: { labels: { app: 'x' } } });
  expect(await watch.next()).toEqual({ type: 'ADDED', object: entered.json });
  const changed = await call('PATCH', `${maps}/a`, { data: { k: 'v' } });
  expect(await watch.next()).toEqual({ type: 'MODIFIED', object: changed.json });
  const left = await call('PATCH', `${maps}/a`, { metadata: { labels: { app: 'z' } } });
  const gone = await watch.next();
  expect(gone?.type).toBe('DELETED');
  expect(gone?.object.metadata).toMatchObject({
    labels: { app: 'x' },
    resourceVersion: left.json.metadata.resourceVersion,
  });
  await watch.cancel();
});

test('a slow reader loses nothing: it falls back to the ledger', async () => {
  const { call, server, ledger } = await testServer(openSql());
  const watch = await openWatch(server, `${maps}?watch=true&resourceVersion=${ledger.revision}`);
  const big = 'x'.repeat(300_000);
  for (let index = 0; index < 12; index++) await call('POST', maps, { metadata: { name: `m${index}` }, data: { big } });
  for (let index = 0; index < 12; index++) expect((await watch.next())?.object.metadata.name).toBe(`m${index}`);
  await call('POST', maps, configMap('last'));
  expect((await watch.next())?.object.metadata.name).toBe('last');
  await watch.cancel();
});

test('a watch from a compacted revision is told so and ends', async () => {
  const { call, server, ledger } = await testServer(openSql());
  for (let index = 0; index < 5; index++) await call('POST', maps, configMap(`m${index}`));
  ledger.compact(ledger.revision);
  const watch = await openWatch(server, `${maps}?watch=true&resourceVersion=1`);
  expect(await watch.next()).toMatchObject({ type: 'ERROR', object: { reason: 'Expired', code: 410 } });
  expect(await watch.next()).toBeUndefined();
  expect(server.watches).toBe(0);
});

test('Table watches, keep-alives, bookmarks, time limits', async () => {
  const { call, server, ledger, clock } = await testServer(openSql());
  const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';
  const from = ledger.revision;
  const watch = await openWatch(
    server,
    `${maps}?watch=true&resourceVersion=${from}&allowWatchBookmarks=true&timeoutSeconds=120`,
    { accept },
  );
  expect(watch.response.headers.get('content-encoding')).toBe('identity');
  await call('POST', maps, configMap('a'));
  await call('POST', maps, configMap('b'));
  const first = await watch.next();
  expect(first?.object).toMatchObject({
    kind: 'Table',
    rows: [{ cells: ['a', 0, '0s'], object: { metadata: { name: 'a' } } }],
  });
  expect(first?.object.columnDefinitions).toHaveLength(3);
  expect((await watch.next())?.object.columnDefinitions).toBeNull();
  clock.advance(61_000);
  expect((await watch.next())?.type).toBe('BOOKMARK');
  clock.advance(60_000);
  expect(await watch.next()).toBeUndefined();
});

test('a revision of the future is a timeout with a cause', async () => {
  const { call } = await testServer(openSql());
  const answer = await call('GET', `${maps}?watch=1&resourceVersion=1000`);
  expect(answer.json).toMatchObject({
    code: 504,
    reason: 'Timeout',
    message: expect.stringMatching(/^Too large resource version: 1000, current: \d+$/),
    details: { causes: [{ reason: 'ResourceVersionTooLarge' }], retryAfterSeconds: 1 },
  });
});
