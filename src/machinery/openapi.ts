// OpenAPI v3 of what is served: component schemas out of the schema table, paths out of the definitions, in the shape in which
// kubectl looks for patch merge keys, field validation and kinds. Descriptions are not carried.

import { apiVersion } from './meta.ts';
import type { AnyResource } from './resource.ts';
import type { SchemaTable, TableField, TableType } from './schema/table.ts';

type Schema = Record<string, unknown>;

const prefix = '#/components/schemas/';
const meta = 'io.k8s.apimachinery.pkg.apis.meta.v1.';

/** Types with a JSON form of their own, which the table does not hold. */
const specials: Record<string, Schema> = {
  'io.k8s.apimachinery.pkg.api.resource.Quantity': { oneOf: [{ type: 'string' }, { type: 'number' }] },
  'io.k8s.apimachinery.pkg.util.intstr.IntOrString': {
    oneOf: [{ type: 'integer' }, { type: 'string' }],
    format: 'int-or-string',
  },
  'io.k8s.apimachinery.pkg.runtime.RawExtension': { type: 'object' },
  [`${meta}Time`]: { type: 'string', format: 'date-time' },
  [`${meta}MicroTime`]: { type: 'string', format: 'date-time' },
  [`${meta}Duration`]: { type: 'string' },
  [`${meta}FieldsV1`]: { type: 'object' },
  [`${meta}Patch`]: { type: 'object' },
};

const scalars: Record<string, Schema> = {
  s: { type: 'string' },
  i: { type: 'integer', format: 'int32' },
  l: { type: 'integer', format: 'int64' },
  n: { type: 'number', format: 'double' },
  b: { type: 'boolean' },
  y: { type: 'string', format: 'byte' },
  '*': { type: 'object' },
};
const zeros: Record<string, unknown> = { s: '', i: 0, l: 0, b: false };

/** `refs` collects the types referred to. `zero`: the item of a list or map, whose default is Go's zero value. */
function typeSchema(code: string, refs: Set<string>, field?: TableField, zero = false): Schema {
  if (code.startsWith('['))
    return {
      type: 'array',
      items: { ...typeSchema(code.slice(1), refs, undefined, true), ...(field?.e ? { enum: field.e } : {}) },
    };
  if (code.startsWith('{'))
    return { type: 'object', additionalProperties: typeSchema(code.slice(1), refs, undefined, true) };
  if (code.startsWith('#')) {
    const name = code.slice(1);
    refs.add(name);
    const ref = { $ref: prefix + name };
    const struct = !Object.hasOwn(specials, name);
    return struct && (zero || field?.z) ? { default: {}, allOf: [ref] } : hasExtensions(field) ? { allOf: [ref] } : ref;
  }
  const schema = scalars[code] ?? {};
  const value = field?.d ?? (zero || field?.z ? zeros[code] : undefined);
  return { ...schema, ...(value === undefined ? {} : { default: value }), ...(field?.e ? { enum: field.e } : {}) };
}

const hasExtensions = (field: TableField | undefined): boolean =>
  field !== undefined &&
  (field.lt !== undefined || field.mt !== undefined || field.ps !== undefined || field.pk !== undefined);

function extensions(field: TableField): Schema {
  return {
    ...(field.lt ? { 'x-kubernetes-list-type': field.lt } : {}),
    ...(field.lk ? { 'x-kubernetes-list-map-keys': field.lk } : {}),
    ...(field.mt ? { 'x-kubernetes-map-type': field.mt } : {}),
    ...(field.ps ? { 'x-kubernetes-patch-strategy': field.ps } : {}),
    ...(field.pk ? { 'x-kubernetes-patch-merge-key': field.pk } : {}),
  };
}

function component(name: string, type: TableType, refs: Set<string>): Schema {
  const properties: Record<string, Schema> = {};
  const required: string[] = [];
  for (const [field, entry] of Object.entries(type.f)) {
    const own: TableField = typeof entry === 'string' ? { t: entry } : entry;
    properties[field] = { ...typeSchema(own.t, refs, own), ...extensions(own) };
    if (own.r) required.push(field);
  }
  const short = name.slice(name.lastIndexOf('.') + 1);
  const everywhere = name === `${meta}Status` || name === `${meta}DeleteOptions`;
  const kinds = type.k
    ? [{ group: type.k[0], version: type.k[1], kind: type.k[2] }]
    : everywhere
      ? [{ group: '', version: 'v1', kind: short }]
      : [];
  return {
    type: 'object',
    properties,
    ...(required.length > 0 ? { required } : {}),
    ...(kinds.length > 0 ? { 'x-kubernetes-group-version-kind': kinds } : {}),
    ...(type.mt ? { 'x-kubernetes-map-type': type.mt } : {}),
    ...(type.u ? { 'x-kubernetes-unions': type.u } : {}),
  };
}

