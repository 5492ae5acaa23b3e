// Pod ranges of nodes. One key for all of them, so that two nodes are never given the same range; a range is free again
// when its Node object is gone.
import { nodes } from '../../generated/schemas/index.ts';
import type { Controller, ReconcileContext, Result, Write } from '../../reconcile/types.ts';
import { source } from '../../reconcile/types.ts';
import type { ControllerOptions } from '../lib/options.ts';
import { writeAll } from '../lib/write.ts';
import { needsRange, planRanges } from './plan.ts';

const all = 'all';

export function create(_options: ControllerOptions): Controller {
  return {
    name: 'node-ipam-controller',
    sources: [source(nodes, ({ type, object }) => (type === 'delete' || needsRange(object) ? [all] : []))],
    reconcile: (_key, context) => reconcile(context),
  };
}

async function reconcile({ client, config, events }: ReconcileContext): Promise<Result> {
  const { allocations, unserved } = planRanges(await client.list(nodes), config.podCidr);
  const writes = allocations.map(
    ({ node, cidr }): Write => ({
      verb: 'patch',
      resource: nodes,
      name: node.metadata.name,
      type: 'merge',
      // No resourceVersion: a range once set cannot be changed, and a node that registers is written from all sides.
      patch: { metadata: { uid: node.metadata.uid }, spec: { podCIDR: cidr, podCIDRs: [cidr] } },
    }),
  );
  for (const node of unserved) {
    events.record(node, 'Normal', 'CIDRNotAvailable', `Node ${node.metadata.name} status is now: CIDRNotAvailable`);
  }
  await writeAll(client, writes);
  return {};
}
