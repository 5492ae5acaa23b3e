// A finalizer that keeps an object for as long as it is in use: there until the object is deleted, taken away once it is
// deleted and unused. Admission adds it; what came before that plugin gets it here. Pure.
import type { KubeObject, ResourceToken } from '../../machinery/meta.ts';
import type { Write } from '../../reconcile/types.ts';

/** Whether the object lacks the finalizer, or waits for it to be taken away. */
export function isUnsettled({ metadata }: KubeObject, finalizer: string): boolean {
  return isDeleted(metadata) === (metadata.finalizers ?? []).includes(finalizer);
}

/** The update that the object needs, if any. */
export function planProtection<T extends KubeObject>(
  resource: ResourceToken<T>,
  object: T,
  finalizer: string,
  isUsed: () => boolean,
): Write[] {
  const { metadata } = object;
  if (!isUnsettled(object, finalizer) || (isDeleted(metadata) && isUsed())) return [];
  const { finalizers = [], ...rest } = metadata;
  const wanted = isDeleted(metadata) ? finalizers.filter((name) => name !== finalizer) : [...finalizers, finalizer];
  return [{ verb: 'update', resource, object: { ...object, metadata: { ...rest, finalizers: wanted } } }];
}

const isDeleted = ({ deletionTimestamp }: KubeObject['metadata']): boolean => deletionTimestamp !== undefined;