/** Component schemas of the named types and all that they refer to, sorted by name. */
export function openApiSchemas(table: SchemaTable, names: Iterable<string>): Record<string, Schema> {
  const wanted = new Set(names);
  const out: Record<string, Schema> = {};
  for (const name of wanted) {
    const type = Object.hasOwn(table, name) ? table[name] : undefined;
    const special = Object.hasOwn(specials, name) ? specials[name] : undefined;
    out[name] = type ? component(name, type, wanted) : (special ?? { type: 'object' });
  }
  return Object.fromEntries(Object.entries(out).sort(([a], [b]) => (a < b ? -1 : 1)));
}

const query = (name: string, type: 'string' | 'boolean' | 'integer' = 'string'): Schema => ({
  name,
  in: 'query',
  schema: { type, uniqueItems: true },
});
const inPath = (name: string): Schema => ({
  name,
  in: 'path',
  required: true,
  schema: { type: 'string', uniqueItems: true },
});
const pretty = query('pretty');
const writes = [query('dryRun'), query('fieldManager'), query('fieldValidation')];
const lists = [
  query('allowWatchBookmarks', 'boolean'),
  query('continue'),
  query('fieldSelector'),
  query('labelSelector'),
  query('limit', 'integer'),
  query('resourceVersion'),
  query('resourceVersionMatch'),
  query('sendInitialEvents', 'boolean'),
  query('timeoutSeconds', 'integer'),
  query('watch', 'boolean'),
];
const deletes = [
  query('dryRun'),
  query('gracePeriodSeconds', 'integer'),
  query('ignoreStoreReadErrorWithClusterBreakingPotential', 'boolean'),
  query('orphanDependents', 'boolean'),
  query('propagationPolicy'),
];
const bodyTypes = ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf'];
const patchTypes = [
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
];

const content = (types: readonly string[], schema: string): Schema =>
  Object.fromEntries(types.map((type) => [type, { schema: { $ref: prefix + schema } }]));

interface Operation {
  action: string;
  id: string;
  tag: string;
  kind: { group: string; version: string; kind: string };
  parameters?: readonly Schema[];
  body?: string | 'patch' | undefined;
  answers: string | undefined;
  status?: readonly number[];
}

