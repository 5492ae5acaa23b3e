import { beforeEach, expect, test } from 'vitest';
import { openSql } from '../../../test/harness/sql.ts';
import type { ManagedFieldsEntry } from '../../machinery/meta.ts';
import { type Answer, type TestServer, testServer } from '../testing.ts';
import { objectBytesMax } from './store.ts';

const maps = '/api/v1/namespaces/default/configmaps';
const deployments = '/apis/apps/v1/namespaces/default/deployments';
const map = (name: string, more: object = {}) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, ...more });
const deployment = (name: string, spec: object = {}) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name },
  spec: {
    selector: { matchLabels: { app: name } },
    template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
    ...spec,
  },
});

let server: TestServer;
beforeEach(async () => {
  server = await testServer(openSql());
});

const as = (agent: string) => ({ 'user-agent': agent });
const apply = (path: string, body: unknown, manager = 'me', query = ''): Promise<Answer> =>
  server.call('PATCH', `${path}?fieldManager=${manager}${query}`, body, {
    'content-type': 'application/apply-patch+yaml',
  });
const entries = ({ json }: Answer): ManagedFieldsEntry[] => json.metadata.managedFields;
const owners = (answer: Answer) =>
  (entries(answer) ?? []).map(({ manager, operation, subresource }) =>
    [manager, operation, ...(subresource ? [subresource] : [])].join(' '),
  );
const message = ({ code, json }: Answer) => [code, json.message];

test('every write is somebody’s: of the field manager, or of the user agent up to its first slash', async () => {
  const { call, clock } = server;
  const created = await call('POST', maps, map('a', { data: { k: '1' } }), as('kubectl/v1.36.0 (linux)'));
  expect(entries(created)).toEqual([
    {
      manager: 'kubectl',
      operation: 'Update',
      apiVersion: 'v1',
      time: created.json.metadata.creationTimestamp,
      fieldsType: 'FieldsV1',
      fieldsV1: { 'f:data': { '.': {}, 'f:k': {} } },
    },
  ]);
  expect(Object.keys(created.json.metadata).at(-1)).toBe('managedFields');
  clock.advance(5000);
  const updated = await call('PUT', `${maps}/a?fieldManager=you`, map('a', { data: { k: '2' } }));
  expect(owners(updated)).toEqual(['kubectl Update', 'you Update']);
  expect(entries(updated)[0]?.fieldsV1).toEqual({ 'f:data': {} });
  const patched = await call('PATCH', `${maps}/a`, { data: { x: 'y' } }, as('cu\u00adrl/8'));
  expect(owners(patched)).toEqual(['kubectl Update', 'curl Update', 'you Update']);
  expect(owners(await call('POST', maps, map('b', { data: { k: '1' } })))).toEqual(['unknown Update']);
});

test('a write that changes nothing writes nothing, whoever it comes from and whenever', async () => {
  const { call, clock, ledger } = server;
  await call('POST', maps, map('a', { data: { k: '1' } }), as('one'));
  const { json } = await call('GET', `${maps}/a`);
  clock.advance(60_000);
  const { revision } = ledger;
  for (const body of [json, map('a', { data: { k: '1' } })])
    expect((await call('PUT', `${maps}/a`, body, as('two'))).json).toEqual(json);
  expect((await call('PATCH', `${maps}/a`, { data: { k: '1' } }, as('three'))).json).toEqual(json);
  const applied = await apply(`${maps}/a`, map('a', { data: { k: '1' } }));
  clock.advance(60_000);
  expect((await apply(`${maps}/a`, map('a', { data: { k: '1' } }))).json).toEqual(applied.json);
  expect(ledger.revision).toBe(revision + 1);
});

