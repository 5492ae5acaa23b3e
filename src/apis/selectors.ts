// Validation of label selectors whose parts may be missing: what the client left out is the empty string.

import type { FieldError } from '../machinery/errors.ts';
import type { LabelSelector } from '../machinery/meta.ts';
import { validateLabelSelector } from '../machinery/validation.ts';

export function labelSelectorProblems(selector: LabelSelector | undefined, path: string): FieldError[] {
  if (!selector?.matchExpressions) return validateLabelSelector(selector, path);
  const matchExpressions = selector.matchExpressions.map((one) => ({
    ...one,
    key: one.key ?? '',
    operator: one.operator ?? '',
  }));
  return validateLabelSelector({ ...selector, matchExpressions }, path);
}
