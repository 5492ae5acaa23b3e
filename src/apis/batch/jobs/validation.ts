// Validation of Jobs (batch/validation: ValidateJob, ValidateJobUpdate), and of the job template within a CronJob.

import type { Job, JobSpec } from '../../../generated/schemas/batch-v1.ts';
import type { PodTemplateSpec } from '../../../generated/schemas/core-v1.ts';
import { goFormOf } from '../../../machinery/diff.ts';
import { isDns1123Label, isDns1123Subdomain, regexMessage } from '../../../machinery/names.ts';
import { deepEqual, validateImmutable, validateLabelSelector } from '../../../machinery/validation.ts';
import { selects, validateMatch } from '../../apps/validation.ts';
import { goPodTemplate, labelSelectorForm } from '../../core/go-forms.ts';
import { validatePodTemplate } from '../../core/podspec/validation.ts';
import { fieldImmutableMessage, Problems } from '../../problems.ts';
import { validateGeneratedSelector } from './labels.ts';
import { validatePodFailurePolicy, validateSuccessPolicy } from './policies.ts';
import { conditionTrue } from './status.ts';

const indexedParallelismMax = 100_000;
const failedIndexesMax = 100_000;
/** Above this many completions, with a backoff limit per index, less may go on at a time. */
const manyCompletions = 100_000;
const parallelismOfManyMax = 10_000;
const failedIndexesOfManyMax = 10_000;
const managedByLengthMax = 63;

const isIndexed = (spec: JobSpec): boolean => spec.completionMode === 'Indexed';

const pathFormat = "[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+";

/** `acme.io/foo`. */
function validateDomainPrefixedPath(problems: Problems, at: string, value: string): void {
  const slash = value.indexOf('/');
  const [host, path] = [value.slice(0, Math.max(slash, 0)), value.slice(slash + 1)];
  if (value === '') problems.required(at);
  else if (host === '' || path === '')
    problems.invalid(at, value, 'must be a domain-prefixed path (such as "acme.io/foo")');
  else {
    problems.invalidAll(at, host, isDns1123Subdomain(host));
    if (!new RegExp(`^${pathFormat}$`).test(path)) problems.invalid(at, path, regexMessage('Invalid path', pathFormat));
  }
}

function validateIndexed(problems: Problems, path: string, spec: JobSpec): void {
  const { completions, parallelism, maxFailedIndexes } = spec;
  const tooHigh = (field: 'parallelism' | 'maxFailedIndexes', max: number, when = ''): void => {
    const value = spec[field];
    if (value !== undefined && value > max)
      problems.invalid(`${path}.${field}`, value, `must be less than or equal to ${max}${when}`);
  };
  if (completions === undefined) problems.required(`${path}.completions`, 'when completion mode is Indexed');
  tooHigh('parallelism', indexedParallelismMax, ' when completion mode is Indexed');
  if (completions !== undefined && maxFailedIndexes !== undefined && maxFailedIndexes > completions)
    problems.invalid(`${path}.maxFailedIndexes`, maxFailedIndexes, 'must be less than or equal to completions');
  tooHigh('maxFailedIndexes', failedIndexesMax);
  if (completions === undefined || completions <= manyCompletions || spec.backoffLimitPerIndex === undefined) return;
  if (maxFailedIndexes === undefined)
    problems.required(`${path}.maxFailedIndexes`, `must be specified when completions is above ${manyCompletions}`);
  const when = ` when completions are above ${manyCompletions} and used with backoff limit per index`;
  if (parallelism !== undefined) tooHigh('parallelism', parallelismOfManyMax, when);
  tooHigh('maxFailedIndexes', failedIndexesOfManyMax, when);
}

function validateRestartPolicy(problems: Problems, at: string, spec: JobSpec): void {
  const policy: string = spec.template?.spec?.restartPolicy ?? '';
  if (policy === 'Always' || policy === '') problems.required(at, 'valid values: "OnFailure", "Never"');
  else if (policy !== 'OnFailure' && policy !== 'Never') problems.notSupported(at, policy, ['OnFailure', 'Never']);
  else if (spec.podFailurePolicy && policy !== 'Never')
    problems.invalid(at, policy, 'only "Never" is supported when podFailurePolicy is specified');
}

/** What holds wherever a job's spec stands. */
export function validateJobTemplateSpec(problems: Problems, path: string, spec: JobSpec): void {
  for (const field of [
    'parallelism',
    'completions',
    'activeDeadlineSeconds',
    'backoffLimit',
    'ttlSecondsAfterFinished',
    'backoffLimitPerIndex',
    'maxFailedIndexes',
  ] as const)
    problems.nonNegative(`${path}.${field}`, spec[field]);
  if (spec.maxFailedIndexes !== undefined && spec.backoffLimitPerIndex === undefined)
    problems.required(`${path}.backoffLimitPerIndex`, 'when maxFailedIndexes is specified');
  if (spec.managedBy !== undefined) {
    validateDomainPrefixedPath(problems, `${path}.managedBy`, spec.managedBy);
    if (spec.managedBy.length > managedByLengthMax) problems.tooLong(`${path}.managedBy`, managedByLengthMax);
  }
  const mode: string | undefined = spec.completionMode;
  if (mode !== undefined && mode !== 'NonIndexed' && mode !== 'Indexed')
    problems.notSupported(`${path}.completionMode`, mode, ['NonIndexed', 'Indexed']);
  if (isIndexed(spec)) validateIndexed(problems, path, spec);
  else if (mode === undefined || mode === 'NonIndexed')
    for (const field of ['backoffLimitPerIndex', 'maxFailedIndexes'] as const)
      if (spec[field] !== undefined)
        problems.invalid(`${path}.${field}`, spec[field], 'requires indexed completion mode');
  if (spec.podFailurePolicy) validatePodFailurePolicy(problems, `${path}.podFailurePolicy`, spec);
  if (spec.successPolicy) {
    if (isIndexed(spec)) validateSuccessPolicy(problems, `${path}.successPolicy`, spec);
    else
      problems.invalid(
        `${path}.successPolicy`,
        { Rules: spec.successPolicy.rules ?? null },
        'requires indexed completion mode',
      );
  }
  const replacement = spec.podReplacementPolicy;
  const replacements = spec.podFailurePolicy ? ['Failed'] : ['Failed', 'TerminatingOrFailed'];
  if (replacement !== undefined && !replacements.includes(replacement))
    problems.notSupported(`${path}.podReplacementPolicy`, replacement, replacements);
  validatePodTemplate(problems, `${path}.template`, spec.template);
  validateRestartPolicy(problems, `${path}.template.spec.restartPolicy`, spec);
}

