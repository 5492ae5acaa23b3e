// Types of the schema table as OpenAPI v3 component schemas, with the extensions in which kubectl looks for patch merge keys and
// kinds. Descriptions are handed in; paths are the API server's.

import type { SchemaTable, TableField, TableType } from './schema/table.ts';

type Schema = Record<string, unknown>;

/** What a type (`d`) and its fields (`f`) mean. */
export type Describe = (type: string) => { d?: string; f: Readonly<Record<string, string>> };

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

/** Types of meta/v1 that are kinds of their own. */
const metaKinds = new Set(
  ['APIGroup', 'APIGroupList', 'APIResourceList', 'APIVersions', 'DeleteOptions', 'Status', 'WatchEvent'].map(
    (kind) => meta + kind,
  ),
);

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
      items: wrapped({ ...typeSchema(code.slice(1), refs, undefined, true), ...(field?.e ? { enum: field.e } : {}) }),
    };
  if (code.startsWith('{'))
    return { type: 'object', additionalProperties: wrapped(typeSchema(code.slice(1), refs, undefined, true)) };
  if (code.startsWith('#')) {
    const name = code.slice(1);
    refs.add(name);
    const ref = { $ref: prefix + name };
    // Go's structs are never absent; a time that is none is null and has no default.
    return (zero || field?.z) && !name.endsWith('Time') ? { default: {}, ...ref } : ref;
  }
  const schema = scalars[code] ?? {};
  const value = field?.d ?? (zero || field?.z ? zeros[code] : undefined);
  return { ...schema, ...(value === undefined ? {} : { default: value }), ...(field?.e ? { enum: field.e } : {}) };
}

/** Nothing may stand beside a reference in OpenAPI v3: with company it goes into an `allOf`. */
function wrapped({ $ref, ...rest }: Schema): Schema {
  if ($ref === undefined) return rest;
  return Object.keys(rest).length === 0 ? { $ref } : { ...rest, allOf: [{ $ref }] };
}

function extensions(field: TableField): Schema {
  return {
    ...(field.lt ? { 'x-kubernetes-list-type': field.lt } : {}),
    ...(field.lk ? { 'x-kubernetes-list-map-keys': field.lk } : {}),
    ...(field.mt ? { 'x-kubernetes-map-type': field.mt } : {}),
    ...(field.ps ? { 'x-kubernetes-patch-strategy': field.ps } : {}),
    ...(field.pk ? { 'x-kubernetes-patch-merge-key': field.pk } : {}),
  };
}

function component(name: string, type: TableType, refs: Set<string>, describe: Describe): Schema {
  const { d, f } = describe(name);
  const properties: Record<string, Schema> = {};
  const required: string[] = [];
  for (const [field, entry] of Object.entries(type.f)) {
    const own: TableField = typeof entry === 'string' ? { t: entry } : entry;
    properties[field] = wrapped({
      ...(f[field] ? { description: f[field] } : {}),
      ...typeSchema(own.t, refs, own),
      ...extensions(own),
    });
    if (own.r) required.push(field);
  }
  const kinds = type.k
    ? [{ group: type.k[0], version: type.k[1], kind: type.k[2] }]
    : metaKinds.has(name)
      ? [{ group: '', version: 'v1', kind: name.slice(meta.length) }]
      : [];
  return {
    ...(d ? { description: d } : {}),
    type: 'object',
    properties,
    ...(required.length > 0 ? { required: type.q ?? required } : {}),
    ...(kinds.length > 0 ? { 'x-kubernetes-group-version-kind': kinds } : {}),
    ...(type.mt ? { 'x-kubernetes-map-type': type.mt } : {}),
    ...(type.u ? { 'x-kubernetes-unions': type.u } : {}),
  };
}

/** Component schemas of the named types and all that they refer to, sorted by name. */
export function openApiSchemas(
  table: SchemaTable,
  names: Iterable<string>,
  describe: Describe = () => ({ f: {} }),
): Record<string, Schema> {
  const wanted = new Set(names);
  const out: Record<string, Schema> = {};
  for (const name of wanted) {
    const type = Object.hasOwn(table, name) ? table[name] : undefined;
    const special = Object.hasOwn(specials, name) ? specials[name] : undefined;
    const { d } = describe(name);
    out[name] = type
      ? component(name, type, wanted, describe)
      : { ...(d ? { description: d } : {}), ...(special ?? { type: 'object' }) };
  }
  return Object.fromEntries(Object.entries(out).sort(([a], [b]) => (a < b ? -1 : 1)));
}
