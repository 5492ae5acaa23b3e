// autoscaling/v1 HorizontalPodAutoscaler: another form of v2, which is what is stored. What it has no field for is in its
// annotations.

import type { HorizontalPodAutoscaler } from '../../../generated/schemas/autoscaling-v1.ts';
import { horizontalPodAutoscalers, horizontalPodAutoscalersV1 } from '../../../generated/schemas/index.ts';
import { defineResource } from '../../../machinery/resource.ts';
import { statusSubresource } from '../../subresources.ts';
import { fromStored, toStored } from './conversion.ts';

export default defineResource<HorizontalPodAutoscaler>({
  ...horizontalPodAutoscalersV1,
  singular: 'horizontalpodautoscaler',
  shortNames: ['hpa'],
  categories: ['all'],
  schema: 'io.k8s.api.autoscaling.v1.HorizontalPodAutoscaler',
  strategy: {
    generation: false,
    defaults(autoscaler) {
      autoscaler.spec ??= {} as HorizontalPodAutoscaler['spec'];
      autoscaler.status ??= {} as HorizontalPodAutoscaler['status'];
      autoscaler.spec.minReplicas ??= 1;
      autoscaler.spec.maxReplicas ??= 0;
      autoscaler.status.currentReplicas ??= 0;
      autoscaler.status.desiredReplicas ??= 0;
    },
  },
  columns: [],
  subresources: [statusSubresource<HorizontalPodAutoscaler>()],
  conversion: { resource: horizontalPodAutoscalers, toStored, fromStored },
});
