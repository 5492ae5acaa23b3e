// Validation of a Job's status when it is written (batch/validation: ValidateJobUpdateStatus). Of each rule only what the write
// changes is checked, so that a status that breaks one for another reason can still be written.

import type { Job, JobStatus } from '../../../generated/schemas/batch-v1.ts';
import { omitted } from '../../../machinery/errors.ts';
import { parseTime } from '../../../machinery/time.ts';
import { deepEqual } from '../../../machinery/validation.ts';
import { Problems } from '../../problems.ts';
import { countIndexes, firstCommonIndex } from './indexes.ts';

type Condition = 'Complete' | 'Failed' | 'FailureTarget' | 'SuccessCriteriaMet' | 'Suspended';

export const conditionTrue = (status: JobStatus | undefined, type: Condition): boolean =>
  (status?.conditions ?? []).some((condition) => condition.type === type && condition.status === 'True');

const isFinished = (status: JobStatus | undefined): boolean =>
  conditionTrue(status, 'Complete') || conditionTrue(status, 'Failed');

const uncounted = (status: JobStatus): string[] => [
  ...(status.uncountedTerminatedPods?.failed ?? []),
  ...(status.uncountedTerminatedPods?.succeeded ?? []),
];

const changed = (now: JobStatus, before: JobStatus, field: keyof JobStatus): boolean =>
  !deepEqual(now[field], before[field]);

function validateNumbers(problems: Problems, status: JobStatus): void {
  for (const field of ['active', 'succeeded', 'failed', 'ready', 'terminating'] as const)
    problems.nonNegative(`status.${field}`, status[field]);
  const seen = new Set<string>();
  for (const kind of ['succeeded', 'failed'] as const)
    (status.uncountedTerminatedPods?.[kind] ?? []).forEach((uid, i) => {
      const at = `status.uncountedTerminatedPods.${kind}[${i}]`;
      if (uid === '') problems.invalid(at, uid, 'must not be empty');
      else if (seen.has(uid)) problems.duplicate(at, uid);
      seen.add(uid);
    });
}

function validateCompletion(problems: Problems, now: JobStatus, before: JobStatus): void {
  const complete = conditionTrue(now, 'Complete');
  const turned = (type: Condition): boolean => conditionTrue(now, type) !== conditionTrue(before, type);
  const conditions = (why: string): void => problems.invalid('status.conditions', omitted, why);
  if ((turned('Complete') || turned('Failed')) && complete && conditionTrue(now, 'Failed'))
    conditions('cannot set Complete=True and Failed=true conditions');
  if ((turned('Complete') || turned('FailureTarget')) && complete && conditionTrue(now, 'FailureTarget'))
    conditions('cannot set Complete=True and FailureTarget=true conditions');
  const timed = turned('Complete') || changed(now, before, 'completionTime');
  if (timed && now.completionTime !== undefined && !complete)
    problems.invalid(
      'status.completionTime',
      now.completionTime,
      'cannot set completionTime when there is no Complete=True condition',
    );
  if (timed && now.completionTime === undefined && complete)
    problems.required('status.completionTime', 'completionTime is required for Complete jobs');
  if (
    (changed(now, before, 'startTime') || changed(now, before, 'completionTime')) &&
    (parseTime(now.completionTime) ?? Number.POSITIVE_INFINITY) < (parseTime(now.startTime) ?? Number.NEGATIVE_INFINITY)
  )
    problems.invalid('status.completionTime', now.completionTime, 'completionTime cannot be set before startTime');
}

function validateFinished(problems: Problems, now: JobStatus, before: JobStatus): void {
  if (!isFinished(now)) return;
  const turned = !isFinished(before);
  const active = now.active ?? 0;
  if ((turned || changed(now, before, 'active')) && active > 0)
    problems.invalid('status.active', active, 'active>0 is invalid for finished job');
  if ((turned || changed(now, before, 'startTime')) && now.startTime === undefined)
    problems.required('status.startTime', 'startTime is required for finished job');
  if ((turned || changed(now, before, 'uncountedTerminatedPods')) && uncounted(now).length > 0)
    problems.invalid(
      'status.uncountedTerminatedPods',
      {
        Succeeded: now.uncountedTerminatedPods?.succeeded ?? null,
        Failed: now.uncountedTerminatedPods?.failed ?? null,
      },
      'uncountedTerminatedPods needs to be empty for finished job',
    );
}

