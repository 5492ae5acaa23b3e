// JSON objects as Kubernetes protobuf, straight by the table of field numbers. The table is compiled once per message, and
// bytes are written from the end to the beginning, so that every length is known when its prefix is due and nothing is
// measured twice. Fields that are absent or null are left out; names that the message does not have are ignored.
//
// Worked example: {"metadata":{"name":"a"}} as a ConfigMap, written from right to left:
//   61                 "a"
//   0a 01 61           field 1 (name) of ObjectMeta, one byte
//   0a 03 0a 01 61     field 1 (metadata) of ConfigMap, three bytes
import { canonicalMicroTime, parseDuration, parseTime } from '../time.ts';
import type { ProtobufTable } from './table.ts';

type Json = Record<string, unknown>;
type Write = (writer: ReverseWriter, value: unknown) => void;

interface Message {
  fields: Map<string, (writer: ReverseWriter, value: unknown) => void>;
  /** Embedded messages, whose fields stand among the object's own. */
  inlined: { tag: number; message: Message }[];
}

const varint = 0;
const fixed64 = 1;
const delimited = 2;
const meta = 'io.k8s.apimachinery.pkg.apis.meta.v1.';
const magic = [0x6b, 0x38, 0x73, 0];
const encoder = new TextEncoder();
/** Above this, the runtime's own encoder is faster than a loop. */
const loopCharsMax = 48;
const roomKeptMax = 1024 * 1024;

class ReverseWriter {
  #bytes = new Uint8Array(1024);
  /** What has been written is from here to the end. */
  #at = 1024;

  get length(): number {
    return this.#bytes.length - this.#at;
  }

