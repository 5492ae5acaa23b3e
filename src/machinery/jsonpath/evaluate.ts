// What a JSONPath template finds in a JSON value: for each part of the template a list of values.
import { goText, goTypeOf } from '../patch/go-text.ts';
import { isJsonObject } from '../schema/json.ts';
import { JsonPathError, type Part, type Slice, type Step } from './parse.ts';

export interface EvaluateOptions {
  /** What is not there is nothing found, not an error. */
  allowMissingKeys: boolean;
}

/** Throws JsonPathError. */
export function evaluate(parts: readonly Part[], value: unknown, options: EvaluateOptions): unknown[][] {
  const out: unknown[][] = [];
  for (const part of parts) {
    switch (part.type) {
      case 'text':
        out.push([part.text]);
        break;
      case 'end':
        throw new JsonPathError('not in range, nothing to end');
      case 'path':
        out.push(walk(part.steps, [value], options));
        break;
      case 'range':
        for (const one of walk(part.steps, [value], options)) out.push(...evaluate(part.body, one, options));
    }
  }
  return out;
}

function walk(steps: readonly Step[], values: unknown[], options: EvaluateOptions): unknown[] {
  let current = values;
  for (const step of steps) current = take(step, current, options);
  return current;
}

function take(step: Step, values: unknown[], options: EvaluateOptions): unknown[] {
  switch (step.type) {
    case 'value':
      return typeof step.value === 'string' ? [step.value] : values.map(() => step.value);
    case 'field':
      return fields(step.name, values, options);
    case 'wildcard':
      return values.flatMap(children);
    case 'recursive':
      return values.flatMap(descendants);
    case 'slice':
      return slices(step, values);
    case 'union':
      return step.branches.flatMap((branch) => walk(branch, values, options));
    case 'filter':
      return values.flatMap((value) => filtered(step, value, options));
    case 'unknown':
      throw new JsonPathError(`unrecognized identifier ${step.name}`);
  }
}

function fields(name: string, values: unknown[], { allowMissingKeys }: EvaluateOptions): unknown[] {
  const found = values.flatMap((value) => (isJsonObject(value) && Object.hasOwn(value, name) ? [value[name]] : []));
  if (found.length === 0 && values.length > 0 && !allowMissingKeys) throw new JsonPathError(`${name} is not found`);
  return found;
}

/** Of a text: its bytes. */
function children(value: unknown): unknown[] {
  if (Array.isArray(value)) return value;
  if (isJsonObject(value)) return Object.values(value);
  return typeof value === 'string' ? [...new TextEncoder().encode(value)] : [];
}

/** Every value that has something in it, from the outside in. */
function descendants(value: unknown): unknown[] {
  const own = children(value);
  if (own.length === 0) return [];
  return typeof value === 'string' ? [value] : [value, ...own.flatMap(descendants)];
}

function slices(step: Slice, values: unknown[]): unknown[] {
  const out: unknown[] = [];
  for (const value of values) {
    if (value === null || value === undefined) continue;
    if (!Array.isArray(value)) throw new JsonPathError(`${goTypeOf(value)} is not array or slice`);
    const { length } = value;
    let start = step.start ?? 0;
    let end = step.single ? start + 1 : (step.end ?? length);
    if (start < 0) start += length;
    if (end < 0 || (end === 0 && step.single)) end += length;
    // Nothing is asked for, and with that upstream ends.
    if (start === end) return out;
    const outside = (index: number) => new JsonPathError(`array index out of bounds: index ${index}, length ${length}`);
    if (start >= length || start < 0) throw outside(start);
    if (end > length || end < 0) throw outside(end - 1);
    if (start > end) throw new JsonPathError(`starting index ${start} is greater than ending index ${end}`);
    const by = step.step ?? 1;
    if (by <= 0) throw new JsonPathError('step must be > 0');
    for (let i = start; i < end; i += by) out.push(value[i]);
  }
  return out;
}

type Filter = Extract<Step, { type: 'filter' }>;

function filtered(filter: Filter, value: unknown, options: EvaluateOptions): unknown[] {
  if (!Array.isArray(value)) throw new JsonPathError(`${goText(value)} is not array or slice and cannot be filtered`);
  return value.filter((item) => passes(filter, item, options));
}

function passes({ left, operator, right }: Filter, item: unknown, options: EvaluateOptions): boolean {
  if (operator === 'exists') {
    try {
      return walk(left, [item], options).length > 0;
    } catch (error) {
      if (error instanceof JsonPathError) return false;
      throw error;
    }
  }
  const operand = (steps: Step[]): { value: unknown } | undefined => {
    const found = walk(steps, [item], options);
    if (found.length > 1) throw new JsonPathError('can only compare one element at a time');
    return found.length === 0 ? undefined : { value: found[0] };
  };
  const a = operand(left);
  const b = a && operand(right);
  return b !== undefined && compare(a?.value, operator, b.value);
}

function kind(value: unknown): string {
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'float';
  if (typeof value === 'string' || typeof value === 'boolean') return typeof value;
  throw new JsonPathError('invalid type for comparison');
}

function compare(a: unknown, operator: string, b: unknown): boolean {
  const ordered = operator !== '==' && operator !== '!=';
  if (ordered && !['<', '>', '<=', '>='].includes(operator))
    throw new JsonPathError(`unrecognized filter operator ${operator}`);
  if (kind(a) !== kind(b)) throw new JsonPathError('incompatible types for comparison');
  if (ordered && typeof a === 'boolean') throw new JsonPathError('invalid type for comparison');
  const [left, right] = [a as number, b as number];
  switch (operator) {
    case '<':
      return left < right;
    case '<=':
      return left <= right;
    case '>':
      return left > right;
    case '>=':
      return left >= right;
    default:
      return (left === right) === (operator === '==');
  }
}
