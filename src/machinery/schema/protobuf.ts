// Kubernetes' protobuf bodies (`k8s\0`, then runtime.Unknown holding a message) as JSON objects, by a table of field numbers.
// Unknown fields are skipped. What comes out still has every zero that Go wrote: `coerce` it. The way back: protobuf-writer.ts.

import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { toBase64 } from '../bytes.ts';
import { ApiError, errors } from '../errors.ts';
import { formatDuration, formatTime } from '../time.ts';
import { decodeJson, decodeUtf8, setOwn } from './json.ts';
import type { ProtobufTable } from './table.ts';

type Json = Record<string, unknown>;

export interface DecodedProtobuf {
  apiVersion: string;
  kind: string;
  /** With apiVersion and kind; undefined when no message is known for them. */
  value: Json | undefined;
}

const magic = [0x6b, 0x38, 0x73, 0];
const depthMax = 100;
const meta = 'io.k8s.apimachinery.pkg.apis.meta.v1.';
const quantityType = 'io.k8s.apimachinery.pkg.api.resource.Quantity';
const intOrStringType = 'io.k8s.apimachinery.pkg.util.intstr.IntOrString';
const rawTypes = new Set(['io.k8s.apimachinery.pkg.runtime.RawExtension', `${meta}FieldsV1`]);

export const isProtobuf = (bytes: Uint8Array): boolean => magic.every((byte, i) => bytes[i] === byte);

/** A message that stands for a JSON list (ExtraValue, Verbs). */
const isListMessage = (fields: ProtobufTable[string]): boolean => {
  const all = Object.values(fields);
  return all.length === 1 && all[0]?.[0] === 'items' && all[0][1] === 'string';
};

class Decoder {
  private readonly messages: ProtobufTable;
  constructor(messages: ProtobufTable) {
    this.messages = messages;
  }

  message(type: string, reader: BinaryReader, length: number, depth: number, into: Json = {}): Json {
    if (depth > depthMax) throw errors.badRequest('proto: exceeded max depth');
    const fields = this.messages[type];
    const end = reader.pos + length;
    if (end > reader.len) throw errors.badRequest('unexpected EOF');
    while (reader.pos < end) {
      const [number, wire] = reader.tag();
      const field = fields?.[number];
      if (!field) {
        reader.skip(wire, number);
        continue;
      }
      const [name, fieldType, label] = field as [string, string, string];
      if (name === '') {
        this.expect(wire, WireType.LengthDelimited, name);
        this.message(fieldType, reader, reader.uint32(), depth + 1, into);
      } else if (label === 'map') {
        this.expect(wire, WireType.LengthDelimited, name);
        this.entry(name, fieldType, reader, depth, into);
      } else if (label === 'repeated') {
        const list = (Object.hasOwn(into, name) ? into[name] : []) as unknown[];
        if (wire === WireType.LengthDelimited && ['int32', 'int64', 'bool', 'double'].includes(fieldType)) {
          const packedEnd = reader.uint32() + reader.pos;
          while (reader.pos < packedEnd) list.push(this.scalar(fieldType, reader, undefined));
        } else list.push(this.value(fieldType, reader, wire, depth));
        into[name] = list;
      } else into[name] = this.value(fieldType, reader, wire, depth);
    }
    if (reader.pos > end) throw errors.badRequest('unexpected EOF');
    return into;
  }

  private expect(wire: WireType, wanted: WireType, name: string): void {
    if (wire !== wanted) throw errors.badRequest(`proto: wrong wireType = ${wire} for field ${name}`);
  }

  private entry(name: string, type: string, reader: BinaryReader, depth: number, into: Json): void {
    const end = reader.uint32() + reader.pos;
    let key = '';
    let value: unknown;
    while (reader.pos < end) {
      const [number, wire] = reader.tag();
      if (number === 1 && wire === WireType.LengthDelimited) key = reader.string();
      else if (number === 2) value = this.value(type, reader, wire, depth);
      else reader.skip(wire, number);
    }
    const map = (Object.hasOwn(into, name) ? into[name] : {}) as Json;
    setOwn(map, key, value ?? (type === 'string' || type === 'bytes' ? '' : null));
    into[name] = map;
  }

