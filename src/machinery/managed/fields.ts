// Sets of fields, in the form in which FieldsV1 writes them: a tree whose keys are path elements (`f:spec`,
// `k:{"name":"web"}`, `v:"x"`, `i:0`). A node without children is a member of the set; one with children is a member only
// when it has `.`. All operations leave their arguments alone and share what they do not change, and keep the order of the
// first argument, so that only what was put together anew has to be sorted.
//
// Worked example: {"f:metadata":{"f:labels":{".":{},"f:app":{}}}} holds metadata.labels and metadata.labels.app, but not
// metadata. Less {"f:metadata":{"f:labels":{}}} it is {"f:metadata":{"f:labels":{"f:app":{}}}}.
import { isJsonObject } from '../schema/json.ts';
import { canonicalElement, compareElements, elementText, ManagedFieldsError } from './element.ts';

export interface Fields {
  [element: string]: Fields;
}

export const self = '.';

export function isEmpty(fields: Fields): boolean {
  for (const _ in fields) return false;
  return true;
}

const isMember = (node: Fields): boolean => isEmpty(node) || node[self] !== undefined;

/** A node out of its children (whose own `.` does not count) and whether it is a member itself; undefined: nothing. */
export function node(member: boolean, children: Fields | undefined): Fields | undefined {
  if (!children || isEmpty(children)) return member ? {} : undefined;
  return member ? { [self]: {}, ...children } : children;
}

function childrenOf(fields: Fields): Fields {
  if (fields[self] === undefined) return fields;
  const { [self]: _, ...children } = fields;
  return children;
}

/** What is in either: `a` itself when it holds all of `b`, otherwise unsorted. */
export function union(a: Fields, b: Fields): Fields {
  if (isEmpty(a)) return b;
  let out = a;
  for (const key in b) {
    const mine = a[key];
    const other = b[key] as Fields;
    const both = mine === undefined ? other : unionOfNodes(mine, other);
    if (both === mine) continue;
    if (out === a) out = { ...a };
    out[key] = both;
  }
  return out;
}

function unionOfNodes(a: Fields, b: Fields): Fields {
  if (isEmpty(b)) return isMember(a) ? a : { [self]: {}, ...a };
  if (isEmpty(a)) return isMember(b) ? b : { [self]: {}, ...b };
  return union(a, b);
}

/** What is in `a` and not in `b`; the children of a member of `b` stay. */
export function difference(a: Fields, b: Fields): Fields {
  return without(a, b, (mine, other) =>
    node(isMember(mine) && !isMember(other), childrenLess(mine, other, difference)),
  );
}

/** As {@link difference}, but everything under a member of `b` goes with it. */
export function recursiveDifference(a: Fields, b: Fields): Fields {
  return without(a, b, (mine, other) =>
    isMember(other) ? undefined : node(isMember(mine), childrenLess(mine, other, recursiveDifference)),
  );
}

const childrenLess = (a: Fields, b: Fields, less: (a: Fields, b: Fields) => Fields): Fields =>
  less(childrenOf(a), childrenOf(b));

function without(a: Fields, b: Fields, less: (mine: Fields, other: Fields) => Fields | undefined): Fields {
  if (isEmpty(a) || isEmpty(b)) return a;
  const out: Fields = {};
  let same = true;
  for (const key in a) {
    const mine = a[key] as Fields;
    const other = key === self ? undefined : b[key];
    const left = other === undefined ? mine : less(mine, other);
    if (left !== mine) same = false;
    if (left !== undefined) out[key] = left;
  }
  return same ? a : out;
}

/** What is in both. */
export function intersection(a: Fields, b: Fields): Fields {
  const out: Fields = {};
  for (const key in a) {
    const mine = a[key] as Fields;
    const other = b[key];
    if (other === undefined || key === self) continue;
    const both = node(isMember(mine) && isMember(other), intersection(childrenOf(mine), childrenOf(other)));
    if (both !== undefined) out[key] = both;
  }
  return out;
}

export function has(fields: Fields, path: readonly string[]): boolean {
  let at: Fields | undefined = fields;
  for (const element of path) {
    at = at[element];
    if (at === undefined) return false;
  }
  return path.length > 0 && isMember(at);
}

export function child(fields: Fields, element: string): { member: boolean; children: Fields } | undefined {
  const found = fields[element];
  return found && { member: isMember(found), children: childrenOf(found) };
}

/** The set of one path of elements. */
export function single(path: readonly string[]): Fields {
  return path.reduceRight<Fields>((inner, element) => ({ [element]: inner }), {});
}

/** Only what a pattern reaches, or is on the way to: elements, `*` for any; everything under its end is kept. */
export function keepOnly(fields: Fields, patterns: readonly (readonly string[])[]): Fields {
  if (patterns.some((pattern) => pattern.length === 0)) return fields;
  const out: Fields = {};
  for (const key in fields) {
    if (key === self) continue;
    const inner = patterns.filter(([first]) => first === '*' || first === key).map((pattern) => pattern.slice(1));
    if (inner.length === 0) continue;
    const mine = fields[key] as Fields;
    const kept = node(isMember(mine), keepOnly(childrenOf(mine), inner));
    if (kept !== undefined) out[key] = kept;
  }
  return out;
}

/** The members as paths of elements: those of a level before those below it, in order. */
export function pathsOf(fields: Fields): string[][] {
  const out: string[][] = [];
  const visit = (children: Fields, prefix: readonly string[]): void => {
    const keys = Object.keys(children).filter((key) => key !== self);
    for (const key of keys) if (isMember(children[key] as Fields)) out.push([...prefix, key]);
    for (const key of keys) visit(children[key] as Fields, [...prefix, key]);
  };
  visit(fields, []);
  return out;
}

/** As messages have it: `.spec.containers[name="web"].image`. */
export function pathText(path: readonly string[]): string {
  return path.map(elementText).join('');
}

/** In canonical order; `fields` itself when it is so already. */
export function sorted(fields: Fields): Fields {
  let before: string | undefined;
  let ordered = true;
  let out: Fields | undefined;
  for (const key in fields) {
    if (before !== undefined && compareElements(before, key) > 0) ordered = false;
    before = key;
    const inner = fields[key] as Fields;
    const result = sorted(inner);
    if (result === inner) continue;
    out ??= { ...fields };
    out[key] = result;
  }
  if (ordered) return out ?? fields;
  const from = out ?? fields;
  const again: Fields = {};
  for (const key of Object.keys(from).sort(compareElements)) again[key] = from[key] as Fields;
  return again;
}

const depthMax = 400;

/** FieldsV1 as a client sent it, in canonical form. Elements of kinds unknown are dropped. Throws {@link ManagedFieldsError}. */
export function parseFields(raw: unknown, depth = 0): Fields {
  if (raw === null || raw === undefined) return {};
  if (!isJsonObject(raw) || depth > depthMax) throw new ManagedFieldsError('error decoding set');
  const out: Fields = {};
  let member = false;
  for (const key of Object.keys(raw)) {
    if (key === self) {
      member = depth > 0;
      continue;
    }
    const element = canonicalElement(key);
    if (element === undefined) continue;
    const inner = parseFields(raw[key], depth + 1);
    const known = out[element];
    out[element] = known === undefined ? inner : unionOfNodes(known, inner);
  }
  const result = depth === 0 ? out : (node(member, out) ?? {});
  return depth === 0 ? sorted(result) : result;
}
