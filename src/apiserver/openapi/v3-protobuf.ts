// An OpenAPI v3 document in the protobuf form in which client-go asks for it (gnostic's openapi.v3.Document). Writes what v3.ts
// makes. A default that is neither text, number nor flag has no place in that form and is left out, as by gnostic.
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import {
  each,
  flag,
  free,
  type Json,
  type Message,
  message,
  named,
  nested,
  text,
  texts,
  type Write,
  within,
  writeMessage,
} from './protobuf.ts';

const reference: Message = { fields: { $ref: text(1) } };
/** A oneof of the thing itself and a reference to it. */
const orReference =
  (type: () => Message): Write =>
  (writer, value: Json) =>
    message(value.$ref === undefined ? 1 : 2, value.$ref === undefined ? type : () => reference)(
      writer,
      value as never,
    );

const defaultValue =
  (field: number): Write =>
  (writer, value: unknown) => {
    if (typeof value === 'object') return;
    nested(writer, field, () => {
      if (typeof value === 'string') text(3)(writer, value as never);
      else if (typeof value === 'boolean') flag(2)(writer, value as never);
      else writer.tag(1, WireType.Bit64).double(value as number);
    });
  };

const schema: Message = {
  extensions: 36,
  fields: {
    uniqueItems: flag(20),
    required: texts(23),
    enum: each(free(24)),
    type: text(25),
    allOf: each(
      within(
        26,
        orReference(() => schema),
      ),
    ),
    oneOf: each(
      within(
        27,
        orReference(() => schema),
      ),
    ),
    items: within(
      30,
      within(
        1,
        orReference(() => schema),
      ),
    ),
    properties: within(
      31,
      named(
        1,
        within(
          2,
          orReference(() => schema),
        ),
      ),
    ),
    additionalProperties: within(
      32,
      within(
        1,
        orReference(() => schema),
      ),
    ),
    default: defaultValue(33),
    description: text(34),
    format: text(35),
  },
};
const mediaType: Message = {
  fields: {
    schema: within(
      1,
      orReference(() => schema),
    ),
  },
};
const content = (field: number): Write =>
  within(
    field,
    named(
      1,
      message(2, () => mediaType),
    ),
  );
const parameter: Message = {
  fields: {
    name: text(1),
    in: text(2),
    description: text(3),
    required: flag(4),
    schema: within(
      10,
      orReference(() => schema),
    ),
  },
};
const requestBody: Message = { fields: { description: text(1), content: content(2), required: flag(3) } };
const response: Message = { fields: { description: text(1), content: content(3) } };
const operation: Message = {
  extensions: 13,
  fields: {
    tags: texts(1),
    description: text(3),
    operationId: text(5),
    parameters: each(
      within(
        6,
        orReference(() => parameter),
      ),
    ),
    requestBody: within(
      7,
      orReference(() => requestBody),
    ),
    responses: within(
      8,
      named(
        2,
        within(
          2,
          orReference(() => response),
        ),
      ),
    ),
  },
};
const pathItem: Message = {
  fields: {
    get: message(4, () => operation),
    put: message(5, () => operation),
    post: message(6, () => operation),
    delete: message(7, () => operation),
    options: message(8, () => operation),
    head: message(9, () => operation),
    patch: message(10, () => operation),
    parameters: each(
      within(
        13,
        orReference(() => parameter),
      ),
    ),
  },
};
const securityScheme: Message = { fields: { type: text(1), description: text(2), name: text(3), in: text(4) } };
const components: Message = {
  fields: {
    schemas: within(
      1,
      named(
        1,
        within(
          2,
          orReference(() => schema),
        ),
      ),
    ),
    securitySchemes: within(
      7,
      named(
        1,
        within(
          2,
          orReference(() => securityScheme),
        ),
      ),
    ),
  },
};
const info: Message = { fields: { title: text(1), version: text(6) } };
const document: Message = {
  fields: {
    openapi: text(1),
    info: message(2, () => info),
    paths: within(
      4,
      named(
        1,
        message(2, () => pathItem),
      ),
    ),
    components: message(5, () => components),
  },
};

export function encodeV3(value: Json): Uint8Array {
  const writer = new BinaryWriter();
  writeMessage(writer, document, value);
  return writer.finish();
}
