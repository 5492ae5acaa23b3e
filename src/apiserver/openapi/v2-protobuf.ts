// An OpenAPI v2 document in the protobuf form in which kubectl asks for it (gnostic's openapi.v2.Document). Writes what
// v2.ts makes; values of free form (defaults, enums, extensions) travel as YAML, of which JSON is a part.
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';

type Json = Record<string, unknown>;
type Write = (writer: BinaryWriter, value: never) => void;

/** Writers of a message's JSON fields. `x-…` go to `extensions`; what is not named here is not written. */
interface Message {
  fields: Record<string, Write>;
  extensions?: number;
}

const nested = (writer: BinaryWriter, field: number, write: () => void): void => {
  writer.tag(field, WireType.LengthDelimited).fork();
  write();
  writer.join();
};

const text =
  (field: number): Write =>
  (writer, value: string) =>
    void writer.tag(field, WireType.LengthDelimited).string(value);
const flag =
  (field: number): Write =>
  (writer, value: boolean) =>
    void writer.tag(field, WireType.Varint).bool(value);
const texts =
  (field: number): Write =>
  (writer, value: readonly string[]) => {
    for (const one of value) text(field)(writer, one as never);
  };
/** openapi.v2.Any: YAML in field 2. */
const free =
  (field: number): Write =>
  (writer, value: unknown) =>
    nested(writer, field, () => text(2)(writer, JSON.stringify(value) as never));
const message =
  (field: number, type: () => Message): Write =>
  (writer, value: Json) =>
    nested(writer, field, () => writeMessage(writer, type(), value));
const each =
  (write: Write): Write =>
  (writer, value: readonly unknown[]) => {
    for (const one of value) write(writer, one as never);
  };
/** Wraps a message in one that has nothing but it: the arms of a oneof, and lists of names. */
const within =
  (field: number, write: Write): Write =>
  (writer, value) =>
    nested(writer, field, () => write(writer, value));
/** A map as pairs of name (1) and value (2), which stand in `entries` of the message. */
const named =
  (entries: number, value: Write): Write =>
  (writer, map: Record<string, unknown>) => {
    for (const [name, one] of Object.entries(map))
      nested(writer, entries, () => {
        text(1)(writer, name as never);
        value(writer, one as never);
      });
  };

function writeMessage(writer: BinaryWriter, { fields, extensions }: Message, value: Json): void {
  for (const [name, one] of Object.entries(value)) {
    const known = fields[name];
    if (one === undefined) continue;
    if (known) known(writer, one as never);
    else if (extensions !== undefined && name.startsWith('x-'))
      nested(writer, extensions, () => {
        text(1)(writer, name as never);
        free(2)(writer, one as never);
      });
  }
}

const schema: Message = {
  extensions: 31,
  fields: {
    $ref: text(1),
    format: text(2),
    description: text(4),
    default: free(5),
    required: texts(19),
    enum: each(free(20)),
    additionalProperties: within(
      21,
      message(1, () => schema),
    ),
    type: within(22, text(1)),
    items: within(
      23,
      message(1, () => schema),
    ),
    properties: within(
      25,
      named(
        1,
        message(2, () => schema),
      ),
    ),
  },
};

const bodyParameter: Message = {
  fields: { name: text(2), in: text(3), required: flag(4), schema: message(5, () => schema) },
};
const queryParameter: Message = {
  fields: { in: text(2), name: text(4), type: text(6), uniqueItems: flag(20) },
};
const pathParameter: Message = {
  fields: {
    required: flag(1),
    in: text(2),
    name: text(4),
    type: text(5),
    uniqueItems: flag(19),
  },
};

/** ParametersItem → Parameter → BodyParameter, or NonBodyParameter → one message a place. */
const parameter =
  (at: number): Write =>
  (writer, value: Json) => {
    const write =
      value.in === 'body'
        ? message(1, () => bodyParameter)
        : within(2, value.in === 'path' ? message(4, () => pathParameter) : message(3, () => queryParameter));
    within(at, within(1, write))(writer, value as never);
  };

const response: Message = {
  fields: {
    description: text(1),
    schema: within(
      2,
      message(1, () => schema),
    ),
  },
};
const operation: Message = {
  extensions: 13,
  fields: {
    produces: texts(6),
    consumes: texts(7),
    parameters: each(parameter(8)),
    responses: within(
      9,
      named(
        1,
        within(
          2,
          message(1, () => response),
        ),
      ),
    ),
  },
};
const pathItem: Message = {
  fields: {
    get: message(2, () => operation),
    put: message(3, () => operation),
    post: message(4, () => operation),
    delete: message(5, () => operation),
    patch: message(8, () => operation),
    parameters: each(parameter(9)),
  },
};
const info: Message = { fields: { title: text(1), version: text(2) } };
const document: Message = {
  fields: {
    swagger: text(1),
    info: message(2, () => info),
    paths: within(
      8,
      named(
        2,
        message(2, () => pathItem),
      ),
    ),
    definitions: within(
      9,
      named(
        1,
        message(2, () => schema),
      ),
    ),
  },
};

export function encodeV2(value: Json): Uint8Array {
  const writer = new BinaryWriter();
  writeMessage(writer, document, value);
  return writer.finish();
}
