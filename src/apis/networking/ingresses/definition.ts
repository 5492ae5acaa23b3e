// networking.k8s.io/v1 Ingress.

import { ingresses } from '../../../generated/schemas/index.ts';
import type { Ingress } from '../../../generated/schemas/networking-v1.ts';
import { ipWarnings } from '../../../machinery/cidr.ts';
import { defineResource } from '../../../machinery/resource.ts';
import { ageColumn, nameColumn } from '../../columns.ts';
import { Problems } from '../../problems.ts';
import { statusSubresource } from '../../subresources.ts';
import { validateIngress, validateIngressStatus } from './validation.ts';

const classAnnotation = 'kubernetes.io/ingress.class';
const hostsMax = 3;

/** The first three hosts; the number of further ones counts the rules without a host, too. */
function hosts({ spec }: Ingress): string {
  const shown: string[] = [];
  let more = false;
  for (const { host } of spec?.rules ?? []) {
    if (shown.length === hostsMax) more = true;
    else if (host) shown.push(host);
  }
  if (shown.length === 0) return '*';
  return more ? `${shown.join(',')} + ${(spec?.rules?.length ?? 0) - hostsMax} more...` : shown.join(',');
}

const address = ({ status }: Ingress): string => {
  const all = (status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ip || hostname || '').filter(Boolean);
  return [...new Set(all)].sort().join(',');
};

export default defineResource<Ingress>({
  ...ingresses,
  singular: 'ingress',
  shortNames: ['ing'],
  schema: 'io.k8s.api.networking.v1.Ingress',
  strategy: {
    revalidatesMetadata: true,
    defaults(ingress) {
      ingress.spec ??= {};
      ingress.status ??= {};
      ingress.status.loadBalancer ??= {};
    },
    prepareForCreate(ingress) {
      ingress.status = { loadBalancer: {} };
    },
    prepareForUpdate(ingress, old) {
      ingress.status = old.status;
    },
    validate(ingress, context) {
      const problems = new Problems();
      if (context.operation !== 'create') return [];
      validateIngress(problems, ingress);
      const annotated = ingress.metadata.annotations?.[classAnnotation];
      const className = ingress.spec.ingressClassName;
      if (annotated !== undefined && className !== undefined && annotated !== className)
        problems.invalid(
          `annotations.${classAnnotation}`,
          annotated,
          'must match `ingressClassName` when both are specified',
        );
      return problems.list;
    },
    validateUpdate(ingress, old) {
      const problems = new Problems();
      validateIngress(problems, ingress, old);
      return problems.list;
    },
    warnings: (ingress, old) =>
      !old && ingress.metadata.annotations?.[classAnnotation] !== undefined && !ingress.spec.ingressClassName
        ? [`annotation "${classAnnotation}" is deprecated, please use 'spec.ingressClassName' instead`]
        : [],
  },
  columns: [
    nameColumn,
    {
      name: 'Class',
      type: 'string',
      description: 'The name of the IngressClass resource that should be used for additional configuration',
      cell: (ingress) => ingress.spec?.ingressClassName ?? '<none>',
    },
    {
      name: 'Hosts',
      type: 'string',
      description: 'Hosts that incoming requests are matched against before the ingress rule',
      cell: hosts,
    },
    {
      name: 'Address',
      type: 'string',
      description: 'Address is a list containing ingress points for the load-balancer',
      cell: address,
    },
    {
      name: 'Ports',
      type: 'string',
      description: 'Ports of TLS configurations that open',
      cell: (ingress) => (ingress.spec?.tls?.length ? '80, 443' : '80'),
    },
    ageColumn,
  ],
  subresources: [
    statusSubresource<Ingress>({
      prepare(ingress) {
        ingress.status ??= {};
        ingress.status.loadBalancer ??= {};
      },
      validate(ingress, old) {
        const problems = new Problems();
        validateIngressStatus(problems, ingress, old);
        return problems.list;
      },
      warnings: (ingress) =>
        (ingress.status?.loadBalancer?.ingress ?? []).flatMap(({ ip }, i) =>
          ip ? ipWarnings(`status.loadBalancer.ingress[${i}].ip`, ip) : [],
        ),
    }),
  ],
});
