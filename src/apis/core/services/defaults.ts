// Defaults of a Service (SetDefaults_Service), and what an update takes over from the stored object: allocated values
// that the client left out are kept, values of the former type are dropped when it changes.

import type { Service, ServiceSpec } from '../../../generated/schemas/core-v1.ts';
import { deepEqual } from '../../../machinery/validation.ts';
import { isExternal, mayHaveNodePort, needsClusterIp, needsHealthPort, needsNodePort } from './kinds.ts';

export function defaultService(service: Service): void {
  service.spec ??= {};
  service.status ??= {};
  service.status.loadBalancer ??= {};
  const { spec } = service;
  spec.sessionAffinity ||= 'None';
  if (spec.sessionAffinity === 'None') delete spec.sessionAffinityConfig;
  else if (spec.sessionAffinity === 'ClientIP' && spec.sessionAffinityConfig?.clientIP?.timeoutSeconds === undefined)
    spec.sessionAffinityConfig = { clientIP: { timeoutSeconds: 10800 } };
  spec.type ||= 'ClusterIP';
  for (const port of spec.ports ?? []) {
    port.protocol ||= 'TCP';
    if (!port.targetPort) port.targetPort = port.port;
  }
  if (isExternal(service)) spec.externalTrafficPolicy ||= 'Cluster';
  if (spec.type !== 'ExternalName') spec.internalTrafficPolicy ??= 'Cluster';
  if (spec.type === 'LoadBalancer') {
    spec.allocateLoadBalancerNodePorts ??= true;
    for (const ingress of service.status.loadBalancer.ingress ?? []) if (ingress.ip) ingress.ipMode ??= 'VIP';
  }
}

/** clusterIP and clusterIPs say the same; a client may set either. */
export function alignClusterIps(spec: ServiceSpec, old: ServiceSpec | undefined): void {
  if (!old) {
    if (spec.clusterIP && !spec.clusterIPs?.length) spec.clusterIPs = [spec.clusterIP];
    return;
  }
  const sameList = deepEqual(spec.clusterIPs, old.clusterIPs);
  if ((spec.clusterIP ?? '') !== (old.clusterIP ?? '')) {
    if (!sameList) return;
    if (spec.clusterIP) spec.clusterIPs = [spec.clusterIP];
    else delete spec.clusterIPs;
  } else if (!sameList && !spec.clusterIPs?.length) {
    delete spec.clusterIP;
  }
}

/** A PUT without the allocated values means those that are there. */
export function keepAllocated(service: Service, old: Service): void {
  const { spec } = service;
  if (needsClusterIp(service) && needsClusterIp(old)) {
    if (!spec.clusterIP && old.spec.clusterIP) spec.clusterIP = old.spec.clusterIP;
    if (!spec.clusterIPs?.length && old.spec.clusterIPs?.length && spec.clusterIP === old.spec.clusterIP)
      spec.clusterIPs = [...old.spec.clusterIPs];
  }
  if (needsNodePort(service) && needsNodePort(old)) {
    const before = new Set((old.spec.ports ?? []).map((port) => port.nodePort));
    const used = new Set((spec.ports ?? []).map((port) => port.nodePort).filter((port) => port && before.has(port)));
    const byName = new Map((old.spec.ports ?? []).map((port) => [port.name ?? '', port.nodePort]));
    for (const port of spec.ports ?? []) {
      const kept = byName.get(port.name ?? '');
      if (port.nodePort || !kept || used.has(kept)) continue;
      port.nodePort = kept;
      used.add(kept);
    }
  }
  if (needsHealthPort(service) && needsHealthPort(old)) spec.healthCheckNodePort ||= old.spec.healthCheckNodePort;
}

/** Values that only the former type can have go, unless the client has changed them and is to be told. */
export function dropForeign(service: Service, old: Service): void {
  const { spec } = service;
  const drop = (...fields: (keyof ServiceSpec)[]): void => {
    for (const field of fields) if (deepEqual(spec[field], old.spec[field])) delete spec[field];
  };
  if (needsClusterIp(old) && !needsClusterIp(service)) drop('clusterIP', 'clusterIPs', 'ipFamilies', 'ipFamilyPolicy');
  if (mayHaveNodePort(old) && !mayHaveNodePort(service)) {
    const before = new Map((old.spec.ports ?? []).map((port) => [`${port.protocol}/${port.port}`, port.nodePort]));
    const same = (spec.ports ?? []).every(
      (port) => !port.nodePort || before.get(`${port.protocol}/${port.port}`) === port.nodePort,
    );
    if (same) for (const port of spec.ports ?? []) delete port.nodePort;
  }
  if (needsHealthPort(old) && !needsHealthPort(service)) drop('healthCheckNodePort');
  if (old.spec.type === 'LoadBalancer' && spec.type !== 'LoadBalancer')
    drop('allocateLoadBalancerNodePorts', 'loadBalancerClass');
  if (isExternal(old) && !isExternal(service)) drop('externalTrafficPolicy');
}
