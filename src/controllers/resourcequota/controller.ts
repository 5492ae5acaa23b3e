// Resource quotas: counts what is used when a quota comes or changes, and when something goes. What comes is charged by
// admission, in the transaction that lets it in; both write the quota's status, and the resource version keeps them apart.
// Keys: namespace names.
import type { ResourceQuota } from '../../generated/schemas/core-v1.ts';
import { pods, resourceQuotas } from '../../generated/schemas/index.ts';
import { groupResource, type KubeObject, type ResourceToken } from '../../machinery/meta.ts';
import { deepEqual } from '../../machinery/validation.ts';
import { evaluatorOf } from '../../quota/evaluators.ts';
import { equal } from '../../quota/list.ts';
import { chargedUntilMs } from '../../quota/pods.ts';
import type { Controller, ObjectChange, ReconcileContext, Result, WorkSource } from '../../reconcile/types.ts';
import { source } from '../../reconcile/types.ts';
import type { ControllerOptions } from '../lib/options.ts';
import { earliest } from '../lib/time.ts';
import { allTokens } from '../lib/tokens.ts';
import { writeAll } from '../lib/write.ts';
import { boundedTokens, withStatus } from './plan.ts';

/** Events come and go without being held against anyone. */
const counted = allTokens.filter(({ namespaced, plural }) => namespaced && plural !== 'events');
/** Kinds whose objects use more than their place in storage: they may come to use less without going. */
const shrinking = new Set(['pods', 'services', 'persistentvolumeclaims']);

export function create(_options: ControllerOptions): Controller {
  return {
    name: 'resourcequota-controller',
    sources: [
      source(resourceQuotas, (change) => (isUncounted(change) ? namespaceOf(change) : [])),
      ...counted.map((token) =>
        source(token, (change) => (change.type === 'delete' ? namespaceOf(change) : []), 'ends'),
      ),
      ...counted.filter((token) => shrinking.has(groupResource(token))).map(usesLess),
    ],
    reconcile,
  };
}

const namespaceOf = ({ object }: ObjectChange): string[] =>
  object.metadata.namespace === undefined ? [] : [object.metadata.namespace];

/**
 * New bounds, or a status that neither admission nor this controller leaves: upstream sets such right when it next looks at
 * all quotas, within minutes. Amounts are believed until there is a reason to count: admission changes them all the time.
 */
function isUncounted({ type, object, previous }: ObjectChange<ResourceQuota>): boolean {
  if (type !== 'put') return false;
  const { spec, status } = object;
  if (previous === undefined || !deepEqual(previous.spec?.hard, spec?.hard)) return true;
  if (deepEqual(previous.status, status)) return false;
  const lost = Object.keys(previous.status?.used ?? {}).some((name) => status?.used?.[name] === undefined);
  return lost || !deepEqual(status?.hard, spec?.hard);
}

function usesLess(token: ResourceToken): WorkSource {
  const evaluator = evaluatorOf(token);
  return source(token, (change) => {
    const { type, object, previous } = change;
    if (type !== 'put' || previous === undefined) return [];
    // A pod that has ended tells so in its phase: no clock is needed.
    return equal(evaluator.usage(previous, 0), evaluator.usage(object, 0)) ? [] : namespaceOf(change);
  });
}

async function reconcile(namespace: string, { client, clock }: ReconcileContext): Promise<Result> {
  const quotas = await client.list(resourceQuotas, { namespace });
  if (quotas.length === 0) return {};
  const tokens = counted.filter((token) => quotas.some((quota) => boundedTokens(quota, [token]).length > 0));
  const lists = await Promise.all(
    tokens.map(
      async (token): Promise<[string, KubeObject[]]> => [groupResource(token), await client.list(token, { namespace })],
    ),
  );
  const objects = new Map(lists);
  const nowMs = clock.now();
  const writes = quotas.flatMap((quota) => {
    const object = withStatus(quota, counted, objects, nowMs);
    return object ? [{ verb: 'update' as const, resource: resourceQuotas, subresource: 'status', object }] : [];
  });
  await writeAll(client, writes);
  // Pods that should be gone by then are charged no longer, whether they are gone or not.
  const due = (objects.get(groupResource(pods)) ?? [])
    .map((pod) => chargedUntilMs(pod as never))
    .filter((until) => until !== undefined && until >= nowMs)
    .map((until) => (until as number) + 1000 - nowMs);
  const requeueAfterMs = earliest(...due);
  return requeueAfterMs === undefined ? {} : { requeueAfterMs };
}
