// Which pod range each node gets: a /24 of the cluster's pod CIDR, the lowest that no node uses. Pure, IPv4.
import type { Node } from '../../generated/schemas/core-v1.ts';

const nodeMaskBits = 24;

export interface Allocation {
  node: Node;
  cidr: string;
}

export interface AllocationPlan {
  allocations: Allocation[];
  /** Nodes for which no range is left. */
  unserved: Node[];
}

export function planRanges(nodes: readonly Node[], podCidr: string): AllocationPlan {
  const [address = '', bits = ''] = podCidr.split('/');
  const prefix = Number(bits);
  const base = toNumber(address);
  const count = prefix > nodeMaskBits ? 0 : 2 ** (nodeMaskBits - prefix);
  const used = new Set(nodes.flatMap((node) => node.spec?.podCIDRs ?? (node.spec?.podCIDR ? [node.spec.podCIDR] : [])));
  const plan: AllocationPlan = { allocations: [], unserved: [] };
  let next = 0;
  for (const node of nodes.filter(needsRange)) {
    while (next < count && used.has(rangeAt(base, next))) next++;
    if (next < count) plan.allocations.push({ node, cidr: rangeAt(base, next++) });
    else plan.unserved.push(node);
  }
  return plan;
}

export function needsRange(node: Node): boolean {
  return (
    !node.spec?.podCIDR && (node.spec?.podCIDRs ?? []).length === 0 && node.metadata.deletionTimestamp === undefined
  );
}

function rangeAt(base: number, index: number): string {
  return `${toText(base + index * 2 ** (32 - nodeMaskBits))}/${nodeMaskBits}`;
}

function toNumber(address: string): number {
  return address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
}

function toText(address: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.');
}
