// Validation of CronJobs (batch/validation: ValidateCronJobCreate, ValidateCronJobUpdate).

import type { CronJob, CronJobSpec } from '../../../generated/schemas/batch-v1.ts';
import { CronError, isTimeZone, parseCron } from '../../../machinery/cron.ts';
import { Problems } from '../../problems.ts';
import { validateJobTemplateSpec } from '../jobs/validation.ts';

/** 63, less the suffix of the jobs' names. */
const nameLengthMax = 52;

function scheduleProblem(schedule: string): string | undefined {
  try {
    parseCron(schedule);
  } catch (error) {
    if (error instanceof CronError) return error.message;
    throw error;
  }
  return undefined;
}

function validateSchedule(problems: Problems, { schedule, timeZone }: CronJobSpec, old: CronJobSpec | undefined): void {
  const path = 'spec.schedule';
  if (!schedule) {
    problems.required(path);
    return;
  }
  const wrong = scheduleProblem(schedule);
  if (wrong !== undefined) problems.invalid(path, schedule, wrong);
  if (!schedule.includes('TZ')) return;
  if (!old?.schedule?.includes('TZ'))
    problems.invalid(path, schedule, 'cannot use TZ or CRON_TZ in schedule, use timeZone field instead');
  else if (timeZone !== undefined)
    problems.invalid(path, schedule, 'cannot use both timeZone field and TZ or CRON_TZ in schedule');
}

const isZonePart = (part: string): boolean =>
  part !== '.' && part !== '..' && !part.startsWith('-') && /^[A-Za-z.\-_0-9+]{1,14}$/.test(part);

function validateTimeZone(problems: Problems, zone: string | undefined): void {
  const path = 'spec.timeZone';
  if (zone === undefined) return;
  if (zone === '') problems.invalid(path, zone, 'timeZone must be nil or non-empty string');
  else if (!zone.split('/').every(isZonePart)) problems.invalid(path, zone, `unknown time zone ${zone}`);
  else {
    if (zone.toLowerCase() === 'local')
      problems.invalid(
        path,
        zone,
        'timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones',
      );
    if (!isTimeZone(zone)) problems.invalid(path, zone, `unknown time zone ${zone}`);
  }
}

function validateSpec(problems: Problems, spec: CronJobSpec, old: CronJobSpec | undefined): void {
  validateSchedule(problems, spec, old);
  problems.nonNegative('spec.startingDeadlineSeconds', spec.startingDeadlineSeconds);
  if (!old || old.timeZone !== spec.timeZone) validateTimeZone(problems, spec.timeZone);
  problems.oneOf('spec.concurrencyPolicy', spec.concurrencyPolicy, ['Allow', 'Forbid', 'Replace'], 'required');
  const path = 'spec.jobTemplate.spec';
  const job = spec.jobTemplate.spec as NonNullable<typeof spec.jobTemplate.spec>;
  validateJobTemplateSpec(problems, path, job);
  if (job.selector) problems.invalid(`${path}.selector`, job.selector, '`selector` will be auto-generated');
  if (job.manualSelector) problems.notSupported(`${path}.manualSelector`, true, ['nil', 'false']);
  problems.nonNegative('spec.successfulJobsHistoryLimit', spec.successfulJobsHistoryLimit);
  problems.nonNegative('spec.failedJobsHistoryLimit', spec.failedJobsHistoryLimit);
}

export function validateCronJob({ spec, metadata }: CronJob): Problems {
  const problems = new Problems();
  validateSpec(problems, spec, undefined);
  if ((metadata.name ?? '').length > nameLengthMax)
    problems.invalid('metadata.name', metadata.name, `must be no more than ${nameLengthMax} characters`);
  return problems;
}

/** Names that were allowed to be longer may stay. */
export function validateCronJobUpdate({ spec }: CronJob, old: CronJob): Problems {
  const problems = new Problems();
  validateSpec(problems, spec, old.spec);
  return problems;
}
