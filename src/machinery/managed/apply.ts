// Server-side apply: a configuration is merged into the object, what its manager applied before and does not any more is
// removed unless someone else holds it, and who changes what others own needs `force`.
import { errors } from '../errors.ts';
import type { ManagedFieldsEntry } from '../meta.ts';
import { equalJson, isJsonObject } from '../schema/json.ts';
import { compare, strippedFields } from './compare.ts';
import { conflictError, type OwnedPath, pathsInConflict } from './conflict.ts';
import { ManagedFieldsError } from './element.ts';
import { entriesOf, identityOf, type Manager, type Managers, storedManagers } from './entries.ts';
import { difference, type Fields, has, intersection, isEmpty, sorted, union } from './fields.ts';
import { checkTyped, fieldSet } from './fieldset.ts';
import { hasLastApplied, lastAppliedAnnotation, setLastApplied } from './last-applied.ts';
import { merge, removeItems, withNamedFields } from './merge.ts';
import { entriesIn, track } from './track.ts';
import {
  comparer,
  conflictsOf,
  type Json,
  type ManagedWrite,
  settle,
  type VersionView,
  withoutResets,
} from './write.ts';

export interface Applied {
  /** In the version of the request, without managedFields; neither decoded nor defaulted. */
  readonly object: Json;
  readonly managedFields: ManagedFieldsEntry[] | undefined;
}

const beforeFirstApply = 'before-first-apply';
/** The manager whose applies take over from client-side apply. */
const kubectl = 'kubectl';

/** `live` undefined: it is created. Throws ApiError: BadRequest, or Conflict with a cause per field. */
export function apply(write: ManagedWrite, live: Json | undefined, patch: Json, force: boolean): Applied {
  const view = write.type.at(write.apiVersion);
  if (!view) throw new Error(`${write.apiVersion} is not a version of ${write.type.kind}`);
  checkConfiguration(write, view, patch);
  const base = live ? withoutManagedFields(view.fromStored(live)) : { metadata: {} };
  const managers = () => managersBefore(write, live);
  const attempt = (forced: boolean) =>
    inWords(() => applyOnce(write, view, base, live !== undefined, patch, managers(), forced));
  const { outcome, conflicts } = attempt(force);
  if (outcome) return synced(write, patch, outcome);
  const left = write.manager === kubectl ? conflictsBesideLastApplied(write, view, base, conflicts) : conflicts;
  if (left.length > 0) throw conflictError(left);
  const second = attempt(true).outcome;
  if (!second) throw new Error('a forced apply has no conflicts');
  return synced(write, patch, second);
}

function inWords<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof ManagedFieldsError) throw errors.badRequest(`failed to merge config: ${error.message}`);
    throw error;
  }
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '');

function checkConfiguration(write: ManagedWrite, { shape }: VersionView, patch: Json): void {
  const { group, version, kind } = write.type;
  const claimed = text(patch.apiVersion);
  const [first = '', second] = claimed.split('/');
  const gvk = second === undefined ? `/${first}` : `${first}/${second}`;
  if (gvk !== `${group}/${version}` || patch.kind !== kind)
    throw errors.badRequest(`invalid object type: ${gvk}, Kind=${text(patch.kind)}`);
  const metadata = isJsonObject(patch.metadata) ? patch.metadata : {};
  if (Array.isArray(metadata.managedFields)) throw errors.badRequest('metadata.managedFields must be nil');
  try {
    checkTyped(shape, patch);
  } catch (error) {
    if (!(error instanceof ManagedFieldsError)) throw error;
    throw errors.badRequest(
      `failed to create typed patch object (${text(metadata.namespace)}/${text(metadata.name)}; ${gvk}, Kind=${kind}): ${error.message}`,
    );
  }
}

function withoutManagedFields(object: Json): Json {
  const { managedFields: _, ...metadata } = object.metadata as Json;
  return { ...object, metadata };
}

/** What exists before the first apply belongs to a manager of that name. */
function managersBefore(write: ManagedWrite, live: Json | undefined): Managers {
  const managers = storedManagers(entriesIn(live));
  if (managers.size > 0 || !live) return managers;
  const before = { ...write, manager: beforeFirstApply, subresource: write.subresource };
  return storedManagers(track(before, undefined, withoutManagedFields(live)));
}

interface Outcome {
  readonly object: Json;
  readonly managers: Managers;
}

