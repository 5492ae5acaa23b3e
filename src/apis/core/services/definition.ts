// core/v1 Service. Addresses and ports are allocated at the end of validation, when nothing else is wrong.

import type { Service } from '../../../generated/schemas/core-v1.ts';
import { ipAddresses, services } from '../../../generated/schemas/index.ts';
import { firstAddress, ipWarnings } from '../../../machinery/cidr.ts';
import { defineResource } from '../../../machinery/resource.ts';
import { nameIsDnsLabel } from '../../../machinery/validation.ts';
import { addressOf } from '../../networking/addresses.ts';
import { Problems } from '../../problems.ts';
import { proxySubresource, statusSubresource } from '../../subresources.ts';
import { allocate, chooseFamilies, clusterIpTag, heldAddresses, nodePortTag } from './allocation.ts';
import { serviceColumns } from './columns.ts';
import { alignClusterIps, defaultService, dropForeign, keepAllocated } from './defaults.ts';
import { isHeadless } from './kinds.ts';
import { validateService, validateServiceStatus, validateServiceUpdate } from './validation.ts';
import { serviceWarnings } from './warnings.ts';

export default defineResource<Service>({
  ...services,
  singular: 'service',
  shortNames: ['svc'],
  categories: ['all'],
  schema: 'io.k8s.api.core.v1.Service',
  strategy: {
    revalidatesMetadata: true,
    generation: false,
    // Names that begin with a digit are allowed as of 1.36.
    validateName: nameIsDnsLabel,
    defaults: defaultService,
    prepareForCreate(service) {
      service.status = { loadBalancer: {} };
      alignClusterIps(service.spec, undefined);
    },
    prepareForUpdate(service, old) {
      service.status = old.status;
      keepAllocated(service, old);
      alignClusterIps(service.spec, old.spec);
      dropForeign(service, old);
    },
    validate(service, context) {
      const problems = new Problems();
      if (context.operation !== 'create') return [];
      validateService(problems, service);
      if (problems.list.length === 0) chooseFamilies(problems, service, undefined);
      if (problems.list.length === 0) allocate(problems, context, service, undefined);
      return problems.list;
    },
    validateUpdate(service, old, context) {
      const problems = new Problems();
      validateServiceUpdate(problems, service, old);
      validateService(problems, service, old);
      if (problems.list.length === 0) chooseFamilies(problems, service, old);
      if (problems.list.length === 0) allocate(problems, context, service, old);
      return problems.list;
    },
    // Each cluster address is an object of its own.
    companions: ({ metadata, spec }) =>
      heldAddresses(spec).map((ip) => ({
        resource: ipAddresses,
        object: addressOf(ip, metadata.namespace ?? '', metadata.name),
      })),
    warnings: serviceWarnings,
    returnDeletedObject: true,
  },
  bootstrap: {
    objects: (config) => [
      {
        metadata: {
          name: 'kubernetes',
          namespace: 'default',
          labels: { component: 'apiserver', provider: 'kubernetes' },
        },
        spec: {
          type: 'ClusterIP',
          clusterIP: firstAddress(config.serviceCidr),
          ports: [{ name: 'https', port: 443, protocol: 'TCP', targetPort: 6443 }],
          sessionAffinity: 'None',
        },
      },
    ],
    restored: (namespace, name) => namespace === 'default' && name === 'kubernetes',
  },
  columns: serviceColumns,
  selectableFields: {
    'spec.clusterIP': (service) => service.spec?.clusterIP ?? '',
    'spec.type': (service) => service.spec?.type ?? '',
  },
  indexes: (service) => [
    ...(isHeadless(service) ? [] : (service.spec?.clusterIPs ?? []).map(clusterIpTag)),
    ...(service.spec?.ports ?? [])
      .filter((port) => port.nodePort)
      .map((port) => nodePortTag(port.protocol ?? 'TCP', port.nodePort ?? 0)),
    ...(service.spec?.healthCheckNodePort ? [nodePortTag('TCP', service.spec.healthCheckNodePort)] : []),
  ],
  subresources: [
    proxySubresource('ServiceProxyOptions'),
    statusSubresource<Service>({
      prepare(service) {
        service.status ??= {};
        service.status.loadBalancer ??= {};
      },
      validate(service, old) {
        const problems = new Problems();
        validateServiceStatus(problems, service, old);
        return problems.list;
      },
      warnings: (service) =>
        (service.status?.loadBalancer?.ingress ?? []).flatMap(({ ip }, i) =>
          ip ? ipWarnings(`status.loadBalancer.ingress[${i}]`, ip) : [],
        ),
    }),
  ],
});
