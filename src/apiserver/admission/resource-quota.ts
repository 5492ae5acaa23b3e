// Nothing is written that goes beyond a quota of its namespace. The last plugin: it charges the quotas' status in the same
// transaction as the write, so that the sum of what was let in never exceeds what they allow. What objects give back when
// they go is counted by the resource quota controller.
import type { ResourceQuota } from '../../generated/schemas/core-v1.ts';
import { resourceQuotas } from '../../generated/schemas/index.ts';
import { errors } from '../../machinery/errors.ts';
import type { KubeObject } from '../../machinery/meta.ts';
import { boundedBy, type Evaluator, inScopes } from '../../quota/evaluator.ts';
import { evaluatorOf } from '../../quota/evaluators.ts';
import {
  add,
  exceeded,
  excess,
  listOf,
  negative,
  nonZero,
  only,
  shown,
  type Usage,
  usageOf,
} from '../../quota/list.ts';
import { scopesOf } from '../../quota/scopes.ts';
import type { AdmissionPlugin, AdmissionRequest } from './chain.ts';

export const resourceQuota: AdmissionPlugin = {
  name: 'ResourceQuota',
  validate(request) {
    const { operation, definition, subresource, namespace, object } = request;
    // Events are never held against anyone.
    if (!object || namespace === '' || definition.plural === 'events') return;
    const evaluator = evaluatorOf(definition);
    if (!evaluator.handles(operation, subresource)) return;
    const quotas = request.list(resourceQuotas, namespace).filter((quota) => matches(quota, evaluator, object));
    if (quotas.length === 0) return;
    for (const quota of quotas) demand(request, quota, evaluator, object);
    const charged = quotas.flatMap((quota) => charge(request, quota, evaluator, object) ?? []);
    for (const quota of charged) request.store(resourceQuotas, quota);
  },
};

function matches(quota: ResourceQuota, evaluator: Evaluator, object: KubeObject): boolean {
  return boundedBy(evaluator, quota.status?.hard).length > 0 && inScopes(evaluator, scopesOf(quota.spec), object);
}

const refuse = ({ definition, name }: AdmissionRequest, why: string) => errors.forbidden(definition, name, why);

/** What must be so before anything is measured: the object says what it needs, and what is used is known. */
function demand(request: AdmissionRequest, quota: ResourceQuota, evaluator: Evaluator, object: KubeObject): void {
  const { name } = quota.metadata;
  const bounded = boundedBy(evaluator, quota.status.hard);
  const missing = evaluator.missing?.(bounded, object);
  if (missing !== undefined) throw refuse(request, `failed quota: ${name}: ${missing}`);
  const used = quota.status.used ?? {};
  if (bounded.some((resource) => !Object.hasOwn(used, resource)))
    throw refuse(request, `status unknown for quota: ${name}, resources: ${bounded.sort().join(',')}`);
}

/** The quota as it is after the write; undefined: the write makes no difference to it. */
function charge(
  request: AdmissionRequest,
  quota: ResourceQuota,
  evaluator: Evaluator,
  object: KubeObject,
): ResourceQuota | undefined {
  const more = nonZero(additional(request, quota, evaluator, object));
  const hard = usageOf(quota.status.hard);
  const used = usageOf(quota.status.used);
  const requested = only(more, [...hard.keys()]);
  if (requested.size === 0) return undefined;
  const total = add(used, requested);
  const over = exceeded(only(total, [...requested.keys()]), hard);
  // A status tells what is already so.
  if (over.length > 0 && request.subresource !== 'status') {
    const [asked, before, limit] = [requested, used, hard].map((usage) => shown(only(usage, over)));
    throw refuse(
      request,
      `exceeded quota: ${quota.metadata.name}, requested: ${asked}, used: ${before}, limited: ${limit}`,
    );
  }
  return { ...quota, status: { ...quota.status, used: listOf(total) } };
}

function additional(request: AdmissionRequest, quota: ResourceQuota, evaluator: Evaluator, object: KubeObject): Usage {
  const { operation, old, context } = request;
  const nowMs = context.clock.now();
  const usage = evaluator.usage(object, nowMs);
  const below = negative(usage);
  if (below.length > 0) throw refuse(request, `quota usage is negative for resource(s): ${below.sort().join(',')}`);
  // An object that was not this quota's before counts whole.
  if (operation !== 'UPDATE' || !old || !matches(quota, evaluator, old)) return usage;
  return excess(usage, evaluator.usage(old, nowMs));
}
