// Validation of HorizontalPodAutoscalers (autoscaling/validation). What was stored before a rule came into being may stay.

import type {
  CrossVersionObjectReference,
  HorizontalPodAutoscaler,
  HPAScalingRules,
  MetricIdentifier,
  MetricSpec,
  MetricTarget,
} from '../../../generated/schemas/autoscaling-v2.ts';
import { isDns1123Label } from '../../../machinery/names.ts';
import { compareQuantities, formatQuantity } from '../../../machinery/quantity.ts';
import { isPathSegmentName } from '../../../machinery/validation.ts';
import { validateContainerResourceName } from '../../core/podspec/resources.ts';
import { isNegativeMessage, Problems } from '../../problems.ts';

const stabilizationSecondsMax = 3600;
const periodSecondsMax = 1800;

type Groups = 'named' | 'any' | 'unchecked';

/** What is wrong with the API version of a reference. `any`: also the core group's, which has no name. */
function versionProblem(version: string, groups: Groups): string | undefined {
  if (groups === 'unchecked') return undefined;
  const slashes = version.split('/').length - 1;
  if (slashes > 1) return `unexpected GroupVersion string: ${version}`;
  return groups === 'named' && !/^[^/]+\//.test(version) ? 'apiVersion must specify API group' : undefined;
}

function validateReference(
  problems: Problems,
  path: string,
  reference: Partial<CrossVersionObjectReference> | undefined,
  groups: Groups,
): void {
  for (const field of ['kind', 'name'] as const) {
    const value = reference?.[field];
    if (!value) problems.required(`${path}.${field}`);
    else problems.invalidAll(`${path}.${field}`, value, isPathSegmentName(value, false));
  }
  const version = reference?.apiVersion ?? '';
  const wrong = versionProblem(version, groups);
  if (wrong !== undefined) problems.invalid(`${path}.apiVersion`, version, wrong);
}

function validateIdentifier(problems: Problems, path: string, metric: Partial<MetricIdentifier> | undefined): void {
  if (!metric?.name) problems.required(`${path}.name`, 'must specify a metric name');
  else problems.invalidAll(`${path}.name`, metric.name, isPathSegmentName(metric.name, false));
}

function validateTarget(problems: Problems, path: string, target: Partial<MetricTarget>): void {
  const { type = '', averageUtilization } = target;
  if (type === '') problems.required(`${path}.type`, 'must specify a metric target type');
  if (!['Utilization', 'Value', 'AverageValue'].includes(type))
    problems.invalid(`${path}.type`, type, 'must be either Utilization, Value, or AverageValue');
  for (const field of ['value', 'averageValue'] as const) {
    const quantity = target[field];
    if (quantity !== undefined && compareQuantities(quantity, '0') <= 0)
      problems.invalid(`${path}.${field}`, formatQuantity(quantity), 'must be positive');
  }
  if (averageUtilization !== undefined && averageUtilization < 1)
    problems.invalid(`${path}.averageUtilization`, averageUtilization, 'must be greater than 0');
}

function validateResourceTarget(problems: Problems, path: string, target: Partial<MetricTarget>): void {
  const { averageUtilization, averageValue } = target;
  if (averageUtilization === undefined && averageValue === undefined)
    problems.required(`${path}.averageUtilization`, 'must set either a target raw value or a target utilization');
  if (averageUtilization !== undefined && averageValue !== undefined)
    problems.forbidden(`${path}.averageValue`, 'may not set both a target raw value and a target utilization');
}

type Sources = {
  readonly [Source in 'object' | 'external' | 'pods' | 'resource' | 'containerResource']: (
    problems: Problems,
    path: string,
    source: NonNullable<MetricSpec[Source]>,
    objectGroups: Groups,
  ) => void;
};

/** In the order in which upstream looks at them: only the first that is there is looked into. */
const sources: Sources = {
  object(problems, path, source, groups) {
    const target = source.target ?? {};
    validateReference(problems, `${path}.describedObject`, source.describedObject, groups);
    validateIdentifier(problems, `${path}.metric`, source.metric);
    validateTarget(problems, `${path}.target`, target);
    if (target.value === undefined && target.averageValue === undefined)
      problems.required(`${path}.target.averageValue`, 'must set either a target value or averageValue');
  },
  external(problems, path, source) {
    const target = source.target ?? {};
    validateIdentifier(problems, `${path}.metric`, source.metric);
    validateTarget(problems, `${path}.target`, target);
    if (target.value === undefined && target.averageValue === undefined)
      problems.required(`${path}.target.averageValue`, 'must set either a target value for metric or a per-pod target');
    if (target.value !== undefined && target.averageValue !== undefined)
      problems.forbidden(`${path}.target.value`, 'may not set both a target value for metric and a per-pod target');
  },
  pods(problems, path, source) {
    const target = source.target ?? {};
    validateIdentifier(problems, `${path}.metric`, source.metric);
    validateTarget(problems, `${path}.target`, target);
    if (target.averageValue === undefined)
      problems.required(`${path}.target.averageValue`, 'must specify a positive target averageValue');
  },
  resource(problems, path, source) {
    if (!source.name) problems.required(`${path}.name`, 'must specify a resource name');
    validateTarget(problems, `${path}.target`, source.target ?? {});
    validateResourceTarget(problems, `${path}.target`, source.target ?? {});
  },
  containerResource(problems, path, source) {
    if (!source.name) problems.required(`${path}.name`, 'must specify a resource name');
    else validateContainerResourceName(problems, `${path}.name`, source.name);
    if (!source.container) problems.required(`${path}.container`, 'must specify a container');
    else problems.invalidAll(`${path}.container`, source.container, isDns1123Label(source.container));
    validateTarget(problems, `${path}.target`, source.target ?? {});
    validateResourceTarget(problems, `${path}.target`, source.target ?? {});
  },
};

