// Warnings for a service that is valid, and yet unusual or of little use (api/service: GetWarningsForService).

import type { Service } from '../../../generated/schemas/core-v1.ts';
import { cidrWarnings, ipWarnings } from '../../../machinery/cidr.ts';

const oldHints = 'service.kubernetes.io/topology-aware-hints';

export function serviceWarnings({ metadata, spec }: Service): string[] {
  const out: string[] = [];
  const external = spec.externalIPs ?? [];
  const headless = spec.type === 'ClusterIP' && spec.clusterIP === 'None';
  if (metadata.annotations?.[oldHints] !== undefined)
    out.push(`annotation ${oldHints} is deprecated, please use service.kubernetes.io/topology-mode instead`);
  if (spec.clusterIP && spec.clusterIP !== 'None')
    out.push(...(spec.clusterIPs ?? []).flatMap((ip, i) => ipWarnings(`spec.clusterIPs[${i}]`, ip)));
  if (headless) {
    if (spec.loadBalancerIP) out.push('spec.loadBalancerIP is ignored for headless services');
    if (external.length > 0) out.push('spec.externalIPs is ignored for headless services');
    if (spec.sessionAffinity !== 'None') out.push('spec.SessionAffinity is ignored for headless services');
  }
  if (external.length > 0) out.push('spec.externalIPs is deprecated');
  out.push(...external.flatMap((ip, i) => ipWarnings(`spec.externalIPs[${i}]`, ip)));
  if (spec.loadBalancerIP) out.push(...ipWarnings('spec.loadBalancerIP', spec.loadBalancerIP));
  (spec.loadBalancerSourceRanges ?? []).forEach((range, i) => {
    out.push(...cidrWarnings(`spec.loadBalancerSourceRanges[${i}]`, range));
  });
  if (spec.type === 'ExternalName' && external.length > 0)
    out.push('spec.externalIPs is ignored when spec.type is "ExternalName"');
  if (spec.type !== 'ExternalName' && spec.externalName)
    out.push('spec.externalName is ignored when spec.type is not "ExternalName"');
  if (spec.trafficDistribution === 'PreferClose')
    out.push('spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"');
  return out;
}
