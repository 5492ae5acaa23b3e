// Object <-> ledger entry. A value is the object's JSON without its leading `{"kind":…,"apiVersion":…,`: it starts with
// `"metadata":{` and ends with `}`, so that a reader splices kind and version in front and parses nothing.
//
// Worked example: the Pod {"kind":"Pod","apiVersion":"v1","metadata":{"name":"a",…},"spec":{}} is stored as
//   value  "metadata":{"name":"a",…,"resourceVersion":"7",…},"spec":{}}
//   side   {"m":<length of the metadata text>,"l":{labels},"f":{"spec.nodeName":"n1"},"c":[table cells]}
// PartialObjectMetadata is `{kind…,` + value.slice(0, m) + `}`. Inside metadata, resourceVersion comes before everything
// that may contain free text, so that the first `"resourceVersion":"` is the real one. What is stored is what clients read,
// so lists that upstream always writes are null there when they are empty (see `written`).
import { nilLists } from '../../generated/nil-lists.ts';
import type { Content } from '../../ledger/types.ts';
import type { KubeObject, ObjectMeta, ResourceToken } from '../../machinery/meta.ts';
import { apiVersion } from '../../machinery/meta.ts';
import type { AnyResource, Column } from '../../machinery/resource.ts';
import { withNils, withoutNils } from '../../machinery/schema/nil-lists.ts';

export type Cell = ReturnType<Column<KubeObject>['cell']>;

/** The side column: what selectors and tables need, readable without the value. */
export interface Side {
  /** Length of the value's `"metadata":{…}`. */
  m: number;
  /** Labels. */
  l?: Record<string, string>;
  /** Selectable fields by path. */
  f?: Record<string, string>;
  /** Table cells, in the order of the definition's columns. */
  c?: Cell[];
  /** Instant (ms) at which the object expires. */
  x?: number;
}

const metadataOrder = [
  'name',
  'generateName',
  'namespace',
  'selfLink',
  'uid',
  'resourceVersion',
  'generation',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'labels',
  'annotations',
  'ownerReferences',
  'finalizers',
  'managedFields',
] as const satisfies readonly (keyof ObjectMeta)[];

/** Metadata in stored order, at `revision`; empty maps and lists, and what is not known, are left out. */
export function storedMetadata(metadata: ObjectMeta, revision: number): ObjectMeta {
  const result: Record<string, unknown> = {};
  for (const field of metadataOrder) {
    const value = field === 'resourceVersion' ? String(revision) : metadata[field];
    if (value === undefined || value === null || value === '') continue;
    if (typeof value === 'object' && Object.keys(value).length === 0) continue;
    result[field] = value;
  }
  return result as unknown as ObjectMeta;
}

const nilListsOf = ({ kind, apiVersion: version }: KubeObject) =>
  Object.hasOwn(nilLists, `${version}/${kind}`) ? nilLists[`${version}/${kind}`] : undefined;

/** The object as it is written: lists that upstream always writes are null when there is nothing in them. */
export function written<T extends KubeObject>(object: T): T {
  const tree = nilListsOf(object);
  return tree ? withNils(tree, object) : object;
}

/** The object as the rest of the code has it: the same lists are empty. Changes what it is given. */
export function unwritten<T extends KubeObject>(object: T): T {
  const tree = nilListsOf(object);
  if (tree) withoutNils(tree, object);
  return object;
}

export function encodeValue(object: KubeObject, revision: number): { value: string; metadataLength: number } {
  const { kind: _kind, apiVersion: _apiVersion, metadata, ...rest } = written(object);
  const text = `"metadata":${JSON.stringify(storedMetadata(metadata, revision))}`;
  const others = JSON.stringify(rest);
  return { value: others === '{}' ? `${text}}` : `${text},${others.slice(1)}`, metadataLength: text.length };
}

/** Everything that one write stores. Mutates nothing. */
export function encode(definition: AnyResource, object: KubeObject, revision: number, expiresMs?: number): Content {
  const { value, metadataLength } = encodeValue(object, revision);
  return {
    value,
    side: encodeSide(definition, object, metadataLength, expiresMs),
    tags: tagsOf(definition, object),
  };
}

