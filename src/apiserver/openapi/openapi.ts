// /openapi/v2, all in one, and /openapi/v3: an index of group versions with content hashes, and a document for each. All
// are made on first use. Operations carry the parameters that kubectl looks for before it validates on the server (fieldValidation) or dry-runs (dryRun).
import { openApiSchemas } from '../../machinery/openapi.ts';
import type { AnyResource, Subresource } from '../../machinery/resource.ts';
import type { Schemas } from '../../machinery/schema/types.ts';
import { hashOf } from '../negotiation/respond.ts';
import { type Registry, verbsOf } from '../registry.ts';
import type { VirtualResource } from '../rest/virtual.ts';
import { toV2, type V3Document } from './v2.ts';
import { encodeV2 } from './v2-protobuf.ts';

export interface Document {
  text: string;
  hash: string;
}

const metaV1 = 'io.k8s.apimachinery.pkg.apis.meta.v1.';
const bodyTypes = ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf'];
const patchTypes = [
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
];

const query = (name: string, type: 'string' | 'integer' | 'boolean') => ({
  name,
  in: 'query',
  schema: { type, uniqueItems: true },
});
const inPath = (name: string) => ({ name, in: 'path', required: true, schema: { type: 'string', uniqueItems: true } });
const writeParameters = [
  query('dryRun', 'string'),
  query('fieldManager', 'string'),
  query('fieldValidation', 'string'),
];
const deleteParameters = [
  query('dryRun', 'string'),
  query('gracePeriodSeconds', 'integer'),
  query('orphanDependents', 'boolean'),
  query('propagationPolicy', 'string'),
];
const listParameters = [
  query('allowWatchBookmarks', 'boolean'),
  query('continue', 'string'),
  query('fieldSelector', 'string'),
  query('labelSelector', 'string'),
  query('limit', 'integer'),
  query('resourceVersion', 'string'),
  query('resourceVersionMatch', 'string'),
  query('sendInitialEvents', 'boolean'),
  query('timeoutSeconds', 'integer'),
  query('watch', 'boolean'),
];

interface Kind {
  group: string;
  version: string;
  kind: string;
  schema: string;
}

type Operation = Record<string, unknown>;

export class OpenApi {
  readonly #registry: Registry;
  readonly #virtual: readonly VirtualResource[];
  readonly #schemas: Schemas;
  readonly #documents = new Map<string, Promise<Document>>();
  #v2: Promise<Document & { protobuf: Uint8Array }> | undefined;

  constructor(registry: Registry, virtual: readonly VirtualResource[], schemas: Schemas) {
    this.#registry = registry;
    this.#virtual = virtual;
    this.#schemas = schemas;
  }

