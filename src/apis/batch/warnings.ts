// Warnings for Jobs, and for CronJobs about the Jobs that they make.

import type { JobSpec } from '../../generated/schemas/batch-v1.ts';
import { podTemplateWarnings } from '../core/podspec/warnings.ts';

const completionsSoftMax = 100_000;
const parallelismSoftMax = 10_000;

export function jobWarnings(path: string, spec: JobSpec | undefined): string[] {
  const many =
    spec?.completionMode === 'Indexed' &&
    (spec.completions ?? 0) > completionsSoftMax &&
    (spec.parallelism ?? 0) > parallelismSoftMax;
  return [
    ...(many
      ? [
          `${path}: In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than 10^4, Kubernetes might not be able to track completedIndexes when a big number of indexes fail`,
        ]
      : []),
    ...podTemplateWarnings(`${path}.template`, spec?.template),
  ];
}
