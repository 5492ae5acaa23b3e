// policy/v1 PodDisruptionBudget: how many of the pods that it selects may be evicted at a time.

import { podDisruptionBudgets } from '../../../generated/schemas/index.ts';
import type { PodDisruptionBudget } from '../../../generated/schemas/policy-v1.ts';
import { goFormOf } from '../../../machinery/diff.ts';
import { defineResource } from '../../../machinery/resource.ts';
import { isPathSegmentName, validateLabelSelector } from '../../../machinery/validation.ts';
import { validateAtMostWhole, validateCountOrPercent } from '../../apps/validation.ts';
import { ageColumn, nameColumn } from '../../columns.ts';
import { validateConditions } from '../../conditions.ts';
import { labelSelectorForm } from '../../core/go-forms.ts';
import { Problems } from '../../problems.ts';
import { statusSubresource } from '../../subresources.ts';

const emptyStatus = (): PodDisruptionBudget['status'] => ({
  disruptionsAllowed: 0,
  currentHealthy: 0,
  desiredHealthy: 0,
  expectedPods: 0,
});

function validate({ spec }: PodDisruptionBudget): Problems {
  const problems = new Problems();
  const { minAvailable, maxUnavailable, selector, unhealthyPodEvictionPolicy } = spec;
  if (minAvailable !== undefined && maxUnavailable !== undefined)
    problems.invalid(
      'spec',
      goFormOf(
        `MinAvailable:minAvailable=p MaxUnavailable:maxUnavailable=p Selector:selector{${labelSelectorForm}} UnhealthyPodEvictionPolicy:unhealthyPodEvictionPolicy=p`,
        spec,
      ),
      'minAvailable and maxUnavailable cannot be both set',
    );
  for (const field of ['minAvailable', 'maxUnavailable'] as const) {
    validateCountOrPercent(problems, `spec.${field}`, spec[field]);
    validateAtMostWhole(problems, `spec.${field}`, spec[field]);
  }
  problems.addAll(validateLabelSelector(selector, 'spec.selector'));
  if (unhealthyPodEvictionPolicy !== undefined)
    problems.oneOf(
      'spec.unhealthyPodEvictionPolicy',
      unhealthyPodEvictionPolicy,
      ['AlwaysAllow', 'IfHealthyBudget'],
      'unsupported',
    );
  return problems;
}

export default defineResource<PodDisruptionBudget>({
  ...podDisruptionBudgets,
  singular: 'poddisruptionbudget',
  shortNames: ['pdb'],
  schema: 'io.k8s.api.policy.v1.PodDisruptionBudget',
  strategy: {
    // Upstream checks no more of its name.
    validateName: isPathSegmentName,
    allowUnconditionalUpdate: false,
    defaults(budget) {
      budget.spec ??= {};
      budget.status = { ...emptyStatus(), ...budget.status };
    },
    prepareForCreate(budget) {
      budget.status = emptyStatus();
    },
    prepareForUpdate(budget, old) {
      budget.status = old.status;
    },
    validate: (budget) => validate(budget).list,
  },
  columns: [
    nameColumn,
    {
      name: 'Min Available',
      type: 'string',
      description: 'The minimum number of pods that must be available.',
      cell: ({ spec }) => String(spec?.minAvailable ?? 'N/A'),
    },
    {
      name: 'Max Unavailable',
      type: 'string',
      description: 'The maximum number of pods that may be unavailable.',
      cell: ({ spec }) => String(spec?.maxUnavailable ?? 'N/A'),
    },
    {
      name: 'Allowed Disruptions',
      type: 'integer',
      description: 'Calculated number of pods that may be disrupted at this time.',
      cell: ({ status }) => status?.disruptionsAllowed ?? 0,
    },
    ageColumn,
  ],
  subresources: [
    statusSubresource<PodDisruptionBudget>({
      prepare(budget) {
        budget.status = { ...emptyStatus(), ...budget.status };
      },
      validate({ status }) {
        const problems = new Problems();
        validateConditions(problems, 'status.conditions', status.conditions);
        for (const field of ['disruptionsAllowed', 'currentHealthy', 'desiredHealthy', 'expectedPods'] as const)
          problems.nonNegative(`status.${field}`, status[field]);
        return problems.list;
      },
    }),
  ],
});
