// Plain routes to the pods of other nodes. Pure: which routes a view asks for; nodes that are not neighbours on a link are
// the business of overlays, which this does not do.
import type { Node } from '../../src/generated/schemas/core-v1.ts';

/** Pod CIDR → next hop. */
export function podRoutes(nodes: readonly Node[], own: string): Map<string, string> {
  const routes = new Map<string, string>();
  for (const node of nodes) {
    if (node.metadata.name === own) continue;
    const hop = (node.status?.addresses ?? []).find(
      (a) => a.type === 'InternalIP' && !a.address.includes(':'),
    )?.address;
    for (const cidr of node.spec.podCIDRs ?? (node.spec.podCIDR ? [node.spec.podCIDR] : [])) {
      if (hop && !cidr.includes(':') && !hop.startsWith('127.')) routes.set(cidr, hop);
    }
  }
  return routes;
}
