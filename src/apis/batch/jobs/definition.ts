// batch/v1 Job. Its selector and the labels of its pods are generated, unless it asks to choose them itself.

import type { Job } from '../../../generated/schemas/batch-v1.ts';
import { jobs } from '../../../generated/schemas/index.ts';
import { defineResource } from '../../../machinery/resource.ts';
import { humanDuration, parseTime } from '../../../machinery/time.ts';
import { nameWarnings } from '../../apps/validation.ts';
import { ageColumn, nameColumn, templateColumns } from '../../columns.ts';
import { statusSubresource } from '../../subresources.ts';
import { jobWarnings } from '../warnings.ts';
import { defaultJob, inheritLabels } from './defaults.ts';
import { generateSelector } from './labels.ts';
import { validateJobStatus } from './status.ts';
import { validateJob, validateJobUpdate } from './validation.ts';

function statusOf({ status, metadata }: Job): string {
  const holds = (type: string): boolean =>
    (status?.conditions ?? []).find((condition) => condition.type === type)?.status === 'True';
  if (holds('Complete')) return 'Complete';
  if (holds('Failed')) return 'Failed';
  if (metadata.deletionTimestamp) return 'Terminating';
  return ['Suspended', 'FailureTarget', 'SuccessCriteriaMet'].find(holds) ?? 'Running';
}

function completions({ spec, status }: Job): string {
  const succeeded = status?.succeeded ?? 0;
  if (spec?.completions !== undefined) return `${succeeded}/${spec.completions}`;
  const parallelism = spec?.parallelism ?? 0;
  return parallelism > 1 ? `${succeeded}/1 of ${parallelism}` : `${succeeded}/1`;
}

function duration({ status }: Job): string | { since: string } {
  const [start, end] = [parseTime(status?.startTime), parseTime(status?.completionTime)];
  if (start === undefined) return '';
  return end === undefined ? { since: status.startTime as string } : humanDuration(end - start);
}

export default defineResource<Job>({
  ...jobs,
  singular: 'job',
  categories: ['all'],
  schema: 'io.k8s.api.batch.v1.Job',
  strategy: {
    revalidatesMetadata: true,
    defaults: defaultJob,
    prepareForCreate(job) {
      job.status = {};
      generateSelector(job);
      inheritLabels(job);
    },
    prepareForUpdate(job, old) {
      job.status = old.status;
    },
    validate: (job, { operation }) => (operation === 'create' ? validateJob(job).list : []),
    validateUpdate: (job, old) => validateJobUpdate(job, old).list,
    warnings: (job, old) =>
      old && job.metadata.generation === old.metadata.generation
        ? []
        : [...nameWarnings(job, old), ...jobWarnings('spec', job.spec)],
    orphansDependents: true,
    deletionWarning:
      'child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set propagationPolicy=Orphan to suppress this warning',
  },
  columns: [
    nameColumn,
    { name: 'Status', type: 'string', description: 'Status of the job.', cell: statusOf },
    { name: 'Completions', type: 'string', doc: 'batch.v1.JobStatus.succeeded', cell: completions },
    { name: 'Duration', type: 'string', description: 'Time required to complete the job.', cell: duration },
    ageColumn,
    ...templateColumns<Job>('batch.v1.JobSpec.selector'),
  ],
  fieldRefusal: (label) => `field label ${JSON.stringify(label)} not supported for batchv1.Job`,
  selectableFields: { 'status.successful': (job) => String(job.status?.succeeded ?? 0) },
  subresources: [
    statusSubresource<Job>({
      prepare(job) {
        job.status ??= {};
      },
      validate: (job, old) => validateJobStatus(job, old).list,
    }),
  ],
});
