// The columns of `kubectl get services`.

import type { Service } from '../../../generated/schemas/core-v1.ts';
import type { Column } from '../../../machinery/resource.ts';
import { ageColumn, formatLabels, nameColumn } from '../../columns.ts';

function externalAddress(service: Service): string {
  const external = service.spec?.externalIPs ?? [];
  switch (service.spec?.type) {
    case 'LoadBalancer': {
      const balanced = (service.status?.loadBalancer?.ingress ?? [])
        .map((one) => one.ip || one.hostname || '')
        .filter(Boolean);
      const all = [...[...new Set(balanced)].sort(), ...external];
      return all.length > 0 ? all.join(',') : '<pending>';
    }
    case 'ExternalName':
      return service.spec.externalName ?? '';
    case 'ClusterIP':
    case 'NodePort':
      return external.length > 0 ? external.join(',') : '<none>';
    default:
      return '<unknown>';
  }
}

function ports(service: Service): string {
  const list = (service.spec?.ports ?? []).map((port) =>
    port.nodePort ? `${port.port}:${port.nodePort}/${port.protocol}` : `${port.port}/${port.protocol}`,
  );
  return list.join(',') || '<none>';
}

export const serviceColumns: readonly Column<Service>[] = [
  nameColumn,
  { name: 'Type', type: 'string', doc: 'core.v1.ServiceSpec.type', cell: (service) => service.spec?.type ?? '' },
  {
    name: 'Cluster-IP',
    type: 'string',
    doc: 'core.v1.ServiceSpec.clusterIP',
    cell: (service) => service.spec?.clusterIPs?.[0] || service.spec?.clusterIP || '<none>',
  },
  { name: 'External-IP', type: 'string', doc: 'core.v1.ServiceSpec.externalIPs', cell: externalAddress },
  { name: 'Port(s)', type: 'string', doc: 'core.v1.ServiceSpec.ports', cell: ports },
  ageColumn,
  {
    name: 'Selector',
    type: 'string',
    priority: 1,
    doc: 'core.v1.ServiceSpec.selector',
    cell: (service) => formatLabels(service.spec?.selector),
  },
];
