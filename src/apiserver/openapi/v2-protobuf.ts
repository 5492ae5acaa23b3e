// An OpenAPI v2 document in the protobuf form in which client-go asks for it (gnostic's openapi.v2.Document). Writes what v2.ts
// makes.
import { BinaryWriter } from '@bufbuild/protobuf/wire';
import {
  each,
  flag,
  free,
  type Json,
  type Message,
  message,
  named,
  text,
  texts,
  type Write,
  within,
  writeMessage,
} from './protobuf.ts';

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
  fields: { required: flag(1), in: text(2), description: text(3), name: text(4), type: text(6), uniqueItems: flag(20) },
};
const pathParameter: Message = {
  fields: { required: flag(1), in: text(2), description: text(3), name: text(4), type: text(5), uniqueItems: flag(19) },
};

/** Parameter → BodyParameter, or NonBodyParameter → one message a place. */
const parameter: Write = (writer, value: Json) => {
  const write =
    value.in === 'body'
      ? message(1, () => bodyParameter)
      : within(2, value.in === 'path' ? message(4, () => pathParameter) : message(3, () => queryParameter));
  write(writer, value as never);
};
const reference: Message = { fields: { $ref: text(1) } };
/** ParametersItem → Parameter or JsonReference. */
const parametersItem =
  (at: number): Write =>
  (writer, value: Json) =>
    within(at, value.$ref === undefined ? within(1, parameter) : message(2, () => reference))(writer, value as never);

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
    tags: texts(1),
    description: text(3),
    operationId: text(5),
    produces: texts(6),
    consumes: texts(7),
    parameters: each(parametersItem(8)),
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
    schemes: texts(10),
  },
};
const pathItem: Message = {
  fields: {
    get: message(2, () => operation),
    put: message(3, () => operation),
    post: message(4, () => operation),
    delete: message(5, () => operation),
    options: message(6, () => operation),
    head: message(7, () => operation),
    patch: message(8, () => operation),
    parameters: each(parametersItem(9)),
  },
};
const info: Message = { fields: { title: text(1), version: text(2) } };
const apiKey: Message = { fields: { type: text(1), name: text(2), in: text(3), description: text(4) } };
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
    parameters: within(10, named(1, within(2, parameter))),
    security: each(within(12, named(1, within(2, texts(1))))),
    securityDefinitions: within(
      13,
      named(
        1,
        within(
          2,
          message(2, () => apiKey),
        ),
      ),
    ),
  },
};

export function encodeV2(value: Json): Uint8Array {
  const writer = new BinaryWriter();
  writeMessage(writer, document, value);
  return writer.finish();
}
