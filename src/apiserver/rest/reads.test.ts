// Reads as upstream answers them: which encodings and forms, the options of lists with the words of their refusals, and
// answers that are long.
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { openSql } from '../../../test/harness/sql.ts';
import { protobuf } from '../../generated/schemas/protobuf.ts';
import { decodeProtobuf } from '../../machinery/schema/protobuf.ts';
import { adminToken, type TestServer, testServer } from '../testing.ts';

const maps = '/api/v1/namespaces/default/configmaps';
const proto = 'application/vnd.kubernetes.protobuf';
const core = 'io.k8s.api.core.v1.';
const meta = 'io.k8s.apimachinery.pkg.apis.meta.v1.';

async function raw({ server }: TestServer, path: string, headers: Record<string, string> = {}) {
  const request = new Request(`https://cluster.test${path}`, {
    headers: { authorization: `Bearer ${adminToken}`, ...headers },
  });
  const response = await server.fetch(request);
  return { response, bytes: new Uint8Array(await response.arrayBuffer()) };
}

// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every kind
const decoded = (bytes: Uint8Array, schema: string): any => decodeProtobuf(protobuf(), bytes, () => schema).value;

describe('what is accepted', async () => {
  const server = await testServer(openSql());
  await server.call('POST', maps, { metadata: { name: 'a' } });
  const routed =
    '406: Not Acceptable\n\nAvailable representations: application/json, application/yaml, application/vnd.kubernetes.protobuf';
  const negotiated =
    'only the following media types are accepted: application/json, application/yaml, application/vnd.kubernetes.protobuf';
  test.each([
    ['', 'application/json'],
    ['*/*', 'application/json'],
    ['text/html, */*;q=0.1', 'application/json'],
    ['application/json;q=0', 'application/json'],
    ['application/json;q=0.2,application/yaml', 'application/yaml'],
    [`${proto},application/json`, proto],
    [`application/json,${proto}`, 'application/json'],
    [`application/*,application/yaml`, 'application/yaml'],
    ['application/json;as=Foo;g=meta.k8s.io;v=v1,application/yaml', 'application/yaml'],
    [`${proto};as=Table;g=meta.k8s.io;v=v1,application/json;as=Table;g=meta.k8s.io;v=v1`, 'application/json'],
    ['application/json;sv=v1', 'application/json'],
  ])('%s', async (accept, type) => {
    const { response } = await raw(server, `${maps}/a`, accept === '' ? {} : { accept });
    expect([response.status, response.headers.get('content-type')]).toEqual([200, type]);
  });
  test.each([
    ['application/cbor', routed],
    ['text/plain', routed],
    ['application/*', routed],
    ['Application/JSON', routed],
    [`${proto};as=Table;g=meta.k8s.io;v=v1`, negotiated],
    ['application/json;as=Foo;g=meta.k8s.io;v=v1', negotiated],
    ['application/json;as=Table;g=other;v=v1', negotiated],
    ['application/json;stream=foo', negotiated],
    [
      'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1',
      'you requested PartialObjectMetadataList, but the requested object is not a list (*core.ConfigMap)',
    ],
  ])('not %s', async (accept, message) => {
    const { response, bytes } = await raw(server, `${maps}/a`, { accept });
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(JSON.parse(new TextDecoder().decode(bytes))).toMatchObject({ code: 406, reason: 'NotAcceptable', message });
  });
  test('a list names its streaming types too, a watch has no YAML', async () => {
    const list = await server.call('GET', maps, undefined, { accept: 'application/cbor' });
    expect(list.json.message).toBe(`${routed}, application/json;stream=watch, ${proto};stream=watch`);
    const watch = await server.call('GET', `${maps}?watch=1`, undefined, { accept: 'application/yaml' });
    expect([watch.code, watch.headers.get('content-type')]).toEqual([406, 'application/yaml']);
  });
  test('people get many lines', async () => {
    const get = async (path: string, agent: string) =>
      new TextDecoder().decode((await raw(server, path, { 'user-agent': agent })).bytes);
    expect(await get(`${maps}/a`, 'kubectl/v1.36')).toMatch(/^\{"kind":"ConfigMap".*\}\n$/);
    expect(await get(`${maps}/a`, 'curl/8')).toMatch(/^\{\n {2}"kind": "ConfigMap",\n/);
    expect(await get(`${maps}/a?pretty=0`, 'curl/8')).toMatch(/^\{"kind"/);
    expect(await get(`${maps}/none?pretty=true`, 'x')).toMatch(/^\{\n {2}"kind": "Status",\n/);
    expect(await get(maps, 'Wget/1')).toMatch(/^\{\n {2}"kind": "ConfigMapList",\n/);
  });
});

test('what is not served, and what every answer bears', async () => {
  const { call } = await testServer(openSql());
  const refusal = {
    reason: 'MethodNotAllowed',
    message: 'the server does not allow this method on the requested resource',
  };
  for (const [method, path] of [
    ['POST', `${maps}/a`],
    ['PUT', maps],
    ['PATCH', maps],
    ['OPTIONS', maps],
    ['POST', '/api/v1/configmaps'],
    ['DELETE', '/api/v1/configmaps'],
    ['DELETE', '/api/v1/namespaces'],
    ['PUT', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews'],
  ] as const)
    expect((await call(method, path)).json).toMatchObject({ ...refusal, details: {}, code: 405 });
  expect((await call('HEAD', maps)).code).toBe(405);
  const { headers } = await call('GET', maps, undefined, { 'audit-id': 'mine' });
  expect([headers.get('audit-id'), headers.get('cache-control')]).toEqual(['mine', 'no-cache, private']);
  expect(headers.get('date')).toMatch(/^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/);
  expect((await call('GET', '/nowhere')).headers.get('audit-id')).toMatch(/^[\da-f]{8}-/);
});

describe('protobuf', async () => {
  const server = await testServer(openSql());
  const pod = { metadata: { name: 'p', annotations: { a: 'ü' } }, spec: { containers: [{ name: 'c', image: 'i' }] } };
  await server.call('POST', '/api/v1/namespaces/default/serviceaccounts', { metadata: { name: 'default' } });
  expect((await server.call('POST', '/api/v1/namespaces/default/pods', pod)).code).toBe(201);
  const pods = '/api/v1/namespaces/default/pods';
  test('objects, lists, what is partial, errors', async () => {
    const one = await raw(server, `${pods}/p`, { accept: proto });
    const json = (await server.call('GET', `${pods}/p`)).json;
    expect(decoded(one.bytes, `${core}Pod`)).toMatchObject({ ...json, status: expect.anything() });
    const list = decoded((await raw(server, pods, { accept: proto })).bytes, `${core}PodList`);
    expect(list).toMatchObject({ kind: 'PodList', apiVersion: 'v1', items: [{ metadata: json.metadata }] });
    expect(list.metadata.resourceVersion).toBe((await server.call('GET', pods)).json.metadata.resourceVersion);
    const partial = `${proto};as=PartialObjectMetadataList;g=meta.k8s.io;v=v1`;
    const partials = decoded((await raw(server, pods, { accept: partial })).bytes, `${meta}PartialObjectMetadataList`);
    expect(partials).toMatchObject({ apiVersion: 'meta.k8s.io/v1', items: [{ metadata: json.metadata }] });
    const none = await raw(server, `${pods}/none`, { accept: proto });
    expect(decoded(none.bytes, `${meta}Status`)).toMatchObject({
      code: 404,
      reason: 'NotFound',
      message: 'pods "none" not found',
      details: { name: 'none', kind: 'pods' },
    });
    const empty = decoded((await raw(server, '/api/v1/namespaces/x/pods', { accept: proto })).bytes, `${core}PodList`);
    expect(empty.items ?? []).toEqual([]);
  });
  test('watches are frames of events', async () => {
    const request = new Request(`https://cluster.test${pods}?watch=1&timeoutSeconds=1`, {
      headers: { authorization: `Bearer ${adminToken}`, accept: `${proto},application/json` },
    });
    const response = await server.server.fetch(request);
    expect(response.headers.get('content-type')).toBe(`${proto};stream=watch`);
    server.clock.advance(1000);
    const bytes = new Uint8Array(await response.arrayBuffer());
    const length = new DataView(bytes.buffer).getUint32(0);
    expect(length).toBe(bytes.length - 4);
    // WatchEvent: type (1), object (2) with raw (1), which is a whole object.
    const frame = new TextDecoder().decode(bytes.subarray(4));
    expect(frame.startsWith('\n\u0005ADDED')).toBe(true);
    const object = bytes.subarray(4 + frame.slice(0, frame.indexOf('k8s\0')).length);
    const start = bytes.findIndex((_, index) => new TextDecoder().decode(bytes.subarray(index, index + 4)) === 'k8s\0');
    expect(object.length).toBeGreaterThan(0);
    expect(decoded(bytes.subarray(start), `${core}Pod`).metadata.name).toBe('p');
  });
});

describe('options of lists', async () => {
  const server = await testServer(openSql());
  for (const name of ['a', 'b', 'c']) await server.call('POST', maps, { metadata: { name } });
  const invalid = (...causes: string[]) =>
    `ListOptions.meta.k8s.io "" is invalid: ${causes.length > 1 ? `[${causes.join(', ')}]` : causes[0]}`;
  const match = 'resourceVersionMatch: ';
  const revision = (text: string, why: string) =>
    `resourceVersion: Invalid value: "${text}": strconv.ParseUint: parsing "${text}": ${why}`;
  const token = (json: string) => Buffer.from(json).toString('base64url');
  test.each([
    ['limit=abc', 400, 'strconv.ParseInt: parsing "abc": invalid syntax'],
    ['limit=', 400, 'strconv.ParseInt: parsing "": invalid syntax'],
    ['limit=9223372036854775808', 400, 'strconv.ParseInt: parsing "9223372036854775808": value out of range'],
    ['timeoutSeconds=x', 400, 'strconv.ParseInt: parsing "x": invalid syntax'],
    ['resourceVersion=abc', 400, revision('abc', 'invalid syntax')],
    ['resourceVersion=99999999999999999999', 400, revision('99999999999999999999', 'value out of range')],
    ['watch=1&resourceVersion=abc', 400, revision('abc', 'invalid syntax')],
    [
      'resourceVersionMatch=Foo',
      422,
      invalid(
        `${match}Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided`,
        `${match}Unsupported value: "Foo": supported values: "Exact", "NotOlderThan", ""`,
      ),
    ],
    [
      'resourceVersion=0&resourceVersionMatch=Exact',
      422,
      invalid(`${match}Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0"`),
    ],
    [
      'resourceVersion=1&resourceVersionMatch=Exact&continue=x',
      422,
      invalid(`${match}Forbidden: resourceVersionMatch is forbidden when continue is provided`),
    ],
    ['sendInitialEvents=true', 422, invalid('sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list')],
    [
      'watch=1&sendInitialEvents=true',
      422,
      invalid(`${match}Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan`),
    ],
    [
      'watch=1&resourceVersionMatch=Exact',
      422,
      invalid(
        `${match}Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided`,
        `${match}Unsupported value: "Exact": supported values: "NotOlderThan"`,
      ),
    ],
    ['labelSelector=a%20b', 400, "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"],
    ['labelSelector=a=b=c', 400, "found '=', expected: ',' or 'end of string'"],
    ['fieldSelector=x', 400, "invalid selector: 'x'; can't understand 'x'"],
    ['fieldSelector=foo=bar', 400, '"foo" is not a known field selector: only "metadata.name", "metadata.namespace"'],
    [
      `continue=${token('{"v":"meta.k8s.io/v1","rv":0,"start":"a"}')}`,
      400,
      'invalid continue token: continue key is not valid: incorrect encoded start resourceVersion (version meta.k8s.io/v1)',
    ],
    [
      `continue=${token('{"v":"meta.k8s.io/v1","rv":1}')}`,
      400,
      'invalid continue token: continue key is not valid: encoded start key empty (version meta.k8s.io/v1)',
    ],
    [
      `continue=${token('{"v":"meta.k8s.io/v1","rv":1,"start":"../a"}')}`,
      400,
      'invalid continue token: continue key is not valid: ../a',
    ],
    [
      `continue=${token('{"v":"v9"}')}`,
      400,
      'invalid continue token: continue key is not valid: server does not recognize this encoded version v9',
    ],
    [
      `continue=${token('[]')}`,
      400,
      'invalid continue token: continue key is not valid: json: cannot unmarshal array into Go value of type storage.continueToken',
    ],
    [
      `continue=${token('null')}`,
      400,
      'invalid continue token: continue key is not valid: server does not recognize this encoded version ',
    ],
    [
      `continue=${token('{"v":"meta.k8s.io/v1","rv":"1"}')}`,
      400,
      'invalid continue token: continue key is not valid: json: cannot unmarshal string into Go struct field continueToken.rv of type int64',
    ],
    [
      `continue=${token('{"v":"meta.k8s.io/v1","rv":1,"start":2}')}`,
      400,
      'invalid continue token: continue key is not valid: json: cannot unmarshal number into Go struct field continueToken.start of type string',
    ],
    [
      `continue=${token('{"v":null}')}`,
      400,
      'invalid continue token: continue key is not valid: server does not recognize this encoded version ',
    ],
    [
      `resourceVersion=1&continue=${token('{"v":"v9"}')}`,
      400,
      'invalid continue token: continue key is not valid: server does not recognize this encoded version v9',
    ],
  ])('%s', async (query, code, message) => {
    const { json } = await server.call('GET', `${maps}?${query}`);
    expect([json.code, json.message]).toEqual([code, message]);
  });
  const unknown = '"x" is not a known field selector: only "metadata.name", "metadata.namespace"';
  test.each([
    ['/api/v1/pods', 'x', 'field label not supported: x'],
    ['/api/v1/pods', 'spec.host', undefined],
    ['/api/v1/pods', 'status.podIPs', undefined],
    ['/api/v1/namespaces', 'metadata.namespace', 'field label not supported: metadata.namespace'],
    ['/api/v1/namespaces', 'status.phase', undefined],
    ['/api/v1/nodes', 'spec.unschedulable', undefined],
    ['/apis/apps/v1/replicasets', 'x', unknown],
    ['/apis/batch/v1/jobs', 'x', 'field label "x" not supported for batchv1.Job'],
    ['/apis/scheduling.k8s.io/v1/priorityclasses', 'metadata.namespace', undefined],
    ['/apis/scheduling.k8s.io/v1/priorityclasses', 'x', unknown],
  ])('%s by %s', async (path, label, message) => {
    expect((await server.call('GET', `${path}?fieldSelector=${label}=v`)).json.message).toBe(message);
  });
  test('revisions of the future', async () => {
    for (const path of [`${maps}?resourceVersion=99999`, `${maps}/a?resourceVersion=99999`]) {
      const { json, headers } = await server.call('GET', path);
      expect(json).toMatchObject({
        code: 504,
        reason: 'Timeout',
        message: `Timeout: Too large resource version: 99999, current: ${server.ledger.revision}`,
        details: { causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }] },
      });
      expect(headers.get('retry-after')).toBe('1');
    }
  });
  test('a limit of a list that may be of any age is not kept', async () => {
    const { json } = await server.call('GET', `${maps}?limit=1&resourceVersion=0`);
    expect([json.items.length, json.metadata.continue]).toEqual([3, undefined]);
  });
  test('what remains is counted only where everything is wanted', async () => {
    expect((await server.call('GET', `${maps}?limit=1`)).json.metadata.remainingItemCount).toBe(2);
    const selected = (await server.call('GET', `${maps}?limit=1&labelSelector=!x`)).json.metadata;
    expect(selected.continue).toBeTypeOf('string');
    expect(selected).not.toHaveProperty('remainingItemCount');
  });
  test('a watch of one object', async () => {
    const { json } = await server.call(
      'GET',
      `/api/v1/watch/namespaces/default/configmaps/a?fieldSelector=metadata.name=b`,
    );
    expect([json.code, json.message]).toEqual([400, "fieldSelector metadata.name doesn't match requested name"]);
  });
});

describe('long answers', async () => {
  const server = await testServer(openSql());
  const data = { text: 'x'.repeat(20_000) };
  for (let index = 0; index < 20; index++) await server.call('POST', maps, { metadata: { name: `m${index}` }, data });
  test('are compressed for clients that take gzip', async () => {
    const plain = await raw(server, maps);
    expect(plain.response.headers.has('content-encoding')).toBe(false);
    const packed = await raw(server, maps, { 'accept-encoding': 'deflate, gzip' });
    expect(packed.response.headers.get('content-encoding')).toBe('gzip');
    expect(packed.response.headers.get('vary')).toBe('Accept-Encoding');
    expect(packed.bytes.length).toBeLessThan(plain.bytes.length / 10);
    expect(gunzipSync(packed.bytes).equals(plain.bytes)).toBe(true);
    const short = await raw(server, `${maps}/m1`, { 'accept-encoding': 'gzip' });
    expect(short.response.headers.has('content-encoding')).toBe(false);
  });
  test('of more than a megabyte are streams, which nothing on the way may hold up', async () => {
    const long = '/api/v1/namespaces/long/configmaps';
    await server.call('POST', '/api/v1/namespaces', { metadata: { name: 'long' } });
    for (const name of ['a', 'b', 'c']) {
      const made = await server.call('POST', long, { metadata: { name }, data: { text: 'x'.repeat(500_000) } });
      expect(made.code).toBe(201);
    }
    const { response, bytes } = await raw(server, long);
    expect(response.headers.get('content-encoding')).toBe('identity');
    expect(JSON.parse(new TextDecoder().decode(bytes)).items).toHaveLength(3);
  });
  test('are streamed in YAML too, as they would be written whole', async () => {
    const server = await testServer(openSql());
    const text = `${'some text: # of many\n'.repeat(2000)}`;
    for (let n = 0; n < 40; n++)
      await server.call('POST', maps, {
        metadata: { name: `m${n}`, labels: { n: String(n) } },
        data: { text, '-a': '[]\nitems: []\n' },
      });
    const tables = 'as=Table;v=v1;g=meta.k8s.io';
    for (const form of ['', `;${tables}`]) {
      const query = form ? '?includeObject=Object' : '';
      const yaml = await raw(server, maps + query, { accept: `application/yaml${form}` });
      const json = await raw(server, maps + query, { accept: `application/json${form}` });
      expect(yaml.response.headers.get('content-type')).toBe('application/yaml');
      const whole = stringify(JSON.parse(new TextDecoder().decode(json.bytes)), {
        version: '1.1',
        aliasDuplicateObjects: false,
        sortMapEntries: true,
        indentSeq: false,
      });
      expect(whole.length).toBeGreaterThan(1024 * 1024);
      expect(new TextDecoder().decode(yaml.bytes) === whole).toBe(true);
    }
  });

  test('hold together in every encoding', async () => {
    const json = JSON.parse(new TextDecoder().decode((await raw(server, maps)).bytes));
    expect(json.items).toHaveLength(20);
    const list = decoded((await raw(server, maps, { accept: proto })).bytes, `${core}ConfigMapList`);
    expect(list.items.map((item: { data: unknown }) => item.data)).toEqual(json.items.map(() => data));
  });
});
