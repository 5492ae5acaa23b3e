// Which fields differ between two objects of a type: changed (new, or of another value) and removed. Both are trees as in
// fields.ts, unsorted. Fields that are never owned (kind, name, uid, …) and those that the write resets are not looked at.
import { equalJson, isJsonObject } from '../schema/json.ts';
import { fieldElement } from './element.ts';
import { type Fields, self } from './fields.ts';
import { type FieldShape, itemElement, type ListShape, type MapShape, type Shape } from './shape.ts';

type Json = Record<string, unknown>;

export interface Comparison {
  changed: Fields;
  removed: Fields;
}

/** What is stripped from every set of fields, at the root and in metadata. */
const neverOwned = new Set(['apiVersion', 'kind']);
const neverOwnedInMetadata = new Set([
  'name',
  'namespace',
  'creationTimestamp',
  'selfLink',
  'uid',
  'clusterName',
  'generation',
  'managedFields',
  'resourceVersion',
]);
/** The same as a set of fields. */
export const strippedFields: Fields = {
  ...Object.fromEntries([...neverOwned].map((name) => [fieldElement(name), {}])),
  'f:metadata': {
    [self]: {},
    ...Object.fromEntries([...neverOwnedInMetadata].map((name) => [fieldElement(name), {}])),
  },
};

const none: ReadonlySet<string> = new Set();

/** `before` undefined: the object that Go makes when nobody has set anything. Throws ManagedFieldsError. */
export function compare(
  shape: MapShape,
  before: Json | undefined,
  after: Json,
  ignored: ReadonlySet<string> = none,
): Comparison {
  const walk = new Walk();
  const changed = walk.members(
    shape,
    before ?? {},
    after,
    ignored.size === 0 ? neverOwned : new Set([...neverOwned, ...ignored]),
    true,
  );
  return { changed: changed ?? {}, removed: walk.removed ?? {} };
}

const asMap = (value: unknown): Json | undefined => (isJsonObject(value) ? value : undefined);
const asList = (value: unknown): unknown[] | undefined => (Array.isArray(value) ? value : undefined);

function isBlank(map: Json | undefined): boolean {
  if (map) for (const key in map) if (map[key] !== undefined) return false;
  return true;
}

class Walk {
  /** Beside what a visit returns (changed), what it found removed. */
  removed: Fields | undefined;

  /** `undefined` is nothing at all, `null` is a value. */
  visit(shape: Shape, before: unknown, after: unknown): Fields | undefined {
    this.removed = undefined;
    if (before === undefined) return after === undefined ? undefined : whole(shape, after);
    if (after === undefined) {
      this.removed = whole(shape, before);
      return undefined;
    }
    if (shape.kind === 'leaf' || shape.atomic) return equalJson(before, after) ? undefined : {};
    if (shape.kind === 'map') return this.members(shape, asMap(before), asMap(after));
    return this.items(shape, asList(before) ?? [], asList(after) ?? []);
  }

  members(
    shape: MapShape,
    before: Json | undefined,
    after: Json | undefined,
    skipped: ReadonlySet<string> = none,
    root = false,
  ): Fields | undefined {
    let changed: Fields | undefined;
    let removed: Fields | undefined;
    for (const side of [after, before])
      for (const name in side) {
        if (skipped.has(name) || (side === before && has(after, name))) continue;
        const field = shape.fields.get(name);
        const type = field?.shape ?? shape.item;
        const left = memberOf(before, name, field);
        const right = memberOf(after, name, field);
        if (!type || left === right) continue;
        const inner =
          root && name === 'metadata'
            ? this.members(type as MapShape, asMap(left) ?? {}, asMap(right) ?? {}, neverOwnedInMetadata)
            : this.visit(type, left, right);
        if (inner) {
          changed ??= {};
          changed[field?.element ?? fieldElement(name)] = inner;
        }
        if (this.removed) {
          removed ??= {};
          removed[field?.element ?? fieldElement(name)] = this.removed;
        }
      }
    this.removed = removed;
    return changed;
  }

  private items(shape: ListShape, before: readonly unknown[], after: readonly unknown[]): Fields | undefined {
    const left = byElement(shape, before);
    const right = byElement(shape, after);
    let changed: Fields | undefined;
    let removed: Fields | undefined;
    for (const element of new Set([...left.keys(), ...right.keys()])) {
      const mine = left.get(element) ?? [];
      const other = right.get(element) ?? [];
      let [was, is] = [mine[0], other[0]];
      // Duplicates count as one piece, which what is single comes after or goes before.
      if (mine.length > 1) was = undefined;
      if (other.length > 1) is = undefined;
      let inner = this.visit(shape.item, was, is);
      let gone = this.removed;
      if (mine.length > 1 && other.length > 1) inner = equalJson(mine, other) ? undefined : {};
      else if (mine.length > 1) gone = {};
      else if (other.length > 1) inner = {};
      if (inner) {
        changed ??= {};
        changed[element] = inner;
      }
      if (gone) {
        removed ??= {};
        removed[element] = gone;
      }
    }
    this.removed = removed;
    return changed;
  }
}

const has = (map: Json | undefined, name: string): boolean => map !== undefined && Object.hasOwn(map, name);

/** What a struct that is there has under a name. */
function memberOf(map: Json | undefined, name: string, field: FieldShape | undefined): unknown {
  if (!map) return undefined;
  const value = Object.hasOwn(map, name) ? map[name] : undefined;
  return value === undefined ? field?.absent : value;
}

/** All of what was not there before, or is not any more. */
function whole(shape: Shape, value: unknown): Fields {
  if (shape.kind === 'leaf' || shape.atomic) return {};
  if (shape.kind === 'list') return Array.isArray(value) && value.length > 0 ? wholeList(shape, value) : {};
  const map = asMap(value);
  if (!map || isBlank(map)) return {};
  const out: Fields = { [self]: {} };
  for (const name in map) {
    const inner = map[name];
    const field = shape.fields.get(name);
    const type = field?.shape ?? shape.item;
    if (inner !== undefined && type) out[field?.element ?? fieldElement(name)] = whole(type, inner);
  }
  return out;
}

function wholeList(shape: ListShape, list: readonly unknown[]): Fields {
  const out: Fields = { [self]: {} };
  for (const item of list) {
    const element = itemElement(shape, item);
    out[element] = out[element] === undefined ? whole(shape.item, item) : {};
  }
  return out;
}

function byElement(shape: ListShape, list: readonly unknown[]): Map<string, unknown[]> {
  const out = new Map<string, unknown[]>();
  for (const item of list) {
    const element = itemElement(shape, item);
    const known = out.get(element);
    if (known) known.push(item);
    else out.set(element, [item]);
  }
  return out;
}
