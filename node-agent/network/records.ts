// What the cluster's DNS zone answers, following the Kubernetes DNS specification 1.1.0. Pure: an index over Services and
// EndpointSlices, and a lookup. Names outside the zone are not its business (`undefined`: ask upstream).
import type { Answer } from 'dns-packet';
import type { Service } from '../../src/generated/schemas/core-v1.ts';
import type { Endpoint, EndpointSlice } from '../../src/generated/schemas/discovery-v1.ts';

/** Seconds that a record may be cached: short, since endpoints move. */
const ttl = 5;

export interface ZoneAnswer {
  code: 'NOERROR' | 'NXDOMAIN';
  answers: Answer[];
  /** A name outside the zone that a CNAME led to: the server resolves it and appends the result. */
  follow?: string;
}

interface Target {
  host: string;
  ip: string;
}

interface ServiceRecord {
  name: string;
  kind: 'address' | 'headless' | 'external';
  addresses: string[];
  targets: Target[];
  external: string;
  /** `_http._tcp` → port, per named port. For a headless Service with the targets that have it. */
  ports: { name: string; protocol: string; port: number; targets: Target[] }[];
}

export interface Zone {
  /** Names are compared in lower case. undefined: not in this zone. */
  resolve(name: string, type: string): ZoneAnswer | undefined;
}

const dashed = (ip: string): string => ip.replaceAll('.', '-');
const isReady = (e: Endpoint): boolean => e.conditions?.ready !== false;

function targetsOf(slices: readonly EndpointSlice[], portName?: string): Target[] {
  const found = new Map<string, Target>();
  for (const slice of slices) {
    if (slice.addressType !== 'IPv4') continue;
    if (portName !== undefined && !(slice.ports ?? []).some((p) => (p.name ?? '') === portName)) continue;
    for (const endpoint of slice.endpoints ?? []) {
      if (!isReady(endpoint)) continue;
      for (const ip of endpoint.addresses) found.set(ip, { ip, host: endpoint.hostname ?? dashed(ip) });
    }
  }
  return [...found.values()];
}

function record(service: Service, slices: readonly EndpointSlice[], zone: string): ServiceRecord {
  const { spec, metadata } = service;
  const headless = spec.clusterIP === 'None';
  const addresses = (spec.clusterIPs ?? [spec.clusterIP ?? '']).filter(
    (ip) => ip !== '' && ip !== 'None' && !ip.includes(':'),
  );
  const ports = headless
    ? slices.flatMap((slice) =>
        (slice.ports ?? []).map((p) => ({
          name: p.name ?? '',
          protocol: (p.protocol ?? 'TCP').toLowerCase(),
          port: p.port ?? 0,
          targets: targetsOf([slice], p.name ?? ''),
        })),
      )
    : (spec.ports ?? []).map((p) => ({
        name: p.name ?? '',
        protocol: (p.protocol ?? 'TCP').toLowerCase(),
        port: p.port,
        targets: [],
      }));
  return {
    name: `${metadata.name}.${metadata.namespace}.svc.${zone}`,
    kind: spec.type === 'ExternalName' ? 'external' : headless ? 'headless' : 'address',
    addresses,
    targets: headless ? targetsOf(slices) : [],
    external: (spec.externalName ?? '').replace(/\.$/, ''),
    ports,
  };
}

const a = (name: string, data: string): Answer => ({ type: 'A', name, ttl, data });