  #reserve(count: number): void {
    if (this.#at >= count) return;
    const { length } = this;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, length + count));
    grown.set(this.#bytes.subarray(this.#at), grown.length - length);
    this.#at = grown.length - length;
    this.#bytes = grown;
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[--this.#at] = value;
  }

  varint(value: number): void {
    if (value >= 0 && value < 0x80) {
      this.byte(value);
      return;
    }
    const groups: number[] = [];
    if (value >= 0) {
      let rest = value;
      for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) groups.push((rest % 0x80) | 0x80);
      groups.push(rest);
    } else {
      // As 64 bits, two's complement.
      let rest = BigInt.asUintN(64, BigInt(value));
      for (; rest >= 0x80n; rest >>= 7n) groups.push(Number(rest & 0x7fn) | 0x80);
      groups.push(Number(rest));
    }
    for (let index = groups.length - 1; index >= 0; index--) this.byte(groups[index] as number);
  }

  double(value: number): void {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setFloat64(0, value, true);
    this.raw(bytes);
  }

  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#at -= bytes.length;
    this.#bytes.set(bytes, this.#at);
  }

  text(value: string): void {
    const { length } = value;
    this.#reserve(length);
    let at = this.#at;
    let index = length > loopCharsMax ? 0 : length;
    for (; index > 0; index--) {
      const code = value.charCodeAt(index - 1);
      if (code > 0x7f) break;
      this.#bytes[--at] = code;
    }
    if (index > 0 || length > loopCharsMax) this.raw(encoder.encode(value));
    else this.#at = at;
  }

  /** Tag and length before everything written since the writer had `before` bytes. */
  close(tag: number, before: number): void {
    this.varint(this.length - before);
    this.varint(tag);
  }

  finish(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(this.#at);
  }

  /** Empty again, with the room that it has, unless that is much. */
  reset(): this {
    if (this.#bytes.length > roomKeptMax) this.#bytes = new Uint8Array(1024);
    this.#at = this.#bytes.length;
    return this;
  }
}

const seconds = (value: unknown): number => Math.floor((parseTime(String(value)) ?? 0) / 1000);

/** Values with a JSON form of their own: what stands in the message for them. */
const special: Record<string, Write> = {
  'io.k8s.apimachinery.pkg.api.resource.Quantity': (writer, value) => text(writer, 1, String(value)),
  'io.k8s.apimachinery.pkg.util.intstr.IntOrString': (writer, value) => {
    if (typeof value === 'number') {
      number(writer, 2, value);
      number(writer, 1, 0);
    } else {
      text(writer, 3, String(value));
      number(writer, 1, 1);
    }
  },
  [`${meta}Time`]: (writer, value) => number(writer, 1, seconds(value)),
  [`${meta}MicroTime`]: (writer, value) => {
    number(writer, 2, Number(canonicalMicroTime(String(value))?.slice(20, 26) ?? 0) * 1000);
    number(writer, 1, seconds(value));
  },
  [`${meta}Duration`]: (writer, value) => number(writer, 1, Math.round((parseDuration(String(value)) ?? 0) * 1e6)),
  [`${meta}FieldsV1`]: (writer, value) => text(writer, 1, JSON.stringify(value)),
  'io.k8s.apimachinery.pkg.runtime.RawExtension': (writer, value) => text(writer, 1, JSON.stringify(value)),
};

function text(writer: ReverseWriter, field: number, value: string): void {
  const before = writer.length;
  writer.text(value);
  writer.close(field * 8 + delimited, before);
}

function number(writer: ReverseWriter, field: number, value: number): void {
  writer.varint(Math.trunc(value) || 0);
  writer.varint(field * 8 + varint);
}

const scalars: Record<string, (tag: number) => Write> = {
  string: (field) => (writer, value) => text(writer, field, String(value)),
  bytes: (field) => (writer, value) => {
    const before = writer.length;
    writer.raw(Uint8Array.from(atob(String(value)), (c) => c.charCodeAt(0)));
    writer.close(field * 8 + delimited, before);
  },
  bool: (field) => (writer, value) => number(writer, field, value === true ? 1 : 0),
  int32: (field) => (writer, value) => number(writer, field, Number(value)),
  int64: (field) => (writer, value) => number(writer, field, Number(value)),
  double: (field) => (writer, value) => {
    writer.double(Number(value));
    writer.varint(field * 8 + fixed64);
  },
};

export class ProtobufWriter {
  readonly #table: ProtobufTable;
  readonly #messages = new Map<string, Message>();
  /** Of one list after the other: pages of a long one are of one size. */
  readonly #scratch = new ReverseWriter();

  constructor(table: ProtobufTable) {
    this.#table = table;
  }

  has(schema: string): boolean {
    return Object.hasOwn(this.#table, schema);
  }

  /** The message alone, without kind and version. */
  message(schema: string, value: Json): Uint8Array<ArrayBuffer> {
    const writer = new ReverseWriter();
    this.#write(this.#message(schema), writer, value);
    return writer.finish();
  }

  /** A whole object as bodies have it. */
  object(schema: string, value: Json): Uint8Array<ArrayBuffer> {
    const writer = new ReverseWriter();
    trailer(writer);
    const before = writer.length;
    this.#write(this.#message(schema), writer, value);
    writer.close(2 * 8 + delimited, before);
    header(writer, String(value.apiVersion ?? ''), String(value.kind ?? ''));
    return writer.finish();
  }

  /** What goes before and after the parts of a message of `length` bytes that is written in pieces. */
  frame(
    apiVersion: string,
    kind: string,
    length: number,
  ): { before: Uint8Array<ArrayBuffer>; after: Uint8Array<ArrayBuffer> } {
    const after = new ReverseWriter();
    trailer(after);
    const before = new ReverseWriter();
    before.varint(length);
    before.varint(2 * 8 + delimited);
    header(before, apiVersion, kind);
    return { before: before.finish(), after: after.finish() };
  }

  /** Values of a repeated field, tags and all. */
  items(field: number, schema: string, values: readonly Json[]): Uint8Array<ArrayBuffer> {
    return this.#items(field, schema, values).finish();
  }

  /** How many bytes {@link items} makes of them. */
  itemsLength(field: number, schema: string, values: readonly Json[]): number {
    return this.#items(field, schema, values).length;
  }

  #items(field: number, schema: string, values: readonly Json[]): ReverseWriter {
    const writer = this.#scratch.reset();
    const write = this.#value(field, schema);
    for (let index = values.length - 1; index >= 0; index--) write(writer, values[index]);
    return writer;
  }

  #write(message: Message, writer: ReverseWriter, value: unknown): void {
    if (typeof value !== 'object' || value === null) return;
    for (const key in value) {
      const write = message.fields.get(key);
      if (!write) continue;
      const own = (value as Json)[key];
      if (own !== null && own !== undefined) write(writer, own);
    }
    for (const { tag, message: inner } of message.inlined) {
      const before = writer.length;
      this.#write(inner, writer, value);
      if (writer.length > before) writer.close(tag, before);
    }
  }

  #message(schema: string): Message {
    const known = this.#messages.get(schema);
    if (known) return known;
    const message: Message = { fields: new Map(), inlined: [] };
    this.#messages.set(schema, message);
    for (const [key, field] of Object.entries(this.#table[schema] ?? {})) {
      const [name, type, label] = field as [string, string, string];
      const id = Number(key);
      if (name === '') message.inlined.push({ tag: id * 8 + delimited, message: this.#message(type) });
      else message.fields.set(name, this.#field(id, type, label));
    }
    return message;
  }

  #field(id: number, type: string, label: string): Write {
    if (label === 'map') return this.#map(id, type);
    const write = this.#value(id, type);
    if (label !== 'repeated') return write;
    return (writer, list) => {
      if (!Array.isArray(list)) return;
      for (let index = list.length - 1; index >= 0; index--) write(writer, list[index]);
    };
  }

  #map(id: number, type: string): Write {
    const write = this.#value(2, type);
    return (writer, map) => {
      for (const [key, value] of Object.entries(map as Json).reverse()) {
        const before = writer.length;
        if (value !== null) write(writer, value);
        text(writer, 1, key);
        writer.close(id * 8 + delimited, before);
      }
    };
  }

  #value(id: number, type: string): Write {
    const scalar = scalars[type];
    if (scalar) return scalar(id);
    const tag = id * 8 + delimited;
    const own = special[type];
    let message: Message | undefined;
    return (writer, value) => {
      const before = writer.length;
      if (own) {
        if (value !== null) own(writer, value);
      } else {
        message ??= this.#message(type);
        // A message that stands for a JSON list (ExtraValue, Verbs).
        this.#write(message, writer, Array.isArray(value) ? { items: value } : value);
      }
      writer.close(tag, before);
    };
  }
}

