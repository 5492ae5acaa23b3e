import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { expect, test } from 'vitest';
import { openSql } from '../../../test/harness/sql.ts';
import { adminToken, testServer } from '../testing.ts';

type Field = { number: number; bytes: Uint8Array };

/** The length-delimited fields of a message. */
function fields(bytes: Uint8Array): Field[] {
  const reader = new BinaryReader(bytes);
  const found: Field[] = [];
  while (reader.pos < reader.len) {
    const [number, type] = reader.tag();
    if (type === WireType.LengthDelimited) found.push({ number, bytes: reader.bytes() });
    else reader.skip(type);
  }
  return found;
}
const inside = (bytes: Uint8Array, ...path: number[]): Uint8Array[] =>
  path.reduce(
    (found, number) =>
      found.flatMap((one) =>
        fields(one)
          .filter((f) => f.number === number)
          .map((f) => f.bytes),
      ),
    [bytes],
  );
const text = (bytes: Uint8Array | undefined) => new TextDecoder().decode(bytes);
const named = (all: Uint8Array[], name: string) => all.find((one) => text(inside(one, 1)[0]) === name) as Uint8Array;

const one = await testServer(openSql());
const { call, server } = one;
const bytesOf = async (path: string, accept: string) => {
  const response = await server.fetch(
    new Request(`https://x${path}`, { headers: { accept, authorization: `Bearer ${adminToken}` } }),
  );
  return { type: response.headers.get('content-type'), bytes: new Uint8Array(await response.arrayBuffer()) };
};
const v2Protobuf = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf';
const v3Protobuf = 'application/com.github.proto-openapi.spec.v3.v1.0+protobuf';

test('/openapi/v2 holds every served kind, and all that it refers to', async () => {
  const { json, headers } = await call('GET', '/openapi/v2');
  expect(json).toMatchObject({ swagger: '2.0', info: { title: 'Kubernetes' }, security: [{ BearerToken: [] }] });
  for (const { schema } of server.core.registry.definitions) expect(json.definitions).toHaveProperty([schema]);
  const whole = JSON.stringify(json);
  for (const [, section, name] of whole.matchAll(/"\$ref":"#\/(definitions|parameters)\/([^"]+)"/g))
    expect(json[section as string]).toHaveProperty([name as string]);
  expect(/"(oneOf|allOf|components)":|#\/components/.test(whole)).toBe(false);
  const ids = [...whole.matchAll(/"operationId":"([^"]+)"/g)].map(([, id]) => id);
  expect(new Set(ids).size).toBe(ids.length);
  const path = json.paths['/api/v1/namespaces/{namespace}/pods'];
  expect(path.parameters).toEqual([
    { $ref: '#/parameters/namespace-vgWSWtn3' },
    { $ref: '#/parameters/pretty-tJGM1-ng' },
  ]);
  expect(path.post).toMatchObject({
    operationId: 'createCoreV1NamespacedPod',
    description: 'create a Pod',
    tags: ['core_v1'],
    'x-kubernetes-action': 'post',
    'x-kubernetes-group-version-kind': { group: '', version: 'v1', kind: 'Pod' },
  });
  expect(path.post.parameters[0]).toEqual({
    ...{ in: 'body', name: 'body', required: true, schema: { $ref: '#/definitions/io.k8s.api.core.v1.Pod' } },
  });
  expect(path.post.parameters.map((p: { name?: string; $ref?: string }) => p.name ?? p.$ref)).toEqual([
    ...['body', 'dryRun', '#/parameters/fieldManager-Qy4HdaTW', 'fieldValidation'],
  ]);
  expect(path.delete.operationId).toBe('deleteCoreV1CollectionNamespacedPod');
  const again = await call('GET', '/openapi/v2', undefined, { 'if-none-match': headers.get('etag') as string });
  expect(again.code).toBe(304);
  expect((await call('GET', '/openapi/v2', undefined, { accept: 'text/html' })).code).toBe(406);
});

test('/openapi/v2 as client-go asks for it', async () => {
  const { json } = await call('GET', '/openapi/v2');
  for (const accept of [v2Protobuf, v2Protobuf.replace('v2.', 'v2@')])
    expect((await bytesOf('/openapi/v2', accept)).type).toBe(v2Protobuf);
  const { bytes } = await bytesOf('/openapi/v2', v2Protobuf);
  expect(text(inside(bytes, 1)[0])).toBe('2.0');
  expect(inside(bytes, 8, 2, 1).map(text)).toEqual(Object.keys(json.paths));
  const definitions = inside(bytes, 9, 1);
  expect(definitions.map((entry) => text(inside(entry, 1)[0]))).toEqual(Object.keys(json.definitions));
  const pod = named(definitions, 'io.k8s.api.core.v1.Pod');
  expect(text(inside(pod, 2, 4)[0])).toBe(json.definitions['io.k8s.api.core.v1.Pod'].description);
  expect(text(inside(pod, 2, 22, 1)[0])).toBe('object');
  expect(inside(pod, 2, 25, 1, 1).map(text)).toEqual(['apiVersion', 'kind', 'metadata', 'spec', 'status']);
  expect(text(inside(pod, 2, 31, 2, 2)[0])).toBe('[{"group":"","version":"v1","kind":"Pod"}]');
  expect(inside(bytes, 10, 1, 1).map(text)).toEqual(Object.keys(json.parameters));
});

test('/openapi/v3: an index of hashed documents, each to be kept for ever', async () => {
  const { json, headers } = await call('GET', '/openapi/v3');
  expect((await call('GET', '/openapi/v3', undefined, { 'if-none-match': headers.get('etag') as string })).code).toBe(
    304,
  );
  for (const path of ['api', 'api/v1', 'apis', 'apis/apps', 'apis/apps/v1', 'version']) {
    const url = json.paths[path].serverRelativeURL as string;
    const hashed = await call('GET', url);
    expect(hashed.headers.get('cache-control')).toBe('public, immutable');
    expect(Date.parse(hashed.headers.get('expires') as string)).toBe(
      one.clock.now() - (one.clock.now() % 1000) + 365 * 86_400_000,
    );
    const etag = hashed.headers.get('etag') as string;
    expect(url).toBe(`/openapi/v3/${path}?hash=${etag.slice(1, -1)}`);
    expect((await call('GET', url, undefined, { 'if-none-match': etag })).code).toBe(304);
    const plain = await call('GET', `/openapi/v3/${path}`);
    expect([plain.text, plain.headers.get('cache-control')]).toEqual([hashed.text, 'no-cache, private']);
    const old = await call('GET', `/openapi/v3/${path}?hash=0`);
    expect([old.code, old.headers.get('location')]).toEqual([301, url]);
  }
  const { json: apps } = await call('GET', '/openapi/v3/apis/apps/v1');
  for (const [, name] of JSON.stringify(apps).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g))
    expect(apps.components.schemas).toHaveProperty([name as string]);
  const patch = apps.paths['/apis/apps/v1/namespaces/{namespace}/deployments/{name}/scale'].patch;
  expect(Object.keys(patch.requestBody.content)).toContain('application/apply-patch+yaml');
  expect(patch).toMatchObject({
    operationId: 'patchAppsV1NamespacedDeploymentScale',
    description: 'partially update scale of the specified Deployment',
    'x-kubernetes-group-version-kind': { group: 'autoscaling', version: 'v1', kind: 'Scale' },
  });
  expect(apps.components.schemas['io.k8s.api.apps.v1.DeploymentSpec']).toMatchObject({
    required: ['selector', 'template'],
    properties: {
      template: { default: {}, allOf: [{ $ref: '#/components/schemas/io.k8s.api.core.v1.PodTemplateSpec' }] },
    },
  });
  const kinds = (type: string) =>
    apps.components.schemas[`io.k8s.apimachinery.pkg.apis.meta.v1.${type}`]['x-kubernetes-group-version-kind'];
  expect(kinds('Status')).toEqual([{ group: '', version: 'v1', kind: 'Status' }]);
  expect(kinds('DeleteOptions').map((kind: { group: string }) => kind.group)).toEqual(['', 'apps']);
});

