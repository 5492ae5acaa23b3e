// Claims stay for as long as a pod uses them. Keys: claims.
import type { PersistentVolumeClaim, Pod } from '../../generated/schemas/core-v1.ts';
import { persistentVolumeClaims, pods } from '../../generated/schemas/index.ts';
import type { Controller, ObjectChange, ReconcileContext, Result } from '../../reconcile/types.ts';
import { source } from '../../reconcile/types.ts';
import { keyOf, splitKey } from '../lib/keys.ts';
import type { ControllerOptions } from '../lib/options.ts';
import { isUnsettled, planProtection } from '../lib/protection.ts';
import { writeAll } from '../lib/write.ts';
import { claimNames, finalizer, mayHaveReleased, usesClaim } from './plan.ts';

export function create(_options: ControllerOptions): Controller {
  return {
    name: 'pvc-protection-controller',
    sources: [source(persistentVolumeClaims, keysOfClaim), source(pods, keysOfPod)],
    reconcile,
  };
}

function keysOfClaim({ type, object }: ObjectChange<PersistentVolumeClaim>): string[] {
  return type === 'put' && isUnsettled(object, finalizer) ? [keyOf(object)] : [];
}

function keysOfPod({ type, object }: ObjectChange<Pod>): string[] {
  if (type === 'put' && !mayHaveReleased(object)) return [];
  return claimNames(object).map((name) => `${object.metadata.namespace}/${name}`);
}

async function reconcile(key: string, { client }: ReconcileContext): Promise<Result> {
  const { namespace, name } = splitKey(key);
  const claim = await client.get(persistentVolumeClaims, namespace, name);
  if (claim === undefined || !isUnsettled(claim, finalizer)) return {};
  const inNamespace = claim.metadata.deletionTimestamp ? await client.list(pods, { namespace }) : [];
  const isUsed = (): boolean => inNamespace.some((pod) => usesClaim(pod, claim));
  await writeAll(client, planProtection(persistentVolumeClaims, claim, finalizer, isUsed));
  return {};
}
