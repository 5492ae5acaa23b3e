import fs from 'node:fs';
import { expect, it } from 'vitest';
import { openApiDocument, openApiSchemas } from './openapi.ts';
import { defineResource } from './resource.ts';

const table = JSON.parse(fs.readFileSync(new URL('../generated/schemas/definitions.json', import.meta.url), 'utf8'));
const pods = defineResource({
  group: '',
  version: 'v1',
  plural: 'pods',
  kind: 'Pod',
  namespaced: true,
  singular: 'pod',
  schema: 'io.k8s.api.core.v1.Pod',
  strategy: {},
  columns: [],
  subresources: [
    { name: 'status', verbs: ['get', 'update', 'patch'], behaviour: { type: 'part', prepareForUpdate() {} } },
    { name: 'log', verbs: ['get'], behaviour: { type: 'connect' } },
  ],
});

it('describes types as upstream does', () => {
  const schemas = openApiSchemas(table, ['io.k8s.api.core.v1.Pod']) as Record<
    string,
    { properties: Record<string, unknown>; required?: string[] }
  >;
  expect(schemas['io.k8s.api.core.v1.Pod']).toEqual({
    type: 'object',
    properties: {
      apiVersion: { type: 'string' },
      kind: { type: 'string' },
      metadata: {
        default: {},
        allOf: [{ $ref: '#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta' }],
      },
      spec: { default: {}, allOf: [{ $ref: '#/components/schemas/io.k8s.api.core.v1.PodSpec' }] },
      status: { default: {}, allOf: [{ $ref: '#/components/schemas/io.k8s.api.core.v1.PodStatus' }] },
    },
    'x-kubernetes-group-version-kind': [{ group: '', version: 'v1', kind: 'Pod' }],
  });
  expect(schemas['io.k8s.api.core.v1.PodSpec']?.properties.containers).toEqual({
    type: 'array',
    items: { default: {}, allOf: [{ $ref: '#/components/schemas/io.k8s.api.core.v1.Container' }] },
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': ['name'],
    'x-kubernetes-patch-strategy': 'merge',
    'x-kubernetes-patch-merge-key': 'name',
  });
  expect(schemas['io.k8s.api.core.v1.PodSpec']?.required).toEqual(['containers']);
  expect(schemas['io.k8s.api.core.v1.ContainerPort']?.properties.protocol).toEqual({
    type: 'string',
    default: 'TCP',
    enum: ['SCTP', 'TCP', 'UDP'],
  });
});

it('leaves no reference open', () => {
  const document = openApiDocument(table, [pods], 'v1', 'v1.36.0');
  const { schemas } = document.components as { schemas: Record<string, unknown> };
  for (const [, name] of JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g))
    expect(schemas).toHaveProperty([name as string]);
});

it('lists paths with what kubectl looks for', () => {
  const { paths } = openApiDocument(table, [pods], 'v1', 'v1.36.0') as {
    paths: Record<string, Record<string, { parameters: { name: string }[] }>>;
  };
  expect(Object.keys(paths)).toEqual([
    '/api/v1/namespaces/{namespace}/pods',
    '/api/v1/namespaces/{namespace}/pods/{name}',
    '/api/v1/namespaces/{namespace}/pods/{name}/log',
    '/api/v1/namespaces/{namespace}/pods/{name}/status',
    '/api/v1/pods',
  ]);
  const patch = paths['/api/v1/namespaces/{namespace}/pods/{name}']?.patch;
  expect(patch?.parameters.map(({ name }) => name)).toContain('fieldValidation');
  expect(patch).toHaveProperty(['x-kubernetes-group-version-kind'], { group: '', version: 'v1', kind: 'Pod' });
});
