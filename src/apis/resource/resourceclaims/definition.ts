// resource.k8s.io/v1 ResourceClaim. What it asks for never changes; the status says what it was given.
import type { Namespace } from '../../../generated/schemas/core-v1.ts';
import { namespaces, resourceClaims } from '../../../generated/schemas/index.ts';
import type { ResourceClaim } from '../../../generated/schemas/resource-v1.ts';
import { defineResource } from '../../../machinery/resource.ts';
import { deepEqual } from '../../../machinery/validation.ts';
import { ageColumn, nameColumn } from '../../columns.ts';
import { fieldImmutableMessage, Problems } from '../../problems.ts';
import { statusSubresource } from '../../subresources.ts';
import { defaultClaim, validateAdminAccess, validateClaim } from '../claims.ts';
import { dropDeallocated, validateClaimStatus } from '../status.ts';

function stateOf({ metadata, status }: ResourceClaim): string {
  const deleted = metadata.deletionTimestamp !== undefined;
  const states = deleted ? ['deleted'] : [];
  if (!status?.allocation) return (deleted ? states : ['pending']).join(',');
  states.push('allocated');
  if (status.reservedFor?.length) states.push('reserved');
  return states.join(',');
}

export default defineResource<ResourceClaim>({
  ...resourceClaims,
  singular: 'resourceclaim',
  schema: 'io.k8s.api.resource.v1.ResourceClaim',
  strategy: {
    returnDeletedObject: true,
    generation: false,
    revalidatesMetadata: true,
    defaults: (claim) => defaultClaim(claim.spec),
    prepareForCreate(claim) {
      claim.status = {};
    },
    prepareForUpdate(claim, old) {
      claim.status = old.status;
    },
    validate(claim, { operation, get }) {
      const problems = new Problems();
      if (operation === 'update') return problems.list;
      const namespace = get<Namespace>(namespaces, undefined, claim.metadata.namespace ?? '');
      validateAdminAccess(problems, claim.spec, namespace?.metadata.labels);
      validateClaim(problems, 'spec', claim.spec);
      return problems.list;
    },
    validateUpdate(claim, old) {
      const problems = new Problems();
      if (!deepEqual(claim.spec, old.spec)) problems.invalid('spec', claim.spec, fieldImmutableMessage);
      return problems.list;
    },
  },
  columns: [
    nameColumn,
    {
      name: 'State',
      type: 'string',
      description: 'A summary of the current state (allocated, pending, reserved, etc.).',
      cell: stateOf,
    },
    ageColumn,
  ],
  subresources: [
    statusSubresource<ResourceClaim>({
      resetFields: ['metadata'],
      prepare: dropDeallocated,
      validate(claim, old) {
        const problems = new Problems();
        validateClaimStatus(problems, claim, old);
        return problems.list;
      },
    }),
  ],
});