function validateSpec(problems: Problems, spec: JobSpec): void {
  validateJobTemplateSpec(problems, 'spec', spec);
  if (!spec.selector) problems.required('spec.selector');
  else problems.addAll(validateLabelSelector(spec.selector, 'spec.selector'));
  validateMatch(problems, spec.template, selects(spec.selector, spec.template));
}

function validateWhole(problems: Problems, job: Job, old: Job | undefined): void {
  const { spec, metadata } = job;
  validateGeneratedSelector(problems, job, old);
  validateSpec(problems, spec);
  if (isIndexed(spec) && (spec.completions ?? 0) > 0) {
    // The last pod's hostname.
    const last = `${metadata.name}-${(spec.completions as number) - 1}`;
    if (isDns1123Label(last).length > 0)
      problems.invalid('metadata.name', metadata.name, `will not able to create pod with invalid DNS label: ${last}`);
  }
}

export function validateJob(job: Job): Problems {
  const problems = new Problems();
  validateWhole(problems, job, undefined);
  return problems;
}

/**
 * The old template with what a suspended Job, none of whose pods are left, may change taken from the new: where its pods go,
 * and what they ask for.
 */
function withAllowedChanges(old: PodTemplateSpec, now: PodTemplateSpec): PodTemplateSpec {
  const kept = structuredClone(old);
  const [before, after] = [kept.spec, now.spec];
  kept.metadata = {
    ...kept.metadata,
    labels: now.metadata?.labels,
    annotations: now.metadata?.annotations,
  } as NonNullable<PodTemplateSpec['metadata']>;
  if (!before || !after) return kept;
  if (after.affinity) before.affinity = { ...before.affinity, nodeAffinity: after.affinity.nodeAffinity };
  else if (before.affinity) {
    const { nodeAffinity: _node, ...others } = before.affinity;
    if (Object.keys(others).length === 0) delete before.affinity;
    else before.affinity = others;
  }
  before.nodeSelector = after.nodeSelector;
  before.tolerations = after.tolerations;
  before.schedulingGates = after.schedulingGates;
  for (const kind of ['containers', 'initContainers'] as const)
    before[kind]?.forEach((container, i) => {
      const other = after[kind]?.[i];
      if (other && other.name === container.name) container.resources = other.resources;
    });
  return kept;
}

const mayChangeTemplate = ({ spec, status }: Job): boolean =>
  spec.suspend === true && !status?.active && (status?.startTime === undefined || conditionTrue(status, 'Suspended'));

function validateCompletions(problems: Problems, spec: JobSpec, old: JobSpec): void {
  if (deepEqual(spec.completions, old.completions)) return;
  if (!isIndexed(spec)) problems.addAll(validateImmutable(spec.completions, old.completions, 'spec.completions'));
  else if (spec.completions !== undefined && spec.completions !== spec.parallelism)
    problems.invalid('spec.completions', spec.completions, 'can only be modified in tandem with spec.parallelism');
}

/** Upstream's own types among what may not change (see machinery/diff.ts). */
const forms: Partial<Record<keyof JobSpec, string>> = {
  selector: labelSelectorForm,
  podFailurePolicy:
    'Rules:rules(Action:action=s OnExitCodes:onExitCodes{ContainerName:containerName=p Operator:operator=s Values:values=p} OnPodConditions:onPodConditions(Type:type=s Status:status=s))',
  successPolicy: 'Rules:rules(SucceededIndexes:succeededIndexes=p SucceededCount:succeededCount=p)',
};

export function validateJobUpdate(job: Job, old: Job): Problems {
  const problems = new Problems();
  const { spec } = job;
  validateWhole(problems, job, old);
  // Upstream looks at the spec twice here.
  validateSpec(problems, spec);
  validateCompletions(problems, spec, old.spec);
  const immutable = (field: keyof JobSpec): void => {
    if (deepEqual(spec[field], old.spec[field])) return;
    const form = forms[field];
    const value = form && spec[field] !== undefined ? goFormOf(form, spec[field] as object) : spec[field];
    problems.invalid(`spec.${field}`, value ?? null, fieldImmutableMessage);
  };
  immutable('selector');
  const template = mayChangeTemplate(old) ? withAllowedChanges(old.spec.template, spec.template) : old.spec.template;
  if (!deepEqual(spec.template, template))
    problems.invalid('spec.template', goPodTemplate(spec.template), fieldImmutableMessage);
  for (const field of [
    'completionMode',
    'podFailurePolicy',
    'backoffLimitPerIndex',
    'managedBy',
    'successPolicy',
  ] as const)
    immutable(field);
  return problems;
}
