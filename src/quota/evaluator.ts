// What an object of some kind uses of a quota. Pure; one evaluator for each kind that uses more than its place in storage,
// and one for all the others.
import type { ResourceQuotaStatus, ScopedResourceSelectorRequirement } from '../generated/schemas/core-v1.ts';
import type { KubeObject } from '../machinery/meta.ts';
import { quantityOf } from '../machinery/quantity.ts';
import type { Usage } from './list.ts';

export interface Evaluator<T extends KubeObject = KubeObject> {
  /** Whether a quota's bound of this name is about these objects. */
  bounds(name: string): boolean;
  /** Whether such a write may use more. */
  handles(operation: string, subresource: string): boolean;
  usage(object: T, nowMs: number): Usage;
  /** What the object must say and does not, when a quota bounds `required`. */
  missing?(required: readonly string[], object: T): string | undefined;
  /** Absent: quotas with scopes are about other kinds. */
  inScope?(requirement: ScopedResourceSelectorRequirement, object: T): boolean;
}

/** Whether the object is in all scopes. */
export function inScopes<T extends KubeObject>(
  evaluator: Evaluator<T>,
  scopes: readonly ScopedResourceSelectorRequirement[],
  object: T,
): boolean {
  return scopes.every((scope) => evaluator.inScope?.(scope, object) ?? false);
}

/** The bounded names that are about these objects. */
export const boundedBy = (evaluator: Pick<Evaluator, 'bounds'>, status: ResourceQuotaStatus['hard']): string[] =>
  Object.keys(status ?? {}).filter((name) => evaluator.bounds(name));

/** Counts objects under the given names. */
export function countEvaluator(names: readonly string[]): Evaluator {
  const used: Usage = new Map(names.map((name) => [name, quantityOf(1)]));
  return {
    bounds: (name) => used.has(name),
    handles: (operation, subresource) => operation === 'CREATE' && subresource === '',
    usage: () => used,
  };
}
