// What pods use of a quota (quota/v1/evaluator/core/pods.go), and which scopes they are in. Pure.
import type {
  Container,
  ContainerStatus,
  Pod,
  PodAffinityTerm,
  ScopedResourceSelectorRequirement,
} from '../generated/schemas/core-v1.ts';
import { isQualifiedName } from '../machinery/names.ts';
import { maxQuantity, type Quantity, quantityOf } from '../machinery/quantity.ts';
import { parseTime } from '../machinery/time.ts';
import type { Evaluator } from './evaluator.ts';
import { add, type Usage, usageOf } from './list.ts';
import { matchesScopeValue } from './scopes.ts';

type Kind = 'requests' | 'limits';

const one = quantityOf(1);
const compute = ['cpu', 'memory', 'ephemeral-storage'] as const;
const named = new Set([
  'count/pods',
  'pods',
  ...compute.flatMap((name) => [name, `requests.${name}`, `limits.${name}`]),
]);
/** A quota over these obliges each container to state them. */
const obligatory = new Set(['cpu', 'memory', 'requests.cpu', 'requests.memory', 'limits.cpu', 'limits.memory']);

const isHugePages = (name: string): boolean => name.startsWith('hugepages-');
const isNative = (name: string): boolean => !name.includes('/') || name.includes('kubernetes.io/');
const isExtended = (name: string): boolean =>
  !isNative(name) && !name.startsWith('requests.') && isQualifiedName(`requests.${name}`).length === 0;

function largest(...lists: Usage[]): Usage {
  const out = new Map<string, Quantity>();
  for (const list of lists)
    for (const [name, quantity] of list) {
      const before = out.get(name);
      out.set(name, before === undefined ? quantity : maxQuantity(before, quantity));
    }
  return out;
}

/** What a container asks for, or has: a resize under way is charged with the larger of both. */
function ofContainer(container: Container, statuses: readonly ContainerStatus[] | undefined, kind: Kind): Usage {
  const wanted = usageOf(container.resources?.[kind]);
  const status = statuses?.find(({ name }) => name === container.name);
  if (!status) return wanted;
  const allocated = kind === 'requests' ? usageOf(status.allocatedResources) : new Map();
  return largest(wanted, usageOf(status.resources?.[kind]), allocated);
}

/**
 * All containers together: those that run side by side, or the largest step of the start. The pod's own figures go before;
 * what its runtime takes comes on top unless it is left out.
 */
export function podResources(pod: Pod, kind: Kind, withOverhead = true): Usage {
  const { spec, status } = pod;
  let running: Usage = new Map();
  for (const container of spec.containers ?? [])
    running = add(running, ofContainer(container, status?.containerStatuses, kind));
  let sidecars: Usage = new Map();
  let peak: Usage = new Map();
  for (const container of spec.initContainers ?? []) {
    const own = ofContainer(container, status?.initContainerStatuses, kind);
    if (container.restartPolicy === 'Always') sidecars = add(sidecars, own);
    peak = largest(peak, container.restartPolicy === 'Always' ? sidecars : add(sidecars, own));
  }
  const total = new Map(largest(add(running, sidecars), peak));
  for (const [name, quantity] of usageOf(spec.resources?.[kind]))
    if (name === 'cpu' || name === 'memory' || isHugePages(name)) total.set(name, quantity);
  if (!withOverhead) return total;
  const overhead = usageOf(spec.overhead);
  if (kind === 'requests') return add(total, overhead);
  return add(total, new Map([...overhead].filter(([name]) => total.has(name))));
}

/** The names that a quota may bound, out of what is asked for. */
function computeUsage(requests: Usage, limits: Usage): Map<string, Quantity> {
  const out = new Map([['pods', one]]);
  for (const name of compute) {
    const request = requests.get(name);
    if (request !== undefined) {
      out.set(name, request);
      out.set(`requests.${name}`, request);
    }
    const limit = limits.get(name);
    if (limit !== undefined) out.set(`limits.${name}`, limit);
  }
  for (const [name, request] of requests) {
    if (isHugePages(name)) out.set(name, request);
    if (isHugePages(name) || isExtended(name)) out.set(`requests.${name}`, request);
  }
  return out;
}

