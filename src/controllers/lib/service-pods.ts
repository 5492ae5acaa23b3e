// What Services have to do with pods: which pods' changes matter to which Services, target ports, host names. Shared by
// the controllers of EndpointSlices and Endpoints.
import type { Pod, Service, ServicePort } from '../../generated/schemas/core-v1.ts';
import { services } from '../../generated/schemas/index.ts';
import { equalJson } from '../../machinery/schema/json.ts';
import { parseTime } from '../../machinery/time.ts';
import type { ObjectChange, Reader } from '../../reconcile/types.ts';
import { keyOf } from './keys.ts';
import { isReady, isTerminal, isTerminating, podCondition } from './pods.ts';
import { matchesPairs } from './selectors.ts';

/** A Service whose endpoints are its pods; others are left to whoever made them. */
export function selectsPods(service: Service): boolean {
  return service.spec.type !== 'ExternalName' && Object.keys(service.spec.selector ?? {}).length > 0;
}

/** Keys of the Services that a pod's change concerns. */
export async function keysOfServices({ type, object, previous }: ObjectChange<Pod>, reader: Reader): Promise<string[]> {
  const labelsMoved = previous !== undefined && !equalJson(previous.metadata.labels, object.metadata.labels);
  if (
    type === 'put' &&
    previous !== undefined &&
    !labelsMoved &&
    equalJson(endpointFacts(previous), endpointFacts(object))
  )
    return [];
  if (type === 'put' && previous === undefined && !hasAddress(object)) return [];
  const states = labelsMoved ? [object, previous] : [object];
  const all = await reader.list(services, { namespace: object.metadata.namespace });
  return all
    .filter(
      (service) =>
        selectsPods(service) && states.some((pod) => matchesPairs(service.spec.selector ?? {}, pod.metadata.labels)),
    )
    .map(keyOf);
}

function endpointFacts(pod: Pod): unknown {
  const { nodeName, hostname, subdomain } = pod.spec;
  return [
    nodeName,
    hostname,
    subdomain,
    pod.status?.podIP,
    pod.status?.podIPs,
    isReady(pod),
    isTerminal(pod),
    isTerminating(pod),
  ];
}

export function addressesOf(pod: Pod): string[] {
  const ips = (pod.status?.podIPs ?? []).map(({ ip }) => ip);
  return ips.length > 0 ? ips : pod.status?.podIP ? [pod.status.podIP] : [];
}

export function hasAddress(pod: Pod): boolean {
  return addressesOf(pod).length > 0;
}

/** The number that a Service port means on this pod; undefined when the pod has no port of that name. */
export function targetPort(pod: Pod, port: ServicePort): number | undefined {
  const target = port.targetPort || port.port;
  if (typeof target === 'number') return target;
  if (/^[0-9]+$/.test(target)) return Number(target);
  const sidecars = (pod.spec.initContainers ?? []).filter((container) => container.restartPolicy === 'Always');
  const candidates = [...pod.spec.containers, ...sidecars].flatMap((container) => container.ports ?? []);
  return candidates.find(({ name, protocol }) => name === target && (protocol ?? 'TCP') === (port.protocol ?? 'TCP'))
    ?.containerPort;
}

/** A pod's own DNS name under a Service that is its subdomain. */
export function hostnameUnder(service: Service, pod: Pod): string | undefined {
  return pod.spec.hostname && pod.spec.subdomain === service.metadata.name ? pod.spec.hostname : undefined;
}

/** When the newest reason for a change arose: the Service itself, or a pod's readiness. */
export function triggerTimeOf(service: Service, pods: readonly Pod[]): string | undefined {
  const times = [
    service.metadata.creationTimestamp,
    ...pods.map((pod) => podCondition(pod, 'Ready')?.lastTransitionTime),
  ];
  let newest: string | undefined;
  for (const time of times) if ((parseTime(time) ?? 0) > (parseTime(newest) ?? 0)) newest = time;
  return newest;
}
