// Validation that workloads share: their selector, and the pod template under it.

import type { PodTemplateSpec } from '../../generated/schemas/core-v1.ts';
import { intValue, percentOf } from '../../machinery/intstr.ts';
import type { KubeObject, LabelSelector } from '../../machinery/meta.ts';
import { isDns1123Label, isPercent } from '../../machinery/names.ts';
import { matchesLabels, selectorFromObject } from '../../machinery/selectors.ts';
import { deepEqual, validateLabelSelector } from '../../machinery/validation.ts';
import { goLabelSelector, goMap } from '../core/go-forms.ts';
import { validatePodTemplate } from '../core/podspec/validation.ts';
import { podTemplateWarnings } from '../core/podspec/warnings.ts';
import { fieldImmutableMessage, isNegativeMessage, type Problems } from '../problems.ts';

export const unmatchedMessage = '`selector` does not match template `labels`';

/**
 * Whether a selector takes pods with the labels of this template: an empty one takes all, an absent one none. Undefined
 * when it is no valid selector, which validation of the selector itself has said.
 */
export function selects(
  selector: LabelSelector | undefined,
  template: PodTemplateSpec | undefined,
): boolean | undefined {
  if (validateLabelSelector(selector, '').length > 0) return undefined;
  return matchesLabels(selectorFromObject(selector), template?.metadata?.labels);
}

const isEmpty = (selector: LabelSelector): boolean =>
  Object.keys(selector.matchLabels ?? {}).length + (selector.matchExpressions?.length ?? 0) === 0;

/** `kind` as the message about the empty selector names it. */
export function validateSelector(problems: Problems, selector: LabelSelector | undefined, kind: string): void {
  if (!selector) {
    problems.required('spec.selector');
    return;
  }
  problems.addAll(validateLabelSelector(selector, 'spec.selector'));
  validateNotEmpty(problems, selector, kind);
}

export function validateNotEmpty(problems: Problems, selector: LabelSelector | undefined, kind: string): void {
  if (selector && isEmpty(selector))
    problems.invalid('spec.selector', goLabelSelector(selector), `empty selector is invalid for ${kind}`);
}

/** Pods that are kept running restart always and have no deadline. */
export function validateKeptRunning(problems: Problems, template: PodTemplateSpec | undefined, kind: string): void {
  const path = 'spec.template.spec';
  const policy = template?.spec?.restartPolicy;
  if (policy !== 'Always') problems.notSupported(`${path}.restartPolicy`, policy ?? '', ['Always']);
  if (template?.spec?.activeDeadlineSeconds !== undefined)
    problems.forbidden(`${path}.activeDeadlineSeconds`, `activeDeadlineSeconds in ${kind} is not Supported`);
}

export function validateMatch(
  problems: Problems,
  template: PodTemplateSpec | undefined,
  matches: boolean | undefined,
): void {
  if (matches === false)
    problems.invalid('spec.template.metadata.labels', goMap(template?.metadata?.labels), unmatchedMessage);
}

/** The template of pods that are kept running: it must match the selector. */
export function validateTemplate(
  problems: Problems,
  template: PodTemplateSpec | undefined,
  selector: LabelSelector | undefined,
  invalidSelector = 'invalid label selector',
): void {
  const matches = selects(selector, template);
  if (matches === undefined) {
    problems.invalid('spec.selector', goLabelSelector(selector), invalidSelector);
    return;
  }
  validateMatch(problems, template, matches);
  validatePodTemplate(problems, 'spec.template', template ?? {});
  validateKeptRunning(problems, template, 'ReplicaSet');
}

type Workload = KubeObject & { spec: { template?: PodTemplateSpec } };

/** Of the pod template; again only when the spec has changed. */
export const templateWarnings = (object: Workload, old: Workload | undefined): string[] =>
  old && object.metadata.generation === old.metadata.generation
    ? []
    : podTemplateWarnings('spec.template', object.spec.template);

/** Of a new object after which pods are named. */
export function nameWarnings(object: KubeObject, old: KubeObject | undefined): string[] {
  const wrong = old ? [] : isDns1123Label(object.metadata.name);
  return wrong.length === 0
    ? []
    : [
        `metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is recommended: [${wrong.join(' ')}]`,
      ];
}

export function validateImmutableSelector(
  problems: Problems,
  selector: LabelSelector | undefined,
  old: LabelSelector | undefined,
): void {
  if (!deepEqual(selector, old)) problems.invalid('spec.selector', goLabelSelector(selector), fieldImmutableMessage);
}

/** A number that is not negative, or a percentage. */
export function validateCountOrPercent(problems: Problems, path: string, value: number | string | undefined): void {
  if (typeof value === 'string') problems.invalidAll(path, value, isPercent(value));
  else if (value !== undefined && value < 0) problems.invalid(path, value, isNegativeMessage);
}

export function validateAtMostWhole(problems: Problems, path: string, value: number | string | undefined): void {
  if (value !== undefined && (percentOf(value) ?? 0) > 100)
    problems.invalid(path, value, 'must not be greater than 100%');
}

/** 0 or 0%. */
export const isZero = (value: number | string | undefined): boolean =>
  value === undefined || (typeof value === 'string' ? (percentOf(value) ?? intValue(value)) === 0 : value === 0);

/** Counters of a status: none negative (`order`), the `parts` not above `replicas`, available ones not above ready ones. */
export function validateCounts<Status extends object>(
  problems: Problems,
  status: Status,
  order: readonly (keyof Status & string)[],
  parts: readonly (keyof Status & string)[],
  ready = 'readyReplicas',
): void {
  const counts = status as Readonly<Record<string, number | undefined>>;
  const count = (field: string): number => counts[field] ?? 0;
  for (const field of order) problems.nonNegative(`status.${field}`, counts[field]);
  const exceeds = (field: string, other: string, name: string): void => {
    if (count(field) > count(other))
      problems.invalid(`status.${field}`, count(field), `cannot be greater than ${name}`);
  };
  for (const part of parts) exceeds(part, 'replicas', 'status.replicas');
  if (parts.length > 0) exceeds('availableReplicas', 'readyReplicas', ready);
}

/** A counter that a client may not turn back. */
export function validateCollisions(problems: Problems, now: number | undefined, before: number | undefined): void {
  if (before !== undefined && (now === undefined || now < before))
    problems.invalid('status.collisionCount', now ?? 0, 'cannot be decremented');
}

/** A struct as upstream's internal types print in messages: Go's names, null for what is absent. */
export const internalForm = (object: object, ...fields: readonly string[]): Record<string, unknown> =>
  Object.fromEntries(
    fields.map((field) => [
      field,
      (object as Record<string, unknown>)[field.charAt(0).toLowerCase() + field.slice(1)] ?? null,
    ]),
  );
