// What writes are answered with, request by request: codes, reasons, messages and causes as upstream has them.
import { beforeAll, describe, expect, test } from 'vitest';
import { openSql } from '../../../test/harness/sql.ts';
import { type Answer, type TestServer, testServer } from '../testing.ts';

const maps = '/api/v1/namespaces/default/configmaps';
const leases = '/apis/coordination.k8s.io/v1/namespaces/default/leases';
const json = 'application/json-patch+json';
const strategic = 'application/strategic-merge-patch+json';

let server: TestServer;
beforeAll(async () => {
  server = await testServer(openSql());
  await server.call('POST', maps, { metadata: { name: 'a', labels: { x: 'y' } }, data: { k: 'v' } });
});
const call = (method: string, path: string, body?: unknown, type?: string): Promise<Answer> =>
  server.call(method, path, body, type ? { 'content-type': type } : {});

type Row = [method: string, path: string, body: unknown, code: number, message: string, type?: string];

const refusals: Row[] = [
  [
    'POST',
    maps,
    '',
    400,
    "the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: unexpected end of JSON input (<empty>)",
  ],
  [
    'POST',
    maps,
    '[]',
    400,
    'the object provided is unrecognized (must be of type ConfigMap): couldn\'t get version/kind; json parse error: json: cannot unmarshal array into Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" } (5b5d)',
  ],
  [
    'POST',
    maps,
    'null',
    422,
    'ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required',
  ],
  [
    'POST',
    maps,
    { kind: 1 },
    400,
    'the object provided is unrecognized (must be of type ConfigMap): couldn\'t get version/kind; json parse error: json: cannot unmarshal number into Go struct field .kind of type string ({"kind":1})',
  ],
  [
    'POST',
    maps,
    { kind: 'Secret' },
    400,
    'Secret in version "v1" cannot be handled as a ConfigMap: converting (v1.Secret) to (core.ConfigMap): unknown conversion',
  ],
  [
    'POST',
    maps,
    { kind: 'Status' },
    400,
    'Status in version "v1" cannot be handled as a ConfigMap: converting (v1.Status) to (core.ConfigMap): unknown conversion',
  ],
  [
    'POST',
    maps,
    { kind: 'Nope' },
    400,
    'Nope in version "v1" cannot be handled as a ConfigMap: no kind "Nope" is registered for version "v1" in scheme "pkg/api/legacyscheme/scheme.go:30"',
  ],
  [
    'POST',
    maps,
    { apiVersion: 'v2' },
    400,
    'ConfigMap in version "v2" cannot be handled as a ConfigMap: no kind "ConfigMap" is registered for version "v2" in scheme "pkg/api/legacyscheme/scheme.go:30"',
  ],
  [
    'POST',
    maps,
    { apiVersion: 'a/b/c' },
    400,
    'the object provided is unrecognized (must be of type ConfigMap): unexpected GroupVersion string: a/b/c ({"apiVersion":"a/b/c"})',
  ],
  [
    'POST',
    '/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers',
    { kind: 'HorizontalPodAutoscaler', apiVersion: 'autoscaling/v1' },
    400,
    'the API version in the data (autoscaling/v1) does not match the expected API version (autoscaling/v2)',
  ],
  [
    'POST',
    maps,
    { metadata: { name: 'b', labels: { a: 1 } } },
    400,
    'ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string',
  ],
  [
    'POST',
    maps,
    { metadata: { name: 'b', resourceVersion: '3' } },
    400,
    'resourceVersion should not be set on objects to be created',
  ],
  [
    'POST',
    maps,
    { metadata: { name: 'b', namespace: 'c' } },
    400,
    'the namespace of the provided object does not match the namespace sent on the request',
  ],
  ['POST', maps, { metadata: { name: 'a' } }, 409, 'configmaps "a" already exists'],
  [
    'POST',
    `${maps}?dryRun=x`,
    {},
    422,
    'CreateOptions.meta.k8s.io "" is invalid: dryRun: Unsupported value: ["x"]: supported values: "All"',
  ],
  [
    'POST',
    `${maps}?dryRun=`,
    {},
    422,
    'CreateOptions.meta.k8s.io "" is invalid: dryRun: Unsupported value: [""]: supported values: "All"',
  ],
  [
    'POST',
    `${maps}?fieldManager=%00`,
    {},
    422,
    'CreateOptions.meta.k8s.io "" is invalid: fieldManager: Invalid value: "\\x00": invalid character U+0000 (at position 0)',
  ],
  [
    'POST',
    `${maps}?fieldValidation=x`,
    {},
    422,
    'CreateOptions.meta.k8s.io "" is invalid: fieldValidation: Unsupported value: "x": supported values: "", "Ignore", "Strict", "Warn"',
  ],
  [
    'PUT',
    `${maps}/a`,
    { data: {} },
    400,
    'the name of the object (a based on URL) was undeterminable: name must be provided',
  ],
  [
    'PUT',
    `${maps}/a`,
    { metadata: { name: 'b' } },
    400,
    'the name of the object (b) does not match the name on the URL (a)',
  ],
  ['PUT', `${maps}/nope`, { metadata: { name: 'nope', uid: 'x' } }, 404, 'configmaps "nope" not found'],
  [
    'PUT',
    `${leases}/nope`,
    { metadata: { name: 'nope', uid: 'x' } },
    409,
    'Operation cannot be fulfilled on leases.coordination.k8s.io "nope": StorageError: invalid object, Code: 4, Key: /registry/leases/default/nope, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: x, UID in object meta: ',
  ],
  [
    'PUT',
    `${maps}/a`,
    { metadata: { name: 'a', resourceVersion: '1' } },
    409,
    'Operation cannot be fulfilled on configmaps "a": the object has been modified; please apply your changes to the latest version and try again',
  ],
  [
    'PUT',
    `${maps}/a?dryRun=x`,
    {},
    422,
    'UpdateOptions.meta.k8s.io "" is invalid: dryRun: Unsupported value: ["x"]: supported values: "All"',
  ],
  [
    'PATCH',
    `${maps}/a`,
    { metadata: { name: null } },
    400,
    'the name of the object (a based on URL) was undeterminable: name must be provided',
  ],
  [
    'PATCH',
    `${maps}/a`,
    { metadata: { resourceVersion: '1' } },
    409,
    'Operation cannot be fulfilled on configmaps "a": the object has been modified; please apply your changes to the latest version and try again',
  ],
  [
    'PATCH',
    `${maps}/a`,
    [],
    400,
    'error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}',
  ],
  ['PATCH', `${maps}/a`, 'null', 400, 'Invalid JSON Patch'],
  ['PATCH', `${maps}/a`, '{', 400, 'error decoding patch: unexpected end of JSON input'],
  ['PATCH', `${maps}/nope`, '{', 404, 'configmaps "nope" not found'],
  [
    'PATCH',
    `${maps}/a?force=true`,
    {},
    422,
    'PatchOptions.meta.k8s.io "" is invalid: force: Forbidden: may not be specified for non-apply patch',
  ],
  [
    'PATCH',
    `${maps}/a?fieldManager=`,
    {},
    422,
    'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
    'application/apply-patch+yaml',
  ],
  ['PATCH', `${maps}/a`, {}, 415, '415: Unsupported Media Type', 'application/json'],
  ['PATCH', `${maps}/a`, {}, 415, '415: Unsupported Media Type', 'Application/Merge-Patch+JSON'],
  [
    'PATCH',
    `${maps}/a`,
    [{ op: 'test', path: '/data/k', value: 'w' }],
    422,
    'the server rejected our request due to an error in our request',
    json,
  ],
  [
    'PATCH',
    `${maps}/a`,
    ['x'],
    400,
    'error decoding patch: json: cannot unmarshal string into Go value of type handlers.jsonPatchOp',
    json,
  ],
  [
    'PATCH',
    `${maps}/a`,
    Array.from({ length: 10_001 }, () => ({ op: 'test', path: '/kind', value: 'ConfigMap' })),
    413,
    'Request entity too large: The allowed maximum operations in a JSON patch is 10000, got 10001',
    json,
  ],
  [
    'PATCH',
    `${maps}/a`,
    { data: 'x' },
    422,
    ' "" is invalid: patch: Invalid value: "map[data:x]": cannot restore map from string',
    strategic,
  ],
  [
    'PATCH',
    `${maps}/a`,
    { data: { k: 3 } },
    422,
    ' "" is invalid: patch: Invalid value: "map[data:map[k:3]]": cannot convert int64 to string',
    strategic,
  ],
  [
    'PATCH',
    `${maps}/a`,
    { data: { $patch: 'merge', k: 'w' } },
    400,
    'unknown patch type: merge in map: map[$patch:merge k:w]',
    strategic,
  ],
  [
    'PATCH',
    `${maps}/a`,
    { $retainKeys: [1, [null], {}], data: {} },
    400,
    'invalid patch format of retainKeys',
    strategic,
  ],
  [
    'POST',
    maps,
    {},
    415,
    'the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf',
    'text/plain',
  ],
  [
    'POST',
    maps,
    {},
    415,
    'the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf',
    'application/json;;',
  ],
  ['POST', maps, ' '.repeat(3 * 1024 * 1024 + 1), 413, 'Request entity too large: limit is 3145728'],
  [
    'DELETE',
    `${maps}/a`,
    { preconditions: { resourceVersion: 'x' } },
    409,
    'Operation cannot be fulfilled on ConfigMap "a": the ResourceVersion in the precondition (x) does not match the ResourceVersion in record (REVISION). The object might have been modified',
  ],
  [
    'DELETE',
    `${maps}/a`,
    { propagationPolicy: 'Orphan', orphanDependents: true },
    422,
    'DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Invalid value: "Orphan": orphanDependents and deletionPropagation cannot be both set',
  ],
  [
    'DELETE',
    `${maps}/a?propagationPolicy=x`,
    undefined,
    422,
    'DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Unsupported value: "x": supported values: "Foreground", "Background", "Orphan", "nil"',
  ],
  ['DELETE', `${maps}/a?gracePeriodSeconds=x`, undefined, 400, 'strconv.ParseInt: parsing "x": invalid syntax'],
  [
    'DELETE',
    `${maps}/a?gracePeriodSeconds=99999999999999999999`,
    undefined,
    400,
    'strconv.ParseInt: parsing "99999999999999999999": value out of range',
  ],
  [
    'DELETE',
    `${maps}/a`,
    { gracePeriodSeconds: 'x' },
    400,
    'json: cannot unmarshal string into Go struct field DeleteOptions.gracePeriodSeconds of type int64',
  ],
  [
    'DELETE',
    `${maps}/a`,
    { kind: 'ConfigMap', apiVersion: 'v1' },
    400,
    'no kind "ConfigMap" is registered for version "v1" in scheme "pkg/apis/meta/internalversion/scheme/register.go:27"',
  ],
  ['DELETE', `${maps}/nope`, undefined, 404, 'configmaps "nope" not found'],
];

