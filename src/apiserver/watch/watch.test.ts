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
  clock.advance(57_000);
  expect((await watch.next())?.type).toBe('BOOKMARK');
  clock.advance(2_000);
  expect(await watch.next()).toBeUndefined();
});

test('a short time limit is kept to the second', async () => {
  const { server, clock } = await testServer(openSql());
  const watch = await openWatch(server, `${maps}?watch=true&timeoutSeconds=1&resourceVersion=1`);
  clock.advance(999);
  expect(server.watches).toBe(1);
  clock.advance(1);
  expect(server.watches).toBe(0);
  expect(await watch.next()).toBeUndefined();
});

test('a watch from a revision of the future is silent until then', async () => {
  const { call, server, ledger } = await testServer(openSql());
  const watch = await openWatch(server, `${maps}?watch=1&resourceVersion=${ledger.revision + 2}`);
  for (const name of ['a', 'b', 'c']) await call('POST', maps, configMap(name));
  expect((await watch.next())?.object.metadata.name).toBe('c');
  await watch.cancel();
});

test('initial events of a revision of the future are an error in the stream', async () => {
  const { server } = await testServer(openSql());
  const query = 'watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&resourceVersion=100000';
  const watch = await openWatch(server, `${maps}?${query}`);
  expect(await watch.next()).toMatchObject({
    type: 'ERROR',
    object: {
      code: 504,
      reason: 'Timeout',
      message: expect.stringMatching(/^Timeout: Too large resource version: 100000, current: \d+$/),
      details: { causes: [{ reason: 'ResourceVersionTooLarge' }], retryAfterSeconds: 1 },
    },
  });
  expect(await watch.next()).toBeUndefined();
});

test('bookmarks are objects with a revision and nothing else', async () => {
  const { server, ledger } = await testServer(openSql());
  const resourceVersion = String(ledger.revision);
  const annotations = { 'k8s.io/initial-events-end': 'true' };
  const query = 'watch=1&allowWatchBookmarks=true';
  const whole = await openWatch(server, `/api/v1/namespaces/none/pods?${query}`);
  expect(await whole.next()).toEqual({
    type: 'BOOKMARK',
    object: {
      kind: 'Pod',
      apiVersion: 'v1',
      metadata: { resourceVersion, annotations },
      spec: expect.anything(),
      status: {},
    },
  });
  const accept = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1';
  const partial = await openWatch(server, `/api/v1/namespaces/none/pods?${query}&resourceVersion=0`, { accept });
  expect((await partial.next())?.object).toEqual({
    kind: 'PartialObjectMetadata',
    apiVersion: 'meta.k8s.io/v1',
    metadata: { resourceVersion, annotations },
  });
  await whole.cancel();
  await partial.cancel();
});

test('a client that goes away, or does not read, leaves nothing behind', async () => {
  const { call, server, ledger } = await testServer(openSql());
  const gone = await openWatch(server, `${maps}?watch=1`);
  expect(server.watches).toBe(1);
  await gone.cancel();
  expect(server.watches).toBe(0);
  // Nothing is kept for a reader that does not read: it replays from the ledger, and is told when that is too late.
  const slow = await openWatch(server, `${maps}?watch=1&resourceVersion=${ledger.revision}`);
  const data = { text: 'x'.repeat(700_000) };
  for (const name of ['a', 'b', 'c', 'd', 'e']) await call('POST', maps, { ...configMap(name), data });
  ledger.compact(ledger.revision);
  const seen: (string | undefined)[] = [];
  for (let event = await slow.next(); event; event = await slow.next()) seen.push(event.type);
  expect(seen.at(-1)).toBe('ERROR');
  expect(seen.length).toBeLessThan(6);
  expect(server.watches).toBe(0);
});

test('watches alike send the same, each from where it is', async () => {
  const { call, server, ledger } = await testServer(openSql());
  await call('POST', maps, configMap('a'));
  const first = await openWatch(server, `${maps}?watch=1&resourceVersion=${ledger.revision}`);
  const second = await openWatch(server, `${maps}?watch=1&resourceVersion=${ledger.revision}`);
  const ahead = await openWatch(server, `${maps}?watch=1&resourceVersion=${ledger.revision + 1}`);
  const elsewhere = await openWatch(
    server,
    `/api/v1/namespaces/other/configmaps?watch=1&resourceVersion=${ledger.revision}`,
  );
  const everywhere = await openWatch(server, `/api/v1/configmaps?watch=1&resourceVersion=${ledger.revision}`);
  await Promise.all([call('POST', maps, configMap('b')), call('POST', maps, configMap('c'))]);
  await call('DELETE', maps);
  const streams: [typeof first, string[]][] = [
    [first, ['b', 'c', 'a', 'b', 'c']],
    [second, ['b', 'c', 'a', 'b', 'c']],
    [ahead, ['c', 'a', 'b', 'c']],
    [everywhere, ['b', 'c', 'a', 'b', 'c']],
  ];
  for (const [stream, names] of streams) {
    for (const name of names) expect((await stream.next())?.object.metadata.name).toBe(name);
    await stream.cancel();
  }
  await elsewhere.cancel();
});
