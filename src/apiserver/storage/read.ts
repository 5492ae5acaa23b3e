// Reading objects out of a view of the ledger. Every call parses anew, so callers may keep or mutate what they get.
import type { Entry, KeyRange, ReadView } from '../../ledger/types.ts';
import { groupResource, type KubeObject, objectKey, type ResourceToken } from '../../machinery/meta.ts';
import type { AnyResource } from '../../machinery/resource.ts';
import { decode } from './codec.ts';

export function findEntry(
  definition: AnyResource,
  view: ReadView,
  namespace: string | undefined,
  name: string,
): Entry | undefined {
  return view.get(keyOf(definition, namespace, name));
}

export function findObject<T extends KubeObject>(
  definition: AnyResource,
  view: ReadView,
  namespace: string | undefined,
  name: string,
): T | undefined {
  const entry = findEntry(definition, view, namespace, name);
  return entry && decode<T>(definition, entry.value);
}

export function keyOf(definition: AnyResource, namespace: string | undefined, name: string): string {
  return objectKey(storedResource(definition), definition.namespaced ? namespace : undefined, name);
}

/** Whose rows hold the objects of a resource: its own, but for other versions of a stored one. */
export function storedResource(definition: AnyResource): ResourceToken {
  return definition.conversion?.resource ?? definition;
}

/** All keys of a resource, or of one namespace of it. `0` is the byte after `/`. */
export function keyRange(definition: AnyResource, namespace = ''): KeyRange {
  const prefix = groupResource(storedResource(definition));
  return definition.namespaced && namespace !== ''
    ? { start: `${prefix}/${namespace}/`, end: `${prefix}/${namespace}0` }
    : { start: `${prefix}/`, end: `${prefix}0` };
}

export function hasTag(definition: AnyResource, view: ReadView, tag: string): boolean {
  return view.range({ ...keyRange(definition), tag, limit: 1, withoutValues: true }).entries.length > 0;
}
