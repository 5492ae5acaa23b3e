// Validation of a Job's policies: which failures of pods count, and when enough indexes have succeeded.

import type { JobSpec, PodFailurePolicyRule, SuccessPolicyRule } from '../../../generated/schemas/batch-v1.ts';
import { omitted } from '../../../machinery/errors.ts';
import { isQualifiedName } from '../../../machinery/names.ts';
import { repeats, tooMany } from '../../../machinery/validation.ts';
import type { Problems } from '../../problems.ts';
import { countIndexes } from './indexes.ts';

const rulesMax = 20;
const exitCodesMax = 255;
const patternsMax = 20;
const indexesBytesMax = 64 * 1024;
const actions = ['Count', 'FailIndex', 'FailJob', 'Ignore'];
const operators = ['In', 'NotIn'];
const statuses = ['False', 'True', 'Unknown'];

/** Required with the valid values when empty, NotSupported when another. */
function choice(problems: Problems, at: string, value: string | undefined, values: readonly string[]): void {
  if (!value) problems.required(at, `valid values: [${values.map((one) => JSON.stringify(one)).join(' ')}]`);
  else if (!values.includes(value)) problems.notSupported(at, value, values);
}

function atMost(problems: Problems, at: string, list: readonly unknown[], max: number): void {
  if (list.length > max) problems.addAll([tooMany(at, list.length, max)]);
}

export function validatePodFailurePolicy(problems: Problems, path: string, spec: JobSpec): void {
  const rules = spec.podFailurePolicy?.rules ?? [];
  atMost(problems, `${path}.rules`, rules, rulesMax);
  rules.forEach((rule, i) => {
    validateFailureRule(problems, `${path}.rules[${i}]`, rule, spec);
  });
}

function validateFailureRule(problems: Problems, path: string, rule: PodFailurePolicyRule, spec: JobSpec): void {
  if (rule.action === 'FailIndex') {
    if (spec.backoffLimitPerIndex === undefined)
      problems.invalid(`${path}.action`, rule.action, 'requires the backoffLimitPerIndex to be set');
  } else choice(problems, `${path}.action`, rule.action, actions);
  if (rule.onExitCodes) validateExitCodes(problems, `${path}.onExitCodes`, rule.onExitCodes, spec);
  const patterns = rule.onPodConditions ?? [];
  atMost(problems, `${path}.onPodConditions`, patterns, patternsMax);
  patterns.forEach((pattern, i) => {
    const at = `${path}.onPodConditions[${i}]`;
    problems.invalidAll(`${at}.type`, pattern.type ?? '', isQualifiedName(pattern.type ?? ''));
    choice(problems, `${at}.status`, pattern.status, statuses);
  });
  if (rule.onExitCodes && patterns.length > 0)
    problems.invalid(path, omitted, 'specifying both OnExitCodes and OnPodConditions is not supported');
  if (!rule.onExitCodes && patterns.length === 0)
    problems.invalid(path, omitted, 'specifying one of OnExitCodes and OnPodConditions is required');
}

function validateExitCodes(
  problems: Problems,
  path: string,
  { operator, containerName, values = [] }: NonNullable<PodFailurePolicyRule['onExitCodes']>,
  { template }: JobSpec,
): void {
  choice(problems, `${path}.operator`, operator, operators);
  const containers = [...(template?.spec?.containers ?? []), ...(template?.spec?.initContainers ?? [])];
  if (containerName !== undefined && !containers.some((container) => container.name === containerName))
    problems.invalid(
      `${path}.containerName`,
      containerName,
      'must be one of the container or initContainer names in the pod template',
    );
  if (values.length === 0) problems.invalid(`${path}.values`, values, 'at least one value is required');
  else atMost(problems, `${path}.values`, values, exitCodesMax);
  const repeated = repeats(values);
  values.forEach((value, i) => {
    const at = `${path}.values[${i}]`;
    if (operator === 'In' && value === 0) problems.invalid(at, value, 'must not be 0 for the In operator');
    if (repeated[i]) problems.duplicate(at, value);
  });
  if (values.some((value, i) => i > 0 && (values[i - 1] as number) > value))
    problems.invalid(`${path}.values`, values, 'must be ordered');
}

export function validateSuccessPolicy(problems: Problems, path: string, spec: JobSpec): void {
  const rules = spec.successPolicy?.rules ?? [];
  if (rules.length === 0)
    problems.required(`${path}.rules`, 'at least one rules must be specified when the successPolicy is specified');
  atMost(problems, `${path}.rules`, rules, rulesMax);
  rules.forEach((rule, i) => {
    validateSuccessRule(problems, `${path}.rules[${i}]`, rule, spec.completions ?? 0);
  });
}

function validateSuccessRule(problems: Problems, path: string, rule: SuccessPolicyRule, completions: number): void {
  const { succeededCount, succeededIndexes } = rule;
  if (succeededCount === undefined && succeededIndexes === undefined)
    problems.required(path, 'at least one of succeededCount or succeededIndexes must be specified');
  let total = 0;
  if (succeededIndexes !== undefined) {
    const at = `${path}.succeededIndexes`;
    if (succeededIndexes.length > indexesBytesMax) problems.tooLong(at, indexesBytesMax);
    const { count, wrong } = countIndexes(succeededIndexes, completions);
    total = count;
    if (wrong !== undefined) problems.invalid(at, succeededIndexes, `error parsing succeededIndexes: ${wrong}`);
  }
  if (succeededCount === undefined) return;
  const at = `${path}.succeededCount`;
  problems.nonNegative(at, succeededCount);
  const atMostText = (count: number, of: string): string =>
    `must be less than or equal to ${count} (the number of ${of})`;
  if (succeededCount > completions)
    problems.invalid(at, succeededCount, atMostText(completions, 'specified completions'));
  if (succeededIndexes !== undefined && succeededCount > total)
    problems.invalid(at, succeededCount, atMostText(total, 'indexes in the specified succeededIndexes field'));
}
