// What decoding into Go's types and serialising again does to a JSON value: unknown fields and nulls go, values are checked
// against their types and brought into canonical form, what is always serialised appears, and keys come in a fixed order.
// Validation (enums, ranges, required things) and defaults are not done here. The input is not changed.

import { errors } from '../errors.ts';
import { formatQuantity, QuantityError } from '../quantity.ts';
import { canonicalMicroTime, canonicalTime, formatDuration, parseDuration, timeProblem } from '../time.ts';
import { childPath, copyJson, isJsonObject, setOwn } from './json.ts';
import { type Field, goType, type Schemas, type StructType, type Type } from './types.ts';

export interface Coerced {
  value: Record<string, unknown>;
  /** Paths of fields that the type does not have: `spec.foo`, `spec.containers[0].bar`. */
  unknown: string[];
}

/** Whose words a mismatch is put in: those of Go's JSON decoder, or of the converter that takes maps for objects. */
export type Words = 'json' | 'unstructured';

/** How many unknown fields are worth reporting. */
const unknownMax = 100;

class Coercion {
  readonly unknown: string[] = [];
  /** Where we are: field names, map keys and list indexes down from the root, spelled out only for a message. */
  private readonly trail: (string | number)[] = [];
  /** The fields among them, and the innermost struct: how Go's decoder says where an error is. */
  private readonly fields: string[] = [];
  private within: StructType | undefined;

  private readonly words: Words;

  constructor(words: Words) {
    this.words = words;
  }

  private mismatch(type: Type, value: unknown, found = jsonKind(value), wanted = goType(type)): never {
    if (this.words === 'unstructured') throw errors.badRequest(notRestored(type, value));
    const place = this.within ? `Go struct field ${goName(this.within)}.${this.fields.join('.')}` : 'Go value';
    throw errors.badRequest(`json: cannot unmarshal ${found} into ${place} of type ${wanted}`);
  }

  private path(key: string): string {
    let path = '';
    for (const step of this.trail) path = typeof step === 'number' ? `${path}[${step}]` : childPath(path, step);
    return childPath(path, key);
  }

  private value(type: Type, value: unknown): unknown {
    switch (type.kind) {
      case 'string':
        return typeof value === 'string' ? value : this.mismatch(type, value);
      case 'boolean':
        return typeof value === 'boolean' ? value : this.mismatch(type, value);
      case 'double':
        return typeof value === 'number' ? value : this.mismatch(type, value);
      case 'int32':
        return this.integer(type, value, 2 ** 31 - 1);
      case 'int64':
        return this.integer(type, value, 2 ** 63 - 1024);
      case 'bytes':
        if (typeof value === 'string') return base64(value);
        return Array.isArray(value) ? this.bytes(type, value) : this.mismatch(type, value);
      case 'raw':
        return copyJson(value);
      case 'list':
        return Array.isArray(value) ? this.list(type.item, value) : this.mismatch(type, value);
      case 'map':
        return isJsonObject(value) ? this.map(type.item, value) : this.mismatch(type, value);
      case 'struct':
        return isJsonObject(value) ? this.struct(type, value) : this.mismatch(type, value);
      case 'quantity':
        return quantity(value);
      case 'time':
        return time(value, canonicalTime, false);
      case 'microTime':
        return time(value, canonicalMicroTime, true);
      case 'duration':
        return duration(value);
      case 'intOrString':
        if (typeof value === 'string') return value;
        return isInt(value, 2 ** 31 - 1) ? value : foreign(numberText(value), 'int32');
    }
  }

  private integer(type: Type, value: unknown, max: number): number {
    if (isInt(value, max)) return value === 0 ? 0 : value;
    return this.mismatch(type, value, numberText(value));
  }

  private bytes(type: Type, value: unknown[]): string {
    let binary = '';
    // As in every list of Go's, null is a zero.
    for (const item of value.map((one) => one ?? 0)) {
      if (typeof item !== 'number' || !Number.isInteger(item) || item < 0 || item > 255)
        return this.mismatch(type, item, numberText(item), 'uint8');
      binary += String.fromCharCode(item);
    }
    return btoa(binary);
  }

  private list(item: Type, value: readonly unknown[]): unknown[] {
    const out: unknown[] = new Array(value.length);
    const at = this.trail.push(0) - 1;
    for (let i = 0; i < value.length; i++) {
      this.trail[at] = i;
      out[i] = value[i] === null ? zero(item) : this.value(item, value[i]);
    }
    this.trail.pop();
    return out;
  }

  private map(item: Type, value: Record<string, unknown>): Record<string, unknown> {
    const out: Record<string, unknown> = {};
    const at = this.trail.push('') - 1;
    for (const key of Object.keys(value)) {
      this.trail[at] = key;
      const entry = value[key];
      if (entry === undefined) continue;
      setOwn(out, key, entry === null ? zero(item) : this.value(item, entry));
    }
    this.trail.pop();
    return out;
  }

