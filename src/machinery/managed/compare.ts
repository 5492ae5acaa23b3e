// Which fields differ between two objects of a type: changed (new, or of another value) and removed. Both are trees as in
// fields.ts, unsorted. Fields that are never owned (kind, name, uid, …) and those that the write resets are not looked at.
import { equalJson, isJsonObject } from '../schema/json.ts';
import { fieldElement } from './element.ts';
import { type Fields, self } from './fields.ts';
import { itemElement, type ListShape, type MapShape, type Shape } from './shape.ts';

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
    if (shape.kind === 'leaf' || shape.atomic)
      return this.leaf(before, after, before !== undefined && after !== undefined && equalJson(before, after));
    let changed: Fields | undefined;
    if (shape.kind === 'list') {
      const left = asList(before) ?? [];
      const right = asList(after) ?? [];
      // Null and empty are leaves, and the same to us.
      if (left.length === 0 && right.length === 0) return this.leaf(before, after, true);
      changed = this.items(shape, left, right);
    } else {
      const left = asMap(before);
      const right = asMap(after);
      if (isBlank(left) && isBlank(right)) return this.leaf(before, after, true);
      changed = this.members(shape, left, right);
    }
    if (before === undefined) return { [self]: {}, ...changed };
    if (after === undefined) this.removed = { [self]: {}, ...this.removed };
    return changed;
  }

  private leaf(before: unknown, after: unknown, equal: boolean): Fields | undefined {
    this.removed = undefined;
    if (before === undefined) return {};
    if (after === undefined) {
      this.removed = {};
      return undefined;
    }
    return equal ? undefined : {};
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
    const member = (name: string): void => {
      if (skipped.has(name)) return;
      const field = shape.fields.get(name);
      const type = field?.shape ?? shape.item;
      if (!type) return;
      const left =
        before && (before[name] === undefined || !Object.hasOwn(before, name) ? field?.absent : before[name]);
      const right = after && (after[name] === undefined || !Object.hasOwn(after, name) ? field?.absent : after[name]);
      if (left === right) return;
      const element = field?.element ?? fieldElement(name);
      let inner: Fields | undefined;
      if (root && name === 'metadata')
        inner = this.members(type as MapShape, asMap(left) ?? {}, asMap(right) ?? {}, neverOwnedInMetadata);
      else inner = this.visit(type, left, right);
      if (inner) {
        changed ??= {};
        changed[element] = inner;
      }
      if (this.removed) {
        removed ??= {};
        removed[element] = this.removed;
      }
    };
    if (after) for (const name of Object.keys(after)) member(name);
    if (before) for (const name of Object.keys(before)) if (!after || !Object.hasOwn(after, name)) member(name);
    this.removed = removed;
    return changed;
  }

  private items(shape: ListShape, before: readonly unknown[], after: readonly unknown[]): Fields | undefined {
    const left = byElement(shape, before);
    const right = byElement(shape, after);
    let changed: Fields | undefined;
    let removed: Fields | undefined;
    const compareItem = (element: string, a: unknown, b: unknown): void => {
      const inner = this.visit(shape.item, a, b);
      if (inner) {
        changed ??= {};
        changed[element] = inner;
      }
      if (this.removed) {
        removed ??= {};
        removed[element] = this.removed;
      }
    };
    for (const element of new Set([...left.keys(), ...right.keys()])) {
      const mine = left.get(element) ?? [];
      const other = right.get(element) ?? [];
      if (mine.length <= 1 && other.length <= 1) {
        compareItem(element, mine[0], other[0]);
        continue;
      }
      // Duplicates count as one piece.
      if (mine.length > 1 && other.length > 1) {
        if (!equalJson(mine, other)) changed = { ...changed, [element]: {} };
      } else if (mine.length > 1) {
        if (other.length > 0) compareItem(element, undefined, other[0]);
        removed = { ...removed, [element]: {} };
      } else {
        if (mine.length > 0) compareItem(element, mine[0], undefined);
        changed = { ...changed, [element]: {} };
      }
    }
    this.removed = removed;
    return changed;
  }
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