function applyOnce(
  write: ManagedWrite,
  view: VersionView,
  base: Json,
  exists: boolean,
  patch: Json,
  managers: Managers,
  force: boolean,
): { outcome?: Outcome; conflicts: OwnedPath[] } {
  const { apiVersion, subresource, manager } = write;
  const mine = { name: manager, applied: true, subresource, apiVersion };
  const id = identityOf(mine);
  const last = managers.get(id);
  const fields = withoutResets(write, fieldSetOf(write, view, patch));
  managers.set(id, { ...mine, time: last?.time, fields });
  const object = prune(write, merge(view.shape, base, patch), managers, last);

  const comparisonAt = comparer(write, (other, version) => [
    exists ? convert(write, base, apiVersion, version, other) : undefined,
    convert(write, object, apiVersion, version, other),
  ]);
  const conflicts = conflictsOf(managers, comparisonAt, id);
  if (!force && conflicts.length > 0) return { conflicts: pathsInConflict(conflicts) };
  settle(managers, conflicts, comparisonAt, id);

  const owned = difference(fields, strippedFields);
  if (isEmpty(owned)) managers.delete(id);
  // One that changes nothing leaves the time as it was.
  else managers.set(id, { ...mine, time: equalJson(base, object) ? last?.time : write.now, fields: sorted(owned) });
  return { outcome: { object, managers }, conflicts: [] };
}

/** The fields that the configuration speaks of, less those at the root that the write resets. */
function fieldSetOf({ resets }: ManagedWrite, { shape }: VersionView, patch: Json): Fields {
  const fields = fieldSet(shape, patch);
  return Object.fromEntries(Object.entries(fields).filter(([element]) => !resets.roots.has(element.slice(2))));
}

function convert({ type }: ManagedWrite, object: Json, from: string, to: string, view = type.at(to)): Json {
  if (from === to || !view) return object;
  return view.fromStored(type.at(from)?.toStored(object) ?? object);
}

/** Removes what the manager applied last time and not now, unless any other manager holds it. */
function prune(write: ManagedWrite, merged: Json, managers: Managers, last: Manager | undefined): Json {
  const view = last && write.type.at(last.apiVersion);
  if (!last || !view || isEmpty(last.fields)) return merged;
  const { apiVersion } = write;
  const before = convert(write, merged, apiVersion, last.apiVersion);
  const named = withNamedFields(view.shape, last.fields);
  let pruned = removeItems(view.shape, before, named);

  const owned = new Map<string, Fields>([[last.apiVersion, {}]]);
  for (const manager of managers.values())
    owned.set(manager.apiVersion, union(owned.get(manager.apiVersion) ?? {}, manager.fields));
  for (const [version, fields] of owned) pruned = addBackOwned(write, before, pruned, last.apiVersion, version, fields);

  // What was removed without having been applied last time (unowned, or under such a field) comes back as well.
  const gone = difference(membersOf(view, before), membersOf(view, pruned));
  return convert(write, removeItems(view.shape, before, intersection(gone, named)), last.apiVersion, apiVersion);
}

const membersOf = ({ shape }: VersionView, object: Json): Fields => withNamedFields(shape, fieldSet(shape, object));

function addBackOwned(
  write: ManagedWrite,
  merged: Json,
  pruned: Json,
  from: string,
  version: string,
  owned: Fields,
): Json {
  const view = write.type.at(version);
  if (!view) return pruned;
  const all = convert(write, merged, from, version);
  const left = convert(write, pruned, from, version);
  const kept = union(membersOf(view, left), withNamedFields(view.shape, owned));
  return convert(write, removeItems(view.shape, all, difference(membersOf(view, all), kept)), version, from);
}

/**
 * Conflicts other than over what client-side apply last applied and what still is so: kubectl takes that over without
 * being told to.
 */
function conflictsBesideLastApplied(
  write: ManagedWrite,
  view: VersionView,
  base: Json,
  conflicts: OwnedPath[],
): OwnedPath[] {
  const applied = lastAppliedAnnotation(base);
  if (applied === undefined || applied.apiVersion !== write.apiVersion) return conflicts;
  let allowed: Fields;
  try {
    checkTyped(view.shape, applied);
    const { changed, removed } = compare(view.shape, applied, base);
    allowed = difference(difference(fieldSet(view.shape, applied), changed), removed);
  } catch (error) {
    if (error instanceof ManagedFieldsError) return conflicts;
    throw error;
  }
  return conflicts.filter(({ path }) => !has(allowed, path));
}

/** kubectl's annotation, where there is one, follows what is applied. */
function synced({ manager }: ManagedWrite, patch: Json, { object, managers }: Outcome): Applied {
  const managedFields = entriesOf(managers);
  return {
    object: manager === kubectl && hasLastApplied(object) ? setLastApplied(object, patch) : object,
    managedFields,
  };
}