const sourceNames = Object.keys(sources) as (keyof Sources)[];
const sourceTypes = ['ContainerResource', 'External', 'Object', 'Pods', 'Resource'];

function validateMetric(problems: Problems, path: string, metric: MetricSpec, groups: Groups): void {
  const type = metric.type ?? '';
  const known = sourceTypes.includes(type);
  const unsupported = (): void => problems.notSupported(`${path}.type`, type, sourceTypes);
  if (type === '') problems.required(`${path}.type`, 'must specify a metric source type');
  if (!known) unsupported();
  const present = sourceNames.filter((name) => metric[name] !== undefined);
  const [first] = present;
  if (first)
    // The key and the check belong together by construction; the compiler cannot follow the correlation.
    (sources[first] as (problems: Problems, path: string, source: unknown, groups: Groups) => void)(
      problems,
      `${path}.${first}`,
      metric[first],
      groups,
    );
  const expected = (type.charAt(0).toLowerCase() + type.slice(1)) as keyof Sources;
  if (!known) unsupported();
  else if (metric[expected] === undefined)
    problems.required(`${path}.${expected}`, 'must populate information for the given metric source');
  if (present.length === 1) return;
  for (const name of present)
    if (name !== expected) problems.forbidden(`${path}.${name}`, 'must populate the given metric source only');
}

function validateRules(problems: Problems, path: string, rules: HPAScalingRules | undefined): void {
  if (!rules) return;
  const { stabilizationWindowSeconds: seconds, selectPolicy, policies = [], tolerance } = rules;
  const atMost = (at: string, value: number, max: number): void => {
    if (value > max) problems.invalid(at, value, `must be less than or equal to ${max}`);
  };
  if (seconds !== undefined) {
    const at = `${path}.stabilizationWindowSeconds`;
    if (seconds < 0) problems.invalid(at, seconds, 'must be greater than or equal to zero');
    atMost(at, seconds, stabilizationSecondsMax);
  }
  if (selectPolicy !== undefined)
    problems.oneOf(`${path}.selectPolicy`, selectPolicy, ['Disabled', 'Max', 'Min'], 'unsupported');
  if (policies.length === 0) problems.required(`${path}.policies`, 'must specify at least one Policy');
  policies.forEach((policy, i) => {
    const at = `${path}.policies[${i}]`;
    problems.oneOf(`${at}.type`, policy.type, ['Percent', 'Pods'], 'unsupported');
    const { value = 0, periodSeconds = 0 } = policy;
    if (value <= 0) problems.invalid(`${at}.value`, value, 'must be greater than zero');
    if (periodSeconds <= 0) problems.invalid(`${at}.periodSeconds`, periodSeconds, 'must be greater than zero');
    atMost(`${at}.periodSeconds`, periodSeconds, periodSecondsMax);
  });
  if (tolerance !== undefined && compareQuantities(tolerance, '0') < 0)
    problems.invalid(`${path}.tolerance`, formatQuantity(tolerance), isNegativeMessage);
}

function targetGroups({ spec }: HorizontalPodAutoscaler, old: HorizontalPodAutoscaler | undefined): Groups {
  const [now, before] = [spec.scaleTargetRef, old?.spec.scaleTargetRef];
  if (before && (now?.apiVersion ?? '') === (before.apiVersion ?? '') && now?.kind === before.kind) return 'unchecked';
  return now?.kind === 'ReplicationController' ? 'any' : 'named';
}

export function validateAutoscaler(autoscaler: HorizontalPodAutoscaler, old?: HorizontalPodAutoscaler): Problems {
  const problems = new Problems();
  const { minReplicas, maxReplicas = 0, metrics = [], scaleTargetRef, behavior } = autoscaler.spec;
  const least = old?.spec.minReplicas === 0 ? 0 : 1;
  if (minReplicas !== undefined && minReplicas < least)
    problems.invalid('spec.minReplicas', minReplicas, `must be greater than or equal to ${least}`);
  if (maxReplicas < 1) problems.invalid('spec.maxReplicas', maxReplicas, 'must be greater than 0');
  if (minReplicas !== undefined && maxReplicas < minReplicas)
    problems.invalid('spec.maxReplicas', maxReplicas, 'must be greater than or equal to `minReplicas`');
  validateReference(problems, 'spec.scaleTargetRef', scaleTargetRef, targetGroups(autoscaler, old));
  const wasInvalid = (old?.spec.metrics ?? []).some(
    (metric) => versionProblem(metric.object?.describedObject?.apiVersion ?? '', 'any') !== undefined,
  );
  metrics.forEach((metric, i) => {
    validateMetric(problems, `spec.metrics[${i}]`, metric, wasInvalid ? 'unchecked' : 'any');
  });
  if (minReplicas === 0 && !metrics.some((metric) => metric.type === 'Object' || metric.type === 'External'))
    problems.forbidden(
      'spec.metrics',
      'must specify at least one Object or External metric to support scaling to zero replicas',
    );
  validateRules(problems, 'spec.behavior.scaleUp', behavior?.scaleUp);
  validateRules(problems, 'spec.behavior.scaleDown', behavior?.scaleDown);
  return problems;
}
