// Answers as Kubernetes protobuf, made from their JSON. The message of an object is found by its kind and version; lists are
// written page by page.
import type { ProtobufWriter } from '../../machinery/schema/protobuf-writer.ts';
import type { Schemas } from '../../machinery/schema/types.ts';

type Json = Record<string, unknown>;

const meta = 'io.k8s.apimachinery.pkg.apis.meta.v1.';
/** Kinds that belong to no group of their own. */
const metaKinds = new Set(['Status', 'PartialObjectMetadata', 'PartialObjectMetadataList', 'APIGroup', 'APIGroupList']);
for (const kind of ['APIResourceList', 'APIVersions']) metaKinds.add(kind);
const itemsField = 2;

export class ProtobufAnswers {
  readonly #schemas: Schemas;
  readonly #writer: ProtobufWriter;

  constructor(schemas: Schemas, writer: ProtobufWriter) {
    this.#schemas = schemas;
    this.#writer = writer;
  }

  /** Undefined: no message is known for it. */
  #schemaOf(apiVersion: string, kind: string): string | undefined {
    if (metaKinds.has(kind)) return meta + kind;
    const slash = apiVersion.indexOf('/');
    const group = slash < 0 ? '' : apiVersion.slice(0, slash);
    const schema = this.#schemas.ofKind(group, apiVersion.slice(slash + 1), kind)?.name;
    return schema !== undefined && this.#writer.has(schema) ? schema : undefined;
  }

  /** Undefined: it has no protobuf form. */
  object(value: Json): Uint8Array<ArrayBuffer> | undefined {
    const schema = this.#schemaOf(String(value.apiVersion), String(value.kind));
    return schema === undefined ? undefined : this.#writer.object(schema, value);
  }

  /** How a list is written whose JSON without items is `head`. Undefined: it has no protobuf form. */
  list(head: Json): ProtobufList | undefined {
    const apiVersion = String(head.apiVersion);
    const kind = String(head.kind);
    const schema = this.#schemaOf(apiVersion, kind);
    const item = this.#schemaOf(apiVersion, kind.slice(0, -'List'.length));
    if (schema === undefined || item === undefined) return undefined;
    const writer = this.#writer;
    return {
      metadata: writer.message(schema, { metadata: head.metadata }),
      items: (page) => writer.items(itemsField, item, JSON.parse(`[${page}]`)),
      itemsLength: (page) => writer.itemsLength(itemsField, item, JSON.parse(`[${page}]`)),
      frame: (length) => writer.frame(apiVersion, kind, length),
    };
  }
}

type Bytes = Uint8Array<ArrayBuffer>;

/** A list is `before`, the metadata, all items, and `after`. */
export interface ProtobufList {
  metadata: Bytes;
  /** Items, from JSON with commas between them. */
  items(page: string): Bytes;
  itemsLength(page: string): number;
  /** What goes around metadata and items that have so many bytes together. */
  frame(length: number): { before: Bytes; after: Bytes };
}
