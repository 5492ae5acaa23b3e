// What the merge of fields needs to know of a type, compiled once from the schema tables: what is a leaf (scalars, and lists
// and maps that are atomic), how the elements of a list are told apart, and which fields Go writes even when nobody set them.
import { isJsonObject } from '../schema/json.ts';
import type { TableField } from '../schema/table.ts';
import { type Field, isScalarType, type Schemas, type StructType, type Type } from '../schema/types.ts';
import { fieldElement, keyElement, ManagedFieldsError, valueElement } from './element.ts';

export interface Leaf {
  readonly kind: 'leaf';
  /** `any`: whatever JSON, as one piece. */
  readonly scalar: 'string' | 'numeric' | 'boolean' | 'untyped' | 'any';
}

export interface ListShape {
  readonly kind: 'list';
  readonly atomic: boolean;
  /** Of a keyed list, sorted by name; none in a set. `fallback`: what an element has that leaves it out. */
  readonly keys: readonly { readonly name: string; readonly fallback: unknown }[];
  /** In the order of the schema, for messages. */
  readonly keyNames: readonly string[];
  readonly item: Shape;
}

export interface MapShape {
  readonly kind: 'map';
  readonly atomic: boolean;
  /** Of a struct; a map of values has none. */
  readonly fields: ReadonlyMap<string, FieldShape>;
  /** Of values under other names; undefined: there are none. */
  readonly item: Shape | undefined;
}

export interface FieldShape {
  readonly element: string;
  readonly shape: Shape;
  /** What a struct has there that does not mention it: undefined, null, or the zero that Go writes. */
  readonly absent: unknown;
}

export type Shape = Leaf | ListShape | MapShape;

const leaf = (scalar: Leaf['scalar']): Leaf => ({ kind: 'leaf', scalar });
const leaves: Record<string, Leaf> = {
  string: leaf('string'),
  bytes: leaf('string'),
  duration: leaf('string'),
  int32: leaf('numeric'),
  int64: leaf('numeric'),
  double: leaf('numeric'),
  boolean: leaf('boolean'),
  raw: leaf('any'),
};
const untyped = leaf('untyped');
const noFields: ReadonlyMap<string, FieldShape> = new Map();

export class Shapes {
  readonly #schemas: Schemas;
  readonly #structs = new Map<string, MapShape>();

  constructor(schemas: Schemas) {
    this.#schemas = schemas;
  }

  /** Of the type of this name in the schema tables. */
  of(name: string): MapShape {
    const type = this.#schemas.struct(name);
    if (!type) throw new Error(`no schema ${name}`);
    return this.#struct(type, undefined);
  }

  #struct(type: StructType, override: string | undefined): MapShape {
    const atomic = (override ?? type.table.mt) === 'atomic';
    const id = `${atomic}/${type.name}`;
    const known = this.#structs.get(id);
    if (known) return known;
    const fields = new Map<string, FieldShape>();
    const shape: MapShape = { kind: 'map', atomic, fields, item: undefined };
    this.#structs.set(id, shape);
    for (const field of type.ordered)
      fields.set(field.name, {
        element: fieldElement(field.name),
        shape: this.#shape(field.type, field.table),
        absent: absentOf(field),
      });
    return shape;
  }

  #shape(type: Type, table: Partial<TableField>): Shape {
    if (type.kind === 'struct') return this.#struct(type, table.mt);
    if (type.kind === 'map')
      return { kind: 'map', atomic: table.mt === 'atomic', fields: noFields, item: this.#shape(type.item, {}) };
    if (type.kind === 'list') return this.#list(type.item, table);
    return leaves[type.kind] ?? untyped;
  }

  #list(item: Type, { lt, lk = [], ps = '', pk }: Partial<TableField>): ListShape {
    const merged = lt === undefined && ps.split(',').includes('merge');
    const names = lt === 'map' ? lk : merged && pk !== undefined ? [pk] : [];
    const fallback = (name: string): unknown => {
      const field = item.kind === 'struct' ? item.fields.get(name) : undefined;
      return field?.table.d ?? (field?.present ? zeroOf(field) : undefined);
    };
    return {
      kind: 'list',
      atomic: lt === undefined ? !merged : lt === 'atomic',
      keys: [...names].sort().map((name) => ({ name, fallback: fallback(name) })),
      keyNames: names,
      item: this.#shape(item, {}),
    };
  }
}

/** Go's nil in what it always writes counts as there: its value is modified, never added. */
function absentOf(field: Field): unknown {
  if (field.present) return zeroOf(field);
  return field.required ? null : undefined;
}

function zeroOf({ type }: Field): unknown {
  if (type.kind === 'struct') return {};
  if (type.kind === 'string' || type.kind === 'bytes') return '';
  if (type.kind === 'boolean') return false;
  if (isScalarType(type) || type.kind === 'intOrString') return 0;
  if (type.kind === 'quantity') return '0';
  return null;
}

/** The path element of an element of a set or keyed list. Throws {@link ManagedFieldsError}. */
export function itemElement(list: ListShape, item: unknown): string {
  if (list.keys.length === 0) {
    if (Array.isArray(item)) throw new ManagedFieldsError('not supported: associative list with lists as elements');
    if (item === null)
      throw new ManagedFieldsError("associative list without keys has an element that's an explicit null");
    if (typeof item === 'object')
      throw new ManagedFieldsError("associative list without keys has an element that's a map type");
    return valueElement(item);
  }
  if (item === null) throw new ManagedFieldsError('associative list with keys may not have a null element');
  if (!isJsonObject(item)) throw new ManagedFieldsError('associative list with keys may not have non-map elements');
  const keys: [string, unknown][] = [];
  for (const { name, fallback } of list.keys) {
    const value = Object.hasOwn(item, name) ? item[name] : fallback;
    if (value !== undefined) keys.push([name, value]);
  }
  if (keys.length === 0)
    throw new ManagedFieldsError(
      `associative list with keys has an element that omits all key fields [${list.keyNames.map((name) => JSON.stringify(name)).join(' ')}] (and doesn't have default values for any key fields)`,
    );
  return keyElement(keys);
}
