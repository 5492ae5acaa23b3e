// coordination.k8s.io/v1 Lease.

import type { Lease } from '../../../generated/schemas/coordination-v1.ts';
import { leases } from '../../../generated/schemas/index.ts';
import type { FieldError } from '../../../machinery/errors.ts';
import { isQualifiedName } from '../../../machinery/names.ts';
import { defineResource } from '../../../machinery/resource.ts';
import { formatMicroTime, parseTime } from '../../../machinery/time.ts';
import { ageColumn, nameColumn } from '../../columns.ts';
import { isNegativeMessage, Problems } from '../../problems.ts';

const strategies = ['OldestEmulationVersion'];

function validate(lease: Lease): FieldError[] {
  const problems = new Problems();
  const { leaseDurationSeconds, leaseTransitions, strategy, preferredHolder } = lease.spec ?? {};
  if (leaseDurationSeconds !== undefined && leaseDurationSeconds <= 0)
    problems.invalid('spec.leaseDurationSeconds', leaseDurationSeconds, 'must be greater than 0');
  if (leaseTransitions !== undefined && leaseTransitions < 0)
    problems.invalid('spec.leaseTransitions', leaseTransitions, isNegativeMessage);
  if (strategy !== undefined) {
    // The doubled path is upstream's.
    if (strategy.includes('/')) problems.invalidAll('spec.strategy.strategy', strategy, isQualifiedName(strategy));
    else if (!strategies.includes(strategy)) problems.notSupported('spec.strategy.strategy', strategy, strategies);
  }
  if (preferredHolder && !strategy)
    problems.forbidden('spec.preferredHolder', 'may only be specified if `strategy` is defined');
  return problems.list;
}

export default defineResource<Lease>({
  ...leases,
  singular: 'lease',
  schema: 'io.k8s.api.coordination.v1.Lease',
  strategy: {
    generation: false,
    allowCreateOnUpdate: true,
    allowUnconditionalUpdate: false,
    defaults(lease) {
      lease.spec ??= {};
    },
    validate,
  },
  heartbeat: {
    node: (namespace, name) => (namespace === 'kube-node-lease' ? name : undefined),
    fill(lease, lastContactMs) {
      // Whoever renews its lease by itself may have done so later.
      if ((parseTime(lease.spec.renewTime) ?? 0) < lastContactMs) lease.spec.renewTime = formatMicroTime(lastContactMs);
    },
  },
  columns: [
    nameColumn,
    {
      name: 'Holder',
      type: 'string',
      doc: 'coordination.v1.LeaseSpec.holderIdentity',
      cell: (lease) => lease.spec?.holderIdentity ?? '',
    },
    ageColumn,
  ],
});
