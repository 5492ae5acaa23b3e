// What becomes of an object whose owners go: pure decisions over ownerReferences. An object lives as long as one of its
// owners does. Follows upstream's garbage collector.
//
// Example: a ConfigMap owned by A (exists) and B (gone) loses its reference to B; when A goes too it is deleted. With A in
// foreground deletion and B gone it is deleted at once, in the foreground if it has dependents of its own.
import type { KubeObject, ObjectMeta, OwnerReference, ResourceToken } from '../../machinery/meta.ts';
import type { Write } from '../../reconcile/types.ts';

export const orphanFinalizer = 'orphan';
export const foregroundFinalizer = 'foregroundDeletion';

/** What is known of one owner. `unknown`: its kind is not served here, so nothing may be concluded. */
export type OwnerState = 'present' | 'absent' | 'waiting' | 'unknown';

export interface Dependent {
  resource: ResourceToken;
  object: KubeObject;
}

export function isDeleting(object: KubeObject): boolean {
  return object.metadata.deletionTimestamp !== undefined;
}

export function hasFinalizer(object: KubeObject, finalizer: string): boolean {
  return object.metadata.finalizers?.includes(finalizer) ?? false;
}

/** In foreground deletion: it goes when its blocking dependents have gone. */
export function awaitsDependents(object: KubeObject): boolean {
  return isDeleting(object) && hasFinalizer(object, foregroundFinalizer);
}

/**
 * What to do with a dependent, given the state of each of its owners. `next` are its own dependents, which matter only while
 * an owner waits for it. Where one of them is waiting too there may be a circle: the dependent then blocks nobody any more,
 * and goes when its owner has gone.
 */
export function planDependent(
  dependent: Dependent,
  states: readonly { reference: OwnerReference; state: OwnerState }[],
  next: readonly Dependent[],
): Write | undefined {
  const { resource, object } = dependent;
  if (states.length === 0 || isDeleting(object)) return undefined;
  const leaving = states.filter(({ state }) => state === 'absent' || state === 'waiting');
  if (leaving.length === 0) return undefined;
  if (leaving.length < states.length) {
    const gone = new Set(leaving.map(({ reference }) => reference.uid));
    return withoutReferences(dependent, gone);
  }
  const { namespace, name, uid, resourceVersion } = object.metadata;
  const waiting = leaving.some(({ state }) => state === 'waiting');
  if (waiting && blocksAny(object) && next.some((other) => awaitsDependents(other.object)))
    return withoutBlocking(dependent);
  const propagationPolicy =
    (waiting && next.length > 0) || (!waiting && hasFinalizer(object, foregroundFinalizer))
      ? 'Foreground'
      : hasFinalizer(object, orphanFinalizer)
        ? 'Orphan'
        : 'Background';
  return { verb: 'delete', resource, namespace, name, uid, resourceVersion, propagationPolicy };
}

/** Takes references off under the object's resourceVersion, so that none that is added meanwhile is lost. */
export function withoutReferences(dependent: Dependent, uids: ReadonlySet<string>): Write {
  const ownerReferences = (dependent.object.metadata.ownerReferences ?? []).filter(
    (reference) => !uids.has(reference.uid),
  );
  return metadataPatch(dependent, { ownerReferences });
}

function blocksAny({ metadata }: KubeObject): boolean {
  return (metadata.ownerReferences ?? []).some((reference) => reference.blockOwnerDeletion === true);
}

function withoutBlocking(dependent: Dependent): Write {
  const ownerReferences = (dependent.object.metadata.ownerReferences ?? []).map((reference) => ({
    ...reference,
    blockOwnerDeletion: false,
  }));
  return metadataPatch(dependent, { ownerReferences });
}

export function withoutFinalizer(dependent: Dependent, finalizer: string): Write {
  const finalizers = (dependent.object.metadata.finalizers ?? []).filter((entry) => entry !== finalizer);
  return metadataPatch(dependent, { finalizers });
}

/** Under the object's uid and resourceVersion. */
function metadataPatch({ resource, object }: Dependent, change: Partial<ObjectMeta>): Write {
  const { namespace, name, uid, resourceVersion } = object.metadata;
  const patch = { metadata: { uid, resourceVersion, ...change } };
  return { verb: 'patch', resource, namespace, name, type: 'merge', patch };
}

export function blocks(dependent: Dependent, ownerUid: string): boolean {
  return (dependent.object.metadata.ownerReferences ?? []).some(
    (reference) => reference.uid === ownerUid && reference.blockOwnerDeletion === true,
  );
}
