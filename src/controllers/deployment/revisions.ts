// The history of a Deployment: which of its ReplicaSets is the new one, what each one's annotations say. Pure.
import type { Deployment, ReplicaSet } from '../../generated/schemas/apps-v1.ts';
import { parseTime } from '../../machinery/time.ts';
import { desiredReplicas, maxSurge } from './rounding.ts';
import { sameTemplate } from './template-hash.ts';

export const revisionAnnotation = 'deployment.kubernetes.io/revision';
const historyAnnotation = 'deployment.kubernetes.io/revision-history';
export const desiredAnnotation = 'deployment.kubernetes.io/desired-replicas';
export const maxAnnotation = 'deployment.kubernetes.io/max-replicas';
const historyCharactersMax = 2000;

const notCopied = new Set([
  'kubectl.kubernetes.io/last-applied-configuration',
  revisionAnnotation,
  historyAnnotation,
  desiredAnnotation,
  maxAnnotation,
  'deprecated.deployment.rollback.to',
]);

export function byCreation(a: ReplicaSet, b: ReplicaSet): number {
  const difference = (parseTime(a.metadata.creationTimestamp) ?? 0) - (parseTime(b.metadata.creationTimestamp) ?? 0);
  return difference || (a.metadata.name < b.metadata.name ? -1 : 1);
}

/** The oldest ReplicaSet with the Deployment's template; all others are old. */
export function splitReplicaSets(
  deployment: Deployment,
  sets: readonly ReplicaSet[],
): { newSet: ReplicaSet | undefined; oldSets: ReplicaSet[] } {
  const ordered = [...sets].sort(byCreation);
  const newSet = ordered.find((set) => sameTemplate(set.spec.template, deployment.spec.template));
  return { newSet, oldSets: ordered.filter((set) => set !== newSet) };
}

/** A revision has 64 bits; undefined: the text is not one. */
function parseRevision(text: string): bigint | undefined {
  if (!/^[+-]?[0-9]+$/.test(text)) return undefined;
  const revision = BigInt(text.replace('+', ''));
  return BigInt.asIntN(64, revision) === revision ? revision : undefined;
}

/** 0 where nothing is annotated that can be read. */
export function revisionOf(set: ReplicaSet): bigint {
  return parseRevision(set.metadata.annotations?.[revisionAnnotation] ?? '') ?? 0n;
}

export function maxRevision(sets: readonly ReplicaSet[]): bigint {
  let max = 0n;
  for (const set of sets) if (revisionOf(set) > max) max = revisionOf(set);
  return max;
}

/** Annotations of the new ReplicaSet: the Deployment's own, its revision, and the sizes that scaling compares with. */
export function newSetAnnotations(
  deployment: Deployment,
  current: Record<string, string>,
  newRevision: bigint,
  exists: boolean,
): Record<string, string> {
  const result = { ...current };
  for (const [key, value] of Object.entries(deployment.metadata.annotations ?? {}))
    if (!notCopied.has(key)) result[key] = value;
  const old = result[revisionAnnotation] || '0';
  const oldRevision = parseRevision(old);
  if (oldRevision !== undefined && newRevision > oldRevision) {
    result[revisionAnnotation] = String(newRevision);
    if (exists && oldRevision > 0n) result[historyAnnotation] = historyWith(result[historyAnnotation], old);
  }
  return exists ? result : { ...result, ...sizeAnnotations(deployment) };
}

/** Revisions that this ReplicaSet had before it was rolled back to, the oldest dropped when the text grows too long. */
function historyWith(history: string | undefined, revision: string): string {
  const revisions = history ? history.split(',') : [];
  if (revisions.at(-1) === revision) return revisions.join(',');
  revisions.push(revision);
  while (revisions.length > 1 && revisions.join(',').length > historyCharactersMax) revisions.shift();
  return revisions.join(',');
}

export function sizeAnnotations(deployment: Deployment): Record<string, string> {
  return {
    [desiredAnnotation]: String(desiredReplicas(deployment)),
    [maxAnnotation]: String(desiredReplicas(deployment) + maxSurge(deployment)),
  };
}

/** An annotation's whole number; undefined when absent or not one. */
export function annotatedCount(set: ReplicaSet, annotation: string): number | undefined {
  const text = set.metadata.annotations?.[annotation];
  return text !== undefined && /^[0-9]+$/.test(text) ? Number(text) : undefined;
}