export function encodeSide(
  definition: AnyResource,
  object: KubeObject,
  metadataLength: number,
  expiresMs?: number,
): string {
  const side: Side = { m: metadataLength };
  const { labels } = object.metadata;
  if (labels && Object.keys(labels).length > 0) side.l = labels;
  if (definition.selectableFields) {
    const fields: Record<string, string> = {};
    for (const [path, read] of Object.entries(definition.selectableFields)) {
      const value = read(object);
      if (value) fields[path] = value;
    }
    side.f = fields;
  }
  side.c = definition.columns.map((column) => column.cell(object) ?? null);
  if (expiresMs !== undefined) side.x = expiresMs;
  return JSON.stringify(side);
}

export function tagsOf(definition: AnyResource, object: KubeObject): string[] {
  const tags = new Set<string>(definition.indexes?.(object) ?? []);
  for (const owner of object.metadata.ownerReferences ?? []) tags.add(`owner=${owner.uid}`);
  return [...tags];
}

/** `{"kind":"Pod","apiVersion":"v1",`: what goes before a stored value. */
export function head(definition: ResourceToken): string {
  return `{"kind":${JSON.stringify(definition.kind)},"apiVersion":${JSON.stringify(apiVersion(definition))},`;
}

/** A stored value as the JSON of an object of `definition`, which may be another version of what is stored. */
export function objectText(definition: AnyResource, value: string): string {
  return definition.conversion ? JSON.stringify(written(decode(definition, value))) : head(definition) + value;
}

/** The same without kind and apiVersion, as the items of lists are written. */
export function itemText(definition: AnyResource, value: string): string {
  if (!definition.conversion) return `{${value}`;
  const { kind: _kind, apiVersion: _version, ...item } = written(decode(definition, value));
  return JSON.stringify(item);
}

/** Version of meta.k8s.io, the group of tables and partial objects. */
export type MetaVersion = 'v1' | 'v1beta1';

export function partialText(value: string, side: Side, version: MetaVersion): string {
  return `{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/${version}",${value.slice(0, side.m)}}`;
}

/** The object of a stored value as clients read it. Not of another version. */
export const decodeWritten = (definition: ResourceToken, value: string): KubeObject =>
  JSON.parse(head(definition) + value);

/** The object of a stored value, converted where `definition` is another version of what is stored. */
export function decode<T extends KubeObject = KubeObject>(definition: AnyResource, value: string): T {
  const { conversion } = definition;
  const stored = unwritten(decodeWritten(conversion?.resource ?? definition, value));
  return conversion ? inVersion<T>(definition, stored) : (stored as T);
}

/** A stored object as `requested` has it. */
export function inVersion<T extends KubeObject = KubeObject>(requested: AnyResource, stored: KubeObject): T {
  if (!requested.conversion) return stored as T;
  const { kind: _kind, apiVersion: _version, metadata, ...rest } = requested.conversion.fromStored(stored);
  return { kind: requested.kind, apiVersion: apiVersion(requested), metadata, ...rest } as T;
}

export function parseSide(text: string): Side {
  return text === '' ? { m: 0 } : (JSON.parse(text) as Side);
}

const revisionField = /"resourceVersion":"(\d*)"/;

/** A stored row as of another revision, without parsing its value (a row that left a selection, or expired). */
export function revised(row: { value: string; side: string }, revision: number): { value: string; side: string } {
  const before = revisionField.exec(row.value)?.[1] ?? '';
  const side = parseSide(row.side);
  return {
    value: row.value.replace(revisionField, `"resourceVersion":"${revision}"`),
    side: JSON.stringify({ ...side, m: side.m + String(revision).length - before.length }),
  };
}

/** Namespace and name out of a key: `pods/default/web`. */
export function keyParts(key: string): { resource: string; namespace: string; name: string } {
  const [resource = '', first = '', second] = key.split('/');
  return second === undefined ? { resource, namespace: '', name: first } : { resource, namespace: first, name: second };
}
