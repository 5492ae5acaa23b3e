// Distinctions between services that defaults, validation and allocation share (api/service).

import type { Service } from '../../../generated/schemas/core-v1.ts';

export const isHeadless = (service: Service): boolean =>
  service.spec?.clusterIPs?.length === 1 && service.spec.clusterIPs[0] === 'None';
export const needsClusterIp = (service: Service): boolean => service.spec?.type !== 'ExternalName';
export const needsNodePort = (service: Service): boolean =>
  service.spec?.type === 'NodePort' ||
  (service.spec?.type === 'LoadBalancer' && service.spec.allocateLoadBalancerNodePorts !== false);
export const mayHaveNodePort = (service: Service): boolean =>
  service.spec?.type === 'NodePort' || service.spec?.type === 'LoadBalancer';
export const isExternal = (service: Service): boolean =>
  service.spec?.type === 'LoadBalancer' ||
  service.spec?.type === 'NodePort' ||
  (service.spec?.type === 'ClusterIP' && Boolean(service.spec.externalIPs?.length));
export const needsHealthPort = (service: Service): boolean =>
  service.spec?.type === 'LoadBalancer' && service.spec.externalTrafficPolicy === 'Local';
