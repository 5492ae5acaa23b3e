// The Endpoints object of a Service: its pods' addresses in subsets of equal ports. Pure; follows upstream's endpoints
// controller, with its order (addresses by IP, ports by name) so that what has not changed is not written.
import type {
  EndpointAddress,
  EndpointPort,
  EndpointSubset,
  Endpoints,
  Pod,
  Service,
} from '../../generated/schemas/core-v1.ts';
import { endpoints as endpointsToken } from '../../generated/schemas/index.ts';
import { equalJson } from '../../machinery/schema/json.ts';
import type { Write } from '../../reconcile/types.ts';
import { canonical } from '../lib/json.ts';
import { isReady, isTerminal, isTerminating } from '../lib/pods.ts';
import { addressesOf, hostnameUnder, targetPort, triggerTimeOf } from '../lib/service-pods.ts';

const addressesMax = 1000;
const overCapacityAnnotation = 'endpoints.kubernetes.io/over-capacity';
const triggerAnnotation = 'endpoints.kubernetes.io/last-change-trigger-time';
const headlessLabel = 'service.kubernetes.io/headless';
const managedByLabel = 'endpoints.kubernetes.io/managed-by';
const managedBy = 'endpoint-controller';

export function isManaged(endpoints: Endpoints | undefined): boolean {
  return endpoints?.metadata.labels?.[managedByLabel] === managedBy;
}

interface Entry {
  address: EndpointAddress;
  ready: boolean;
}

export function subsetsOf(service: Service, pods: readonly Pod[]): { subsets: EndpointSubset[]; truncated: boolean } {
  // Per resolved port, the addresses that have it; ports with the same addresses make one subset.
  const byPort = new Map<string, { port: EndpointPort | undefined; entries: Entry[] }>();
  const add = (port: EndpointPort | undefined, entry: Entry): void => {
    const key = canonical(port);
    const found = byPort.get(key) ?? { port, entries: [] };
    found.entries.push(entry);
    byPort.set(key, found);
  };
  const family = service.spec.ipFamilies?.[0] === 'IPv6';
  for (const pod of pods) {
    const ip = addressesOf(pod).find((address) => address.includes(':') === family);
    const published = service.spec.publishNotReadyAddresses === true;
    if (ip === undefined || isTerminal(pod) || (isTerminating(pod) && !published)) continue;
    const entry = { address: addressOf(service, pod, ip), ready: published || isReady(pod) };
    for (const port of service.spec.ports ?? []) {
      const number = targetPort(pod, port);
      if (number === undefined) continue;
      const { name, appProtocol } = port;
      add(
        {
          ...(name ? { name } : {}),
          port: number,
          protocol: port.protocol ?? 'TCP',
          ...(appProtocol ? { appProtocol } : {}),
        },
        entry,
      );
    }
    if ((service.spec.ports ?? []).length === 0) add(undefined, entry);
  }

  const bySet = new Map<string, { ports: EndpointPort[]; entries: Entry[] }>();
  for (const { port, entries } of byPort.values()) {
    const key = entries
      .map(({ address, ready }) => `${address.ip}/${address.targetRef?.uid}/${ready}`)
      .sort()
      .join();
    const found = bySet.get(key) ?? { ports: [], entries };
    if (port) found.ports.push(port);
    bySet.set(key, found);
  }
  const groups = [...bySet.values()].map(({ ports, entries }) => ({
    ports: ports.sort((a, b) => compare(canonical(a), canonical(b))),
    entries: entries.sort(
      (a, b) =>
        compare(a.address.ip, b.address.ip) || compare(a.address.targetRef?.uid ?? '', b.address.targetRef?.uid ?? ''),
    ),
  }));
  groups.sort((a, b) => compare(canonical(a.ports), canonical(b.ports)));
  const truncated = truncate(groups);
  return { subsets: groups.map(({ ports, entries }) => subsetOf(ports, entries)), truncated };
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function addressOf(service: Service, pod: Pod, ip: string): EndpointAddress {
  const hostname = hostnameUnder(service, pod);
  const { namespace, name, uid } = pod.metadata;
  return {
    ip,
    ...(hostname ? { hostname } : {}),
    ...(pod.spec.nodeName ? { nodeName: pod.spec.nodeName } : {}),
    targetRef: { kind: 'Pod', namespace, name, uid },
  };
}

function subsetOf(ports: EndpointPort[], entries: readonly Entry[]): EndpointSubset {
  const addresses = entries.filter(({ ready }) => ready).map(({ address }) => address);
  const notReadyAddresses = entries.filter(({ ready }) => !ready).map(({ address }) => address);
  return {
    ...(addresses.length > 0 ? { addresses } : {}),
    ...(notReadyAddresses.length > 0 ? { notReadyAddresses } : {}),
    ...(ports.length > 0 ? { ports } : {}),
  };
}

/** Beyond the limit, addresses that are not ready go before ready ones. */
function truncate(groups: { entries: Entry[] }[]): boolean {
  const total = groups.reduce((sum, { entries }) => sum + entries.length, 0);
  if (total <= addressesMax) return false;
  let room = addressesMax;
  const keep = new Set<Entry>();
  for (const ready of [true, false]) {
    for (const entry of groups.flatMap(({ entries }) => entries).filter((candidate) => candidate.ready === ready)) {
      if (room-- > 0) keep.add(entry);
    }
  }
  for (const group of groups) group.entries = group.entries.filter((entry) => keep.has(entry));
  return true;
}

/** The one write that brings the object up to date; undefined when it is. */
export function planEndpoints(
  service: Service,
  pods: readonly Pod[],
  current: Endpoints | undefined,
): Write | undefined {
  const { subsets, truncated } = subsetsOf(service, pods);
  const { namespace, name } = service.metadata;
  const serviceLabels = { ...service.metadata.labels };
  delete serviceLabels[headlessLabel];
  const labels: Record<string, string> = { ...serviceLabels, [managedByLabel]: managedBy };
  if (service.spec.clusterIP === 'None') labels[headlessLabel] = '';

  const annotations = { ...current?.metadata.annotations };
  delete annotations[overCapacityAnnotation];
  if (truncated) annotations[overCapacityAnnotation] = 'truncated';
  const same =
    current !== undefined &&
    equalJson(current.subsets ?? [], subsets) &&
    equalJson(current.metadata.labels ?? {}, labels) &&
    (current.metadata.annotations?.[overCapacityAnnotation] === 'truncated') === truncated;
  if (same) return undefined;
  const triggerTime = triggerTimeOf(service, pods);
  if (triggerTime !== undefined) annotations[triggerAnnotation] = triggerTime;
  if (current === undefined) {
    const object = { metadata: { name, namespace, labels, annotations }, subsets };
    return { verb: 'create', resource: endpointsToken, namespace, object };
  }
  const object: Endpoints = { ...current, metadata: { ...current.metadata, labels, annotations }, subsets };
  return { verb: 'update', resource: endpointsToken, object };
}
