// Reading ledger entries as objects, for the part of the API server that speaks to nodes. Reads only.
import type { Entry, KeyRange, ReadView } from '../../ledger/types.ts';
import type { KubeObject, ResourceToken } from '../../machinery/meta.ts';
import { apiVersion, groupResource, objectKey } from '../../machinery/meta.ts';

/** Rows read at once: bounded, since the SQL port returns whole results. */
const pageRowsMax = 500;

export function decodeAs<T extends KubeObject>(token: ResourceToken<T>, value: string): T {
  return JSON.parse(`{"kind":"${token.kind}","apiVersion":"${apiVersion(token)}",${value}`) as T;
}

/** All keys of a resource type, or of one namespace of it. */
export function keyRange(token: ResourceToken, namespace?: string): KeyRange {
  const prefix = namespace ? `${groupResource(token)}/${namespace}` : groupResource(token);
  return { start: `${prefix}/`, end: `${prefix}0` };
}

export function* entries(ledger: ReadView, range: KeyRange, tag?: string): Generator<Entry> {
  let after: string | undefined;
  for (;;) {
    const page = ledger.range({ ...range, tag, after, limit: pageRowsMax });
    yield* page.entries;
    const last = page.entries.at(-1);
    if (!page.more || !last) return;
    after = last.key;
  }
}

export function getObject<T extends KubeObject>(
  ledger: ReadView,
  token: ResourceToken<T>,
  namespace: string | undefined,
  name: string,
): T | undefined {
  const entry = ledger.get(objectKey(token, namespace, name));
  return entry && decodeAs(token, entry.value);
}

/** `pods/default/web` → its parts; a cluster-scoped key has no namespace. */
export function splitKey(key: string): { resource: string; namespace?: string; name: string } {
  const [resource = '', first = '', second] = key.split('/');
  return second === undefined ? { resource, name: first } : { resource, namespace: first, name: second };
}
