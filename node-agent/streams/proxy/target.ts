// Where a proxied request goes: the address of one of this node's own pods, as the agent knows it, or one that a Service names.
// Never to an address that only this machine itself can reach (upstream's IsProxyableIP).
import net from 'node:net';
import { errors } from '../../../src/machinery/errors.ts';
import type { HttpOffer } from '../../../src/protocol/streams.ts';
import type { PodState } from '../../pods/context.ts';

export interface Target {
  host: string;
  port: number;
}

export interface Pods {
  worker(uid: string): { readonly state: Readonly<PodState> } | undefined;
}

type PodTarget = Extract<HttpOffer['target'], { type: 'pod' }>;
type AddressTarget = Extract<HttpOffer['target'], { type: 'address' }>;

const podsResource = { group: '', plural: 'pods' };
const notAllowed = (): Error => errors.badRequest('address not allowed');

// A list each: one of both takes every IPv4 address for a part of `::ffff:0:0/96`.
const refused = { ipv4: new net.BlockList(), ipv6: new net.BlockList() };
for (const [address, prefix, family] of [
  ['0.0.0.0', 32, 'ipv4'],
  ['127.0.0.0', 8, 'ipv4'],
  ['169.254.0.0', 16, 'ipv4'],
  ['224.0.0.0', 4, 'ipv4'],
  ['255.255.255.255', 32, 'ipv4'],
  // `::`, `::1`, and IPv4 within IPv6: no pod is named so.
  ['::', 96, 'ipv6'],
  ['::ffff:0:0', 96, 'ipv6'],
  ['fe80::', 10, 'ipv6'],
  ['ff00::', 8, 'ipv6'],
] as const)
  refused[family].addSubnet(address, prefix, family);

export function isProxyable(address: string): boolean {
  const version = net.isIP(address);
  // A zone (`fe80::1%eth0`) is of this machine.
  if (version === 0 || address.includes('%')) return false;
  const family = version === 4 ? 'ipv4' : 'ipv6';
  return !refused[family].check(address, family);
}

/** Throws ApiErrors. */
export function targetOf(target: PodTarget | AddressTarget, pods: Pods, hostIp: string): Target {
  const { port } = target;
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw errors.badRequest(`invalid port "${port}"`);
  const host = target.type === 'address' ? target.address : addressOf(target, pods, hostIp);
  if (!isProxyable(host)) throw notAllowed();
  return { host, port };
}

function addressOf(target: PodTarget, pods: Pods, hostIp: string): string {
  const state = pods.worker(target.podUid)?.state;
  const metadata = state?.pod.metadata;
  if (!state || metadata?.namespace !== target.namespace || metadata.name !== target.pod)
    throw errors.notFound(podsResource, target.pod);
  const sandbox = state.sandboxes[0];
  const address = state.pod.spec?.hostNetwork ? hostIp : sandbox?.ips[0];
  // The address of a sandbox that has ended may be another pod's by now.
  if (!sandbox?.ready || !address) throw notAllowed();
  return address;
}
