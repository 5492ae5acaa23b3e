// batch/v1 CronJob.

import type { CronJob } from '../../../generated/schemas/batch-v1.ts';
import { cronJobs } from '../../../generated/schemas/index.ts';
import { defineResource } from '../../../machinery/resource.ts';
import { nameWarnings } from '../../apps/validation.ts';
import { ageColumn, containerColumns, formatSelector, nameColumn } from '../../columns.ts';
import { statusSubresource } from '../../subresources.ts';
import { defaultJobTemplate } from '../jobs/defaults.ts';
import { jobWarnings } from '../warnings.ts';
import { validateCronJob, validateCronJobUpdate } from './validation.ts';

function defaults(cronJob: CronJob): void {
  cronJob.spec ??= {} as CronJob['spec'];
  cronJob.status ??= {};
  const { spec } = cronJob;
  spec.schedule ??= '';
  if (!spec.concurrencyPolicy) spec.concurrencyPolicy = 'Allow';
  spec.suspend ??= false;
  spec.successfulJobsHistoryLimit ??= 3;
  spec.failedJobsHistoryLimit ??= 1;
  spec.jobTemplate ??= {};
  spec.jobTemplate.metadata ??= {} as NonNullable<typeof spec.jobTemplate.metadata>;
  spec.jobTemplate.spec ??= {} as NonNullable<typeof spec.jobTemplate.spec>;
  defaultJobTemplate(spec.jobTemplate.spec);
}

export default defineResource<CronJob>({
  ...cronJobs,
  singular: 'cronjob',
  shortNames: ['cj'],
  categories: ['all'],
  schema: 'io.k8s.api.batch.v1.CronJob',
  strategy: {
    defaults,
    prepareForCreate(cronJob) {
      cronJob.status = {};
    },
    prepareForUpdate(cronJob, old) {
      cronJob.status = old.status;
    },
    validate: (cronJob, { operation }) => (operation === 'create' ? validateCronJob(cronJob).list : []),
    validateUpdate: (cronJob, old) => validateCronJobUpdate(cronJob, old).list,
    warnings: (cronJob, old) =>
      old && cronJob.metadata.generation === old.metadata.generation
        ? []
        : [...nameWarnings(cronJob, old), ...jobWarnings('spec.jobTemplate.spec', cronJob.spec.jobTemplate.spec)],
  },
  columns: [
    nameColumn,
    {
      name: 'Schedule',
      type: 'string',
      doc: 'batch.v1.CronJobSpec.schedule',
      cell: ({ spec }) => spec?.schedule ?? '',
    },
    {
      name: 'Timezone',
      type: 'string',
      doc: 'batch.v1.CronJobSpec.timeZone',
      cell: ({ spec }) => spec?.timeZone ?? '<none>',
    },
    {
      name: 'Suspend',
      type: 'boolean',
      doc: 'batch.v1.CronJobSpec.suspend',
      cell: ({ spec }) => (spec?.suspend === undefined ? '<unset>' : spec.suspend ? 'True' : 'False'),
    },
    {
      name: 'Active',
      type: 'integer',
      doc: 'batch.v1.CronJobStatus.active',
      cell: ({ status }) => status?.active?.length ?? 0,
    },
    {
      name: 'Last Schedule',
      type: 'string',
      doc: 'batch.v1.CronJobStatus.lastScheduleTime',
      cell: ({ status }) => (status?.lastScheduleTime ? { since: status.lastScheduleTime } : '<none>'),
    },
    ageColumn,
    ...containerColumns<CronJob>(1, ({ spec }) => spec?.jobTemplate?.spec?.template),
    {
      name: 'Selector',
      type: 'string',
      priority: 1,
      doc: 'batch.v1.JobSpec.selector',
      cell: ({ spec }) => formatSelector(spec?.jobTemplate?.spec?.selector),
    },
  ],
  subresources: [
    statusSubresource<CronJob>({
      prepare(cronJob) {
        cronJob.status ??= {};
      },
    }),
  ],
});
