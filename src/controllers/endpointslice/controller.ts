// EndpointSlices of Services that select pods. Keys: `namespace/service`. Slices of others (no selector, another
// managed-by) are never touched; those of a deleted Service go with it, as its dependents.

import type { Pod } from '../../generated/schemas/core-v1.ts';
import type { EndpointSlice } from '../../generated/schemas/discovery-v1.ts';
import { endpointSlices, nodes, pods, services } from '../../generated/schemas/index.ts';
import type { Controller, ObjectChange, Reader, ReconcileContext, Result } from '../../reconcile/types.ts';
import { source } from '../../reconcile/types.ts';
import { keyOf, splitKey } from '../lib/keys.ts';
import type { ControllerOptions } from '../lib/options.ts';
import { pairsText } from '../lib/selectors.ts';
import { keysOfServices, selectsPods, triggerTimeOf } from '../lib/service-pods.ts';
import { isNamespaceTerminating, WriteFailed } from '../lib/write.ts';
import { groupEndpoints } from './groups.ts';
import { isOurs, planSlices, serviceNameLabel } from './plan.ts';

const zoneLabel = 'topology.kubernetes.io/zone';

export function create(_options: ControllerOptions): Controller {
  return {
    name: 'endpointslice-controller',
    sources: [
      source(services, ({ type, object }) => (type === 'put' ? [keyOf(object)] : [])),
      source(pods, keysOfServices),
      source(endpointSlices, keysOfSlice),
    ],
    reconcile,
  };
}

/** Somebody may have changed or deleted a slice; a creation is nearly always our own. */
function keysOfSlice({ type, object, previous }: ObjectChange<EndpointSlice>): string[] {
  const service = object.metadata.labels?.[serviceNameLabel] ?? previous?.metadata.labels?.[serviceNameLabel];
  if (service === undefined || !isOurs(previous ?? object)) return [];
  const created = type === 'put' && previous === undefined;
  return created ? [] : [`${object.metadata.namespace}/${service}`];
}

async function reconcile(key: string, { client }: ReconcileContext): Promise<Result> {
  const { namespace, name } = splitKey(key);
  const service = await client.get(services, namespace, name);
  if (service === undefined || service.metadata.deletionTimestamp !== undefined || !selectsPods(service)) return {};
  const [selected, existing] = await Promise.all([
    client.list(pods, { namespace, labelSelector: pairsText(service.spec.selector ?? {}) }),
    client.list(endpointSlices, { namespace, ownerUid: service.metadata.uid }),
  ]);
  const groups = groupEndpoints(service, selected, await zonesOf(selected, existing, client));
  const writes = planSlices({ service, groups, triggerTime: triggerTimeOf(service, selected) }, existing);
  const outcomes = writes.length > 0 ? await client.write(writes) : [];
  for (const outcome of outcomes) {
    if (!outcome.ok && outcome.status.code !== 404 && !isNamespaceTerminating(outcome.status))
      throw new WriteFailed(outcome.status);
  }
  return {};
}

/** Zones of the pods' nodes. A node's zone does not change: what a slice knows already is not read again. */
async function zonesOf(
  selected: readonly Pod[],
  existing: readonly EndpointSlice[],
  reader: Reader,
): Promise<Map<string, string>> {
  const zones = new Map<string, string>();
  const known = new Set<string>();
  for (const { nodeName, zone } of existing.flatMap((slice) => slice.endpoints ?? [])) {
    if (!nodeName) continue;
    known.add(nodeName);
    if (zone) zones.set(nodeName, zone);
  }
  const unknown = new Set(selected.map((pod) => pod.spec.nodeName).filter((name) => name && !known.has(name)));
  const found = await Promise.all([...unknown].map((name) => reader.get(nodes, undefined, name as string)));
  for (const node of found) {
    const zone = node?.metadata.labels?.[zoneLabel];
    if (node && zone) zones.set(node.metadata.name, zone);
  }
  return zones;
}
