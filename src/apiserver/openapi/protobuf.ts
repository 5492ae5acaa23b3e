// Writers from JSON to protobuf messages, of which the encoders of OpenAPI documents are made. What a message does not name is
// not written; `x-…` go to its extensions, and values of free form travel as YAML, of which JSON is a part.
import { type BinaryWriter, WireType } from '@bufbuild/protobuf/wire';

export type Json = Record<string, unknown>;
export type Write = (writer: BinaryWriter, value: never) => void;

/** Writers of a message's JSON fields. */
export interface Message {
  fields: Record<string, Write>;
  /** Field number of the extensions. */
  extensions?: number;
}

export const nested = (writer: BinaryWriter, field: number, write: () => void): void => {
  writer.tag(field, WireType.LengthDelimited).fork();
  write();
  writer.join();
};

export const text =
  (field: number): Write =>
  (writer, value: string) =>
    void writer.tag(field, WireType.LengthDelimited).string(value);
export const flag =
  (field: number): Write =>
  (writer, value: boolean) =>
    void writer.tag(field, WireType.Varint).bool(value);
export const texts =
  (field: number): Write =>
  (writer, value: readonly string[]) => {
    for (const one of value) text(field)(writer, one as never);
  };
/** Gnostic's Any: YAML in field 2. */
export const free =
  (field: number): Write =>
  (writer, value: unknown) =>
    nested(writer, field, () => text(2)(writer, JSON.stringify(value) as never));
export const message =
  (field: number, type: () => Message): Write =>
  (writer, value: Json) =>
    nested(writer, field, () => writeMessage(writer, type(), value));
export const each =
  (write: Write): Write =>
  (writer, value: readonly unknown[]) => {
    for (const one of value) write(writer, one as never);
  };
/** Wraps a message in one that has nothing but it: the arms of a oneof, and lists of names. */
export const within =
  (field: number, write: Write): Write =>
  (writer, value) =>
    nested(writer, field, () => write(writer, value));
/** A map as pairs of name (1) and value (2), which stand in `entries` of the message. */
export const named =
  (entries: number, value: Write): Write =>
  (writer, map: Record<string, unknown>) => {
    for (const [name, one] of Object.entries(map))
      nested(writer, entries, () => {
        text(1)(writer, name as never);
        value(writer, one as never);
      });
  };

export function writeMessage(writer: BinaryWriter, { fields, extensions }: Message, value: Json): void {
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
