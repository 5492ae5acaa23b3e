// Managed fields of a create or update: whoever writes comes to own what it changes, and others lose that. Objects that were
// made before anyone kept track stay so until they are first applied.
import type { ManagedFieldsEntry } from '../meta.ts';
import { equalJson } from '../schema/json.ts';
import { ManagedFieldsError } from './element.ts';
import {
  capUpdates,
  entriesOf,
  identityOf,
  isReset,
  type Manager,
  type Managers,
  sentManagers,
  storedManagers,
} from './entries.ts';
import { isEmpty, sorted, union } from './fields.ts';
import { comparer, conflictsOf, type Json, type ManagedWrite, settle } from './write.ts';

export const entriesIn = (object: Json | undefined): ManagedFieldsEntry[] | undefined =>
  (object?.metadata as { managedFields?: ManagedFieldsEntry[] } | undefined)?.managedFields;

/**
 * The managedFields that `draft` is to be stored with. `live` undefined: it is created. Both are as decoded and defaulted,
 * before admission and the kind's own hooks; what `draft` itself has as managedFields is what the client sent.
 */
export function track(write: ManagedWrite, live: Json | undefined, draft: Json): ManagedFieldsEntry[] | undefined {
  try {
    return tracked(write, live, draft);
  } catch (error) {
    // Objects that do not fit their type are for validation to refuse.
    if (error instanceof ManagedFieldsError) return undefined;
    throw error;
  }
}

function tracked(write: ManagedWrite, live: Json | undefined, draft: Json): ManagedFieldsEntry[] | undefined {
  const sent = write.subresource === '' ? entriesIn(draft) : undefined;
  const kept = entriesIn(live);
  const managers = managersOf(sent, kept);
  if (managers === undefined || (live && managers.size === 0)) return undefined;

  const comparisonAt = comparer(write, (view) => [live && view.fromStored(live), view.fromStored(draft)]);
  const comparison = comparisonAt(write.apiVersion);
  if (!comparison) throw new Error(`${write.apiVersion} is not a version of ${write.type.kind}`);
  const mine = own(write);
  const id = identityOf(mine);
  const { changed, removed } = comparison;
  if (!isEmpty(changed) || !isEmpty(removed)) {
    // What it takes from itself it owns again.
    const conflicts = conflictsOf(managers, comparisonAt, undefined).filter((conflict) => conflict.id !== id);
    settle(managers, conflicts, comparisonAt, undefined);
    if (!isEmpty(changed)) {
      const before = managers.get(id)?.fields ?? {};
      const fields = union(before, changed);
      managers.set(id, { ...mine, time: write.now, fields: fields === before ? fields : sorted(fields) });
    }
    capUpdates(managers);
  }
  return entriesOf(managers);
}

function own({ manager, subresource, apiVersion }: ManagedWrite): Omit<Manager, 'time' | 'fields'> {
  return { name: manager || 'unknown', applied: false, subresource, apiVersion };
}

/** Those that the client sent, where they make sense; otherwise those that are stored. Undefined: forget them. */
function managersOf(
  sent: readonly ManagedFieldsEntry[] | undefined,
  kept: readonly ManagedFieldsEntry[] | undefined,
): Managers | undefined {
  if (sent === undefined || (kept && equalJson(sent, kept))) return storedManagers(kept);
  if (isReset(sent)) return new Map();
  try {
    const managers = sentManagers(sent);
    if (managers.size > 0) return managers;
  } catch (error) {
    if (!(error instanceof ManagedFieldsError)) throw error;
  }
  return storedManagers(kept);
}