  async index(): Promise<string> {
    const paths: Record<string, { serverRelativeURL: string }> = {};
    for (const path of [...this.#groupVersions().keys()].sort()) {
      const document = (await this.document(path)) as Document;
      paths[path] = { serverRelativeURL: `/openapi/v3/${path}?hash=${document.hash}` };
    }
    return JSON.stringify({ paths });
  }

  /** `api/v1`, `apis/apps/v1`; undefined for what is not served. */
  document(path: string): Promise<Document> | undefined {
    const known = this.#documents.get(path);
    if (known) return known;
    const groupVersion = this.#groupVersions().get(path);
    if (!groupVersion) return undefined;
    const made = this.#make(path, groupVersion.group, groupVersion.version);
    this.#documents.set(path, made);
    return made;
  }

  #groupVersions(): Map<string, { group: string; version: string }> {
    const all = [...this.#registry.definitions, ...this.#virtual];
    return new Map(all.map(({ group, version }) => [pathOf(group, version), { group, version }]));
  }

  /** /openapi/v2, with its protobuf form. */
  v2(): Promise<Document & { protobuf: Uint8Array }> {
    this.#v2 ??= this.#makeV2();
    return this.#v2;
  }

  async #makeV2(): Promise<Document & { protobuf: Uint8Array }> {
    const groupVersions = [...this.#groupVersions()].sort(([a], [b]) => (a < b ? -1 : 1));
    const document = toV2(groupVersions.map(([path, { group, version }]) => this.#build(path, group, version)));
    const text = JSON.stringify(document);
    return { text, hash: await hashOf(text), protobuf: encodeV2(document) };
  }

  async #make(path: string, group: string, version: string): Promise<Document> {
    const text = JSON.stringify({
      openapi: '3.0.0',
      info: { title: 'Kubernetes', version: 'v1.36.0' },
      ...this.#build(path, group, version),
    });
    return { text, hash: await hashOf(text) };
  }

  #build(path: string, group: string, version: string): V3Document {
    const schemaNames = new Set<string>([
      `${metaV1}DeleteOptions`,
      `${metaV1}Status`,
      `${metaV1}ListMeta`,
      `${metaV1}Patch`,
    ]);
    const paths: Record<string, Record<string, unknown>> = {};
    const lists: Record<string, unknown> = {};
    for (const definition of this.#registry.inGroupVersion(group, version)) {
      schemaNames.add(definition.schema);
      lists[`${definition.schema}List`] = listSchema(definition);
      Object.assign(paths, definitionPaths(`/${path}`, definition));
      for (const { kind } of definition.subresources ?? []) if (kind) schemaNames.add(kind.schema);
    }
    for (const resource of this.#virtual.filter((one) => one.group === group && one.version === version)) {
      schemaNames.add(resource.schema);
      const place = resource.namespaced ? '/namespaces/{namespace}' : '';
      paths[`/${path}${place}/${resource.plural}`] = {
        post: writeOperation('post', resource, resource, bodyTypes),
        parameters: resource.namespaced ? [inPath('namespace')] : [],
      };
    }
    const schemas = { ...openApiSchemas(this.#schemas.table, schemaNames), ...lists };
    return { paths, components: { schemas } };
  }
}

function pathOf(group: string, version: string): string {
  return group === '' ? `api/${version}` : `apis/${group}/${version}`;
}

function listSchema(definition: AnyResource): unknown {
  return {
    type: 'object',
    required: ['items'],
    properties: {
      apiVersion: { type: 'string' },
      items: { type: 'array', items: { allOf: [reference(definition.schema)], default: {} } },
      kind: { type: 'string' },
      metadata: { allOf: [reference(`${metaV1}ListMeta`)], default: {} },
    },
    'x-kubernetes-group-version-kind': [{ ...gvk(definition), kind: `${definition.kind}List` }],
  };
}

const reference = (schema: string) => ({ $ref: `#/components/schemas/${schema}` });
const gvk = ({ group, version, kind }: Omit<Kind, 'schema'>) => ({ group, version, kind });

function definitionPaths(base: string, definition: AnyResource): Record<string, Record<string, unknown>> {
  const { plural, namespaced } = definition;
  const verbs = new Set(verbsOf(definition));
  const collection = namespaced ? `${base}/namespaces/{namespace}/${plural}` : `${base}/${plural}`;
  const one = `${collection}/{name}`;
  const place = namespaced ? [inPath('namespace')] : [];
  const list = `${definition.schema}List`;
  const paths: Record<string, Record<string, unknown>> = {};
  paths[collection] = {
    ...(verbs.has('list') ? { get: readOperation('list', definition, list, listParameters) } : {}),
    ...(verbs.has('create') ? { post: writeOperation('post', definition, definition, bodyTypes) } : {}),
    ...(verbs.has('deletecollection')
      ? { delete: deleteOperation('deletecollection', definition, [...listParameters, ...deleteParameters]) }
      : {}),
    parameters: place,
  };
  paths[one] = {
    ...(verbs.has('get') ? { get: readOperation('get', definition, definition.schema, []) } : {}),
    ...(verbs.has('update') ? { put: writeOperation('put', definition, definition, bodyTypes) } : {}),
    ...(verbs.has('patch') ? { patch: patchOperation(definition, definition.schema) } : {}),
    ...(verbs.has('delete') ? { delete: deleteOperation('delete', definition, deleteParameters) } : {}),
    parameters: [inPath('name'), ...place],
  };
  if (namespaced && verbs.has('list'))
    paths[`${base}/${plural}`] = { get: readOperation('list', definition, list, listParameters), parameters: [] };
  for (const subresource of definition.subresources ?? [])
    paths[`${one}/${subresource.name}`] = {
      ...subresourceOperations(definition, subresource),
      parameters: [inPath('name'), ...place],
    };
  return paths;
}

function subresourceOperations(definition: AnyResource, subresource: Subresource): Record<string, Operation> {
  const kind: Kind = subresource.kind ?? definition;
  const operations: Record<string, Operation> = {};
  for (const verb of subresource.verbs) {
    if (verb === 'get') operations.get = readOperation('get', kind, kind.schema, []);
    else if (verb === 'update') operations.put = writeOperation('put', kind, kind, bodyTypes);
    else if (verb === 'patch') operations.patch = patchOperation(kind, kind.schema);
    else operations.post = writeOperation('post', kind, kind, bodyTypes);
  }
  return operations;
}

function responses(schema: string, codes: string[]): Record<string, unknown> {
  const content = { 'application/json': { schema: reference(schema) } };
  return Object.fromEntries(codes.map((code) => [code, { description: code === '201' ? 'Created' : 'OK', content }]));
}

function readOperation(action: string, kind: Omit<Kind, 'schema'>, schema: string, parameters: unknown[]): Operation {
  return {
    parameters,
    responses: responses(schema, ['200']),
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': gvk(kind),
  };
}

function writeOperation(
  action: string,
  kind: Omit<Kind, 'schema'>,
  { schema }: { schema: string },
  types: string[],
): Operation {
  return {
    parameters: writeParameters,
    requestBody: {
      required: true,
      content: Object.fromEntries(types.map((type) => [type, { schema: reference(schema) }])),
    },
    responses: responses(schema, action === 'post' ? ['200', '201', '202'] : ['200', '201']),
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': gvk(kind),
  };
}

function patchOperation(kind: Omit<Kind, 'schema'>, schema: string): Operation {
  return {
    parameters: [...writeParameters, query('force', 'boolean')],
    requestBody: {
      required: true,
      content: Object.fromEntries(patchTypes.map((type) => [type, { schema: reference(`${metaV1}Patch`) }])),
    },
    responses: responses(schema, ['200', '201']),
    'x-kubernetes-action': 'patch',
    'x-kubernetes-group-version-kind': gvk(kind),
  };
}

function deleteOperation(action: string, kind: Omit<Kind, 'schema'>, parameters: unknown[]): Operation {
  return {
    parameters,
    requestBody: {
      content: Object.fromEntries(bodyTypes.map((type) => [type, { schema: reference(`${metaV1}DeleteOptions`) }])),
    },
    responses: responses(`${metaV1}Status`, ['200', '202']),
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': gvk(kind),
  };
}
