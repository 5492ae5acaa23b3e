// Path elements: how FieldsV1 spells one, how they are ordered and how messages show them. A field `f:name`, an element of a
// keyed list `k:{"name":"web"}` (keys sorted), an element of a set `v:"x"`, an index `i:0`.
import { isJsonObject } from '../schema/json.ts';

/** A set of fields, or an object as its type has it, that makes no sense. Never reaches a client as it is. */
export class ManagedFieldsError extends Error {}

const htmlSensitive = /[<>&\u2028\u2029]/;
const allHtmlSensitive = new RegExp(htmlSensitive, 'g');

/** JSON as Go writes it: characters that HTML cares about are escaped. */
export function goJson(value: unknown): string {
  const text = JSON.stringify(value) ?? 'null';
  if (!htmlSensitive.test(text)) return text;
  return text.replace(allHtmlSensitive, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

export const fieldElement = (name: string): string => `f:${name}`;
export const valueElement = (value: unknown): string => `v:${goJson(value)}`;
export const indexElement = (index: number): string => `i:${index}`;

/** `keys` in the order of their names. */
export function keyElement(keys: readonly (readonly [name: string, value: unknown])[]): string {
  return `k:{${keys.map(([name, value]) => `${JSON.stringify(name)}:${goJson(value)}`).join(',')}}`;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new ManagedFieldsError(`not a path element: ${text}`);
  }
}

const keysOf = (element: string): [string, unknown][] =>
  Object.entries(parsed(element.slice(2)) as Record<string, unknown>).sort(([a], [b]) => compareText(a, b));

/** Undefined for kinds of elements that are unknown. Throws {@link ManagedFieldsError}. */
export function canonicalElement(element: string): string | undefined {
  if (element.length < 2 || element[1] !== ':') throw new ManagedFieldsError(`not a path element: ${element}`);
  const rest = element.slice(2);
  switch (element[0]) {
    case 'f':
      return element;
    case 'k': {
      if (!isJsonObject(parsed(rest))) throw new ManagedFieldsError(`not a path element: ${element}`);
      return keyElement(keysOf(element));
    }
    case 'v':
      return valueElement(parsed(rest));
    case 'i':
      if (!/^[+-]?\d{1,18}$/.test(rest)) throw new ManagedFieldsError(`not a path element: ${element}`);
      return indexElement(Number(rest));
    default:
      return undefined;
  }
}

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

const ranks: Record<string, number> = { number: 0, string: 1, boolean: 2 };
const rank = (value: unknown): number => (value === null ? 5 : Array.isArray(value) ? 3 : (ranks[typeof value] ?? 4));

function compareValues(a: unknown, b: unknown): number {
  const kind = rank(a) - rank(b);
  if (kind !== 0) return kind;
  if (typeof a === 'number') return a - (b as number);
  if (typeof a === 'string') return compareText(a, b as string);
  if (typeof a === 'boolean') return Number(a) - Number(b);
  return compareText(goJson(a), goJson(b));
}

const kinds = '.fkvi';
const field = 102;

/** Canonical order: fields by name, then keyed elements by their keys, then values, then indexes. `.` comes first. */
export function compareElements(a: string, b: string): number {
  if (a.charCodeAt(0) === field && b.charCodeAt(0) === field) return compareText(a, b);
  const kind = kinds.indexOf(a[0] as string) - kinds.indexOf(b[0] as string);
  if (kind !== 0 || a === b) return kind;
  switch (a[0]) {
    case 'k': {
      const left = keysOf(a);
      const right = keysOf(b);
      for (let i = 0; i < left.length && i < right.length; i++) {
        const [nameA, valueA] = left[i] as [string, unknown];
        const [nameB, valueB] = right[i] as [string, unknown];
        const order = compareText(nameA, nameB) || compareValues(valueA, valueB);
        if (order !== 0) return order;
      }
      return left.length - right.length;
    }
    case 'v':
      return compareValues(parsed(a.slice(2)), parsed(b.slice(2)));
    case 'i':
      return Number(a.slice(2)) - Number(b.slice(2));
    default:
      return compareText(a, b);
  }
}

/** As Go prints a value: strings quoted. */
const valueText = (value: unknown): string =>
  Array.isArray(value) ? `[${value.map(valueText)}]` : JSON.stringify(value);

/** `.spec`, `[name="web"]`, `[="x"]`, `[0]`. */
export function elementText(element: string): string {
  switch (element[0]) {
    case 'k':
      return `[${keysOf(element)
        .map(([name, value]) => `${name}=${valueText(value)}`)
        .join(',')}]`;
    case 'v':
      return `[=${valueText(parsed(element.slice(2)))}]`;
    case 'i':
      return `[${element.slice(2)}]`;
    default:
      return `.${element.slice(2)}`;
  }
}
