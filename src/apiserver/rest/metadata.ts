// Metadata's own rules, which hold for every kind.
import type { FieldError } from '../../machinery/errors.ts';
import type { ObjectMeta, OwnerReference } from '../../machinery/meta.ts';
import type { AnyResource } from '../../machinery/resource.ts';
import { validateFinalizerNames, validateObjectMeta, validateObjectMetaUpdate } from '../../machinery/validation.ts';
import { type WriteScope, warn } from './scope.ts';

export function validateMetadata(definition: AnyResource, metadata: ObjectMeta): FieldError[] {
  const { namespaced, strategy } = definition;
  return [
    ...validateObjectMeta(metadata, { namespaced, validateName: strategy.validateName }),
    ...validateFinalizerNames(metadata.finalizers, 'metadata.finalizers'),
  ];
}

/**
 * Upstream looks at the metadata of an update more than once, and each look has its causes: the generic rules of objects and
 * of updates, then the kind's own, which are the latter again and, for kinds that look at the whole object, the former.
 */
export function validateMetadataUpdate(
  { namespaced, strategy }: AnyResource,
  metadata: ObjectMeta,
  old: ObjectMeta,
  whole: boolean,
): FieldError[] {
  const generic = validateObjectMeta(metadata, { namespaced, validateName: strategy.validateName });
  const update = validateObjectMetaUpdate(metadata, old);
  const finalizers = validateFinalizerNames(metadata.finalizers, 'metadata.finalizers');
  return [...generic, ...update, ...update, ...finalizers, ...(whole ? [...generic, ...finalizers] : [])];
}

/** An owner counts once; whoever names it twice is told. */
export function dropDuplicateOwners(scope: WriteScope, metadata: ObjectMeta, afterAdmission: boolean): void {
  const owners = metadata.ownerReferences;
  if (!owners || owners.length < 2) return;
  const kept = new Map<string, OwnerReference>();
  const dropped: string[] = [];
  for (const owner of owners) {
    const { apiVersion, kind, name, uid, controller, blockOwnerDeletion } = owner;
    const key = JSON.stringify([apiVersion, kind, name, uid, controller, blockOwnerDeletion]);
    if (kept.has(key)) dropped.push(uid);
    else kept.set(key, owner);
  }
  if (dropped.length === 0) return;
  metadata.ownerReferences = [...kept.values()];
  const when = afterAdmission ? ' after mutating admission happens' : '';
  warn(
    scope,
    `.metadata.ownerReferences contains duplicate entries${when}; API server dedups owner references in 1.20+, and may reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: ${dropped.join(', ')}`,
  );
}
