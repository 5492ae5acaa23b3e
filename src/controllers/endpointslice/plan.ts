// The endpoints of a Service as EndpointSlices, changed as little as possible: endpoints stay in the slice that they are
// in, new ones fill the free places, and a slice is written only when something in it is different. Pure.
// Follows upstream's endpointslice controller; at most 100 endpoints a slice.

import type { Service } from '../../generated/schemas/core-v1.ts';
import type { Endpoint, EndpointPort, EndpointSlice } from '../../generated/schemas/discovery-v1.ts';
import { endpointSlices } from '../../generated/schemas/index.ts';
import type { New } from '../../machinery/meta.ts';
import { equalJson } from '../../machinery/schema/json.ts';
import type { Write } from '../../reconcile/types.ts';
import { canonical } from '../lib/json.ts';
import { controllerReference } from '../lib/owners.ts';

export const serviceNameLabel = 'kubernetes.io/service-name';
export const managedByLabel = 'endpointslice.kubernetes.io/managed-by';
export const managedBy = 'endpointslice-controller.k8s.io';
const headlessLabel = 'service.kubernetes.io/headless';
const triggerAnnotation = 'endpoints.kubernetes.io/last-change-trigger-time';
const endpointsPerSliceMax = 100;

export type AddressType = 'IPv4' | 'IPv6';

/** Endpoints that share resolved ports. Named target ports can differ from pod to pod. */
export interface Group {
  addressType: AddressType;
  ports: EndpointPort[];
  endpoints: Endpoint[];
}

export interface Wanted {
  service: Service;
  groups: readonly Group[];
  /** RFC 3339; when what is written now was caused. */
  triggerTime: string | undefined;
}

export function isOurs(slice: EndpointSlice): boolean {
  return slice.metadata.labels?.[managedByLabel] === managedBy;
}

interface SlicePlan {
  updates: EndpointSlice[];
  creations: New<EndpointSlice>[];
  deletions: EndpointSlice[];
}

export function planSlices({ service, groups, triggerTime }: Wanted, existing: readonly EndpointSlice[]): Write[] {
  const slices = existing.filter((slice) => isOurs(slice) && slice.metadata.deletionTimestamp === undefined);
  const plan: SlicePlan = { updates: [], creations: [], deletions: [] };
  const byGroup = new Map<string, EndpointSlice[]>();
  for (const slice of slices) {
    const key = groupKey(slice.addressType, slice.ports ?? []);
    byGroup.set(key, [...(byGroup.get(key) ?? []), slice]);
  }
  for (const group of groups) {
    const key = groupKey(group.addressType, group.ports);
    planGroup(service, group, byGroup.get(key) ?? [], triggerTime, plan);
    byGroup.delete(key);
  }
  plan.deletions.push(...[...byGroup.values()].flat());
  return recycled(plan);
}

/** A slice that would be deleted while another is created takes its place instead: one write, and no gap for readers. */
function recycled({ updates, creations, deletions }: SlicePlan): Write[] {
  const left = [...deletions];
  const created: Write[] = [];
  const rewritten: EndpointSlice[] = [];
  for (const creation of creations) {
    const index = left.findIndex((slice) => slice.addressType === creation.addressType);
    const [old] = index < 0 ? [] : left.splice(index, 1);
    if (old === undefined) {
      created.push({
        verb: 'create',
        resource: endpointSlices,
        namespace: creation.metadata.namespace,
        object: creation,
      });
    } else {
      const { labels, annotations, ownerReferences } = creation.metadata;
      const metadata = { ...old.metadata, labels, ownerReferences, ...(annotations ? { annotations } : {}) };
      rewritten.push({ ...old, metadata, endpoints: creation.endpoints, ports: creation.ports } as EndpointSlice);
    }
  }
  return [
    ...[...updates, ...rewritten].map((object): Write => ({ verb: 'update', resource: endpointSlices, object })),
    ...created,
    ...left.map(deletion),
  ];
}