test.each(refusals)('%s %s %j', async (method, path, body, code, message, type) => {
  const answer = await call(method, path, body, type);
  const said = answer.json.message.replace(/in record \(\d+\)/, 'in record (REVISION)');
  expect([answer.code, said]).toEqual([code, message]);
});

describe('causes', () => {
  const fields = (answer: Answer) =>
    answer.json.details.causes.map((cause: { field: string; reason: string }) => `${cause.field} ${cause.reason}`);

  test('of an update are those of every look at the metadata', async () => {
    const labels = await call('PATCH', `${maps}/a`, { metadata: { labels: { 'a b': 'c' } } });
    expect(fields(labels)).toEqual(Array(4).fill('metadata.labels FieldValueInvalid'));
    expect(labels.json.message).toMatch(/^ConfigMap "a" is invalid: metadata.labels: Invalid value: "a b": name part/);
    const uid = await call('PATCH', `${maps}/a`, { metadata: { uid: 'other' } });
    expect([uid.code, fields(uid)]).toEqual([422, Array(2).fill('metadata.uid FieldValueInvalid')]);
    const finalizers = await call('PATCH', `${maps}/a`, { metadata: { finalizers: ['plain'] } });
    expect(fields(finalizers)).toEqual(Array(2).fill('metadata.finalizers[0] FieldValueInvalid'));
  });

  test('of a patch that does not apply there are none; of what it leaves, one', async () => {
    expect((await call('PATCH', `${maps}/a`, [{ op: 'remove', path: '/x' }], json)).json.details).toEqual({});
    const left = await call('PATCH', `${maps}/a`, { data: 'x' });
    expect(left.json.details).toMatchObject({ causes: [{ field: 'patch', reason: 'FieldValueInvalid' }] });
    expect(left.json.details.causes[0].message).toMatch(
      /^Invalid value: "\{\\"apiVersion\\":\\"v1\\",\\"data\\":\\"x\\",\\"kind\\":\\"ConfigMap\\",.*": json: cannot unmarshal string into Go struct field ConfigMap.data of type map\[string\]string$/,
    );
  });
});

