// Cluster addresses and node ports. Both are free when no live service carries their index tag; the choice is random in
// the upper part of the range, so that the lower part stays for addresses chosen by hand, as upstream does.

import type { Service } from '../../../generated/schemas/core-v1.ts';
import { ipAddresses, services } from '../../../generated/schemas/index.ts';
import { type ApiError, errors, omitted } from '../../../machinery/errors.ts';
import { ipFamily } from '../../../machinery/names.ts';
import type { StrategyContext } from '../../../machinery/resource.ts';
import type { Problems } from '../../problems.ts';
import { isHeadless, needsHealthPort, needsNodePort } from './kinds.ts';

export const clusterIpTag = (ip: string): string => `clusterIP=${ip}`;
export const nodePortTag = (protocol: string, port: number): string => `nodePort=${protocol}/${port}`;

const toNumber = (ip: string): number => ip.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
const toText = (value: number): string => [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');

interface Range {
  /** The first usable address, and how many there are. */
  first: number;
  size: number;
}

function rangeOf(cidr: string): Range {
  const [base = '', bits = '32'] = cidr.split('/');
  const total = 2 ** (32 - Number(bits));
  const start = Math.floor(toNumber(base) / total) * total;
  // Neither the network's own address nor the broadcast address.
  return { first: start + 1, size: total - 2 };
}

const randomTries = 64;

/** A free index in [0, size): from `reserved` up at first, then below; random tries, then one after the other. */
function pick(
  context: StrategyContext,
  size: number,
  reserved: number,
  isFree: (index: number) => boolean,
): number | undefined {
  const bands: [number, number][] =
    reserved < size
      ? [
          [reserved, size],
          [0, reserved],
        ]
      : [[0, size]];
  for (const [low, high] of bands) {
    for (let i = 0; i < Math.min(randomTries, high - low); i++) {
      const index = low + context.random.int(high - low);
      if (isFree(index)) return index;
    }
    for (let index = low; index < high; index++) if (isFree(index)) return index;
  }
  return undefined;
}

/** Cluster addresses that a service has been given. */
export const heldAddresses = ({ type, clusterIPs }: Service['spec']): string[] =>
  type === 'ExternalName' ? [] : (clusterIPs ?? []).filter((ip) => ip !== '' && ip !== 'None');

/** Whether a service has the address, or somebody has put an IPAddress of it aside. */
function isTaken(context: StrategyContext, ip: string, { metadata }: Service): boolean {
  if (context.tagged(services, clusterIpTag(ip))) return true;
  const parent = context.get(ipAddresses, undefined, ip)?.spec?.parentRef;
  if (!parent) return false;
  return parent.resource !== 'services' || parent.namespace !== metadata.namespace || parent.name !== metadata.name;
}

/** Upstream takes it for a failure of its own (500); it is what was asked for that cannot be had. */
const full = ({ metadata }: Service, field: string, what: string): ApiError =>
  errors.invalid('', 'Service', metadata.name ?? '', [
    { type: 'Invalid', field, badValue: omitted, detail: `failed to allocate ${what}: range is full` },
  ]);

function chooseClusterIp(context: StrategyContext, service: Service): string {
  const { first, size } = rangeOf(context.config.serviceCidr);
  const reserved = Math.min(Math.max(16, Math.floor(size / 16)), 256);
  const index = pick(context, size, reserved, (i) => !isTaken(context, toText(first + i), service));
  if (index === undefined) throw full(service, 'spec.clusterIPs', 'a serviceIP');
  return toText(first + index);
}

/** `mine`: addresses that the service held before. */
function claimClusterIp(problems: Problems, context: StrategyContext, service: Service, mine: readonly string[]): void {
  const wanted = service.spec.clusterIPs?.[0];
  if (!wanted) {
    service.spec.clusterIP = chooseClusterIp(context, service);
    service.spec.clusterIPs = [service.spec.clusterIP];
    return;
  }
  if (mine.includes(wanted)) return;
  const { first, size } = rangeOf(context.config.serviceCidr);
  const index = toNumber(wanted) - first;
  const refuse = (why: string): void =>
    problems.invalid('spec.clusterIPs', service.spec.clusterIPs, `failed to allocate IP ${wanted}: ${why}`);
  if (index < 0 || index >= size)
    refuse(
      `the provided IP (${wanted}) is not in the valid range. The range of valid IPs is ${context.config.serviceCidr}`,
    );
  else if (isTaken(context, wanted, service)) refuse('provided IP is already allocated');
}

/** ipFamilyPolicy and ipFamilies, on a cluster that has IPv4 only. */
export function chooseFamilies(problems: Problems, service: Service, old: Service | undefined): void {
  const { spec } = service;
  if (spec.type === 'ExternalName') return;
  const bare = spec.clusterIP === 'None' && Object.keys(spec.selector ?? {}).length === 0;
  spec.ipFamilyPolicy ??= old?.spec.ipFamilyPolicy ?? (bare ? 'RequireDualStack' : 'SingleStack');
  const policyPath = 'spec.ipFamilyPolicy';
  const several = "must be 'RequireDualStack' or 'PreferDualStack' when multiple";
  if (spec.ipFamilyPolicy === 'SingleStack') {
    if (spec.clusterIPs?.length === 2)
      problems.invalid(policyPath, spec.ipFamilyPolicy, `${several} cluster IPs are specified`);
    if (spec.ipFamilies?.length === 2)
      problems.invalid(policyPath, spec.ipFamilyPolicy, `${several} IP families are specified`);
  }
  (spec.clusterIPs ?? []).forEach((ip, i) => {
    if (ip === 'None' || i < (spec.ipFamilies?.length ?? 0)) return;
    if (ipFamily(ip) === 6)
      problems.invalid(`spec.clusterIPs[${i}]`, spec.clusterIPs, 'IPv6 is not configured on this cluster');
    else spec.ipFamilies = [...(spec.ipFamilies ?? []), 'IPv4'];
  });
  if (problems.list.length > 0) return;
  if (bare) {
    if (!spec.ipFamilies?.length) spec.ipFamilies = ['IPv4'];
    if (spec.ipFamilies.length < 2 && spec.ipFamilyPolicy !== 'SingleStack')
      spec.ipFamilies = [...spec.ipFamilies, spec.ipFamilies[0] === 'IPv4' ? 'IPv6' : 'IPv4'];
    return;
  }
  if (spec.ipFamilyPolicy === 'RequireDualStack')
    problems.invalid(policyPath, spec.ipFamilyPolicy, 'this cluster is not configured for dual-stack services');
  (spec.ipFamilies ?? []).forEach((family, i) => {
    if (family !== 'IPv4') problems.invalid(`spec.ipFamilies[${i}]`, family, 'not configured on this cluster');
  });
  if (!spec.ipFamilies?.length) spec.ipFamilies = ['IPv4'];
}

function claimNodePorts(
  problems: Problems,
  context: StrategyContext,
  service: Service,
  old: Service | undefined,
): void {
  const { nodePortMin: min, nodePortMax: max } = context.config;
  const mine = new Set(
    (old?.spec.ports ?? [])
      .filter((port) => port.nodePort)
      .map((port) => nodePortTag(port.protocol ?? 'TCP', port.nodePort ?? 0)),
  );
  const taken = new Set<string>();
  const ports = service.spec.ports ?? [];
  const isFree = (protocol: string, port: number): boolean => {
    const tag = nodePortTag(protocol, port);
    return !taken.has(tag) && (mine.has(tag) || !context.tagged(services, tag));
  };
  ports.forEach((port, i) => {
    if (!port.nodePort) return;
    const tag = nodePortTag(port.protocol ?? 'TCP', port.nodePort);
    if (!mine.has(tag)) {
      if (port.nodePort < min || port.nodePort > max)
        problems.invalid(
          `spec.ports[${i}].nodePort`,
          port.nodePort,
          `provided port is not in the valid range. The range of valid ports is ${min}-${max}`,
        );
      else if (!isFree(port.protocol ?? 'TCP', port.nodePort))
        problems.invalid(`spec.ports[${i}].nodePort`, port.nodePort, 'provided port is already allocated');
    }
    taken.add(tag);
  });
  if (problems.list.length > 0 || !needsNodePort(service)) return;
  const size = max - min + 1;
  const reserved = Math.min(Math.max(16, Math.floor(size / 32)), 128);
  const numbers = new Map<number, number>();
  for (const { port, nodePort } of ports) if (nodePort && !numbers.has(port)) numbers.set(port, nodePort);
  for (const port of ports) {
    if (port.nodePort) continue;
    const protocol = port.protocol ?? 'TCP';
    // One port served over two protocols keeps one number.
    const sibling = numbers.get(port.port);
    if (sibling !== undefined && isFree(protocol, sibling)) port.nodePort = sibling;
    else {
      const index = pick(context, size, reserved < size ? reserved : 0, (candidate) =>
        isFree(protocol, min + candidate),
      );
      if (index === undefined) throw full(service, 'spec.ports', 'a nodePort');
      port.nodePort = min + index;
    }
    if (sibling === undefined) numbers.set(port.port, port.nodePort);
    taken.add(nodePortTag(protocol, port.nodePort));
  }
}

function claimHealthPort(
  problems: Problems,
  context: StrategyContext,
  service: Service,
  old: Service | undefined,
): void {
  if (!needsHealthPort(service)) return;
  const { nodePortMin: min, nodePortMax: max } = context.config;
  const wanted = service.spec.healthCheckNodePort;
  if (wanted && wanted === old?.spec.healthCheckNodePort) return;
  if (!wanted) {
    const index = pick(
      context,
      max - min + 1,
      0,
      (candidate) => !context.tagged(services, nodePortTag('TCP', min + candidate)),
    );
    if (index === undefined) throw full(service, 'spec.healthCheckNodePort', 'a health check port');
    service.spec.healthCheckNodePort = min + index;
  } else if (wanted < min || wanted > max || context.tagged(services, nodePortTag('TCP', wanted))) {
    problems.invalid('spec.healthCheckNodePort', wanted, 'failed to allocate requested HealthCheck NodePort');
  }
}

/** Fills in what a valid service lacks, or says why what it asks for cannot be had. */
export function allocate(
  problems: Problems,
  context: StrategyContext,
  service: Service,
  old: Service | undefined,
): void {
  if (service.spec.type !== 'ExternalName' && !isHeadless(service)) {
    const held = old && old.spec.type !== 'ExternalName' ? (old.spec.clusterIPs ?? []) : [];
    claimClusterIp(problems, context, service, held);
  }
  claimNodePorts(problems, context, service, old);
  claimHealthPort(problems, context, service, old);
}
