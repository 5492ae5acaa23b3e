// Deleting an object, in upstream's two phases: with grace or finalizers it is only marked (deletionTimestamp), and goes
// when the grace is over (a second delete with 0) and the last finalizer is gone (an update).
import { errors } from '../../machinery/errors.ts';
import type { KubeObject } from '../../machinery/meta.ts';
import { equalJson } from '../../machinery/schema/json.ts';
import { timestamp } from '../core.ts';
import { admissionRequest, contextOf, type WriteScope, type Written, warn } from './scope.ts';
import { put, remove } from './store.ts';
import { pendingFinalizers, requireCurrent, uidMismatch } from './update.ts';

/** meta/v1 DeleteOptions, checked (see options.ts). */
export interface DeleteOptions {
  gracePeriodSeconds?: number;
  propagationPolicy?: 'Orphan' | 'Background' | 'Foreground';
  uid?: string;
  resourceVersion?: string;
}

const orphanFinalizer = 'orphan';
const foregroundFinalizer = 'foregroundDeletion';

export function deleteObject(scope: WriteScope, options: DeleteOptions): Written {
  const { definition, core } = scope;
  const { object: old, revision } = requireCurrent(scope);
  const { metadata: oldMetadata } = old;
  if (options.uid !== undefined && options.uid !== oldMetadata.uid)
    throw errors.conflict(scope.requested, scope.name, uidMismatch(options.uid, oldMetadata.uid));
  if (options.resourceVersion !== undefined && options.resourceVersion !== String(revision))
    throw errors.conflict(
      scope.requested,
      scope.name,
      `Precondition failed: ResourceVersion in precondition: ${options.resourceVersion}, ResourceVersion in object meta: ${revision}`,
    );
  const context = contextOf(scope, 'delete');
  core.admission.admit(admissionRequest(scope, 'DELETE', context, { old }));
  core.admission.validate(admissionRequest(scope, 'DELETE', context, { old }));

  const object = structuredClone(old);
  const grace = beginDeletion(scope, object, options);
  if (grace === 'pending') return { object: old };
  if (options.propagationPolicy === undefined && definition.strategy.deletionWarning)
    warn(scope, definition.strategy.deletionWarning);
  applyPropagation(object, options.propagationPolicy ?? defaultPropagation(scope, object));
  const held = pendingFinalizers(scope, object) > 0;
  if (!held && (grace === 'none' || grace === 0)) return remove(scope, markedForWatchers(object, grace), revision);
  if (grace === 'none') {
    // Held back by finalizers only.
    if (!object.metadata.deletionTimestamp) mark(scope, object, 0);
    object.metadata.deletionGracePeriodSeconds = 0;
  }
  definition.strategy.prepareForDelete?.(object, context);
  if (equalJson(object, old)) return { object: old };
  return { object: put(scope, object, revision) };
}

/** A graceful kind's last state keeps its marks; others are deleted as they were. */
function markedForWatchers(object: KubeObject, grace: number | 'none'): KubeObject {
  if (grace === 0) object.metadata.deletionGracePeriodSeconds = 0;
  return object;
}

/**
 * Marks a graceful kind. Returns the grace now in force, 'none' when the kind has none, 'pending' when it is already being
 * deleted and nothing changes: a later delete may only shorten the grace.
 */
function beginDeletion(scope: WriteScope, object: KubeObject, options: DeleteOptions): number | 'none' | 'pending' {
  const { metadata } = object;
  const requested = options.gracePeriodSeconds;
  if (metadata.deletionTimestamp) {
    const present = metadata.deletionGracePeriodSeconds;
    if (present === undefined) return 'none';
    if (requested === undefined || requested >= present)
      // Finalizers alone hold it back: nothing more to do, unless they are gone by now.
      return pendingFinalizers(scope, object) === 0 && present === 0 ? 0 : 'pending';
    const began = Date.parse(metadata.deletionTimestamp) - present * 1000;
    metadata.deletionTimestamp = timestamp(began + requested * 1000);
    metadata.deletionGracePeriodSeconds = requested;
    return requested;
  }
  const { gracePeriodSeconds } = scope.definition.strategy;
  if (!gracePeriodSeconds) return 'none';
  const grace = gracePeriodSeconds(object, requested);
  if (grace === undefined) return 'none';
  mark(scope, object, grace);
  return grace;
}

function mark(scope: WriteScope, object: KubeObject, grace: number): void {
  const { metadata } = object;
  metadata.deletionTimestamp = timestamp(scope.core.clock.now() + grace * 1000);
  metadata.deletionGracePeriodSeconds = grace;
  if (metadata.generation) metadata.generation++;
}

/** Of a delete that names none: what the object's finalizers say already holds. */
function defaultPropagation({ definition }: WriteScope, { metadata }: KubeObject): DeleteOptions['propagationPolicy'] {
  if (!definition.strategy.orphansDependents || metadata.finalizers?.includes(foregroundFinalizer)) return undefined;
  return 'Orphan';
}

/** The garbage collector's finalizers follow the policy; without one, those that the object has stay. */
function applyPropagation(object: KubeObject, policy: DeleteOptions['propagationPolicy']): void {
  if (policy === undefined) return;
  const kept = (object.metadata.finalizers ?? []).filter(
    (finalizer) => finalizer !== orphanFinalizer && finalizer !== foregroundFinalizer,
  );
  if (policy === 'Orphan') kept.push(orphanFinalizer);
  if (policy === 'Foreground') kept.push(foregroundFinalizer);
  if (kept.length > 0) object.metadata.finalizers = kept;
  else delete object.metadata.finalizers;
}