/** runtime.Unknown's magic number and TypeMeta. */
function header(writer: ReverseWriter, apiVersion: string, kind: string): void {
  const before = writer.length;
  text(writer, 2, kind);
  text(writer, 1, apiVersion);
  writer.close(1 * 8 + delimited, before);
  writer.raw(Uint8Array.from(magic));
}

/** runtime.Unknown's content encoding and content type, which are empty. */
function trailer(writer: ReverseWriter): void {
  text(writer, 4, '');
  text(writer, 3, '');
}

/** One event of a watch as a length-prefixed frame; `object` is a whole object. */
export function watchFrame(type: string, object: Uint8Array): Uint8Array<ArrayBuffer> {
  const writer = new ReverseWriter();
  writer.raw(object);
  writer.close(1 * 8 + delimited, 0);
  writer.close(2 * 8 + delimited, 0);
  text(writer, 1, type);
  const { length } = writer;
  for (const shift of [0, 8, 16, 24]) writer.byte((length >>> shift) & 0xff);
  return writer.finish();
}

const writers = new WeakMap<ProtobufTable, ProtobufWriter>();

/** The writer of a table; compiled once. */
export function protobufWriter(table: ProtobufTable): ProtobufWriter {
  let writer = writers.get(table);
  if (!writer) {
    writer = new ProtobufWriter(table);
    writers.set(table, writer);
  }
  return writer;
}

/** A canonical JSON object as Kubernetes protobuf. */
export function encodeProtobuf(table: ProtobufTable, schema: string, object: Json): Uint8Array<ArrayBuffer> {
  return protobufWriter(table).object(schema, object);
}
