// Requests and limits of a pod turned into what the kernel takes: shares, quotas, bytes, OOM scores; and the QoS class. Pure.

import type { Container, Pod, ResourceRequirements } from '../../src/generated/schemas/core-v1.ts';
import { asBytes, toNumberMilli } from '../../src/machinery/quantity.ts';
import type { LinuxResources } from '../runtime.ts';

export type QosClass = 'BestEffort' | 'Burstable' | 'Guaranteed';

export const cfsPeriodUs = 100_000;
const minShares = 2;
const maxShares = 262_144;
const minQuotaUs = 1000;

export function qosClass(pod: Pod): QosClass {
  if (pod.status?.qosClass) return pod.status.qosClass;
  let any = false;
  let guaranteed = true;
  for (const c of [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])]) {
    for (const name of ['cpu', 'memory']) {
      const request = amount(c.resources?.requests?.[name] ?? c.resources?.limits?.[name], name);
      const limit = amount(c.resources?.limits?.[name], name);
      if (request > 0 || limit > 0) any = true;
      if (limit === 0 || limit !== request) guaranteed = false;
    }
  }
  return !any ? 'BestEffort' : guaranteed ? 'Guaranteed' : 'Burstable';
}

/** Thousandths of a core for cpu, whole units for all else. */
export function amount(quantity: string | undefined, resource: string): number {
  if (quantity === undefined) return 0;
  return resource === 'cpu' ? toNumberMilli(quantity) : asBytes(quantity);
}

export function sharesOf(milliCpu: number): number {
  return Math.min(maxShares, Math.max(minShares, Math.floor((milliCpu * 1024) / 1000)));
}

/** Microseconds per period; 0 without a limit. */
export function quotaOf(milliCpu: number): number {
  return milliCpu === 0 ? 0 : Math.max(minQuotaUs, Math.floor((milliCpu * cfsPeriodUs) / 1000));
}

const request = (r: ResourceRequirements | undefined, name: string): number =>
  amount(r?.requests?.[name] ?? r?.limits?.[name], name);

export function oomScoreAdjust(pod: Pod, container: Container, memoryCapacityBytes: number): number {
  if ((pod.spec?.priority ?? 0) >= 2_000_000_000) return -997;
  const qos = qosClass(pod);
  if (qos === 'Guaranteed') return -997;
  if (qos === 'BestEffort') return 1000;
  const score = 1000 - Math.floor((1000 * request(container.resources, 'memory')) / memoryCapacityBytes);
  return Math.min(999, Math.max(3, score));
}

export function containerResources(pod: Pod, container: Container, memoryCapacityBytes: number): LinuxResources {
  return {
    cpu_period: cfsPeriodUs,
    cpu_quota: quotaOf(amount(container.resources?.limits?.cpu, 'cpu')),
    cpu_shares: sharesOf(request(container.resources, 'cpu')),
    memory_limit_in_bytes: amount(container.resources?.limits?.memory, 'memory'),
    oom_score_adj: oomScoreAdjust(pod, container, memoryCapacityBytes),
  };
}

/**
 * What the pod needs of a resource at most at one time (upstream's PodRequests): containers and sidecars together, or an
 * init container with the sidecars before it, whichever is more; plus overhead.
 */
export function podRequest(pod: Pod, resource: string): number {
  return combined(pod, (c) => request(c.resources, resource)) + amount(pod.spec?.overhead?.[resource], resource);
}

/** The same for limits; undefined as soon as one container has none. */
export function podLimit(pod: Pod, resource: string): number | undefined {
  const containers = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])];
  if (containers.some((c) => c.resources?.limits?.[resource] === undefined)) return undefined;
  return (
    combined(pod, (c) => amount(c.resources?.limits?.[resource], resource)) +
    amount(pod.spec?.overhead?.[resource], resource)
  );
}

/** What a pod's cgroup is held to; what is absent is not limited. */
export interface PodLimits {
  cpuShares?: number;
  cpuQuotaUs?: number;
  memoryBytes?: number;
}

export function podLimits(pod: Pod): PodLimits {
  const cpu = podLimit(pod, 'cpu');
  const memory = podLimit(pod, 'memory');
  return {
    cpuShares: sharesOf(podRequest(pod, 'cpu')),
    ...(cpu ? { cpuQuotaUs: quotaOf(cpu) } : {}),
    ...(memory ? { memoryBytes: memory } : {}),
  };
}

function combined(pod: Pod, of: (container: Container) => number): number {
  let sidecars = 0;
  let most = 0;
  for (const init of pod.spec?.initContainers ?? []) {
    if (init.restartPolicy === 'Always') {
      sidecars += of(init);
      most = Math.max(most, sidecars);
    } else most = Math.max(most, sidecars + of(init));
  }
  const running = (pod.spec?.containers ?? []).reduce((sum, c) => sum + of(c), sidecars);
  return Math.max(most, running);
}
