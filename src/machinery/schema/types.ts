// The schema table, compiled for use: each type once, on first use, with its fields in the order of serialisation
// (kind, apiVersion, metadata, then by name). Immutable.

import type { SchemaTable, TableField, TableType } from './table.ts';

export type Scalar = 'string' | 'int32' | 'int64' | 'double' | 'boolean' | 'bytes';
/** Types with a JSON form of their own. */
export type Special = 'quantity' | 'time' | 'microTime' | 'duration' | 'intOrString' | 'raw';

export type Type =
  | { readonly kind: Scalar | Special }
  | { readonly kind: 'list' | 'map'; readonly item: Type }
  | StructType;

export interface Field {
  readonly name: string;
  readonly type: Type;
  readonly required: boolean;
  /** Serialised even when unset. */
  readonly present: boolean;
  /** An explicit zero or empty value is kept. */
  readonly keepsZero: boolean;
  readonly table: TableField;
}

export interface StructType {
  readonly kind: 'struct';
  /** `io.k8s.api.core.v1.Pod`. */
  readonly name: string;
  readonly fields: ReadonlyMap<string, Field>;
  /** The same, in the order of serialisation. */
  readonly ordered: readonly Field[];
  readonly table: TableType;
}

const codes: Record<string, Type> = {
  s: { kind: 'string' },
  i: { kind: 'int32' },
  l: { kind: 'int64' },
  n: { kind: 'double' },
  b: { kind: 'boolean' },
  y: { kind: 'bytes' },
  '*': { kind: 'raw' },
};
const specials: Record<string, Special> = {
  'io.k8s.apimachinery.pkg.api.resource.Quantity': 'quantity',
  'io.k8s.apimachinery.pkg.apis.meta.v1.Time': 'time',
  'io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime': 'microTime',
  'io.k8s.apimachinery.pkg.apis.meta.v1.Duration': 'duration',
  'io.k8s.apimachinery.pkg.util.intstr.IntOrString': 'intOrString',
};
const scalars = new Set(['string', 'int32', 'int64', 'double', 'boolean', 'bytes']);
export const isScalarType = (type: Type): boolean => scalars.has(type.kind);

const first = ['kind', 'apiVersion', 'metadata'];

export class Schemas {
  readonly table: SchemaTable;
  private readonly structs = new Map<string, StructType>();

  constructor(table: SchemaTable) {
    this.table = table;
  }

  /** Undefined when the table has no such type. */
  struct(name: string): StructType | undefined {
    const known = this.structs.get(name);
    if (known) return known;
    if (!Object.hasOwn(this.table, name)) return undefined;
    const table = this.table[name] as TableType;
    const fields = new Map<string, Field>();
    const ordered: Field[] = [];
    const struct: StructType = { kind: 'struct', name, fields, ordered, table };
    this.structs.set(name, struct);
    const names = Object.keys(table.f);
    for (const field of [
      ...first.filter((name) => names.includes(name)),
      ...names.filter((name) => !first.includes(name)),
    ]) {
      const entry = table.f[field] as TableField | string;
      const own: TableField = typeof entry === 'string' ? { t: entry } : entry;
      const type = this.type(own.t);
      const collection = type.kind === 'list' || type.kind === 'map';
      fields.set(field, {
        name: field,
        type,
        required: own.r === 1,
        present: own.z === 1,
        keepsZero: own.z === 1 || own.p === 1 || (collection ? own.r === 1 : !isScalarType(type)),
        table: own,
      });
      ordered.push(fields.get(field) as Field);
    }
    return struct;
  }

  private type(code: string): Type {
    const simple = codes[code];
    if (simple) return simple;
    if (code.startsWith('[')) return { kind: 'list', item: this.type(code.slice(1)) };
    if (code.startsWith('{')) return { kind: 'map', item: this.type(code.slice(1)) };
    const name = code.slice(1);
    const special = specials[name];
    if (special) return { kind: special };
    return this.struct(name) ?? { kind: 'raw' };
  }

  /** The type of a top-level kind. */
  ofKind(group: string, version: string, kind: string): StructType | undefined {
    this.kinds ??= new Map(
      Object.entries(this.table).flatMap(([name, { k }]) => (k ? [[k.join('/'), name] as const] : [])),
    );
    const name = this.kinds.get(`${group}/${version}/${kind}`);
    return name === undefined ? undefined : this.struct(name);
  }
  private kinds: Map<string, string> | undefined;
}

/** As Go's reflection names a type in messages: `v1.Container`, `[]v1.Container`, `map[string]string`. */
export function goType(type: Type): string {
  switch (type.kind) {
    case 'list':
      return `[]${goType(type.item)}`;
    case 'map':
      return `map[string]${goType(type.item)}`;
    case 'struct':
      return type.name.split('.').slice(-2).join('.');
    case 'boolean':
      return 'bool';
    case 'double':
      return 'float64';
    case 'bytes':
      return '[]uint8';
    case 'quantity':
      return 'resource.Quantity';
    case 'time':
      return 'v1.Time';
    case 'microTime':
      return 'v1.MicroTime';
    case 'duration':
      return 'v1.Duration';
    case 'intOrString':
      return 'intstr.IntOrString';
    case 'raw':
      return 'map[string]interface {}';
    default:
      return type.kind;
  }
}