test('a patch that makes no object of a converted kind is refused with what it makes', async () => {
  const events = '/apis/events.k8s.io/v1/namespaces/default/events';
  const body = {
    metadata: { name: 'e' },
    eventTime: '2026-01-01T00:00:00.000000Z',
    ...{ action: 'a', reason: 'r', type: 'Normal', reportingController: 'a.b/c', reportingInstance: 'i' },
    regarding: { kind: 'Pod', name: 'p', namespace: 'default' },
  };
  expect((await call('POST', events, body)).code).toBe(201);
  const { code, json } = await call('PATCH', `${events}/e`, { note: 5 });
  expect([code, json.details.causes[0].message]).toEqual([422, expect.stringContaining('"note\\":5')]);
});

describe('field validation', () => {
  const text = '{"metadata":{"name":"f"},"nope":1,"data":{"k":"1","k":"2"},"metadata2":{}}';
  const problems = ['unknown field "nope"', 'duplicate field "data.k"', 'unknown field "metadata2"'];

  test('warns unless told otherwise, in the order of the text', async () => {
    const { code, headers } = await call('POST', `${maps}?dryRun=All`, text);
    expect(code).toBe(201);
    expect(headers.get('warning')).toBe(problems.map((one) => `299 - ${JSON.stringify(one)}`).join(', '));
  });
  test('Ignore says nothing', async () => {
    const { code, headers } = await call('POST', `${maps}?dryRun=All&fieldValidation=Ignore`, text);
    expect([code, headers.get('warning')]).toEqual([201, null]);
  });
  test('of YAML names lines', async () => {
    const yaml = 'metadata: {name: f}\ndata:\n  k: a\n  k: b\nnope: 1\n';
    const repeated = 'line 4: key "k" already set in map';
    const { headers } = await call('POST', `${maps}?dryRun=All`, yaml, 'application/yaml');
    expect(headers.get('warning')).toBe(
      [repeated, 'unknown field "nope"'].map((one) => `299 - ${JSON.stringify(one)}`).join(', '),
    );
    const { json } = await call('POST', `${maps}?dryRun=All&fieldValidation=Strict`, yaml, 'application/yaml');
    expect(json.message).toBe(
      `ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: yaml: unmarshal errors:\n  ${repeated}, unknown field "nope"`,
    );
  });
  test('Strict refuses', async () => {
    const { code, json } = await call('POST', `${maps}?dryRun=All&fieldValidation=Strict`, text);
    expect([code, json.message]).toEqual([
      400,
      `ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: ${problems.join(', ')}`,
    ]);
  });
  test.each([
    [
      'a merge patch',
      '{"nope":1,"data":{"k":"1","k":"2"}}',
      undefined,
      'duplicate field "data.k", unknown field "nope"',
    ],
    [
      'a strategic merge patch',
      '{"nope":1,"data":{"k":"1","k":"2"}}',
      strategic,
      'duplicate field "data.k", unknown field "nope"',
    ],
    [
      'a JSON patch',
      '[{"op":"add","path":"/nope","value":1,"comment":2}]',
      json,
      'json patch unknown field "[0].comment", unknown field "nope"',
    ],
  ])('of %s', async (_, patch, type, message) => {
    const warned = await call('PATCH', `${maps}/a?dryRun=All`, patch, type);
    expect(warned.headers.get('warning')).toBe(
      message.replace(/[^,]+ field "[^"]+"/g, (one) => `299 - ${JSON.stringify(one.trim())}`).replace(/,299/g, ', 299'),
    );
    const strict = await call('PATCH', `${maps}/a?dryRun=All&fieldValidation=Strict`, patch, type);
    expect(strict.code).toBe(422);
    expect(strict.json.message).toContain(`: strict decoding error: ${message}`);
  });
});

