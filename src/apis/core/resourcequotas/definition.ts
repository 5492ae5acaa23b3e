// core/v1 ResourceQuota. Admission charges its status as objects come, the resource quota controller sets it right.
import type { ResourceQuota } from '../../../generated/schemas/core-v1.ts';
import { resourceQuotas } from '../../../generated/schemas/index.ts';
import { formatQuantity } from '../../../machinery/quantity.ts';
import { type Column, defineResource } from '../../../machinery/resource.ts';
import { ageColumn, nameColumn } from '../../columns.ts';
import { Problems } from '../../problems.ts';
import { statusSubresource } from '../../subresources.ts';
import { validateQuota, validateQuotaResources, validateQuotaUpdate } from './validation.ts';

/** `pods: 1/10, requests.cpu: 0/4` of those resources whose name begins with `limits.`, or of the others. */
const usageColumn = (name: string, ofLimits: boolean, description: string): Column<ResourceQuota> => ({
  name,
  description,
  type: 'string',
  cell: ({ status }) =>
    Object.entries(status?.hard ?? {})
      .filter(([resource]) => resource.startsWith('limits.') === ofLimits)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([resource, hard]) => `${resource}: ${usedOf(status, resource)}/${formatQuantity(hard)}`)
      .join(', '),
});

function usedOf(status: ResourceQuota['status'], resource: string): string {
  const used = status.used && Object.hasOwn(status.used, resource) ? status.used[resource] : undefined;
  return formatQuantity(used ?? '0');
}

export default defineResource<ResourceQuota>({
  ...resourceQuotas,
  singular: 'resourcequota',
  shortNames: ['quota'],
  schema: 'io.k8s.api.core.v1.ResourceQuota',
  strategy: {
    returnDeletedObject: true,
    generation: false,
    prepareForCreate(quota) {
      quota.status = {};
    },
    prepareForUpdate(quota, old) {
      quota.status = old.status;
    },
    validate(quota) {
      const problems = new Problems();
      validateQuota(problems, quota);
      return problems.list;
    },
    validateUpdate(quota, old) {
      const problems = new Problems();
      validateQuotaUpdate(problems, quota, old);
      return problems.list;
    },
  },
  columns: [
    nameColumn,
    usageColumn('Request', false, 'Request represents a minimum amount of cpu/memory that a container may consume.'),
    usageColumn(
      'Limit',
      true,
      'Limits control the maximum amount of cpu/memory that a container may use independent of contention on the node.',
    ),
    ageColumn,
  ],
  subresources: [
    statusSubresource<ResourceQuota>({
      validate(quota) {
        const problems = new Problems();
        validateQuotaResources(problems, 'status.hard', quota.status?.hard);
        validateQuotaResources(problems, 'status.used', quota.status?.used);
        return problems.list;
      },
    }),
  ],
});