test('descriptions tell of fields, of enumerations and of types that are no objects', async () => {
  const { schemas } = (await call('GET', '/openapi/v3/api/v1')).json.components;
  expect(schemas['io.k8s.api.core.v1.Pod'].properties.spec).toMatchObject({
    description: expect.stringContaining('Specification of the desired behavior of the pod.'),
    allOf: [{ $ref: '#/components/schemas/io.k8s.api.core.v1.PodSpec' }],
  });
  const { description } = schemas['io.k8s.api.core.v1.Container'].properties.imagePullPolicy;
  expect(description).toMatch(
    /\n\nPossible enum values:\n - `"Always"` means that kubelet always .*\n - `"IfNotPresent"` /,
  );
  expect(schemas['io.k8s.apimachinery.pkg.util.intstr.IntOrString'].description).toContain('an int32 or a string');
  const documented = Object.values(schemas as Record<string, { properties?: Record<string, { description?: string }> }>)
    .flatMap(({ properties = {} }) => Object.values(properties))
    .map(({ description }) => description !== undefined);
  expect(documented.filter(Boolean).length / documented.length).toBeGreaterThan(0.99);
});

test('/openapi/v3 as client-go asks for it', async () => {
  const { json } = await call('GET', '/openapi/v3/apis/apps/v1');
  for (const accept of [v3Protobuf, v3Protobuf.replace('v3.', 'v3@')])
    expect((await bytesOf('/openapi/v3/apis/apps/v1', accept)).type).toBe(v3Protobuf);
  const { bytes } = await bytesOf('/openapi/v3/apis/apps/v1', v3Protobuf);
  expect(text(inside(bytes, 1)[0])).toBe('3.0.0');
  expect(inside(bytes, 4, 1, 1).map(text)).toEqual(Object.keys(json.paths));
  const schemas = inside(bytes, 5, 1, 1);
  expect(schemas.map((entry) => text(inside(entry, 1)[0]))).toEqual(Object.keys(json.components.schemas));
  const deployment = named(schemas, 'io.k8s.api.apps.v1.Deployment');
  const properties = inside(deployment, 2, 1, 31, 1);
  expect(properties.map((entry) => text(inside(entry, 1)[0]))).toEqual([
    'apiVersion',
    'kind',
    'metadata',
    'spec',
    'status',
  ]);
  expect(text(inside(named(properties, 'spec'), 2, 1, 26, 2, 1)[0])).toBe(
    '#/components/schemas/io.k8s.api.apps.v1.DeploymentSpec',
  );
});
