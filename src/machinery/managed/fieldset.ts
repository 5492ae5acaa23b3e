// The fields that a configuration mentions, and whether it is of its type at all.
import { isJsonObject } from '../schema/json.ts';
import { elementText, fieldElement, indexElement, ManagedFieldsError } from './element.ts';
import { type Fields, node } from './fields.ts';
import { itemElement, type ListShape, type MapShape, type Shape } from './shape.ts';

/** Every leaf and item of `value`. Unsorted. Of a valid value only. */
export function fieldSet(shape: MapShape, value: Record<string, unknown>): Fields {
  return inMap(shape, value) ?? {};
}

const isBlankMap = (value: unknown): boolean => isJsonObject(value) && Object.keys(value).length === 0;

function visit(shape: Shape, value: unknown): { member: boolean; children: Fields | undefined } {
  if (shape.kind === 'leaf' || shape.atomic) return { member: true, children: undefined };
  if (shape.kind === 'list')
    return { member: false, children: Array.isArray(value) ? inList(shape, value) : undefined };
  return { member: false, children: isJsonObject(value) ? inMap(shape, value) : undefined };
}

function inMap(shape: MapShape, value: Record<string, unknown>): Fields | undefined {
  let out: Fields | undefined;
  for (const name of Object.keys(value)) {
    const field = shape.fields.get(name);
    const type = field?.shape ?? shape.item;
    const inner = value[name];
    if (!type || inner === undefined) continue;
    const { member, children } = visit(type, inner);
    const found = node(member || inner === null || isBlankMap(inner) || !field, children);
    if (!found) continue;
    out ??= {};
    out[field?.element ?? fieldElement(name)] = found;
  }
  return out;
}

function inList(shape: ListShape, list: readonly unknown[]): Fields | undefined {
  let out: Fields | undefined;
  const seen = new Set<string>();
  for (const item of list) {
    const element = itemElement(shape, item);
    out ??= {};
    // Duplicates are owned as one piece.
    out[element] = seen.has(element) ? {} : (node(true, visit(shape.item, item).children) as Fields);
    seen.add(element);
  }
  return out;
}

/** Throws {@link ManagedFieldsError} with upstream's words for everything that does not fit. */
export function checkTyped(shape: MapShape, value: Record<string, unknown>): void {
  const problems: string[] = [];
  check(shape, value, '', problems);
  if (problems.length === 1) throw new ManagedFieldsError(problems[0]);
  if (problems.length > 1) throw new ManagedFieldsError(['errors:', ...problems.map((one) => `  ${one}`)].join('\n'));
}

function check(shape: Shape, value: unknown, path: string, problems: string[]): void {
  const problem = (message: string): void => {
    problems.push(path === '' ? message : `${path}: ${message}`);
  };
  if (value === null || value === undefined) return;
  if (shape.kind === 'leaf') {
    const wrong = scalarProblem(shape.scalar, value);
    if (wrong) problem(wrong);
  } else if (shape.kind === 'map') {
    if (!isJsonObject(value)) problem(`expected map, got &{${goText(value)}}`);
    else checkMap(shape, value, path, problems);
  } else if (!Array.isArray(value)) problem(`expected list, got &{${goText(value)}}`);
  else checkList(shape, value, path, problems);
}

function checkMap(shape: MapShape, value: Record<string, unknown>, path: string, problems: string[]): void {
  for (const name of Object.keys(value)) {
    const type = shape.fields.get(name)?.shape ?? shape.item;
    if (!type) {
      problems.push(`${path}.${name}: field not declared in schema`);
      return;
    }
    check(type, value[name], `${path}.${name}`, problems);
  }
}

function checkList(shape: ListShape, list: readonly unknown[], path: string, problems: string[]): void {
  const seen = new Set<string>();
  const problem = (message: string): void => {
    problems.push(path === '' ? message : `${path}: ${message}`);
  };
  for (const [index, item] of list.entries()) {
    let element = indexElement(index);
    if (!shape.atomic) {
      try {
        element = itemElement(shape, item);
      } catch (error) {
        if (!(error instanceof ManagedFieldsError)) throw error;
        problem(`element ${index}: ${error.message}`);
        return;
      }
      if (seen.has(element)) problem(`duplicate entries for key ${elementText(element)}`);
      seen.add(element);
    }
    check(shape.item, item, path + elementText(element), problems);
  }
}

function scalarProblem(scalar: string, value: unknown): string | undefined {
  switch (scalar) {
    case 'string':
      return typeof value === 'string'
        ? undefined
        : `expected string, got &value.valueUnstructured{Value:${goSyntax(value)}}`;
    case 'numeric':
      return typeof value === 'number' ? undefined : `expected numeric (int or float), got ${goTypeOf(value)}`;
    case 'boolean':
      return typeof value === 'boolean' ? undefined : `expected boolean, got &{${goText(value)}}`;
    case 'untyped':
      return typeof value === 'object' ? `expected any scalar, got &{${goText(value)}}` : undefined;
    default:
      return undefined;
  }
}

function goTypeOf(value: unknown): string {
  if (Array.isArray(value)) return '[]interface {}';
  if (typeof value === 'number') return Number.isInteger(value) ? 'int64' : 'float64';
  return { string: 'string', boolean: 'bool' }[typeof value as 'string' | 'boolean'] ?? 'map[string]interface {}';
}

/** As `%v` prints it. */
function goText(value: unknown): string {
  if (value === null) return '<nil>';
  if (Array.isArray(value)) return `[${value.map(goText).join(' ')}]`;
  if (isJsonObject(value))
    return `map[${Object.keys(value)
      .sort()
      .map((name) => `${name}:${goText(value[name])}`)
      .join(' ')}]`;
  return String(value);
}

/** As `%#v` prints it. */
function goSyntax(value: unknown): string {
  if (value === null) return 'interface {}(nil)';
  if (Array.isArray(value)) return `[]interface {}{${value.map(goSyntax).join(', ')}}`;
  if (isJsonObject(value))
    return `map[string]interface {}{${Object.keys(value)
      .sort()
      .map((name) => `${JSON.stringify(name)}:${goSyntax(value[name])}`)
      .join(', ')}}`;
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}