  struct(type: StructType, value: Record<string, unknown>): Record<string, unknown> {
    const out: Record<string, unknown> = {};
    const outer = this.within;
    this.within = type;
    const at = this.trail.push('') - 1;
    const depth = this.fields.push('') - 1;
    let seen = 0;
    for (const field of type.ordered) {
      const { name } = field;
      let given: unknown;
      if (Object.hasOwn(value, name)) {
        seen++;
        given = value[name];
      }
      if (given === undefined || given === null) {
        const absent = whenAbsent(field);
        if (absent !== undefined) out[name] = absent;
        continue;
      }
      this.trail[at] = name;
      this.fields[depth] = name;
      const result = this.value(field.type, given);
      if (field.keepsZero || !isZero(result)) out[name] = result;
    }
    this.trail.pop();
    this.fields.pop();
    this.within = outer;
    const keys = Object.keys(value);
    if (seen < keys.length)
      for (const key of keys)
        if (!type.fields.has(key) && this.unknown.length < unknownMax) this.unknown.push(this.path(key));
    return out;
  }
}

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

/**
 * Go writes null for unset times that are no pointers, as here, and for lists, bytes, maps and pointers that it always
 * writes; here these stay away: whoever stores a list knows more (see nil-lists.ts), and what else there is is refused.
 */
function whenAbsent({ present, type }: Field): unknown {
  return present && type.kind !== 'list' && type.kind !== 'bytes' ? zero(type) : undefined;
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

function notRestored(type: Type, value: unknown): string {
  const kind = goKind(value);
  if (type.kind === 'map') return `cannot restore map from ${kind}`;
  if (type.kind === 'list' || type.kind === 'bytes') return `cannot restore slice from ${kind}`;
  if (type.kind === 'struct') return `cannot restore struct from: ${kind}`;
  const into = goType(type);
  // What Go could convert is refused by name.
  const convertible = kind === 'int64' ? into !== 'bool' : kind === 'float64' && /^(int|float)/.test(into);
  return convertible ? `cannot convert ${kind} to ${into}` : `unrecognized type: ${into}`;
}

function goKind(value: unknown): string {
  if (Array.isArray(value)) return 'slice';
  if (typeof value === 'number') return Number.isInteger(value) ? 'int64' : 'float64';
  if (typeof value === 'boolean') return 'bool';
  return typeof value === 'string' ? 'string' : 'map';
}

/** Errors of Go types that decode themselves name no field. */
function foreign(found: string, type: string): never {
  throw errors.badRequest(`json: cannot unmarshal ${found} into Go value of type ${type}`);
}

const isInt = (value: unknown, max: number): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value <= max && value >= -max - 1;
const numberText = (value: unknown): string => (typeof value === 'number' ? `number ${value}` : jsonKind(value));

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

function time(value: unknown, canonical: (text: string) => string | undefined, micro: boolean): string {
  if (typeof value !== 'string') return foreign(jsonKind(value), 'string');
  const text = canonical(value);
  if (text === undefined) throw errors.badRequest(timeProblem(value, micro));
  return text;
}

function duration(value: unknown): string {
  if (typeof value !== 'string') return foreign(jsonKind(value), 'string');
  const ms = parseDuration(value);
  if (ms === undefined) throw errors.badRequest(`time: invalid duration ${JSON.stringify(value)}`);
  return formatDuration(ms);
}

/**
 * Brings `value` into the form in which the type named `schema` is stored. Throws ApiError BadRequest with Go's message
 * when a value does not fit its type.
 */
export function coerce(schemas: Schemas, schema: string, value: unknown, words: Words = 'json'): Coerced {
  const type = schemas.struct(schema);
  if (!type) throw new Error(`no schema ${schema}`);
  const coercion = new Coercion(words);
  if (!isJsonObject(value)) return foreign(jsonKind(value), goType(type));
  return { value: coercion.struct(type, value), unknown: coercion.unknown };
}

/**
 * Strict decoding's messages of unknown and duplicate fields (`unknown field "spec.foo"`), in the order in which the fields
 * stand in `value`.
 */
export function strictProblems(value: unknown, unknown: readonly string[], duplicates: readonly string[]): string[] {
  const messages = new Map<string, string[]>();
  const add = (path: string, message: string) =>
    messages.set(path, [...(messages.get(path) ?? []), `${message} ${JSON.stringify(path)}`]);
  for (const path of unknown) add(path, 'unknown field');
  for (const path of duplicates) add(path, 'duplicate field');
  if (messages.size === 0) return [];
  const out: string[] = [];
  const walk = (node: unknown, path: string): void => {
    if (messages.size === 0 || typeof node !== 'object' || node === null) return;
    for (const [key, child] of Object.entries(node)) {
      const inner = Array.isArray(node) ? `${path}[${key}]` : childPath(path, key);
      const found = messages.get(inner);
      if (found) out.push(...found);
      messages.delete(inner);
      walk(child, inner);
    }
  };
  walk(value, '');
  return [...out, ...[...messages.values()].flat()];
}
