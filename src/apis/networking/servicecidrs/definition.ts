// networking.k8s.io/v1 ServiceCIDR. The cluster's own range is the object `kubernetes`; others are kept, but no service gets an
// address from them.

import { serviceCIDRs } from '../../../generated/schemas/index.ts';
import type { ServiceCIDR } from '../../../generated/schemas/networking-v1.ts';
import { canonicalCidrMessages, isDualStack, parseCidr } from '../../../machinery/cidr.ts';
import { defineResource } from '../../../machinery/resource.ts';
import { formatTime } from '../../../machinery/time.ts';
import { deepEqual } from '../../../machinery/validation.ts';
import { ageColumn, nameColumn } from '../../columns.ts';
import { fieldImmutableMessage, Problems } from '../../problems.ts';
import { statusSubresource } from '../../subresources.ts';

const path = 'spec.cidrs';

function validate(problems: Problems, { spec }: ServiceCIDR): void {
  const cidrs = spec?.cidrs ?? [];
  // Upstream shows its internal form of the spec.
  const shown = { CIDRs: cidrs };
  if (cidrs.length === 0) problems.required(path, 'at least one CIDR required');
  else if (cidrs.length > 2) problems.invalid(path, shown, 'may only hold up to 2 values');
  else if (cidrs.length === 2 && !isDualStack(cidrs.map((text) => parseCidr(text)?.network)))
    problems.invalid(
      path,
      shown,
      'may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64',
    );
  else
    cidrs.forEach((text, i) => {
      problems.invalidAll(`${path}[${i}]`, text, canonicalCidrMessages(text));
    });
}

export default defineResource<ServiceCIDR>({
  ...serviceCIDRs,
  singular: 'servicecidr',
  schema: 'io.k8s.api.networking.v1.ServiceCIDR',
  strategy: {
    revalidatesMetadata: true,
    generation: false,
    // Upstream lets a client set the status at creation.
    prepareForCreate(object, context) {
      for (const condition of object.status?.conditions ?? [])
        condition.lastTransitionTime ??= formatTime(context.clock.now());
    },
    validate(object) {
      const problems = new Problems();
      validate(problems, object);
      return problems.list;
    },
    validateUpdate(object, old) {
      const problems = new Problems();
      if (!deepEqual(object.spec?.cidrs, old.spec?.cidrs))
        problems.invalid(path, object.spec?.cidrs ?? null, fieldImmutableMessage);
      return problems.list;
    },
  },
  bootstrap: {
    objects: (config) => [
      {
        metadata: { name: 'kubernetes', finalizers: ['networking.k8s.io/service-cidr-finalizer'] },
        spec: { cidrs: [config.serviceCidr] },
        status: {
          conditions: [
            { type: 'Ready', status: 'True', reason: '', message: 'Kubernetes default Service CIDR is ready' },
          ] as NonNullable<ServiceCIDR['status']['conditions']>,
        },
      },
    ],
    restored: (_namespace, name) => name === 'kubernetes',
  },
  columns: [
    nameColumn,
    {
      name: 'CIDRs',
      type: 'string',
      doc: 'networking.v1.ServiceCIDRSpec.cidrs',
      cell: (object) => (object.spec?.cidrs ?? []).join(','),
    },
    ageColumn,
  ],
  subresources: [statusSubresource<ServiceCIDR>()],
});
