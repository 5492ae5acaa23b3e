// Defaults of a JobSpec (SetDefaults_Job), which CronJobs do not have for the Jobs that they make.

import type { Job, JobSpec } from '../../../generated/schemas/batch-v1.ts';
import { defaultPodTemplate } from '../../core/podspec/defaults.ts';

const intMax = 2147483647;

export function defaultJob(job: Job): void {
  job.spec ??= {} as JobSpec;
  job.status ??= {};
  const { spec } = job;
  if (spec.completions === undefined && spec.parallelism === undefined) spec.completions = 1;
  spec.parallelism ??= 1;
  spec.backoffLimit ??= spec.backoffLimitPerIndex === undefined ? 6 : intMax;
  spec.completionMode ??= 'NonIndexed';
  spec.suspend ??= false;
  spec.podReplacementPolicy ??= spec.podFailurePolicy ? 'Failed' : 'TerminatingOrFailed';
  spec.manualSelector ??= false;
  defaultJobTemplate(spec);
  inheritLabels(job);
}

/** A Job without labels has those of its pods. */
export function inheritLabels(job: Job): void {
  const labels = job.spec.template.metadata?.labels;
  if (labels && Object.keys(job.metadata.labels ?? {}).length === 0) job.metadata.labels = { ...labels };
}

/** What is filled in within a CronJob as well. */
export function defaultJobTemplate(spec: JobSpec): void {
  spec.template ??= {};
  defaultPodTemplate(spec.template);
  for (const rule of spec.podFailurePolicy?.rules ?? [])
    for (const pattern of rule.onPodConditions ?? []) pattern.status ||= 'True';
}
