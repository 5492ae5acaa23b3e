// Label selectors as controllers use them, on the machinery's.
import type { LabelSelector } from '../../machinery/meta.ts';
import {
  type Labels,
  matchesLabels,
  selectorFromObject,
  selectorFromSet,
  selectorText as textOf,
} from '../../machinery/selectors.ts';

/** Whether every pair of `wanted` is among `labels` (a Service's selector). */
export function matchesPairs(wanted: Labels, labels: Labels | undefined): boolean {
  return matchesLabels(selectorFromSet(wanted), labels);
}

/** meta/v1 LabelSelector; an empty one matches everything. */
export function matchesSelector(selector: LabelSelector, labels: Labels | undefined): boolean {
  return matchesLabels(selectorFromObject(selector), labels);
}

export function pairsText(pairs: Labels): string {
  return textOf(selectorFromSet(pairs));
}

/** The form that list queries take: `app=web,tier in (a,b),!legacy`. */
export function selectorText(selector: LabelSelector): string {
  return textOf(selectorFromObject(selector));
}

export function isEmptySelector(selector: LabelSelector | undefined): boolean {
  return Object.keys(selector?.matchLabels ?? {}).length === 0 && (selector?.matchExpressions ?? []).length === 0;
}
