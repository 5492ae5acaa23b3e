import { expect, it } from 'vitest';
import { definitions } from '../generated/schemas/definitions.ts';
import { openApiSchemas } from './openapi.ts';

const table = definitions();

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
  const schemas = openApiSchemas(table, ['io.k8s.api.apps.v1.Deployment', 'io.k8s.api.core.v1.Pod', 'no.such.Type']);
  expect(schemas['no.such.Type']).toEqual({ type: 'object' });
  for (const [, name] of JSON.stringify(schemas).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g))
    expect(schemas).toHaveProperty([name as string]);
});