function validateIndexes(problems: Problems, { spec, status: now }: Job, before: JobStatus): void {
  const completedChanged = changed(now, before, 'completedIndexes');
  const failedChanged = now.failedIndexes !== before.failedIndexes;
  const { completedIndexes = '', failedIndexes } = now;
  const check = (field: 'completedIndexes' | 'failedIndexes', text: string, completions: number): void => {
    const { wrong } = countIndexes(text, completions);
    if (wrong !== undefined) problems.invalid(`status.${field}`, text, `error parsing ${field}: ${wrong}`);
  };
  if (completedChanged && spec.completions !== undefined) check('completedIndexes', completedIndexes, spec.completions);
  if (
    failedChanged &&
    spec.completions !== undefined &&
    spec.backoffLimitPerIndex !== undefined &&
    failedIndexes !== undefined
  )
    check('failedIndexes', failedIndexes, spec.completions);
  if (completedChanged && completedIndexes !== '' && spec.completionMode !== 'Indexed')
    problems.invalid(
      'status.completedIndexes',
      completedIndexes,
      'cannot set non-empty completedIndexes when non-indexed completion mode',
    );
  if (failedChanged && spec.backoffLimitPerIndex === undefined && failedIndexes !== undefined)
    problems.invalid(
      'status.failedIndexes',
      failedIndexes,
      'cannot set non-null failedIndexes when backoffLimitPerIndex is null',
    );
  if ((failedChanged || completedChanged) && spec.completions !== undefined && failedIndexes !== undefined) {
    const common = firstCommonIndex(completedIndexes, failedIndexes, spec.completions);
    if (common !== undefined)
      problems.invalid(
        'status.failedIndexes',
        failedIndexes,
        `failedIndexes and completedIndexes overlap at index: ${common}`,
      );
  }
}

/** SuccessCriteriaMet goes with Complete, and with neither kind of failure. */
function validateCriteria(problems: Problems, { spec, status }: Job): void {
  const conditions = (why: string): void => problems.invalid('status.conditions', omitted, why);
  if (conditionTrue(status, 'SuccessCriteriaMet')) {
    if (conditionTrue(status, 'Failed')) conditions('cannot set SuccessCriteriaMet=True and Failed=true conditions');
    if (conditionTrue(status, 'FailureTarget'))
      conditions('cannot set SuccessCriteriaMet=True and FailureTarget=true conditions');
  } else if (spec.successPolicy && conditionTrue(status, 'Complete'))
    conditions('cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True');
}

function validateTransition(problems: Problems, { spec, status: now }: Job, before: JobStatus): void {
  const conditions = (why: string): void => problems.invalid('status.conditions', omitted, why);
  for (const type of ['Failed', 'Complete', 'FailureTarget'] as const)
    if (conditionTrue(before, type) && !conditionTrue(now, type))
      conditions(`cannot disable the terminal ${type}=True condition`);
  const decreasing = (field: 'failed' | 'succeeded'): void => {
    if ((now[field] ?? 0) < (before[field] ?? 0))
      problems.invalid(`status.${field}`, now[field] ?? 0, `cannot decrease the ${field} counter`);
  };
  decreasing('failed');
  // An elastic indexed job may be scaled down.
  if (spec.completionMode !== 'Indexed' || spec.completions !== spec.parallelism) decreasing('succeeded');
  if (now.completionTime !== undefined && before.completionTime !== undefined && changed(now, before, 'completionTime'))
    problems.invalid('status.completionTime', now.completionTime, 'completionTime cannot be mutated');
  if (before.startTime !== undefined && changed(now, before, 'startTime') && !spec.suspend)
    problems.required('status.startTime', 'startTime cannot be removed for unsuspended job');
  if (conditionTrue(before, 'SuccessCriteriaMet') && !conditionTrue(now, 'SuccessCriteriaMet'))
    conditions('cannot disable the SuccessCriteriaMet=True condition');
  if (
    conditionTrue(before, 'Complete') &&
    !conditionTrue(before, 'SuccessCriteriaMet') &&
    conditionTrue(now, 'SuccessCriteriaMet')
  )
    conditions('cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions');
}

export function validateJobStatus(job: Job, old: Job): Problems {
  const problems = new Problems();
  const before = old.status ?? {};
  validateNumbers(problems, job.status);
  validateCompletion(problems, job.status, before);
  validateFinished(problems, job.status, before);
  validateIndexes(problems, job, before);
  validateCriteria(problems, job);
  validateTransition(problems, job, before);
  return problems;
}
