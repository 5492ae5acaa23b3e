// Lists that Go writes even when they are empty, over the wire.
import { expect, test } from 'vitest';
import { openSql } from '../../../test/harness/sql.ts';
import { testServer } from '../testing.ts';

const roles = '/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles';
const slices = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices';

// biome-ignore lint/suspicious/noExplicitAny: an object of any kind
const owned = (json: any) =>
  Object.fromEntries(
    (json.metadata.managedFields ?? []).map((entry: { manager: string; fieldsV1: object }) => [
      entry.manager,
      entry.fieldsV1,
    ]),
  );

test('are null, whether they were empty or absent, in every answer', async () => {
  const { call } = await testServer(openSql());
  const bodies: [path: string, body: object, expected: object][] = [
    [roles, {}, { rules: null }],
    [roles, { rules: [] }, { rules: null }],
    [slices, { addressType: 'IPv4' }, { endpoints: null, ports: null }],
    [slices, { addressType: 'IPv4', endpoints: [], ports: [] }, { endpoints: null, ports: null }],
    ['/api/v1/namespaces/default/limitranges', { spec: {} }, { spec: { limits: null } }],
    ['/apis/storage.k8s.io/v1/csinodes', { spec: { drivers: [] } }, { spec: { drivers: null } }],
    [
      '/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers',
      { spec: { maxReplicas: 1, scaleTargetRef: { kind: 'Deployment', name: 'a', apiVersion: 'apps/v1' } } },
      { status: { currentMetrics: null } },
    ],
  ];
  for (const [i, [path, body, expected]] of bodies.entries()) {
    const name = `n${i}`;
    const wanted = expect.objectContaining(
      Object.fromEntries(
        Object.entries(expected).map(([key, value]) => [key, value && expect.objectContaining(value)]),
      ),
    );
    const dry = await call('POST', `${path}?dryRun=All`, { metadata: { name }, ...body });
    const made = await call('POST', path, { metadata: { name }, ...body });
    const answers = [
      dry,
      made,
      await call('GET', `${path}/${name}`),
      await call('PUT', `${path}/${name}`, { ...body, metadata: made.json.metadata }),
      await call('PATCH', `${path}/${name}`, { metadata: { labels: { a: 'b' } } }),
    ].map(({ json }) => json);
    answers.push((await call('GET', path)).json.items.at(-1));
    for (const answer of answers) expect(answer).toEqual(wanted);
  }
});

test('change nothing, and raise no generation, when they are sent as they are', async () => {
  const { call } = await testServer(openSql());
  const body = { metadata: { name: 'a' }, addressType: 'IPv4', endpoints: [], ports: [] };
  const made = (await call('POST', slices, body)).json;
  expect(made.metadata.generation).toBe(1);
  expect((await call('PUT', `${slices}/a`, made)).json).toEqual(made);
  expect((await call('PUT', `${slices}/a`, body)).json.metadata).toMatchObject({ generation: 1 });
});

test('belong to whoever says that they are empty', async () => {
  const { call } = await testServer(openSql());
  const create = async (name: string, body: object) =>
    owned((await call('POST', `${roles}?fieldManager=me`, { metadata: { name }, ...body })).json);
  expect(await create('absent', {})).toEqual({});
  expect(await create('null', { rules: null })).toEqual({});
  expect(await create('empty', { rules: [] })).toEqual({ me: { 'f:rules': {} } });
  const put = (body: object) =>
    call('PUT', `${roles}/empty?fieldManager=you`, { metadata: { name: 'empty' }, ...body });
  expect(owned((await put({ rules: null })).json)).toEqual({ me: { 'f:rules': {} } });
  expect(owned((await put({ rules: [] })).json)).toEqual({ you: { 'f:rules': {} } });
});
