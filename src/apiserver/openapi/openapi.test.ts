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

test('/openapi/v2 holds every served kind, as JSON and as protobuf', async () => {
  const { call, server } = await testServer(openSql());
  const { json, headers } = await call('GET', '/openapi/v2');
  expect(json).toMatchObject({ swagger: '2.0', info: { title: 'Kubernetes' } });
  for (const { schema } of server.core.registry.definitions) expect(json.definitions).toHaveProperty([schema]);
  for (const [, name] of JSON.stringify(json).matchAll(/"\$ref":"#\/definitions\/([^"]+)"/g))
    expect(json.definitions).toHaveProperty([name as string]);
  expect(JSON.stringify(json)).not.toMatch(/"(oneOf|allOf|components)":|#\/components/);
  const create = json.paths['/api/v1/namespaces/{namespace}/pods'].post;
  expect(create.parameters[0]).toMatchObject({ in: 'body', schema: { $ref: '#/definitions/io.k8s.api.core.v1.Pod' } });
  expect(create['x-kubernetes-group-version-kind']).toEqual({ group: '', version: 'v1', kind: 'Pod' });
  const again = await call('GET', '/openapi/v2', undefined, { 'if-none-match': headers.get('etag') as string });
  expect(again.code).toBe(304);

  const accept = 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf';
  const response = await server.fetch(
    new Request('https://x/openapi/v2', { headers: { accept, authorization: `Bearer ${adminToken}` } }),
  );
  expect(response.headers.get('content-type')).toBe('application/com.github.proto-openapi.spec.v2.v1.0+protobuf');
  const bytes = new Uint8Array(await response.arrayBuffer());
  expect(text(inside(bytes, 1)[0])).toBe('2.0');
  expect(inside(bytes, 8, 2, 1).map(text)).toEqual(Object.keys(json.paths));
  const definitions = inside(bytes, 9, 1);
  expect(definitions.map((one) => text(inside(one, 1)[0]))).toEqual(Object.keys(json.definitions));
  const pod = definitions.find((one) => text(inside(one, 1)[0]) === 'io.k8s.api.core.v1.Pod') as Uint8Array;
  expect(text(inside(pod, 2, 22, 1)[0])).toBe('object');
  expect(inside(pod, 2, 25, 1, 1).map(text)).toEqual(['apiVersion', 'kind', 'metadata', 'spec', 'status']);
  expect(text(inside(pod, 2, 31, 2, 2)[0])).toBe('[{"group":"","version":"v1","kind":"Pod"}]');
});
