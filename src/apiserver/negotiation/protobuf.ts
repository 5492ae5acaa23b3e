// Answers as Kubernetes protobuf, made from their JSON. The message of an object is found by its kind and version; lists are
// written page by page, so that only their protobuf form, which is the smaller one, is ever held whole.
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

  /** A list out of `head`, which is the list without items, and pages of items as JSON with commas between them. */
  list(head: Json, pages: Iterator<string>): Uint8Array<ArrayBuffer>[] | undefined {
    const apiVersion = String(head.apiVersion);
    const kind = String(head.kind);
    const schema = this.#schemaOf(apiVersion, kind);
    const item = this.#schemaOf(apiVersion, kind.slice(0, -'List'.length));
    if (schema === undefined || item === undefined) return undefined;
    const parts = [this.#writer.message(schema, { metadata: head.metadata })];
    for (let page = pages.next(); !page.done; page = pages.next())
      parts.push(this.#writer.items(itemsField, item, JSON.parse(`[${page.value}]`)));
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    const { before, after } = this.#writer.frame(apiVersion, kind, length);
    return [before, ...parts, after];
  }
}
