// Validation that the workloads of apps/v1 share: their selector, and the pod template under it.

import type { PodTemplateSpec } from '../../generated/schemas/core-v1.ts';
import { intValue, percentOf } from '../../machinery/intstr.ts';
import type { LabelSelector } from '../../machinery/meta.ts';
import { isPercent } from '../../machinery/names.ts';
import { matchesLabels, selectorFromObject } from '../../machinery/selectors.ts';
import { deepEqual, validateLabelSelector } from '../../machinery/validation.ts';
import { validatePodTemplate } from '../core/podspec/validation.ts';
import { fieldImmutableMessage, isNegativeMessage, type Problems } from '../problems.ts';

/** `kind` as the message about the empty selector names it. */
export function validateSelector(problems: Problems, selector: LabelSelector | undefined, kind: string): void {
  if (!selector) {
    problems.required('spec.selector');
    return;
  }
  problems.addAll(validateLabelSelector(selector, 'spec.selector'));
  if (Object.keys(selector.matchLabels ?? {}).length + (selector.matchExpressions?.length ?? 0) === 0)
    problems.invalid('spec.selector', selector, `empty selector is invalid for ${kind}`);
}

/** The template of pods that are kept running: it must match the selector and restart always. */
export function validateTemplate(
  problems: Problems,
  template: PodTemplateSpec | undefined,
  selector: LabelSelector | undefined,
  kind: string,
): void {
  const path = 'spec.template';
  if (!template) {
    problems.required(path);
    return;
  }
  let matches = true;
  try {
    const parsed = selectorFromObject(selector);
    matches = parsed.length === 0 || !selector || matchesLabels(parsed, template.metadata?.labels);
  } catch {
    problems.invalid('spec.selector', selector, 'invalid label selector');
  }
  if (!matches)
    problems.invalid(
      `${path}.metadata.labels`,
      template.metadata?.labels ?? null,
      '`selector` does not match template `labels`',
    );
  validatePodTemplate(problems, path, template);
  const policy: string = template.spec?.restartPolicy ?? '';
  if (policy !== 'Always' && policy !== '') problems.notSupported(`${path}.spec.restartPolicy`, policy, ['Always']);
  if (template.spec?.activeDeadlineSeconds !== undefined)
    problems.forbidden(`${path}.spec.activeDeadlineSeconds`, `activeDeadlineSeconds in ${kind} is not Supported`);
}

export function validateImmutableSelector(
  problems: Problems,
  selector: LabelSelector | undefined,
  old: LabelSelector | undefined,
): void {
  if (!deepEqual(selector, old)) problems.invalid('spec.selector', selector ?? null, fieldImmutableMessage);
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

interface Counts {
  replicas?: number;
  readyReplicas?: number;
  availableReplicas?: number;
  observedGeneration?: number;
  collisionCount?: number;
  fullyLabeledReplicas?: number;
  updatedReplicas?: number;
  unavailableReplicas?: number;
  terminatingReplicas?: number;
}

/** Counters of a status: none negative, the `parts` not above `replicas`, available ones not above ready ones. */
export function validateCounts(
  problems: Problems,
  status: Counts,
  order: readonly (keyof Counts)[],
  parts: readonly (keyof Counts)[],
): void {
  for (const field of order) problems.nonNegative(`status.${field}`, status[field]);
  const replicas = status.replicas ?? 0;
  for (const part of parts)
    if ((status[part] ?? 0) > replicas)
      problems.invalid(`status.${part}`, status[part], 'cannot be greater than status.replicas');
  if ((status.availableReplicas ?? 0) > (status.readyReplicas ?? 0))
    problems.invalid('status.availableReplicas', status.availableReplicas, 'cannot be greater than readyReplicas');
}

/** Counters that a client may not turn back. */
export function validateCollisions(problems: Problems, now: number | undefined, before: number | undefined): void {
  if (before !== undefined && (now === undefined || now < before))
    problems.invalid('status.collisionCount', now ?? null, 'cannot be decremented');
}