/** When a pod that is being deleted is charged no longer, though it is still there; undefined: it is not being deleted. */
export function chargedUntilMs({ metadata }: Pod): number | undefined {
  const { deletionTimestamp, deletionGracePeriodSeconds } = metadata;
  if (deletionTimestamp === undefined || deletionGracePeriodSeconds === undefined) return undefined;
  return (parseTime(deletionTimestamp) ?? 0) + deletionGracePeriodSeconds * 1000;
}

/** Pods that have ended, or should long be gone, hold nothing but their place in storage. */
export function isCharged(pod: Pod, nowMs: number): boolean {
  if (pod.status?.phase === 'Failed' || pod.status?.phase === 'Succeeded') return false;
  return nowMs <= (chargedUntilMs(pod) ?? Number.POSITIVE_INFINITY);
}

function missing(required: readonly string[], pod: Pod): string | undefined {
  const without = new Map<string, string[]>();
  const needed = required.filter((name) => obligatory.has(name));
  for (const container of [...(pod.spec.containers ?? []), ...(pod.spec.initContainers ?? [])]) {
    const stated = computeUsage(usageOf(container.resources?.requests), usageOf(container.resources?.limits));
    for (const name of needed) if (!stated.has(name)) without.set(name, [...(without.get(name) ?? []), container.name]);
  }
  if (without.size === 0) return undefined;
  const texts = [...without].map(([name, containers]) => `${name} for: ${[...new Set(containers)].sort().join(',')}`);
  return `must specify ${texts.sort().join('; ')}`;
}

function isBestEffort({ spec }: Pod): boolean {
  const stated = (resources: { requests?: ResourceMap; limits?: ResourceMap } | undefined): boolean =>
    [...usageOf(resources?.requests), ...usageOf(resources?.limits)].some(
      ([name, quantity]) => (name === 'cpu' || name === 'memory') && quantity.nanos > 0n,
    );
  return ![spec, ...(spec.containers ?? []), ...(spec.initContainers ?? [])].some(({ resources }) => stated(resources));
}
type ResourceMap = Record<string, string>;

function crossesNamespaces({ spec }: Pod): boolean {
  const terms = [spec.affinity?.podAffinity, spec.affinity?.podAntiAffinity].flatMap((affinity): PodAffinityTerm[] => [
    ...(affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
    ...(affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map((term) => term.podAffinityTerm),
  ]);
  return terms.some((term) => (term?.namespaces?.length ?? 0) > 0 || term?.namespaceSelector !== undefined);
}

function inScope(requirement: ScopedResourceSelectorRequirement, pod: Pod): boolean {
  const deadline = pod.spec.activeDeadlineSeconds;
  switch (requirement.scopeName) {
    case 'Terminating':
      return deadline !== undefined && deadline >= 0;
    case 'NotTerminating':
      return deadline === undefined || deadline < 0;
    case 'BestEffort':
      return isBestEffort(pod);
    case 'NotBestEffort':
      return !isBestEffort(pod);
    case 'PriorityClass': {
      const { priorityClassName } = pod.spec;
      return matchesScopeValue(requirement, priorityClassName ? [priorityClassName] : []);
    }
    case 'CrossNamespacePodAffinity':
      return crossesNamespaces(pod);
    default:
      return false;
  }
}

export const podEvaluator: Evaluator<Pod> = {
  bounds: (name) =>
    named.has(name) ||
    isHugePages(name) ||
    name.startsWith('requests.hugepages-') ||
    (!isNative(name) && name.startsWith('requests.')),
  handles: (operation, subresource) =>
    (operation === 'CREATE' && subresource === '') || (operation === 'UPDATE' && subresource === 'resize'),
  usage(pod, nowMs) {
    const counted = new Map([['count/pods', one]]);
    if (!isCharged(pod, nowMs)) return counted;
    return add(counted, computeUsage(podResources(pod, 'requests'), podResources(pod, 'limits')));
  },
  missing,
  inScope,
};
