// Amounts of resources as plain numbers, and what a pod asks for: the rules of k8s.io/component-helpers/resource.
// cpu in thousandths, everything else in whole units. Numbers are exact up to 2^53, which is 8 PiB of memory.
import type { Container, Pod, PodSpec, PodStatus } from '../generated/schemas/core-v1.ts';
import { asBytes, toNumberMilli } from '../machinery/quantity.ts';
import { readAffinities } from './affinity.ts';
import type { HostPort, PodInfo } from './framework.ts';

/** Resource name → amount. */
export type Resources = ReadonlyMap<string, number>;

/** What a container that requests nothing counts as when nodes are scored (upstream's schedutil defaults). */
const defaultMilliCpu = 100;
const defaultMemory = 200 * 1024 * 1024;
/** Resources that a pod may request as a whole (PodLevelResources). */
const podLevel = (name: string): boolean => name === 'cpu' || name === 'memory' || name.startsWith('hugepages-');

function amount(name: string, text: string): number {
  try {
    return name === 'cpu' ? toNumberMilli(text) : asBytes(text);
  } catch {
    // The API server refuses what is no quantity; here it must not stop the scheduler.
    return 0;
  }
}

export function resourcesOf(list: Record<string, string> | undefined): Map<string, number> {
  return new Map(Object.entries(list ?? {}).map(([name, text]) => [name, amount(name, text)]));
}

export function add(to: Map<string, number>, what: Resources, factor = 1): void {
  for (const [name, value] of what) to.set(name, (to.get(name) ?? 0) + factor * value);
}

function raise(to: Map<string, number>, what: Resources): void {
  for (const [name, value] of what) if (value > (to.get(name) ?? 0)) to.set(name, value);
}

/**
 * Containers run together, and so do restartable init containers (sidecars); an ordinary init container runs alone
 * beside the sidecars started before it. The pod needs the greatest of these at any moment, plus its overhead.
 */
export function podRequests(spec: PodSpec, defaults?: Resources, status?: PodStatus): Map<string, number> {
  const requestsOf = (container: Container): Map<string, number> => {
    const list = container.resources?.requests;
    const requests = held(container, status) ?? resourcesOf(list);
    for (const [name, value] of defaults ?? []) if (!list || !Object.hasOwn(list, name)) requests.set(name, value);
    return requests;
  };
  const total = new Map<string, number>();
  for (const container of spec.containers) add(total, requestsOf(container));
  const sidecars = new Map<string, number>();
  const start = new Map<string, number>();
  for (const container of spec.initContainers ?? []) {
    const moment = requestsOf(container);
    if (container.restartPolicy === 'Always') {
      add(total, moment);
      add(sidecars, moment);
      raise(start, sidecars);
    } else {
      add(moment, sidecars);
      raise(start, moment);
    }
  }
  raise(total, start);
  for (const [name, value] of resourcesOf(spec.resources?.requests)) if (podLevel(name)) total.set(name, value);
  add(total, resourcesOf(spec.overhead));
  return total;
}

/**
 * While a container is being resized it takes the most of what it asks for, has been allocated and has; when it can never
 * have what it asks for, that does not count. Undefined: nothing but its spec counts.
 */
function held({ name, resources }: Container, status: PodStatus | undefined): Map<string, number> | undefined {
  if (!status) return undefined;
  const has = [...(status.containerStatuses ?? []), ...(status.initContainerStatuses ?? [])].find(
    (s) => s.name === name,
  );
  if (!has?.resources) return undefined;
  const { allocatedResources, resources: inForce } = has;
  const isSame = (a: Record<string, string> = {}, b: Record<string, string> = {}): boolean =>
    Object.keys(b).every((key) => a[key] === b[key]);
  if (isSame(resources?.requests, allocatedResources) && isSame(resources?.requests, inForce.requests))
    return undefined;
  const infeasible = status.conditions?.some((c) => c.type === 'PodResizePending' && c.reason === 'Infeasible');
  const most = resourcesOf(infeasible ? undefined : resources?.requests);
  raise(most, resourcesOf(allocatedResources));
  raise(most, resourcesOf(inForce.requests));
  return most;
}

export function podInfo(pod: Pod): PodInfo {
  const scored = podRequests(
    pod.spec!,
    new Map([
      ['cpu', defaultMilliCpu],
      ['memory', defaultMemory],
    ]),
    pod.status,
  );
  return {
    pod,
    requests: podRequests(pod.spec!, undefined, pod.status),
    scored: { milliCpu: scored.get('cpu') ?? 0, memory: scored.get('memory') ?? 0 },
    hostPorts: hostPorts(pod.spec!),
    affinities: readAffinities(pod),
    ownerUid: pod.metadata.ownerReferences?.find((owner) => owner.controller)?.uid,
  };
}

function hostPorts(spec: PodSpec): HostPort[] {
  const sidecars = (spec.initContainers ?? []).filter((container) => container.restartPolicy === 'Always');
  return [...spec.containers, ...sidecars].flatMap((container) =>
    (container.ports ?? [])
      .filter((port) => (port.hostPort ?? 0) > 0)
      .map((port) => ({ ip: port.hostIP || '0.0.0.0', protocol: port.protocol ?? 'TCP', port: port.hostPort! })),
  );
}
