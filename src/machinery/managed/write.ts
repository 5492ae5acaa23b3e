// What a write of managed fields is given: the type in its versions, who writes, and what the write resets.

import { type Comparison, compare } from './compare.ts';
import type { Manager, Managers } from './entries.ts';
import { difference, type Fields, intersection, isEmpty, keepOnly, recursiveDifference } from './fields.ts';
import type { MapShape } from './shape.ts';

export type Json = Record<string, unknown>;

/** A type in one of its versions. Objects given to the functions of this folder are in the stored one unless they say. */
export interface VersionView {
  readonly shape: MapShape;
  fromStored(object: Json): Json;
  toStored(object: Json): Json;
}

export interface ManagedType {
  readonly group: string;
  /** Of the request. */
  readonly version: string;
  readonly kind: string;
  /** Undefined: no longer served. */
  at(apiVersion: string): VersionView | undefined;
}

/** Which fields a write does not own, since it puts them back to what they were. */
export interface ResetFields {
  /** Names at the root: not looked at. */
  readonly roots: ReadonlySet<string>;
  /** Others. */
  readonly nested: Fields;
  /** Where a write only owns what these reach (see keepOnly). */
  readonly kept: readonly (readonly string[])[] | undefined;
}

export interface ManagedWrite {
  readonly type: ManagedType;
  readonly apiVersion: string;
  /** '' for the object itself. */
  readonly subresource: string;
  readonly manager: string;
  /** RFC 3339, whole seconds. */
  readonly now: string;
  readonly resets: ResetFields;
}

export function withoutResets({ resets }: ManagedWrite, fields: Fields): Fields {
  const left = recursiveDifference(fields, resets.nested);
  return resets.kept ? keepOnly(left, resets.kept) : left;
}

/** The comparison of two objects (in the stored version) per version, each made once. */
export function comparer(
  write: ManagedWrite,
  objects: (view: VersionView, apiVersion: string) => readonly [before: Json | undefined, after: Json],
): (apiVersion: string) => Comparison | undefined {
  const known = new Map<string, Comparison | undefined>();
  return (apiVersion) => {
    if (known.has(apiVersion)) return known.get(apiVersion);
    const view = write.type.at(apiVersion);
    let comparison: Comparison | undefined;
    if (view) {
      const { changed, removed } = compare(view.shape, ...objects(view, apiVersion), write.resets.roots);
      comparison = { changed: withoutResets(write, changed), removed: withoutResets(write, removed) };
    }
    known.set(apiVersion, comparison);
    return comparison;
  };
}

export interface Conflict {
  readonly id: string;
  readonly manager: Manager;
  readonly fields: Fields;
}

/** What of others' fields changes under them. Managers of versions that are no longer served are dropped from `managers`. */
export function conflictsOf(
  managers: Managers,
  comparisonAt: (apiVersion: string) => Comparison | undefined,
  actor: string | undefined,
): Conflict[] {
  const conflicts: Conflict[] = [];
  for (const [id, manager] of managers) {
    if (id === actor) continue;
    const comparison = comparisonAt(manager.apiVersion);
    if (!comparison) {
      managers.delete(id);
      continue;
    }
    const fields = intersection(manager.fields, comparison.changed);
    if (!isEmpty(fields)) conflicts.push({ id, manager, fields });
  }
  return conflicts;
}

/** Takes from others what conflicts, and from everyone but the actor what is gone; who is left with nothing goes. */
export function settle(
  managers: Managers,
  conflicts: readonly Conflict[],
  comparisonAt: (apiVersion: string) => Comparison | undefined,
  actor: string | undefined,
): void {
  const lost = new Map(conflicts.map(({ id, fields }) => [id, fields]));
  for (const [id, manager] of managers) {
    const conflict = lost.get(id);
    const removed = id === actor ? undefined : comparisonAt(manager.apiVersion)?.removed;
    let { fields } = manager;
    if (conflict) fields = difference(fields, conflict);
    if (removed) fields = difference(fields, removed);
    if (isEmpty(fields)) managers.delete(id);
    else if (fields !== manager.fields) managers.set(id, { ...manager, fields });
  }
}
