import { expect, test } from 'vitest';
import { openSql } from '../../../test/harness/sql.ts';
import { protobuf } from '../../generated/schemas/protobuf.ts';
import { createLedger } from '../../ledger/ledger.ts';
import type { Ledger, WriteView } from '../../ledger/types.ts';
import { encodeProtobuf } from '../../machinery/schema/protobuf-writer.ts';
import { defaultClusterConfig } from '../../ports/index.ts';
import type { AdmissionPlugin } from '../admission/chain.ts';
import { TestTimers, testServer } from '../testing.ts';

const maps = '/api/v1/namespaces/default/configmaps';

test('lists are paged at one revision, and expire', async () => {
  const { call, ledger } = await testServer(openSql());
  for (const name of ['a', 'b', 'c', 'd', 'e']) await call('POST', maps, { metadata: { name } });
  const first = await call('GET', `${maps}?limit=2`);
  expect(first.json.metadata).toMatchObject({ remainingItemCount: 3 });
  await call('DELETE', `${maps}/d`);
  const { continue: token, resourceVersion } = first.json.metadata;
  const second = await call('GET', `${maps}?limit=10&continue=${token}`);
  expect(second.json.items.map((item: { metadata: { name: string } }) => item.metadata.name)).toEqual(['c', 'd', 'e']);
  expect(second.json.metadata).toEqual({ resourceVersion });
  const exact = await call('GET', `${maps}?resourceVersion=${resourceVersion}&resourceVersionMatch=Exact`);
  expect(exact.json.items).toHaveLength(5);
  ledger.compact(ledger.revision);
  const expired = await call('GET', `${maps}?limit=10&continue=${token}`);
  expect([expired.code, expired.json.reason]).toEqual([410, 'Expired']);
  const resumed = await call('GET', `${maps}?limit=10&continue=${expired.json.metadata.continue}`);
  expect(resumed.json.items).toHaveLength(2);
  expect((await call('GET', `${maps}?resourceVersion=2&resourceVersionMatch=Exact`)).code).toBe(410);
  expect((await call('GET', `${maps}?continue=nonsense`)).code).toBe(400);
});

test('long lists are streamed whole', async () => {
  const { call, server } = await testServer(openSql());
  const writes = Array.from({ length: 1234 }, (_, index) => ({
    verb: 'create' as const,
    resource: { group: '', version: 'v1', plural: 'configmaps', kind: 'ConfigMap', namespaced: true },
    namespace: 'default',
    object: { metadata: { name: `m${index}` } },
  }));
  expect((await server.client('tester').write(writes)).every(({ ok }) => ok)).toBe(true);
  expect((await call('GET', maps)).json.items).toHaveLength(1234);
  expect((await call('GET', `${maps}?labelSelector=none`)).json.items).toEqual([]);
  expect((await call('GET', maps, undefined, { accept: 'application/yaml' })).text).toMatch(
    /^apiVersion: v1\nitems:\n- metadata:\n/,
  );
});

test('an update that changes nothing writes nothing; dry run neither', async () => {
  const { call, ledger } = await testServer(openSql());
  const { json } = await call('POST', maps, { metadata: { name: 'a' }, data: { x: '1', y: '2' } });
  const { revision } = ledger;
  const same = await call('PUT', `${maps}/a`, { ...json, data: { y: '2', x: '1' } });
  expect([same.code, same.json.metadata.resourceVersion]).toEqual([200, json.metadata.resourceVersion]);
  const dry = await call('PATCH', `${maps}/a?dryRun=All`, { data: { x: '9' } });
  expect(dry.json.data.x).toBe('9');
  expect((await call('POST', `${maps}?dryRun=All`, { metadata: { name: 'b' } })).code).toBe(201);
  expect((await call('DELETE', `${maps}/a?dryRun=All`)).code).toBe(200);
  expect(ledger.revision).toBe(revision);
  const wrong = await call('POST', `${maps}?dryRun=yes`, { metadata: { name: 'b' } });
  expect(wrong.json).toMatchObject({ code: 422, reason: 'Invalid' });
});

