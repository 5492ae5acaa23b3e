// The labels by which a Job knows its pods, under their present and their former names, and the selector made of them.

import type { Job } from '../../../generated/schemas/batch-v1.ts';
import { selects } from '../../apps/validation.ts';
import { goLabelSelector, goMap } from '../../core/go-forms.ts';
import type { Problems } from '../../problems.ts';

const uidLabel = 'batch.kubernetes.io/controller-uid';
const nameLabel = 'batch.kubernetes.io/job-name';
const formerUidLabel = 'controller-uid';
const formerNameLabel = 'job-name';

/** Fills in what a Job that selects for itself lacks; what contradicts it is for validation to refuse. */
export function generateSelector(job: Job): void {
  if (job.spec.manualSelector) return;
  const { name, uid } = job.metadata;
  job.spec.template.metadata ??= {} as NonNullable<Job['spec']['template']['metadata']>;
  const { metadata } = job.spec.template;
  metadata.labels = {
    [formerNameLabel]: name,
    [nameLabel]: name,
    [formerUidLabel]: uid,
    [uidLabel]: uid,
    ...metadata.labels,
  };
  job.spec.selector = { ...job.spec.selector, matchLabels: { [uidLabel]: uid, ...job.spec.selector?.matchLabels } };
}

/** `old`: a Job from before there were the present names keeps the former ones only. */
export function validateGeneratedSelector(problems: Problems, job: Job, old: Job | undefined): void {
  if (job.spec.manualSelector || !job.spec.selector) return;
  const { name, uid } = job.metadata;
  const before = old?.spec.template.metadata?.labels;
  const present = !old || (before?.[nameLabel] !== undefined && before[uidLabel] !== undefined);
  const expected: [string, string][] = [
    [formerUidLabel, uid],
    [formerNameLabel, name],
    ...(present
      ? ([
          [uidLabel, uid],
          [nameLabel, name],
        ] as [string, string][])
      : []),
  ];
  const labels = job.spec.template.metadata?.labels;
  for (const [key, value] of expected) {
    const at = `spec.template.metadata.labels[${key}]`;
    if (labels?.[key] === undefined) problems.required(at, `must be '${value}'`);
    else if (labels[key] !== value) problems.invalid(at, goMap(labels), `must be '${value}'`);
  }
  if (selects(job.spec.selector, { metadata: { labels: Object.fromEntries(expected) } as never }) === false)
    problems.invalid('spec.selector', goLabelSelector(job.spec.selector), '`selector` not auto-generated');
}