function planGroup(
  service: Service,
  group: Group,
  slices: readonly EndpointSlice[],
  triggerTime: string | undefined,
  plan: SlicePlan,
): void {
  const remaining = new Map(group.endpoints.map((endpoint) => [identity(endpoint), endpoint]));
  const kept = slices.map((slice) => {
    const endpoints: Endpoint[] = [];
    let changed = false;
    for (const before of slice.endpoints ?? []) {
      const id = identity(before);
      const now = remaining.get(id);
      remaining.delete(id);
      if (now) endpoints.push(now);
      changed ||= now === undefined || !equalJson(now, before);
    }
    return { slice, endpoints, changed };
  });

  // New endpoints go where something is written anyway, then where there is room, the fullest first.
  const added = [...remaining.values()];
  const order = [...kept].sort(
    (a, b) => Number(b.changed) - Number(a.changed) || b.endpoints.length - a.endpoints.length,
  );
  for (const target of order) {
    const room = endpointsPerSliceMax - target.endpoints.length;
    if (added.length === 0 || room <= 0) continue;
    if (!target.changed && added.length > room) continue;
    target.endpoints.push(...added.splice(0, room));
    target.changed = true;
  }

  const labels = labelsOf(service);
  const total = kept.reduce((sum, { endpoints }) => sum + endpoints.length, added.length);
  // Without endpoints one empty slice stays, as upstream's placeholder.
  const placeholder = total === 0 ? kept[0] : undefined;
  for (const entry of kept) {
    if (entry.endpoints.length === 0 && entry !== placeholder) {
      plan.deletions.push(entry.slice);
      continue;
    }
    const next = sliceWith(entry.slice, service, labels, entry.endpoints, entry.changed ? triggerTime : undefined);
    if (entry.changed || !equalJson(next.metadata.labels, entry.slice.metadata.labels)) plan.updates.push(next);
  }
  if (total === 0 && placeholder === undefined) plan.creations.push(creation(service, labels, group, [], triggerTime));
  while (added.length > 0) {
    plan.creations.push(creation(service, labels, group, added.splice(0, endpointsPerSliceMax), triggerTime));
  }
}

function identity(endpoint: Endpoint): string {
  return `${endpoint.targetRef?.uid ?? ''}/${endpoint.addresses.join(',')}`;
}

export function groupKey(addressType: string, ports: readonly EndpointPort[]): string {
  return `${addressType}${ports.map(canonical).sort().join()}`;
}

/** The Service's own labels, less those that a slice must say itself. */
function labelsOf(service: Service): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const [key, value] of Object.entries(service.metadata.labels ?? {})) {
    if (key !== headlessLabel && key !== serviceNameLabel && key !== managedByLabel) labels[key] = value;
  }
  return {
    ...labels,
    ...(isHeadless(service) ? { [headlessLabel]: '' } : {}),
    [managedByLabel]: managedBy,
    [serviceNameLabel]: service.metadata.name,
  };
}

export function isHeadless(service: Service): boolean {
  return service.spec.clusterIP === 'None';
}

function sliceWith(
  slice: EndpointSlice,
  service: Service,
  labels: Record<string, string>,
  endpoints: Endpoint[],
  triggerTime: string | undefined,
): EndpointSlice {
  const annotations =
    triggerTime === undefined
      ? slice.metadata.annotations
      : { ...slice.metadata.annotations, [triggerAnnotation]: triggerTime };
  const ownerReferences = slice.metadata.ownerReferences ?? [controllerReference(service)];
  return {
    ...slice,
    metadata: { ...slice.metadata, labels, ownerReferences, ...(annotations ? { annotations } : {}) },
    endpoints,
  };
}

function creation(
  service: Service,
  labels: Record<string, string>,
  { addressType, ports }: Group,
  endpoints: Endpoint[],
  triggerTime: string | undefined,
): New<EndpointSlice> {
  const { namespace, name } = service.metadata;
  return {
    metadata: {
      generateName: `${name}-`,
      namespace,
      labels,
      ...(triggerTime === undefined ? {} : { annotations: { [triggerAnnotation]: triggerTime } }),
      ownerReferences: [controllerReference(service)],
    },
    addressType,
    endpoints,
    ports,
  };
}

function deletion({ metadata: { namespace, name, uid, resourceVersion } }: EndpointSlice): Write {
  return { verb: 'delete', resource: endpointSlices, namespace, name, uid, resourceVersion };
}
