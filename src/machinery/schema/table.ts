// The schema table: the Kubernetes API types in a compact form, written by `npm run gen` (src/generated/schemas/definitions.ts)
// and handed to the engine as an argument. Types by full name; fields in alphabetical order.
//
// Type codes: s string · i int32 · l int64 · n double · b boolean · y bytes (base64) · * any JSON · #name another type ·
// [code list · {code map with string keys. Example: `[#io.k8s.api.core.v1.Container`, `{s`.

export interface TableField {
  /** Type code. */
  t: string;
  /** Required. */
  r?: 1;
  /** Serialised even when nobody set it: no pointer and no omitempty in Go, or a struct. */
  z?: 1;
  /** An optional scalar that is a pointer in Go: an explicit zero is kept. */
  p?: 1;
  /** Allowed values, of the items in a list. */
  e?: string[];
  /** Default in OpenAPI, unless it is the zero of a `z` field; applied by the kinds' own defaulting, not here. */
  d?: unknown;
  /** x-kubernetes-list-type, -list-map-keys, -map-type, -patch-strategy, -patch-merge-key. */
  lt?: string;
  lk?: string[];
  mt?: string;
  ps?: string;
  pk?: string;
}

export interface TableType {
  /** Fields; a plain string is a field with nothing but a type code. */
  f: Record<string, TableField | string>;
  /** Names of the required fields in upstream's order, where that is not the alphabetical one. */
  q?: string[];
  /** x-kubernetes-map-type of the type itself. */
  mt?: string;
  /** x-kubernetes-unions. */
  u?: unknown;
  /** Group, version and kind of a top-level type. */
  k?: [group: string, version: string, kind: string];
}

export type SchemaTable = Record<string, TableType>;

/** Message → field number → [JSON name ('' is inlined), type, '' | 'repeated' | 'map', key type]. */
export type ProtobufTable = Record<string, Record<string, readonly string[]>>;
