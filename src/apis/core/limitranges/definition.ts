// core/v1 LimitRange: what admission gives and demands of containers, pods and claims of a namespace.
import type { LimitRange, LimitRangeItem } from '../../../generated/schemas/core-v1.ts';
import { limitRanges } from '../../../generated/schemas/index.ts';
import { defineResource } from '../../../machinery/resource.ts';
import { createdAtColumn, nameColumn } from '../../columns.ts';
import { Problems } from '../../problems.ts';
import { validateLimitRange } from './validation.ts';

/** Limits come from the maximum, requests from the limit or else from the minimum. */
function defaultItem(item: LimitRangeItem): void {
  if (item.type !== 'Container') return;
  item.default = { ...item.max, ...item.default };
  item.defaultRequest = { ...item.min, ...item.default, ...item.defaultRequest };
  for (const bound of ['default', 'defaultRequest'] as const)
    if (Object.keys(item[bound] ?? {}).length === 0) delete item[bound];
}

export default defineResource<LimitRange>({
  ...limitRanges,
  singular: 'limitrange',
  shortNames: ['limits'],
  schema: 'io.k8s.api.core.v1.LimitRange',
  strategy: {
    generation: false,
    revalidatesMetadata: true,
    allowCreateOnUpdate: true,
    defaults(limitRange) {
      for (const item of limitRange.spec?.limits ?? []) defaultItem(item);
      // A list that upstream always writes is null when there is nothing in it.
      if (limitRange.spec && !limitRange.spec.limits?.length) limitRange.spec.limits = null as never;
    },
    validate(limitRange) {
      const problems = new Problems();
      validateLimitRange(problems, limitRange);
      return problems.list;
    },
  },
  columns: [nameColumn, createdAtColumn],
});