describe('owners', () => {
  const owner = { apiVersion: 'v1', kind: 'X', name: 'o', uid: 'u' };
  test('count once', async () => {
    const { json, headers } = await call('POST', maps, {
      metadata: { name: 'owned', ownerReferences: [owner, owner] },
    });
    expect(json.metadata.ownerReferences).toEqual([owner]);
    expect(headers.get('warning')).toMatch(
      /^299 - "\.metadata\.ownerReferences contains duplicate entries; .*observed: u"$/,
    );
    const patched = await call('PATCH', `${maps}/owned`, { metadata: { ownerReferences: [owner, owner] } });
    expect(patched.json.metadata.ownerReferences).toEqual([owner]);
    expect(patched.headers.get('warning')).toContain('duplicate entries after mutating admission happens');
  });
});

describe('deletion', () => {
  const finalizers = async (name: string) => (await call('GET', `${maps}/${name}`)).json.metadata?.finalizers;
  const steps: [name: string, own: string[], query: string, code: number, left: string[] | undefined][] = [
    ['o1', [], 'propagationPolicy=Orphan', 200, ['orphan']],
    ['o1', [], 'propagationPolicy=Foreground', 200, ['foregroundDeletion']],
    ['o1', [], 'propagationPolicy=Background', 200, undefined],
    ['o2', ['x.y/z'], 'propagationPolicy=Orphan', 200, ['x.y/z', 'orphan']],
    ['o2', [], 'orphanDependents=false', 202, ['x.y/z']],
    ['o3', ['orphan'], '', 200, ['orphan']],
    ['o4', [], 'orphanDependents=true', 200, ['orphan']],
    ['o5', ['foregroundDeletion'], 'propagationPolicy=Background', 200, undefined],
  ];
  test.each(steps)('%s with %j: %s', async (name, own, query, code, left) => {
    await call('POST', maps, { metadata: { name, finalizers: own } });
    expect((await call('DELETE', `${maps}/${name}?${query}`)).code).toBe(code);
    expect(await finalizers(name)).toEqual(left);
  });
  test('a name that is going is taken', async () => {
    await call('POST', maps, { metadata: { name: 'going', finalizers: ['x.y/z'] } });
    await call('DELETE', `${maps}/going`);
    const { json } = await call('POST', maps, { metadata: { name: 'going' } });
    expect(json.message).toBe('object is being deleted: configmaps "going" already exists');
  });
});

test('what is generated, kept and forgotten', async () => {
  const made = await call('POST', maps, { metadata: { generateName: 'gen-', generation: 7, uid: 'mine' } });
  expect(made.json.metadata).toMatchObject({ generateName: 'gen-', generation: 7 });
  expect(made.json.metadata.name).toMatch(/^gen-[b-z2-9]{5}$/);
  expect(made.json.metadata.uid).not.toBe('mine');
  const { name } = made.json.metadata;
  const put = await call('PUT', `${maps}/${name}`, { metadata: { name } });
  expect(put.json.metadata.generation).toBe(7);
  expect(put.json.metadata.generateName).toBeUndefined();
});

test('a PUT creates where the kind allows it, whatever revision it names', async () => {
  const { code } = await call('PUT', `${leases}/new`, { metadata: { name: 'new', resourceVersion: '7' } });
  expect(code).toBe(201);
  const again = await call('PUT', `${leases}/new`, { metadata: { name: 'new' } });
  expect([again.code, again.json.message]).toEqual([
    422,
    'leases.coordination.k8s.io "new" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an update',
  ]);
});
