// The size that every ReplicaSet of a Deployment shall have next: scaling, rolling, recreating. Pure; sizes by name.
// Follows upstream's deployment controller (sync.go, rolling.go, recreate.go).
import type { Deployment, ReplicaSet } from '../../generated/schemas/apps-v1.ts';
import { annotatedCount, byCreation, desiredAnnotation, maxAnnotation } from './revisions.ts';
import { desiredReplicas, isRolling, maxSurge, maxUnavailable } from './rounding.ts';

export type Sizes = Map<string, number>;

export const sizeOf = (set: ReplicaSet): number => set.spec.replicas ?? 1;
export const total = (sets: readonly ReplicaSet[]): number => sets.reduce((sum, set) => sum + sizeOf(set), 0);
const available = (set: ReplicaSet): number => set.status?.availableReplicas ?? 0;
const isActive = (set: ReplicaSet): boolean => sizeOf(set) > 0;

/** The Deployment's size has changed since its ReplicaSets were last sized. */
export function isScalingEvent(deployment: Deployment, sets: readonly ReplicaSet[]): boolean {
  return sets.filter(isActive).some((set) => {
    const desired = annotatedCount(set, desiredAnnotation);
    return desired !== undefined && desired !== desiredReplicas(deployment);
  });
}

/** Scaling, paused or not: one active ReplicaSet takes all, several share the difference in proportion. */
export function scaledSizes(
  deployment: Deployment,
  newSet: ReplicaSet | undefined,
  oldSets: readonly ReplicaSet[],
): Sizes {
  const wanted = desiredReplicas(deployment);
  const all = newSet ? [...oldSets, newSet] : [...oldSets];
  const active = all.filter(isActive);
  if (active.length <= 1) {
    const only = active[0] ?? newSet ?? [...oldSets].sort(byCreation).at(-1);
    return new Map(only ? [[only.metadata.name, wanted]] : []);
  }
  if (newSet && isSaturated(deployment, newSet)) {
    return new Map(oldSets.filter(isActive).map((set) => [set.metadata.name, 0]));
  }
  return isRolling(deployment) ? proportionalSizes(deployment, active) : new Map();
}

function isSaturated(deployment: Deployment, set: ReplicaSet): boolean {
  const wanted = desiredReplicas(deployment);
  return sizeOf(set) === wanted && annotatedCount(set, desiredAnnotation) === wanted && available(set) === wanted;
}

function proportionalSizes(deployment: Deployment, active: readonly ReplicaSet[]): Sizes {
  const wanted = desiredReplicas(deployment);
  const allowed = wanted > 0 ? wanted + maxSurge(deployment) : 0;
  const toAdd = allowed - total(active);
  // The larger first; among equals the newer grows and the older shrinks.
  const newerFirst = toAdd > 0 ? -1 : 1;
  const ordered = [...active].sort((a, b) => sizeOf(b) - sizeOf(a) || newerFirst * byCreation(a, b));
  const sizes: Sizes = new Map();
  let added = 0;
  for (const set of ordered) {
    const share = proportionOf(set, deployment, toAdd, added);
    sizes.set(set.metadata.name, sizeOf(set) + share);
    added += share;
  }
  const largest = ordered[0];
  if (largest && toAdd !== 0) {
    const size = (sizes.get(largest.metadata.name) ?? 0) + toAdd - added;
    sizes.set(largest.metadata.name, Math.max(0, size));
  }
  return sizes;
}

function proportionOf(set: ReplicaSet, deployment: Deployment, toAdd: number, added: number): number {
  if (sizeOf(set) === 0 || toAdd === 0 || toAdd === added) return 0;
  const share = fractionOf(set, deployment);
  return toAdd > 0 ? Math.min(share, toAdd - added) : Math.max(share, toAdd - added);
}

function fractionOf(set: ReplicaSet, deployment: Deployment): number {
  const size = sizeOf(set);
  const wanted = desiredReplicas(deployment);
  if (wanted === 0) return -size;
  const before = annotatedCount(set, maxAnnotation) || (deployment.status?.replicas ?? 0);
  if (before === 0) return 0;
  return Math.round((size * (wanted + maxSurge(deployment))) / before) - size;
}

/** How large the new ReplicaSet may be now. `all` includes it. */
export function newSetSize(deployment: Deployment, all: readonly ReplicaSet[], current: number): number {
  const wanted = desiredReplicas(deployment);
  if (!isRolling(deployment)) return wanted;
  const room = wanted + maxSurge(deployment) - total(all);
  return room <= 0 ? current : current + Math.min(room, wanted - current);
}

/** One step of a rolling update: grow the new, or else shrink the old. */
export function rollingSizes(deployment: Deployment, newSet: ReplicaSet, oldSets: readonly ReplicaSet[]): Sizes {
  const wanted = desiredReplicas(deployment);
  const size = sizeOf(newSet);
  if (size !== wanted) {
    const next = size > wanted ? wanted : newSetSize(deployment, [...oldSets, newSet], size);
    if (next !== size) return new Map([[newSet.metadata.name, next]]);
  }
  return shrinkOld(deployment, newSet, oldSets);
}

function shrinkOld(deployment: Deployment, newSet: ReplicaSet, oldSets: readonly ReplicaSet[]): Sizes {
  const sizes: Sizes = new Map();
  const old = oldSets.filter(isActive).sort(byCreation);
  if (old.length === 0) return sizes;
  const minAvailable = desiredReplicas(deployment) - maxUnavailable(deployment);
  const newUnavailable = sizeOf(newSet) - available(newSet);
  const spare = total(old) + sizeOf(newSet) - minAvailable - newUnavailable;
  if (spare <= 0) return sizes;

  // Unhealthy replicas go first: they would block the update, and nobody misses them.
  let cleaned = 0;
  for (const set of old) {
    const unhealthy = Math.min(spare - cleaned, sizeOf(set) - available(set));
    if (unhealthy <= 0) continue;
    sizes.set(set.metadata.name, sizeOf(set) - unhealthy);
    cleaned += unhealthy;
  }

  let mayGo = old.reduce((sum, set) => sum + available(set), available(newSet)) - minAvailable;
  for (const set of old) {
    if (mayGo <= 0) break;
    const size = sizes.get(set.metadata.name) ?? sizeOf(set);
    const gone = Math.min(size, mayGo);
    if (gone > 0) sizes.set(set.metadata.name, size - gone);
    mayGo -= gone;
  }
  return sizes;
}
