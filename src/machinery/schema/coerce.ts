// What decoding into Go's types and serialising again does to a JSON value: unknown fields and nulls go, values are checked
// against their types and brought into canonical form, what is always serialised appears, and keys come in a fixed order.
// Validation (enums, ranges, required things) and defaults are not done here. The input is not changed.

import { errors } from '../errors.ts';
import { formatQuantity, QuantityError } from '../quantity.ts';
import { canonicalMicroTime, canonicalTime, formatDuration, parseDuration } from '../time.ts';
import { childPath, setOwn } from './json.ts';
import { type Field, goType, type Schemas, type StructType, type Type } from './types.ts';

export interface Coerced {
  value: Record<string, unknown>;
  /** Paths of fields that the type does not have: `spec.foo`, `spec.containers[0].bar`. */
  unknown: string[];
}

/** How many unknown fields are worth reporting. */
const unknownMax = 100;

/** Where an error is: the innermost struct and the path of fields from the root, as Go's decoder reports it. */
interface Place {
  readonly struct: string;
  readonly fields: string;
}

class Coercion {
  readonly unknown: string[] = [];

  value(type: Type, value: unknown, place: Place, path: string): unknown {
    switch (type.kind) {
      case 'string':
        return typeof value === 'string' ? value : mismatch(type, value, place);
      case 'boolean':
        return typeof value === 'boolean' ? value : mismatch(type, value, place);
      case 'double':
        return typeof value === 'number' ? value : mismatch(type, value, place);
      case 'int32':
        return integer(type, value, place, 2 ** 31 - 1);
      case 'int64':
        return integer(type, value, place, 2 ** 63 - 1024);
      case 'bytes':
        return typeof value === 'string'
          ? base64(value)
          : Array.isArray(value)
            ? byteList(type, value, place)
            : mismatch(type, value, place);
      case 'raw':
        return copy(value);
      case 'list':
        return Array.isArray(value)
          ? value.map((item, i) =>
              item === null ? zero(type.item) : this.value(type.item, item, place, `${path}[${i}]`),
            )
          : mismatch(type, value, place);
      case 'map':
        return isObject(value) ? this.map(type.item, value, place, path) : mismatch(type, value, place);
      case 'struct':
        return isObject(value) ? this.struct(type, value, place, path) : mismatch(type, value, place);
      case 'quantity':
        return quantity(value);
      case 'time':
      case 'microTime':
        return time(value, type.kind === 'time' ? canonicalTime : canonicalMicroTime);
      case 'duration':
        return duration(value);
      case 'intOrString':
        if (typeof value === 'string') return value;
        return integer({ kind: 'int32' }, value, { struct: '', fields: '' }, 2 ** 31 - 1);
    }
  }

  private map(item: Type, value: Record<string, unknown>, place: Place, path: string): Record<string, unknown> {
    const out: Record<string, unknown> = {};
    for (const key of Object.keys(value)) {
      const entry = value[key];
      setOwn(out, key, entry === null ? zero(item) : this.value(item, entry, place, childPath(path, key)));
    }
    return out;
  }

  struct(type: StructType, value: Record<string, unknown>, place: Place, path: string): Record<string, unknown> {
    const out: Record<string, unknown> = {};
    let seen = 0;
    for (const field of type.fields.values()) {
      const given = Object.hasOwn(value, field.name) ? value[field.name] : undefined;
      if (Object.hasOwn(value, field.name)) seen++;
      if (given === undefined || given === null) {
        const absent = whenAbsent(field);
        if (absent !== undefined) out[field.name] = absent;
        continue;
      }
      const inner = {
        struct: goName(type),
        fields: place.fields === '' ? field.name : `${place.fields}.${field.name}`,
      };
      const result = this.value(field.type, given, inner, childPath(path, field.name));
      if (field.keepsZero || !isZero(result)) out[field.name] = result;
    }
    if (seen < Object.keys(value).length && this.unknown.length < unknownMax)
      for (const key of Object.keys(value)) if (!type.fields.has(key)) this.unknown.push(childPath(path, key));
    return out;
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const goName = (type: StructType): string => type.name.slice(type.name.lastIndexOf('.') + 1);

function isZero(value: unknown): boolean {
  if (value === '' || value === 0 || value === false) return true;
  return (
    typeof value === 'object' &&
    value !== null &&
    (Array.isArray(value) ? value.length === 0 : Object.keys(value).length === 0)
  );
}

/** What Go's zero value of a list's element serialises to. */
function zero(type: Type): unknown {
  switch (type.kind) {
    case 'string':
    case 'bytes':
      return '';
    case 'boolean':
      return false;
    case 'int32':
    case 'int64':
    case 'double':
    case 'intOrString':
      return 0;
    case 'quantity':
      return '0';
    case 'duration':
      return '0s';
    case 'list':
      return [];
    case 'struct':
      return emptyStruct(type);
    case 'map':
      return {};
    default:
      return null;
  }
}

function emptyStruct(type: StructType): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const field of type.fields.values()) {
    const absent = whenAbsent(field);
    if (absent !== undefined) out[field.name] = absent;
  }
  return out;
}

