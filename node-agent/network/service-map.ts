// From Services and EndpointSlices to the flat contents of the node's packet filter maps. Pure.
//
// One destination `address . protocol . port` has n backends, numbered 0..n-1. The kernel picks a number at random and
// looks up `destination . number`. A change of endpoints therefore changes a few map elements and never a rule.
//
//   10.96.0.50:80 with pods .7 and .9 ready  →  destinations {10.96.0.50 . tcp . 80 → 2}
//                                               backends {… . 0 → 10.244.1.7:8080, … . 1 → 10.244.1.9:8080}
//   .9 begins to terminate                   →  destinations {… → 1}, backends {… . 0 → 10.244.1.7:8080}
//
// It does not do session affinity, nor IPv6.
import type { Pod, Service, ServicePort } from '../../src/generated/schemas/core-v1.ts';
import type { EndpointSlice } from '../../src/generated/schemas/discovery-v1.ts';
import type { NetworkView } from './types.ts';

export type Protocol = 'tcp' | 'udp';

export interface Backend {
  ip: string;
  port: number;
}

/** Map contents by key. `destinations` also holds those without backends (0): they are rejected, not ignored. */
export interface ServiceMap {
  /** `ip . proto . port` → backends in order. */
  destinations: Map<string, Backend[]>;
  /** `proto . port` on the node's own addresses → backends. */
  nodePorts: Map<string, Backend[]>;
  /** `proto . port` on the node's own addresses → the pod that asked for it. */
  hostPorts: Map<string, Backend>;
  /** Addresses of this node's pods that a destination leads to: they may reach themselves through it. */
  hairpins: Set<string>;
}

const protocolOf = (protocol: string | undefined): Protocol | undefined =>
  protocol === 'UDP' ? 'udp' : protocol === undefined || protocol === 'TCP' ? 'tcp' : undefined;

interface Candidate extends Backend {
  ready: boolean;
  fallback: boolean;
  local: boolean;
}

function candidates(slices: readonly EndpointSlice[], port: ServicePort, nodeName: string): Candidate[] {
  const found = new Map<string, Candidate>();
  for (const slice of slices) {
    if (slice.addressType !== 'IPv4') continue;
    const target = (slice.ports ?? []).find(
      (p) => (p.name ?? '') === (port.name ?? '') && (p.protocol ?? 'TCP') === (port.protocol ?? 'TCP'),
    );
    if (target?.port === undefined) continue;
    for (const endpoint of slice.endpoints ?? []) {
      const { ready = true, serving = ready, terminating = false } = endpoint.conditions ?? {};
      for (const ip of endpoint.addresses) {
        const key = `${ip} ${target.port}`;
        if (found.get(key)?.ready) continue;
        found.set(key, {
          ip,
          port: target.port,
          ready,
          fallback: serving && terminating,
          local: endpoint.nodeName === nodeName,
        });
      }
    }
  }
  return [...found.values()].sort((a, b) => (a.ip === b.ip ? a.port - b.port : a.ip < b.ip ? -1 : 1));
}

/** Ready endpoints; where there is none, those that still serve while they terminate (as kube-proxy does). */
function eligible(all: readonly Candidate[], localOnly: boolean): Backend[] {
  const pool = localOnly ? all.filter((c) => c.local) : all;
  const ready = pool.filter((c) => c.ready);
  return (ready.length > 0 ? ready : pool.filter((c) => c.fallback)).map(({ ip, port }) => ({ ip, port }));
}

const serviceOf = (slice: EndpointSlice): string =>
  `${slice.metadata.namespace}/${slice.metadata.labels?.['kubernetes.io/service-name'] ?? ''}`;

function addressesOf(service: Service): string[] {
  const { clusterIP, clusterIPs, externalIPs } = service.spec;
  const own = clusterIPs ?? (clusterIP ? [clusterIP] : []);
  const ingress = (service.status?.loadBalancer?.ingress ?? []).flatMap((i) => (i.ip ? [i.ip] : []));
  return [...own.filter((ip) => ip !== 'None'), ...(externalIPs ?? []), ...ingress].filter((ip) => !ip.includes(':'));
}

/**
 * The maps for one node. `skip` names destination addresses that the agent answers itself (the API, DNS).
 * Source of the rules: Service and EndpointSlice semantics of kube-proxy, Kubernetes 1.36.
 */
export function serviceMap(view: NetworkView, nodeName: string, skip: ReadonlySet<string>): ServiceMap {
  const slices = Map.groupBy(view.slices, serviceOf);
  const map: ServiceMap = {
    destinations: new Map(),
    nodePorts: new Map(),
    hostPorts: new Map(),
    hairpins: new Set(),
  };
  for (const service of view.services) {
    if (service.spec.type === 'ExternalName') continue;
    const own = slices.get(`${service.metadata.namespace}/${service.metadata.name}`) ?? [];
    for (const port of service.spec.ports ?? []) {
      const protocol = protocolOf(port.protocol);
      if (!protocol) continue;
      const all = candidates(own, port, nodeName);
      const inside = eligible(all, service.spec.internalTrafficPolicy === 'Local');
      for (const address of addressesOf(service)) {
        if (!skip.has(address)) map.destinations.set(`${address} . ${protocol} . ${port.port}`, inside);
      }
      if (port.nodePort) {
        map.nodePorts.set(
          `${protocol} . ${port.nodePort}`,
          eligible(all, service.spec.externalTrafficPolicy === 'Local'),
        );
      }
    }
  }
  const own = new Set<string>();
  for (const pod of view.pods) {
    const ip = pod.status?.podIP;
    const finished = pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
    if (!ip || finished || pod.spec.hostNetwork) continue;
    own.add(ip);
    addHostPorts(map, pod, ip);
  }
  // A pod that nothing leads to changes nothing in the packet filter.
  const backends = [...map.destinations.values(), ...map.nodePorts.values(), map.hostPorts.values()];
  for (const list of backends) for (const { ip } of list) if (own.has(ip)) map.hairpins.add(ip);
  return map;
}

function addHostPorts(map: ServiceMap, pod: Pod, ip: string): void {
  for (const container of [...(pod.spec.initContainers ?? []), ...pod.spec.containers]) {
    for (const port of container.ports ?? []) {
      const protocol = protocolOf(port.protocol);
      if (port.hostPort && protocol)
        map.hostPorts.set(`${protocol} . ${port.hostPort}`, { ip, port: port.containerPort });
    }
  }
}

/** UDP destinations whose backends lost members: their conntrack entries must go, or clients keep a dead backend. */
export function staleUdp(before: ServiceMap, after: ServiceMap): { address: string; backend: string }[] {
  const stale: { address: string; backend: string }[] = [];
  for (const [key, backends] of before.destinations) {
    const [address = '', protocol] = key.split(' . ');
    if (protocol !== 'udp') continue;
    const now = new Set((after.destinations.get(key) ?? []).map((b) => b.ip));
    for (const b of backends) if (!now.has(b.ip)) stale.push({ address, backend: b.ip });
  }
  return stale;
}
