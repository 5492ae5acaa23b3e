// Collects pods that nobody will finish. Keys: node names. It never looks at pods of a node that exists and serves.
import type { Node, Pod } from '../../generated/schemas/core-v1.ts';
import { nodes, pods } from '../../generated/schemas/index.ts';
import type { Controller, ObjectChange, ReconcileContext, Result } from '../../reconcile/types.ts';
import { source } from '../../reconcile/types.ts';
import type { ControllerOptions } from '../lib/options.ts';
import { isTerminating } from '../lib/pods.ts';
import { WriteFailed } from '../lib/write.ts';
import { isOutOfService, planNodeGone, planOutOfService } from './plan.ts';

export function create(_options: ControllerOptions): Controller {
  return {
    name: 'pod-garbage-collector',
    sources: [source(nodes, keysOfNode), source(pods, keysOfPod)],
    reconcile,
  };
}

function keysOfNode({ type, object }: ObjectChange<Node>): string[] {
  return type === 'delete' || isOutOfService(object) ? [object.metadata.name] : [];
}

/** Bound just as its node went, or told to end on a node that may be out of service. */
function keysOfPod({ type, object, previous }: ObjectChange<Pod>): string[] {
  const node = object.spec?.nodeName;
  if (type === 'delete' || !node) return [];
  const changed = previous?.spec?.nodeName !== node || isTerminating(previous) !== isTerminating(object);
  return changed ? [node] : [];
}

async function reconcile(name: string, { client, clock }: ReconcileContext): Promise<Result> {
  const node = await client.get(nodes, undefined, name);
  if (node !== undefined && !isOutOfService(node)) return {};
  const bound = await client.list(pods, { fieldSelector: `spec.nodeName=${name}` });
  const { writes, checkInMs } =
    node === undefined
      ? planNodeGone(bound, clock.now())
      : { writes: planOutOfService(bound, clock.now()), checkInMs: undefined };
  const outcomes = writes.length > 0 ? await client.write(writes) : [];
  for (const outcome of outcomes) {
    // A pod that went on its own meanwhile is what was wanted.
    if (!outcome.ok && outcome.status.code !== 404) throw new WriteFailed(outcome.status);
  }
  return checkInMs === undefined ? {} : { requeueAfterMs: checkInMs };
}
