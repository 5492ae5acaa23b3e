// Types of the schema table as OpenAPI v3 component schemas, with Kubernetes' extensions.
import type { SchemaTable, TableField } from '../../machinery/schema/table.ts';

const prefix = '#/components/schemas/';

const scalars: Record<string, Record<string, unknown>> = {
  s: { type: 'string' },
  i: { type: 'integer', format: 'int32' },
  l: { type: 'integer', format: 'int64' },
  n: { type: 'number', format: 'double' },
  b: { type: 'boolean' },
  y: { type: 'string', format: 'byte' },
  '*': { type: 'object' },
};

/** Types whose JSON is not an object. */
const forms: Record<string, Record<string, unknown>> = {
  'io.k8s.apimachinery.pkg.api.resource.Quantity': { oneOf: [{ type: 'string' }, { type: 'number' }] },
  'io.k8s.apimachinery.pkg.apis.meta.v1.Time': { type: 'string', format: 'date-time' },
  'io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime': { type: 'string', format: 'date-time' },
  'io.k8s.apimachinery.pkg.apis.meta.v1.Duration': { type: 'string' },
  'io.k8s.apimachinery.pkg.util.intstr.IntOrString': {
    format: 'int-or-string',
    oneOf: [{ type: 'integer' }, { type: 'string' }],
  },
};

function typeSchema(code: string, used: Set<string>): Record<string, unknown> {
  if (code.startsWith('[')) return { type: 'array', items: itemSchema(code.slice(1), used) };
  if (code.startsWith('{')) return { type: 'object', additionalProperties: itemSchema(code.slice(1), used) };
  if (code.startsWith('#')) {
    used.add(code.slice(1));
    return { $ref: prefix + code.slice(1) };
  }
  return { ...(scalars[code] ?? { type: 'object' }) };
}

function itemSchema(code: string, used: Set<string>): Record<string, unknown> {
  const schema = typeSchema(code, used);
  return '$ref' in schema ? { allOf: [schema], default: {} } : schema;
}

function fieldSchema(entry: TableField | string, used: Set<string>): Record<string, unknown> {
  const field: TableField = typeof entry === 'string' ? { t: entry } : entry;
  let schema = typeSchema(field.t, used);
  const more: Record<string, unknown> = {};
  if (field.e && !field.t.startsWith('[')) more.enum = field.e;
  if (field.d !== undefined) more.default = field.d;
  if (field.lt) more['x-kubernetes-list-type'] = field.lt;
  if (field.lk) more['x-kubernetes-list-map-keys'] = field.lk;
  if (field.mt) more['x-kubernetes-map-type'] = field.mt;
  if (field.ps) more['x-kubernetes-patch-strategy'] = field.ps;
  if (field.pk) more['x-kubernetes-patch-merge-key'] = field.pk;
  if (Object.keys(more).length === 0) return schema;
  // In OpenAPI 3.0 nothing may stand beside a $ref.
  if ('$ref' in schema) schema = { allOf: [schema] };
  return { ...schema, ...more };
}

/** The named types and all that they use. Names that the table does not have become plain objects. */
export function componentSchemas(table: SchemaTable, names: Iterable<string>): Record<string, unknown> {
  const pending = [...names];
  const done: Record<string, unknown> = {};
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    if (Object.hasOwn(done, name)) continue;
    const used = new Set<string>();
    done[name] = componentSchema(table, name, used);
    pending.push(...used);
  }
  return Object.fromEntries(Object.entries(done).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function componentSchema(table: SchemaTable, name: string, used: Set<string>): Record<string, unknown> {
  if (Object.hasOwn(forms, name)) return { ...forms[name] };
  const type = Object.hasOwn(table, name) ? table[name] : undefined;
  if (!type) return { type: 'object' };
  const properties = Object.fromEntries(
    Object.entries(type.f).map(([field, entry]) => [field, fieldSchema(entry, used)]),
  );
  const required = Object.entries(type.f)
    .filter(([, entry]) => typeof entry !== 'string' && entry.r === 1)
    .map(([field]) => field);
  return {
    type: 'object',
    ...(required.length > 0 ? { required } : {}),
    ...(Object.keys(properties).length > 0 ? { properties } : {}),
    ...(type.mt ? { 'x-kubernetes-map-type': type.mt } : {}),
    ...(type.u ? { 'x-kubernetes-unions': type.u } : {}),
    ...(type.k
      ? { 'x-kubernetes-group-version-kind': [{ group: type.k[0], version: type.k[1], kind: type.k[2] }] }
      : {}),
  };
}