test('an apply creates what is absent, with 201, as YAML or JSON', async () => {
  const created = await apply(`${maps}/a`, 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  k: "1"\n');
  expect([created.code, owners(created)]).toEqual([201, ['me Apply']]);
  expect(entries(created)[0]?.fieldsV1).toEqual({ 'f:data': { 'f:k': {} } });
  const again = await apply(`${maps}/a`, map('a', { data: { x: '1' } }));
  expect([again.code, again.json.data]).toEqual([200, { x: '1' }]);
});

test('a dry run answers as if, and keeps nothing', async () => {
  const dry = await apply(`${maps}/a`, map('a', { data: { k: '1' } }), 'me', '&dryRun=All');
  expect([dry.code, owners(dry)]).toEqual([201, ['me Apply']]);
  expect((await server.call('GET', `${maps}/a`)).code).toBe(404);
});

test('conflicts name the field and its manager; force takes the field', async () => {
  await server.call('POST', deployments, deployment('d', { replicas: 1 }), as('kubectl-create/v1'));
  const refused = await apply(`${deployments}/d`, deployment('d', { replicas: 2 }));
  expect(refused.json).toEqual({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: 'Apply failed with 1 conflict: conflict with "kubectl-create" using apps/v1: .spec.replicas',
    reason: 'Conflict',
    details: {
      causes: [
        {
          reason: 'FieldManagerConflict',
          message: 'conflict with "kubectl-create" using apps/v1',
          field: '.spec.replicas',
        },
      ],
    },
    code: 409,
  });
  const forced = await apply(`${deployments}/d`, deployment('d', { replicas: 2 }), 'me', '&force=true');
  expect([forced.code, forced.json.spec.replicas, forced.json.metadata.generation]).toEqual([200, 2, 2]);
  expect(owners(forced)).toEqual(['me Apply', 'kubectl-create Update']);
  expect(JSON.stringify(entries(forced)[1])).not.toContain('f:replicas');
  // What it does not say any more goes back to the default.
  expect((await apply(`${deployments}/d`, deployment('d'))).json.spec.replicas).toBe(1);
});

test('a status has managers of its own, who own nothing of the spec', async () => {
  const { call } = server;
  await apply(`${deployments}/d`, deployment('d'));
  const body = { ...deployment('d', { replicas: 7 }), status: { observedGeneration: 1 } };
  const updated = await call('PUT', `${deployments}/d/status`, body, as('ctrl'));
  expect([updated.code, owners(updated), updated.json.spec.replicas]).toEqual([
    200,
    ['me Apply', 'ctrl Update status'],
    1,
  ]);
  expect(entries(updated)[1]?.fieldsV1).toEqual({ 'f:status': { 'f:observedGeneration': {} } });
  expect(message(await apply(`${deployments}/none/status`, deployment('none')))).toEqual([
    404,
    'deployments.apps "none" not found',
  ]);
});

test('who scales owns the replicas', async () => {
  const { call } = server;
  await apply(`${deployments}/d`, deployment('d', { replicas: 1 }));
  expect((await call('PATCH', `${deployments}/d/scale`, { spec: { replicas: 3 } }, as('scaler'))).json.spec).toEqual({
    replicas: 3,
  });
  const read = await call('GET', `${deployments}/d`);
  expect(owners(read)).toEqual(['me Apply', 'scaler Update scale']);
  expect(message(await apply(`${deployments}/d`, deployment('d', { replicas: 1 })))).toEqual([
    409,
    'Apply failed with 1 conflict: conflict with "scaler" with subresource "scale" using apps/v1: .spec.replicas',
  ]);
  const scale = { apiVersion: 'autoscaling/v1', kind: 'Scale', metadata: { name: 'd' }, spec: { replicas: 5 } };
  expect(message(await apply(`${deployments}/d/scale`, scale))[0]).toBe(409);
  expect((await apply(`${deployments}/d/scale`, scale, 'me', '&force=true')).json.spec.replicas).toBe(5);
  expect(owners(await call('GET', `${deployments}/d`))).toEqual(['me Apply scale', 'me Apply']);
});

test('managed fields can be forgotten, and are kept again from the next apply on', async () => {
  const { call } = server;
  await call('POST', maps, map('a', { data: { k: '1' } }), as('one'));
  for (const managedFields of [[], [{}]]) {
    const patch = [{ op: 'replace', path: '/metadata/managedFields', value: managedFields }];
    const type = { 'content-type': 'application/json-patch+json' };
    await call('PUT', `${maps}/a`, map('a', { data: { k: String(Math.random()) } }), as('one'));
    const forgotten = await call('PATCH', `${maps}/a`, patch, type);
    expect([forgotten.code, forgotten.json.metadata.managedFields]).toEqual([200, undefined]);
    expect(owners(await apply(`${maps}/a`, map('a', { data: { x: '1' } })))).toEqual([
      'me Apply',
      'before-first-apply Update',
    ]);
  }
});

test('what is wrong with an apply is said, never with a 5xx', async () => {
  const { call } = server;
  await call('POST', maps, map('a', { data: { k: '1' } }));
  expect(
    message(await call('PATCH', `${maps}/a`, map('a'), { 'content-type': 'application/apply-patch+yaml' })),
  ).toEqual([422, 'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch']);
  expect(message(await server.call('PATCH', `${maps}/a?force=true`, { data: {} }))[0]).toBe(422);
  for (const [body, text] of [
    ['{', 'error decoding YAML'],
    ['- a', 'error decoding YAML'],
    ['', 'invalid object type: /, Kind='],
    [map('a', { kind: 'Secret' }), 'invalid object type: /v1, Kind=Secret'],
    [map('a', { metadata: { name: 'a', managedFields: [] } }), 'metadata.managedFields must be nil'],
    [
      map('a', { data: { k: 1 } }),
      'failed to create typed patch object (/a; /v1, Kind=ConfigMap): .data.k: expected string, got &value.valueUnstructured{Value:1}',
    ],
    [
      map('a', { datum: {} }),
      'failed to create typed patch object (/a; /v1, Kind=ConfigMap): .datum: field not declared in schema',
    ],
    [map('a', { metadata: null }), ''],
    [map('b'), 'the name of the object (b) does not match the name on the URL (a)'],
  ] as const) {
    const refused = await apply(`${maps}/a`, body);
    if (text !== '') expect(message(refused)).toEqual([400, expect.stringContaining(text)]);
    expect(refused.code).toBeLessThan(500);
  }
  for (const [name, body] of [
    ['y', map('y')],
    ['A_b', map('A_b')],
  ] as const)
    expect(message(await apply(`${maps}/x`, body))).toEqual([
      400,
      `the name of the object (${name}) does not match the name on the URL (x)`,
    ]);
  expect((await server.call('GET', `${maps}/y`)).code).toBe(404);
  expect(message(await apply(`${maps}/x`, []))).toEqual([
    400,
    'error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal array into Go value of type map[string]interface {}',
  ]);
  expect(message(await apply(`${maps}/x`, map('x', { metadata: {} })))).toEqual([
    400,
    'the name of the object (x based on URL) was undeterminable: name must be provided',
  ]);
  expect(message(await apply(`${maps}/x`, map('x', { metadata: { name: 'x', uid: 'u' } })))).toEqual([
    409,
    'Operation cannot be fulfilled on configmaps "x": uid mismatch: the provided object specified uid u, and no existing object was found',
  ]);
  const stale = map('a', { metadata: { name: 'a', resourceVersion: '1' } });
  expect(message(await apply(`${maps}/a`, stale))[0]).toBe(409);
});

test('keys that a configuration has twice are warned of, or refused', async () => {
  const body = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {k: "1", k: "2"}\n';
  const warned = await apply(`${maps}/a`, body);
  expect([warned.code, warned.json.data]).toEqual([201, { k: '2' }]);
  expect(warned.headers.get('warning')).toBe('299 - "line 4: key \\"k\\" already set in map"');
  expect(message(await apply(`${maps}/a`, body, 'me', '&fieldValidation=Strict'))).toEqual([
    400,
    'error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal errors:\n  line 4: key "k" already set in map',
  ]);
  const json = '{"apiVersion":"v1","kind":"ConfigMap",\n"metadata":{"name":"a"},"data":{"k":"1","k":"2"}}';
  expect((await apply(`${maps}/a`, json)).headers.get('warning')).toBe(
    '299 - "line 2: key \\"k\\" already set in map"',
  );
  expect((await apply(`${maps}/a`, body, 'me', '&fieldValidation=Ignore')).headers.get('warning')).toBeNull();
});

test('what is too large for the store loses its managed fields, unless it is applied', async () => {
  const { call } = server;
  const padded = (name: string, length: number) => {
    const one = deployment(name);
    const container = { ...one.spec.template.spec.containers[0], args: ['x'.repeat(length)] };
    return deployment(name, { template: { ...one.spec.template, spec: { containers: [container] } } });
  };
  const { text, json } = await call('POST', deployments, padded('a', 1));
  const length = objectBytesMax - text.length + JSON.stringify(json.metadata.managedFields).length;
  const created = await call('POST', deployments, padded('b', length));
  expect([created.code, entries(created)]).toEqual([201, undefined]);
  expect((await apply(`${deployments}/c`, padded('c', length + 100))).code).toBe(413);
  expect((await call('POST', deployments, padded('d', length + 500))).code).toBe(413);
});

test('the same object in two versions is owned by version', async () => {
  const { call } = server;
  const path = (version: string) => `/apis/autoscaling/${version}/namespaces/default/horizontalpodautoscalers`;
  const scaleTargetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'd' };
  const body = {
    metadata: { name: 'h' },
    spec: { scaleTargetRef, maxReplicas: 3, targetCPUUtilizationPercentage: 50 },
  };
  expect((await call('POST', path('v1'), body, as('old'))).code).toBe(201);
  const patched = await call('PATCH', `${path('v2')}/h`, { spec: { maxReplicas: 5 } }, as('new'));
  expect(entries(patched).map(({ manager, apiVersion }) => [manager, apiVersion])).toEqual([
    ['new', 'autoscaling/v2'],
    ['old', 'autoscaling/v1'],
  ]);
  expect(JSON.stringify(entries(patched)[1])).not.toContain('maxReplicas');
  const applied = {
    apiVersion: 'autoscaling/v1',
    kind: 'HorizontalPodAutoscaler',
    metadata: { name: 'h' },
    spec: { maxReplicas: 7 },
  };
  expect(message(await apply(`${path('v1')}/h`, applied))).toEqual([
    409,
    'Apply failed with 1 conflict: conflict with "new" using autoscaling/v2: .spec.maxReplicas',
  ]);
});

test('controllers’ writes are those of the component that upstream has them in', async () => {
  const resource = { group: '', version: 'v1', plural: 'configmaps', kind: 'ConfigMap', namespaced: true };
  const object = { metadata: { name: 'a', namespace: 'default' }, data: { k: '1' } };
  const write = async (user: string, name: string) => {
    const body = { ...object, metadata: { ...object.metadata, name } };
    const [outcome] = await server.server.client(user).write([{ verb: 'create', resource, object: body }]);
    return outcome?.ok ? outcome.object.metadata.managedFields?.[0]?.manager : outcome?.status;
  };
  expect(await write('deployment-controller', 'a')).toBe('kube-controller-manager');
  expect(await write('system:kube-scheduler', 'b')).toBe('kube-scheduler');
  expect(await write('system:node:n1', 'c')).toBe('kubelet');
  const apply = {
    verb: 'apply' as const,
    resource,
    manager: 'x',
    object: map('a', { metadata: object.metadata, data: { k: '2' } }),
  };
  const outcomes = await server.server.client('tester').write([apply as never, { ...apply, force: true } as never]);
  expect(outcomes.map((outcome) => (outcome.ok ? 'ok' : outcome.status.reason))).toEqual(['Conflict', 'ok']);
});