/** Go writes null for required lists, times, maps and pointers that are unset; here lists are empty and the others stay away. */
function whenAbsent(field: Field): unknown {
  if (field.present || (field.required && field.type.kind === 'list')) return zero(field.type);
  return undefined;
}

function jsonKind(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  switch (typeof value) {
    case 'string':
      return 'string';
    case 'number':
      return 'number';
    case 'boolean':
      return 'bool';
    default:
      return value === null ? 'null' : 'object';
  }
}

function mismatch(type: Type, value: unknown, place: Place, found = jsonKind(value)): never {
  const target = place.struct === '' ? 'Go value' : `Go struct field ${place.struct}.${place.fields}`;
  throw errors.badRequest(`json: cannot unmarshal ${found} into ${target} of type ${goType(type)}`);
}

function integer(type: Type, value: unknown, place: Place, max: number): number {
  if (typeof value !== 'number') return mismatch(type, value, place);
  if (!Number.isInteger(value) || value > max || value < -max - 1)
    return mismatch(type, value, place, `number ${value}`);
  return value === 0 ? 0 : value;
}

const base64Shape = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

function base64(value: string): string {
  const text = /[\r\n]/.test(value) ? value.replace(/[\r\n]/g, '') : value;
  if (base64Shape.test(text)) return text;
  const good = /^[A-Za-z0-9+/]*/.exec(text)?.[0].length ?? 0;
  // Go names the first byte that does not fit; what is merely short is named at its end.
  throw errors.badRequest(
    `illegal base64 data at input byte ${good < text.length && text[good] !== '=' ? good : Math.max(0, text.length - (text.length % 4))}`,
  );
}

function byteList(type: Type, value: unknown[], place: Place): string {
  let binary = '';
  for (const item of value) {
    if (typeof item !== 'number' || !Number.isInteger(item) || item < 0 || item > 255)
      return mismatch(type, item, place);
    binary += String.fromCharCode(item);
  }
  return btoa(binary);
}

function quantity(value: unknown): string {
  const text =
    typeof value === 'string' ? value.trim() : typeof value === 'number' ? String(value) : JSON.stringify(value);
  try {
    return formatQuantity(text);
  } catch (error) {
    if (error instanceof QuantityError) throw errors.badRequest(error.message);
    throw error;
  }
}

function time(value: unknown, canonical: (text: string) => string | undefined): string {
  if (typeof value !== 'string') return mismatch({ kind: 'string' }, value, { struct: '', fields: '' });
  const text = canonical(value);
  if (text === undefined)
    throw errors.badRequest(
      `parsing time ${JSON.stringify(value)} as "2006-01-02T15:04:05Z07:00": cannot parse ${JSON.stringify(value)} as "2006"`,
    );
  return text;
}

function duration(value: unknown): string {
  if (typeof value !== 'string') return mismatch({ kind: 'string' }, value, { struct: '', fields: '' });
  const ms = parseDuration(value);
  if (ms === undefined) throw errors.badRequest(`time: invalid duration ${JSON.stringify(value)}`);
  return formatDuration(ms);
}

function copy(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copy);
  if (!isObject(value)) return value;
  const out: Record<string, unknown> = {};
  for (const key of Object.keys(value)) setOwn(out, key, copy(value[key]));
  return out;
}

/**
 * Brings `value` into the form in which the type named `schema` is stored. Throws ApiError BadRequest with Go's message
 * when a value does not fit its type.
 */
export function coerce(schemas: Schemas, schema: string, value: unknown): Coerced {
  const type = schemas.struct(schema);
  if (!type) throw new Error(`no schema ${schema}`);
  const coercion = new Coercion();
  if (!isObject(value)) return mismatch(type, value, { struct: '', fields: '' });
  return { value: coercion.struct(type, value, { struct: '', fields: '' }, ''), unknown: coercion.unknown };
}

/** Strict decoding's message of unknown and duplicate fields: `unknown field "spec.foo"`. */
export const strictProblems = (unknown: readonly string[], duplicates: readonly string[]): string[] => [
  ...duplicates.map((path) => `duplicate field ${JSON.stringify(path)}`),
  ...unknown.map((path) => `unknown field ${JSON.stringify(path)}`),
];