/** Builds the zone of one view. `zone`: the cluster domain; `owned`: whether an address is a pod's or Service's (PTR). */
export function buildZone(
  services: readonly Service[],
  slices: readonly EndpointSlice[],
  clusterDomain: string,
  owned: (ip: string) => boolean,
): Zone {
  const zone = clusterDomain.toLowerCase();
  const byService = Map.groupBy(
    slices,
    (s) => `${s.metadata.namespace}/${s.metadata.labels?.['kubernetes.io/service-name'] ?? ''}`,
  );
  const records = new Map<string, ServiceRecord>();
  const namespaces = new Set<string>();
  const pointers = new Map<string, string>();
  for (const service of services) {
    const r = record(service, byService.get(`${service.metadata.namespace}/${service.metadata.name}`) ?? [], zone);
    records.set(r.name, r);
    namespaces.add(service.metadata.namespace ?? '');
    for (const ip of r.addresses) pointers.set(ip, r.name);
    for (const t of r.targets) pointers.set(t.ip, `${t.host}.${r.name}`);
  }

  const found = (answers: Answer[]): ZoneAnswer => ({ code: 'NOERROR', answers });
  const missing: ZoneAnswer = { code: 'NXDOMAIN', answers: [] };

  function service(name: string, type: string, r: ServiceRecord): ZoneAnswer {
    if (r.kind === 'external') {
      const cname: Answer = { type: 'CNAME', name, ttl, data: r.external };
      const inner = resolve(r.external.toLowerCase(), type);
      if (inner) return found([cname, ...inner.answers]);
      return { ...found([cname]), ...(type === 'CNAME' ? {} : { follow: r.external }) };
    }
    if (type === 'SRV')
      return found(r.ports.filter((p) => p.name !== '' || p.port !== 0).flatMap((p) => srv(name, r, p)));
    if (type !== 'A' && type !== 'ANY') return found([]);
    const ips = r.kind === 'headless' ? r.targets.map((t) => t.ip) : r.addresses;
    // A headless Service without ready endpoints does not exist as far as DNS goes.
    return ips.length === 0 && r.kind === 'headless' ? missing : found(ips.map((ip) => a(name, ip)));
  }

  function srv(name: string, r: ServiceRecord, port: ServiceRecord['ports'][number]): Answer[] {
    const hosts = r.kind === 'headless' ? port.targets.map((t) => `${t.host}.${r.name}`) : [r.name];
    const weight = Math.max(1, Math.floor(100 / Math.max(1, hosts.length)));
    return hosts.map((target) => ({ type: 'SRV', name, ttl, data: { priority: 0, weight, port: port.port, target } }));
  }

  function below(name: string, type: string, labels: string[]): ZoneAnswer {
    // labels are those left of "svc": [..., service, namespace]
    const namespace = labels.at(-1) ?? '';
    const direct = records.get(`${labels.at(-2)}.${namespace}.svc.${zone}`);
    if (labels.length === 1) return namespaces.has(namespace) ? found([]) : missing;
    if (!direct) return missing;
    const rest = labels.slice(0, -2);
    if (rest.length === 0) return service(name, type, direct);
    if (rest.length === 2 && rest[0]?.startsWith('_') && rest[1]?.startsWith('_')) {
      const ports = direct.ports.filter((p) => `_${p.name}` === rest[0] && `_${p.protocol}` === rest[1]);
      if (ports.length === 0) return missing;
      return found(type === 'SRV' || type === 'ANY' ? ports.flatMap((p) => srv(name, direct, p)) : []);
    }
    if (rest.length === 1) {
      const targets = direct.targets.filter((t) => t.host.toLowerCase() === rest[0]);
      if (targets.length === 0) return missing;
      return found(type === 'A' || type === 'ANY' ? targets.map((t) => a(name, t.ip)) : []);
    }
    return missing;
  }

  function resolve(name: string, type: string): ZoneAnswer | undefined {
    const reverse = /^(\d+)\.(\d+)\.(\d+)\.(\d+)\.in-addr\.arpa$/.exec(name);
    if (reverse) {
      const ip = reverse.slice(1).reverse().join('.');
      if (!owned(ip)) return undefined;
      const host = pointers.get(ip);
      if (!host) return missing;
      return found(type === 'PTR' || type === 'ANY' ? [{ type: 'PTR', name, ttl, data: host }] : []);
    }
    if (name === zone) return found([]);
    if (!name.endsWith(`.${zone}`)) return undefined;
    const labels = name.slice(0, -zone.length - 1).split('.');
    if (labels.length === 1 && labels[0] === 'dns-version') {
      return found(type === 'TXT' || type === 'ANY' ? [{ type: 'TXT', name, ttl, data: '1.1.0' }] : []);
    }
    const branch = labels.at(-1);
    if (branch === 'svc') return labels.length === 1 ? found([]) : below(name, type, labels.slice(0, -1));
    if (branch === 'pod' && labels.length === 3) {
      const ip = (labels[0] ?? '').replaceAll('-', '.');
      if (!/^\d{1,3}(\.\d{1,3}){3}$/.test(ip) || !owned(ip)) return missing;
      return found(type === 'A' || type === 'ANY' ? [a(name, ip)] : []);
    }
    return missing;
  }

  return { resolve: (name, type) => resolve(name.toLowerCase().replace(/\.$/, ''), type) };
}
