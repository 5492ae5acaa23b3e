// How many pods a Deployment may have too many or too few during a rolling update. Pure.
import type { Deployment } from '../../generated/schemas/apps-v1.ts';
import { scaledValue } from '../../machinery/intstr.ts';

export function desiredReplicas(deployment: Deployment): number {
  return deployment.spec.replicas ?? 1;
}

export function isRolling(deployment: Deployment): boolean {
  return deployment.spec.strategy?.type !== 'Recreate';
}

/** Surge rounds up, unavailability down; when both are zero one pod may be unavailable, or nothing could ever move. */
function fenceposts(deployment: Deployment): { surge: number; unavailable: number } {
  const replicas = desiredReplicas(deployment);
  const rolling = deployment.spec.strategy?.rollingUpdate;
  const surge = scaledValue(rolling?.maxSurge ?? '25%', replicas, true) ?? 0;
  const unavailable = scaledValue(rolling?.maxUnavailable ?? '25%', replicas, false) ?? 0;
  return surge === 0 && unavailable === 0 ? { surge, unavailable: 1 } : { surge, unavailable };
}

export function maxUnavailable(deployment: Deployment): number {
  const replicas = desiredReplicas(deployment);
  if (!isRolling(deployment) || replicas === 0) return 0;
  return Math.min(fenceposts(deployment).unavailable, replicas);
}

export function maxSurge(deployment: Deployment): number {
  return isRolling(deployment) ? fenceposts(deployment).surge : 0;
}