/** A ledger that carries every commit out twice: once in a group that is rolled back, then for good. */
function rerunning(ledger: Ledger): Ledger {
  const commit = async <T>(work: (tx: WriteView) => T): Promise<T> => {
    const rolledBack = new Error('rolled back');
    await ledger
      .commit((tx) => {
        work(tx);
        throw rolledBack;
      })
      .catch((error) => expect(error).toBe(rolledBack));
    return ledger.commit(work);
  };
  return new Proxy(ledger, {
    get: (target, property) => {
      if (property === 'commit') return commit;
      const value = Reflect.get(target, property, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

test('a write that is run again leaves no trace of its first run', async () => {
  const clock = new TestTimers();
  const plain = createLedger({ sql: openSql(), clock, config: defaultClusterConfig });
  let runs = 0;
  const marks: AdmissionPlugin = {
    name: 'Marks',
    admit({ object, operation, warn }) {
      if (!object || operation !== 'CREATE') return;
      object.metadata.labels = { ...object.metadata.labels, [`run${++runs}`]: '' };
      warn(`run ${runs}`);
    },
  };
  const { call } = await testServer(openSql(), {
    ledger: rerunning(plain),
    clock,
    timers: clock,
    admission: [marks],
    start: false,
  });
  const data = { a: '1' };
  const first = await call('POST', maps, { metadata: { generateName: 'p-' }, data, unknown: 1 });
  expect(first.code, first.text).toBe(201);
  expect(first.headers.get('warning')).toBe('299 - "unknown field \\"unknown\\"", 299 - "run 2"');
  expect(first.json.metadata.labels).toEqual({ run2: '' });
  const at = `${maps}/${first.json.metadata.name}`;
  const updated = await call('PUT', at, { ...first.json, data: { a: '2' } });
  expect([updated.code, updated.json.data]).toEqual([200, { a: '2' }]);
  const patched = await call('PATCH', at, { data: { b: '3' } });
  expect([patched.code, patched.json.data]).toEqual([200, { a: '2', b: '3' }]);
  const listed = (await call('GET', maps)).json.items;
  expect(listed).toHaveLength(1);
  expect((await call('DELETE', at)).code).toBe(200);
});

test('preconditions, names and namespaces', async () => {
  const { call } = await testServer(openSql());
  const { json } = await call('POST', maps, { metadata: { name: 'a' } });
  const message = async (method: string, path: string, body: unknown) => (await call(method, path, body)).json.message;
  expect(await message('POST', maps, { metadata: { name: 'b', resourceVersion: '1' } })).toBe(
    'resourceVersion should not be set on objects to be created',
  );
  expect(await message('POST', maps, { metadata: { name: 'b', namespace: 'other' } })).toBe(
    'the namespace of the provided object does not match the namespace sent on the request',
  );
  expect(await message('PUT', `${maps}/a`, { metadata: { name: 'b' } })).toBe(
    'the name of the object (b) does not match the name on the URL (a)',
  );
  expect(await message('DELETE', `${maps}/a`, { preconditions: { uid: 'x' } })).toBe(
    `Operation cannot be fulfilled on ConfigMap "a": the UID in the precondition (x) does not match the UID in record (${json.metadata.uid}). The object might have been deleted and then recreated`,
  );
  expect(await message('PATCH', `${maps}/a`, { metadata: { resourceVersion: '1' } })).toContain(
    'the object has been modified',
  );
  expect(await message('POST', '/api/v1/namespaces/nowhere/configmaps', { metadata: { name: 'b' } })).toBe(
    'namespaces "nowhere" not found',
  );
  expect(await message('POST', maps, {})).toContain('name or generateName is required');
});

test('finalizers hold a deletion back; the last one lets it go', async () => {
  const { call } = await testServer(openSql());
  await call('POST', maps, { metadata: { name: 'a', finalizers: ['example.com/wait'] } });
  const deleted = await call('DELETE', `${maps}/a`, { propagationPolicy: 'Foreground' });
  expect(deleted.code).toBe(200);
  expect(deleted.json.metadata).toMatchObject({
    deletionGracePeriodSeconds: 0,
    finalizers: ['example.com/wait', 'foregroundDeletion'],
  });
  const more = await call('PATCH', `${maps}/a`, { metadata: { finalizers: ['example.com/wait', 'example.com/more'] } });
  expect(more.json.message).toContain('no new finalizers can be added if the object is being deleted');
  expect((await call('DELETE', `${maps}/a`)).code).toBe(200);
  expect((await call('PATCH', `${maps}/a`, { metadata: { finalizers: null } })).code).toBe(200);
  expect((await call('GET', `${maps}/a`)).code).toBe(404);
});

test('a pod is deleted with grace, which a second delete shortens', async () => {
  const { call, clock } = await testServer(openSql());
  await call('POST', '/api/v1/namespaces/default/serviceaccounts', { metadata: { name: 'default' } });
  const pods = '/api/v1/namespaces/default/pods';
  const pod = await call('POST', pods, {
    metadata: { name: 'p' },
    spec: { nodeName: 'n1', containers: [{ name: 'c', image: 'i' }] },
  });
  expect(pod.code).toBe(201);
  expect(pod.json.spec.tolerations).toHaveLength(2);
  expect(pod.json.spec.serviceAccountName).toBe('default');
  const first = await call('DELETE', `${pods}/p`);
  expect(first.json.metadata.deletionGracePeriodSeconds).toBe(30);
  expect(Date.parse(first.json.metadata.deletionTimestamp)).toBe(clock.ms + 30_000);
  const longer = await call('DELETE', `${pods}/p?gracePeriodSeconds=60`);
  expect(longer.json.metadata.deletionGracePeriodSeconds).toBe(30);
  const shorter = await call('DELETE', `${pods}/p`, { gracePeriodSeconds: 5 });
  expect(Date.parse(shorter.json.metadata.deletionTimestamp)).toBe(clock.ms + 5_000);
  expect((await call('DELETE', `${pods}/p`, { gracePeriodSeconds: 0 })).json.kind).toBe('Pod');
  expect((await call('GET', `${pods}/p`)).code).toBe(404);
});

test('deletecollection deletes what is selected', async () => {
  const { call } = await testServer(openSql());
  for (const name of ['a', 'b', 'c'])
    await call('POST', maps, { metadata: { name, labels: { keep: String(name === 'c') } } });
  expect((await call('DELETE', `${maps}?labelSelector=keep%3Dfalse`)).json.items).toHaveLength(2);
  expect((await call('GET', maps)).json.items).toHaveLength(1);
});

test('deletecollection keeps to a limit, and goes on from there', async () => {
  const { call } = await testServer(openSql());
  for (const name of ['a', 'b', 'c']) await call('POST', maps, { metadata: { name } });
  const first = await call('DELETE', `${maps}?limit=2`);
  expect([first.json.items.length, first.json.metadata.remainingItemCount]).toEqual([2, 1]);
  expect((await call('GET', maps)).json.items).toHaveLength(1);
  const rest = await call('DELETE', `${maps}?limit=2&continue=${first.json.metadata.continue}`);
  expect([rest.json.items.length, rest.json.metadata.continue]).toEqual([1, undefined]);
  expect((await call('GET', maps)).json.items).toEqual([]);
});

test('a binding may be posted to the collection of its namespace', async () => {
  const { call } = await testServer(openSql());
  await call('POST', '/api/v1/namespaces/default/serviceaccounts', { metadata: { name: 'default' } });
  const spec = { containers: [{ name: 'c', image: 'i' }] };
  await call('POST', '/api/v1/namespaces/default/pods', { metadata: { name: 'p' }, spec });
  const bindings = '/api/v1/namespaces/default/bindings';
  const target = { kind: 'Node', name: 'n' };
  const nodeName = async () => (await call('GET', '/api/v1/namespaces/default/pods/p')).json.spec.nodeName;
  expect((await call('POST', `${bindings}?dryRun=All`, { metadata: { name: 'p' }, target })).code).toBe(201);
  expect(await nodeName()).toBeUndefined();
  const bound = await call('POST', bindings, { metadata: { name: 'p' }, target });
  expect([bound.code, bound.json.kind, bound.json.status]).toEqual([201, 'Status', 'Success']);
  expect(await nodeName()).toBe('n');
  expect((await call('POST', bindings, { metadata: { name: 'p' }, target })).code).toBe(409);
  expect((await call('POST', bindings, { metadata: { name: 'q' }, target })).code).toBe(404);
  expect((await call('POST', bindings, { target })).code).toBe(400);
  expect((await call('POST', '/api/v1/bindings', { metadata: { name: 'p' }, target })).code).toBe(404);
});

test('JSON patches, wrong types and server-side apply', async () => {
  const { call } = await testServer(openSql());
  await call('POST', maps, { metadata: { name: 'a' }, data: { x: '1' } });
  const json = { 'content-type': 'application/json-patch+json' };
  expect((await call('PATCH', `${maps}/a`, [{ op: 'replace', path: '/data/x', value: '2' }], json)).json.data.x).toBe(
    '2',
  );
  expect((await call('PATCH', `${maps}/a`, [{ op: 'test', path: '/data/x', value: '3' }], json)).code).toBe(422);
  expect((await call('PATCH', `${maps}/a`, '{', json)).code).toBe(400);
  expect((await call('PATCH', `${maps}/a`, {}, { 'content-type': 'application/apply-patch+yaml' })).code).toBe(422);
  expect((await call('POST', maps, '<x/>', { 'content-type': 'text/xml' })).code).toBe(415);
  expect(
    (await call('POST', maps, 'metadata: {name: why}\ndata: {a: b}\n', { 'content-type': 'application/yaml' })).code,
  ).toBe(201);
  expect((await call('GET', maps, undefined, { accept: 'text/html' })).code).toBe(406);
  expect(
    (await call('GET', maps, undefined, { accept: 'application/vnd.kubernetes.protobuf,application/json' })).code,
  ).toBe(200);
  expect(
    (await call('POST', maps, { metadata: { name: 'big' }, data: { x: 'x'.repeat(4_000_000) } })).json,
  ).toMatchObject({
    code: 413,
    message: 'Request entity too large: limit is 3145728',
  });
  expect((await call('PUT', '/api/v1/namespaces/default/pods', {})).code).toBe(405);
  expect((await call('GET', '/api/v1/nothing')).code).toBe(404);
});

test('protobuf bodies, as kubectl create sends them', async () => {
  const { call } = await testServer(openSql());
  const body = encodeProtobuf(protobuf(), 'io.k8s.api.core.v1.ConfigMap', {
    kind: 'ConfigMap',
    apiVersion: 'v1',
    metadata: { name: 'proto' },
    data: { a: 'b' },
  });
  const type = { 'content-type': 'application/vnd.kubernetes.protobuf' };
  expect((await call('POST', maps, body, type)).json).toMatchObject({ metadata: { name: 'proto' }, data: { a: 'b' } });
  expect((await call('POST', maps, body.subarray(0, 20), type)).code).toBe(400);
  expect((await call('POST', '/api/v1/namespaces/default/secrets', body, type)).code).toBe(400);
});
