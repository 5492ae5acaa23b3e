// Deleting an object, in upstream's two phases: with grace or finalizers it is only marked (deletionTimestamp), and goes
// when the grace is over (a second delete with 0) and the last finalizer is gone (an update).
import { errors } from '../../machinery/errors.ts';
import type { KubeObject, ObjectMeta } from '../../machinery/meta.ts';
import { equalJson } from '../../machinery/schema/json.ts';
import { timestamp } from '../core.ts';
import { written } from '../storage/codec.ts';
import { keepCompanions } from './companions.ts';
import { admissionRequest, contextOf, type WriteScope, type Written, warn } from './scope.ts';
import { put, remove } from './store.ts';
import { pendingFinalizers, requireCurrent } from './update.ts';

/** meta/v1 DeleteOptions, checked (see options.ts). */
export interface DeleteOptions {
  gracePeriodSeconds?: number;
  propagationPolicy?: 'Orphan' | 'Background' | 'Foreground';
  uid?: string;
  resourceVersion?: string;
}

const collectorFinalizers: Record<NonNullable<DeleteOptions['propagationPolicy']>, string | undefined> = {
  Orphan: 'orphan',
  Foreground: 'foregroundDeletion',
  Background: undefined,
};

export function deleteObject(scope: WriteScope, options: DeleteOptions): Written {
  const { definition, core } = scope;
  const { object: old, revision } = requireCurrent(scope);
  checkPreconditions(scope, old, revision, options);
  const context = contextOf(scope, 'delete');
  core.admission.admit(admissionRequest(scope, 'DELETE', context, { old }));
  core.admission.validate(admissionRequest(scope, 'DELETE', context, { old }));

  const object = structuredClone(old);
  const grace = beginDeletion(scope, object, options);
  // Under way, and nothing to be shortened: not even the garbage collector's finalizers change any more.
  if (grace === 'pending') return { object: written(old) };
  if (options.propagationPolicy === undefined && definition.strategy.deletionWarning)
    warn(scope, definition.strategy.deletionWarning);
  applyPropagation(object, options.propagationPolicy ?? defaultPropagation(scope, object));
  const held = pendingFinalizers(scope, object) > 0;
  if (!held && (grace === 'none' || grace === 0)) {
    keepCompanions(scope, undefined, old);
    return remove(scope, grace === 'none' ? old : object, revision);
  }
  if (grace === 'none') markHeld(scope, object);
  definition.strategy.prepareForDelete?.(object, context);
  if (equalJson(object, old)) return { object: written(old) };
  return put(scope, object, revision);
}

/** Upstream names the kind where it otherwise names the resource. */
function checkPreconditions(scope: WriteScope, old: KubeObject, revision: number, options: DeleteOptions): void {
  const { group, kind } = scope.requested;
  const refused = (why: string) => errors.conflict({ group, plural: kind }, scope.name, why);
  const { uid } = old.metadata;
  if (options.uid !== undefined && options.uid !== uid)
    throw refused(
      `the UID in the precondition (${options.uid}) does not match the UID in record (${uid}). The object might have been deleted and then recreated`,
    );
  const { resourceVersion } = options;
  if (resourceVersion !== undefined && resourceVersion !== String(revision))
    throw refused(
      `the ResourceVersion in the precondition (${resourceVersion}) does not match the ResourceVersion in record (${revision}). The object might have been modified`,
    );
}

/**
 * Marks a graceful kind. Returns the grace now in force, 'none' when there is none (any more), 'pending' when it is already
 * being deleted and nothing changes: a later delete may only shorten the grace.
 */
function beginDeletion(scope: WriteScope, object: KubeObject, options: DeleteOptions): number | 'none' | 'pending' {
  const { metadata } = object;
  const requested = options.gracePeriodSeconds;
  const graceOf = scope.definition.strategy.gracePeriodSeconds;
  if (!graceOf) return 'none';
  if (metadata.deletionTimestamp) {
    const present = metadata.deletionGracePeriodSeconds;
    if (!present) return 'none';
    return requested === undefined || requested >= present ? 'pending' : shorten(scope, metadata, present, requested);
  }
  const grace = graceOf(object, requested);
  if (grace === undefined) return 'none';
  metadata.deletionTimestamp = timestamp(scope.core.clock.now() + grace * 1000);
  metadata.deletionGracePeriodSeconds = grace;
  if (metadata.generation) metadata.generation++;
  return grace;
}

/** The end moves back, but not into the past: what was to be graceful stays so for a second. */
function shorten(scope: WriteScope, metadata: ObjectMeta, present: number, requested: number): number {
  const now = scope.core.clock.now();
  const end = Date.parse(metadata.deletionTimestamp as string) + (requested - present) * 1000;
  const grace = end < now && requested !== 0 ? 1 : requested;
  metadata.deletionTimestamp = timestamp(Math.max(end, now));
  metadata.deletionGracePeriodSeconds = grace;
  return grace;
}

/** Held back by finalizers alone: its time is over as soon as they are gone. */
function markHeld(scope: WriteScope, { metadata }: KubeObject): void {
  const now = scope.core.clock.now();
  if (!metadata.deletionTimestamp && metadata.generation) metadata.generation++;
  if (!metadata.deletionTimestamp || Date.parse(metadata.deletionTimestamp) > now)
    metadata.deletionTimestamp = timestamp(now);
  metadata.deletionGracePeriodSeconds = 0;
}

/** Of a delete that names none: what the object's finalizers say already holds. */
function defaultPropagation({ definition }: WriteScope, { metadata }: KubeObject): DeleteOptions['propagationPolicy'] {
  if (!definition.strategy.orphansDependents || metadata.finalizers?.includes('foregroundDeletion')) return undefined;
  return 'Orphan';
}

/** The garbage collector's finalizers follow the policy; without one, those that the object has stay. */
function applyPropagation({ metadata }: KubeObject, policy: DeleteOptions['propagationPolicy']): void {
  if (policy === undefined) return;
  const wanted = collectorFinalizers[policy];
  const own = metadata.finalizers ?? [];
  const kept = own.filter((finalizer) => !Object.values(collectorFinalizers).includes(finalizer));
  if (wanted === undefined ? kept.length === own.length : own.includes(wanted) && kept.length === own.length - 1)
    return;
  if (wanted !== undefined) kept.push(wanted);
  if (kept.length > 0) metadata.finalizers = kept;
  else delete metadata.finalizers;
}
