// Which changes a consumer of the feed wants to see. It says so with each reading, as plain data; whoever serves the feed
// leaves out the rest, and need not poke the consumer for it. Told from stored text alone: one change too many does no
// harm, one too few is work forgotten.
import { groupResource } from '../machinery/meta.ts';
import type { ListQuery, WorkSource } from './types.ts';

/** Kinds are in upstream's group-resource notation; of a kind that is named nowhere, nothing is wanted. */
export interface Interest {
  /** Every change. */
  all: string[];
  /** Changes that end an object, and those of objects that are going or have owners. */
  ends: string[];
  /** Every change of objects of these names. */
  names: Record<string, string[]>;
}

/** A change as it is stored; keys are `resource/namespace/name`, or `resource/name`. */
interface StoredChange {
  readonly type: 'put' | 'delete';
  readonly key: string;
  readonly value: string;
}

/** What all of these sources together want. */
export function interestOf(sources: readonly WorkSource[]): Interest {
  const all = new Set(sources.filter(({ only }) => !only).map(({ resource }) => groupResource(resource)));
  const ends = new Set<string>();
  const names: Record<string, string[]> = {};
  for (const { resource, only } of sources) {
    const kind = groupResource(resource);
    if (!only || all.has(kind)) continue;
    if (only === 'ends') ends.add(kind);
    else names[kind] = [...(names[kind] ?? []), only.name];
  }
  return { all: [...all], ends: [...ends], names };
}

/** What to list of a kind for who is interested and has missed what happened: no more content than somebody looks at. */
export function queriesOf({ all, ends, names }: Interest, kind: string): ListQuery[] {
  if (all.includes(kind)) return [{}];
  const named = (names[kind] ?? []).map((name) => ({ fieldSelector: `metadata.name=${name}` }));
  // Whether an object goes or has owners is in its metadata.
  return ends.includes(kind) ? [{ metadataOnly: true }, ...named] : named;
}

const goesOrIsOwned = /"(?:ownerReferences|deletionTimestamp)":/;

export function wants({ all, ends, names }: Interest): (change: StoredChange) => boolean {
  const every = new Set(all);
  const ending = new Set(ends);
  const named = new Map(Object.entries(names));
  return ({ type, key, value }) => {
    const kind = key.slice(0, key.indexOf('/'));
    if (every.has(kind)) return true;
    if (ending.has(kind) && (type === 'delete' || goesOrIsOwned.test(value))) return true;
    return named.get(kind)?.includes(key.slice(key.lastIndexOf('/') + 1)) ?? false;
  };
}
