// What a quota's status should say. Pure.
import type { ResourceQuota } from '../../generated/schemas/core-v1.ts';
import { groupResource, type KubeObject, type ResourceToken } from '../../machinery/meta.ts';
import { boundedBy } from '../../quota/evaluator.ts';
import { evaluatorOf, totalUsage } from '../../quota/evaluators.ts';
import { add, equal, listOf, only, type Usage, usageOf } from '../../quota/list.ts';

/** The resources whose objects the quota bounds, out of those that live in namespaces. */
export function boundedTokens(quota: ResourceQuota, tokens: readonly ResourceToken[]): ResourceToken[] {
  return tokens.filter((token) => boundedBy(evaluatorOf(token), quota.spec?.hard).length > 0);
}

/** The quota with its status set right; undefined: it is. `objects`: all of its namespace, by group-resource. */
export function withStatus(
  quota: ResourceQuota,
  tokens: readonly ResourceToken[],
  objects: ReadonlyMap<string, readonly KubeObject[]>,
  nowMs: number,
): ResourceQuota | undefined {
  const hard = quota.spec?.hard ?? {};
  // What nobody measures here keeps what was said of it.
  let used: Usage = usageOf(quota.status?.used);
  let measured: Usage = new Map();
  for (const token of boundedTokens(quota, tokens))
    measured = add(
      measured,
      totalUsage(evaluatorOf(token), quota.spec, objects.get(groupResource(token)) ?? [], nowMs),
    );
  used = only(new Map([...used, ...measured]), Object.keys(hard));
  const { status } = quota;
  if (status?.hard && status.used && equal(usageOf(status.hard), usageOf(hard)) && equal(usageOf(status.used), used))
    return undefined;
  return { ...quota, status: { hard: { ...hard }, used: listOf(used) } };
}
