// From a Service and its pods to endpoints, grouped by address family and resolved ports. Pure.

import type { Pod, Service } from '../../generated/schemas/core-v1.ts';
import type { EndpointPort } from '../../generated/schemas/discovery-v1.ts';
import { isReady, isTerminal, isTerminating } from '../lib/pods.ts';
import { addressesOf, hostnameUnder, targetPort } from '../lib/service-pods.ts';
import { type AddressType, type Group, groupKey } from './plan.ts';

/** `zones` by node name. */
export function groupEndpoints(service: Service, pods: readonly Pod[], zones: ReadonlyMap<string, string>): Group[] {
  const families = (service.spec.ipFamilies ?? []).filter((family) => family === 'IPv4' || family === 'IPv6');
  return (families.length > 0 ? families : (['IPv4'] as const)).flatMap((family) =>
    groupsOf(family, service, pods, zones),
  );
}

function groupsOf(
  addressType: AddressType,
  service: Service,
  pods: readonly Pod[],
  zones: ReadonlyMap<string, string>,
): Group[] {
  const groups = new Map<string, Group>();
  for (const pod of pods) {
    const addresses = addressesOf(pod).filter((ip) => ip.includes(':') === (addressType === 'IPv6'));
    if (isTerminal(pod) || addresses.length === 0) continue;
    const ports = portsOf(service, pod);
    const key = groupKey(addressType, ports);
    const group = groups.get(key) ?? { addressType, ports, endpoints: [] };
    groups.set(key, group);
    const serving = isReady(pod);
    const terminating = isTerminating(pod);
    const { nodeName } = pod.spec;
    const zone = nodeName ? zones.get(nodeName) : undefined;
    const hostname = hostnameUnder(service, pod);
    group.endpoints.push({
      addresses: addresses.slice(0, 1),
      conditions: {
        ready: service.spec.publishNotReadyAddresses === true || (serving && !terminating),
        serving,
        terminating,
      },
      ...(hostname ? { hostname } : {}),
      ...(nodeName ? { nodeName } : {}),
      targetRef: { kind: 'Pod', namespace: pod.metadata.namespace, name: pod.metadata.name, uid: pod.metadata.uid },
      ...(zone ? { zone } : {}),
    });
  }
  return groups.size > 0 ? [...groups.values()] : [{ addressType, ports: [], endpoints: [] }];
}

function portsOf(service: Service, pod: Pod): EndpointPort[] {
  const ports: EndpointPort[] = [];
  for (const port of service.spec.ports ?? []) {
    const number = targetPort(pod, port);
    if (number === undefined) continue;
    const { appProtocol } = port;
    ports.push({
      name: port.name ?? '',
      port: number,
      protocol: port.protocol ?? 'TCP',
      ...(appProtocol ? { appProtocol } : {}),
    });
  }
  return ports;
}