function operation({ action, id, tag, kind, parameters = [], body, answers, status = [200] }: Operation): Schema {
  const answer =
    answers === undefined ? { 'text/plain': { schema: { type: 'string' } } } : content(bodyTypes.slice(0, 2), answers);
  return {
    tags: [tag],
    operationId: id,
    parameters,
    ...(body === undefined
      ? {}
      : {
          requestBody: {
            required: true,
            content: body === 'patch' ? content(patchTypes, `${meta}Patch`) : content(bodyTypes, body),
          },
        }),
    responses: {
      ...Object.fromEntries(
        status.map((code) => [
          code,
          { description: code === 201 ? 'Created' : code === 202 ? 'Accepted' : 'OK', content: answer },
        ]),
      ),
      401: { description: 'Unauthorized' },
    },
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': kind,
  };
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** Paths of one resource type by route, and the type names that they speak of. */
function pathsOf(definition: AnyResource, refs: Set<string>): Record<string, Schema> {
  const { group, version, kind, plural, schema, namespaced } = definition;
  const root = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  const collection = `${root}${namespaced ? '/namespaces/{namespace}' : ''}/${plural}`;
  const groupName = group === '' ? 'core' : (group.split('.')[0] as string);
  const tag = `${groupName}_${version}`;
  const subject = capital(groupName) + capital(version) + (namespaced ? 'Namespaced' : '') + kind;
  const verbs = new Set(definition.verbs ?? ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update']);
  const gvk = { group, version, kind };
  const base = { tag, kind: gvk, answers: schema };
  for (const name of [schema, `${schema}List`, `${meta}Status`, `${meta}DeleteOptions`, `${meta}Patch`]) refs.add(name);

  const namespace = namespaced ? [inPath('namespace')] : [];
  const many: Schema = { parameters: [...namespace, pretty] };
  if (verbs.has('list'))
    many.get = operation({
      ...base,
      action: 'list',
      id: `list${subject}`,
      parameters: lists,
      answers: `${schema}List`,
    });
  if (verbs.has('create'))
    many.post = operation({
      ...base,
      action: 'post',
      id: `create${subject}`,
      parameters: writes,
      body: schema,
      status: [200, 201, 202],
    });
  if (verbs.has('deletecollection'))
    many.delete = operation({
      ...base,
      action: 'deletecollection',
      id: `delete${subject.replace(kind, `Collection${kind}`)}`,
      parameters: [...lists, ...deletes],
      body: `${meta}DeleteOptions`,
      answers: `${meta}Status`,
    });
  const one: Schema = { parameters: [inPath('name'), ...namespace, pretty] };
  if (verbs.has('get')) one.get = operation({ ...base, action: 'get', id: `read${subject}` });
  if (verbs.has('update'))
    one.put = operation({
      ...base,
      action: 'put',
      id: `replace${subject}`,
      parameters: writes,
      body: schema,
      status: [200, 201],
    });
  if (verbs.has('patch'))
    one.patch = operation({
      ...base,
      action: 'patch',
      id: `patch${subject}`,
      parameters: [...writes, query('force', 'boolean')],
      body: 'patch',
      status: [200, 201],
    });
  if (verbs.has('delete'))
    one.delete = operation({
      ...base,
      action: 'delete',
      id: `delete${subject}`,
      parameters: deletes,
      body: `${meta}DeleteOptions`,
      status: [200, 202],
      answers: `${meta}Status`,
    });

  const out: Record<string, Schema> = { [collection]: many, [`${collection}/{name}`]: one };
  if (namespaced && verbs.has('list'))
    out[`${root}/${plural}`] = {
      parameters: [pretty],
      get: operation({
        ...base,
        action: 'list',
        id: `list${capital(groupName)}${capital(version)}${kind}ForAllNamespaces`,
        parameters: lists,
        answers: `${schema}List`,
      }),
    };
  for (const subresource of definition.subresources ?? []) {
    const body = subresource.kind?.schema ?? schema;
    const { group: g = group, version: v = version, kind: k = kind } = subresource.kind ?? {};
    if (subresource.behaviour.type !== 'connect') refs.add(body);
    const common = {
      tag,
      kind: { group: g, version: v, kind: k },
      answers: subresource.behaviour.type === 'connect' ? undefined : body,
    };
    const item: Schema = { parameters: [inPath('name'), ...namespace, pretty] };
    const name = subject + capital(subresource.name);
    for (const verb of subresource.verbs) {
      if (verb === 'get') item.get = operation({ ...common, action: 'get', id: `read${name}` });
      if (verb === 'update')
        item.put = operation({
          ...common,
          action: 'put',
          id: `replace${name}`,
          parameters: writes,
          body,
          status: [200, 201],
        });
      if (verb === 'patch')
        item.patch = operation({
          ...common,
          action: 'patch',
          id: `patch${name}`,
          parameters: [...writes, query('force', 'boolean')],
          body: 'patch',
          status: [200, 201],
        });
      if (verb === 'create')
        item.post = operation({
          ...common,
          action: 'post',
          id: `create${name}`,
          parameters: writes,
          ...(subresource.behaviour.type === 'connect' ? {} : { body }),
          status: [200, 201, 202],
        });
    }
    out[`${collection}/{name}/${subresource.name}`] = item;
  }
  return out;
}

/** The document of one group version: what /openapi/v3/apis/<group>/<version> answers. `extra`: further types to describe. */
export function openApiDocument(
  table: SchemaTable,
  definitions: readonly AnyResource[],
  groupVersion: string,
  release: string,
  extra: readonly string[] = [],
): Record<string, unknown> {
  const refs = new Set<string>(extra);
  const paths: Record<string, Schema> = {};
  for (const definition of definitions)
    if (apiVersion(definition) === groupVersion) Object.assign(paths, pathsOf(definition, refs));
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version: release },
    paths: Object.fromEntries(Object.entries(paths).sort(([a], [b]) => (a < b ? -1 : 1))),
    components: {
      schemas: openApiSchemas(table, refs),
      securitySchemes: { BearerToken: { type: 'apiKey', name: 'authorization', in: 'header' } },
    },
  };
}
