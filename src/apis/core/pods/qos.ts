// The quality-of-service class of a pod, decided by its CPU and memory requests and limits (core/helper/qos).

import type { PodSpec, PodStatus, ResourceRequirements } from '../../../generated/schemas/core-v1.ts';
import { addQuantities, compareQuantities, formatQuantity } from '../../../machinery/quantity.ts';

export function podQosClass(spec: PodSpec): NonNullable<PodStatus['qosClass']> {
  const requests: Record<string, string> = {};
  const limits: Record<string, string> = {};
  let guaranteed = true;
  const add = (into: Record<string, string>, from: Record<string, string> | undefined): number => {
    let named = 0;
    for (const name of ['cpu', 'memory']) {
      const quantity = from?.[name];
      if (quantity === undefined || compareQuantities(quantity, '0') <= 0) continue;
      named++;
      into[name] = formatQuantity(addQuantities(into[name] ?? '0', quantity));
    }
    return named;
  };
  // Resources of the pod as a whole count alone, when given.
  const asked: (ResourceRequirements | undefined)[] = spec.resources
    ? [spec.resources]
    : [...(spec.containers ?? []), ...(spec.initContainers ?? [])].map((container) => container.resources);
  for (const resources of asked) {
    add(requests, resources?.requests);
    if (add(limits, resources?.limits) < 2) guaranteed = false;
  }
  if (Object.keys(requests).length === 0 && Object.keys(limits).length === 0) return 'BestEffort';
  const equal = Object.entries(requests).every(
    ([name, quantity]) => limits[name] !== undefined && compareQuantities(quantity, limits[name]) === 0,
  );
  return guaranteed && equal && Object.keys(requests).length === Object.keys(limits).length
    ? 'Guaranteed'
    : 'Burstable';
}