  private scalar(type: string, reader: BinaryReader, wire: WireType | undefined): unknown {
    switch (type) {
      case 'string':
        if (wire !== undefined) this.expect(wire, WireType.LengthDelimited, type);
        return reader.string();
      case 'bytes':
        if (wire !== undefined) this.expect(wire, WireType.LengthDelimited, type);
        return toBase64(reader.bytes());
      case 'bool':
        if (wire !== undefined) this.expect(wire, WireType.Varint, type);
        return reader.bool();
      case 'double':
        if (wire !== undefined) this.expect(wire, WireType.Bit64, type);
        return reader.double();
      default:
        if (wire !== undefined) this.expect(wire, WireType.Varint, type);
        return Number(type === 'int32' ? reader.int32() : reader.int64());
    }
  }

  private value(type: string, reader: BinaryReader, wire: WireType, depth: number): unknown {
    if (!type.includes('.')) return this.scalar(type, reader, wire);
    this.expect(wire, WireType.LengthDelimited, type);
    const length = reader.uint32();
    if (rawTypes.has(type)) {
      const raw = this.raw(reader, length);
      return raw.length === 0 ? null : decodeJson(decodeUtf8(raw)).value;
    }
    const message = this.message(type, reader, length, depth + 1);
    switch (type) {
      case quantityType:
        return message.string === '' || message.string === undefined ? '0' : message.string;
      case intOrStringType:
        return Number(message.type ?? 0) === 1 ? (message.strVal ?? '') : (message.intVal ?? 0);
      case `${meta}Time`:
        return message.seconds === undefined ? null : safeTime(Number(message.seconds) * 1000, formatTime);
      case `${meta}MicroTime`:
        return message.seconds === undefined
          ? null
          : `${safeTime(Number(message.seconds) * 1000, formatTime).slice(0, -1)}.${String(Math.floor(Number(message.nanos ?? 0) / 1000)).padStart(6, '0')}Z`;
      case `${meta}Duration`:
        return formatDuration(Number(message.duration ?? 0) / 1e6);
      default: {
        const fields = this.messages[type];
        return fields && isListMessage(fields) ? (message.items ?? []) : message;
      }
    }
  }

  /** The one bytes field of a raw message. */
  private raw(reader: BinaryReader, length: number): Uint8Array {
    const end = reader.pos + length;
    let raw: Uint8Array = new Uint8Array();
    while (reader.pos < end) {
      const [number, wire] = reader.tag();
      if (number === 1 && wire === WireType.LengthDelimited) raw = reader.bytes();
      else reader.skip(wire, number);
    }
    return raw;
  }
}

function safeTime(ms: number, format: (ms: number) => string): string {
  if (!(ms >= -62135596800000 && ms < 253402300800000)) throw errors.badRequest('proto: timestamp out of range');
  return format(ms);
}

/** `schemaOf` names the type (in the schema table's notation) of an apiVersion and kind. Throws ApiError BadRequest. */
export function decodeProtobuf(
  messages: ProtobufTable,
  bytes: Uint8Array,
  schemaOf: (apiVersion: string, kind: string) => string | undefined,
): DecodedProtobuf {
  if (bytes.length === 0) throw errors.badRequest('empty data');
  if (!isProtobuf(bytes))
    throw errors.badRequest('provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]');
  try {
    const decoder = new Decoder(messages);
    const outer = new BinaryReader(bytes.subarray(magic.length));
    let apiVersion = '';
    let kind = '';
    let raw: Uint8Array = new Uint8Array();
    let encoding = '';
    while (outer.pos < outer.len) {
      const [number, wire] = outer.tag();
      if (wire !== WireType.LengthDelimited) outer.skip(wire, number);
      else if (number === 1) {
        const inner = new BinaryReader(outer.bytes());
        while (inner.pos < inner.len) {
          const [field, innerWire] = inner.tag();
          if (field === 1 && innerWire === WireType.LengthDelimited) apiVersion = inner.string();
          else if (field === 2 && innerWire === WireType.LengthDelimited) kind = inner.string();
          else inner.skip(innerWire, field);
        }
      } else if (number === 2) raw = outer.bytes();
      else if (number === 3) encoding = outer.string();
      else outer.skip(wire, number);
    }
    if (encoding !== '') throw errors.badRequest(`unable to decode content encoding ${JSON.stringify(encoding)}`);
    const schema = schemaOf(apiVersion, kind);
    if (schema === undefined || !Object.hasOwn(messages, schema)) return { apiVersion, kind, value: undefined };
    const value: Json = { kind, apiVersion };
    const reader = new BinaryReader(raw);
    decoder.message(schema, reader, reader.len, 0, value);
    return { apiVersion, kind, value };
  } catch (error) {
    if (error instanceof ApiError) throw error;
    throw new ApiError(
      'BadRequest',
      `proto: illegal message: ${error instanceof Error ? error.message : 'malformed'}`,
      undefined,
      error,
    );
  }
}
