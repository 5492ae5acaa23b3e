// autoscaling/v2 HorizontalPodAutoscaler, the form in which it is stored.

import type { HorizontalPodAutoscaler } from '../../../generated/schemas/autoscaling-v2.ts';
import { horizontalPodAutoscalers } from '../../../generated/schemas/index.ts';
import { defineResource } from '../../../machinery/resource.ts';
import { Problems } from '../../problems.ts';
import { statusSubresource } from '../../subresources.ts';
import { autoscalerColumns } from './columns.ts';
import { defaultAutoscaler, emptyStatus } from './defaults.ts';
import { validateAutoscaler } from './validation.ts';

export default defineResource<HorizontalPodAutoscaler>({
  ...horizontalPodAutoscalers,
  singular: 'horizontalpodautoscaler',
  shortNames: ['hpa'],
  categories: ['all'],
  schema: 'io.k8s.api.autoscaling.v2.HorizontalPodAutoscaler',
  strategy: {
    generation: false,
    defaults: defaultAutoscaler,
    prepareForCreate(autoscaler) {
      autoscaler.status = emptyStatus();
    },
    prepareForUpdate(autoscaler, old) {
      autoscaler.status = old.status;
    },
    validate: (autoscaler, { operation }) => (operation === 'create' ? validateAutoscaler(autoscaler).list : []),
    validateUpdate: (autoscaler, old) => validateAutoscaler(autoscaler, old).list,
  },
  columns: autoscalerColumns,
  subresources: [
    statusSubresource<HorizontalPodAutoscaler>({
      prepare(autoscaler) {
        autoscaler.status = { ...emptyStatus(), ...autoscaler.status };
      },
      validate({ status }) {
        const problems = new Problems();
        problems.nonNegative('status.currentReplicas', status.currentReplicas);
        problems.nonNegative('status.desiredReplicas', status.desiredReplicas);
        return problems.list;
      },
    }),
  ],
});
