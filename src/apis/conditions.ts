// Validation of conditions in their standard form (meta/v1 Condition; upstream's ValidateConditions).

import type { Condition } from '../machinery/meta.ts';
import { isQualifiedName, regexMessage } from '../machinery/names.ts';
import { keyed, type Problems } from './problems.ts';

const statuses = ['False', 'True', 'Unknown'];
const reasonFormat = '[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?';
const reasonMessage = regexMessage(
  "a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric characters or '_,:', and must end with an alphanumeric character or '_'",
  reasonFormat,
  'my_name',
  'MY_NAME',
  'MyName',
  'ReasonA,ReasonB',
  'ReasonA:ReasonB',
);
const reasonLengthMax = 1024;
const messageLengthMax = 32 * 1024;

export function validateConditions(
  problems: Problems,
  path: string,
  conditions: readonly Partial<Condition>[] | undefined,
): void {
  const seen = new Set<string>();
  (conditions ?? []).forEach((condition, i) => {
    const at = keyed(path, String(i));
    const { type = '', status = '', reason = '', message = '', observedGeneration = 0 } = condition;
    if (seen.has(type)) problems.duplicate(`${at}.type`, type);
    seen.add(type);
    problems.invalidAll(`${at}.type`, type, isQualifiedName(type));
    if (!statuses.includes(status)) problems.notSupported(`${at}.status`, status, statuses);
    if (observedGeneration < 0)
      problems.invalid(`${at}.observedGeneration`, observedGeneration, 'must be greater than or equal to zero');
    if (!condition.lastTransitionTime) problems.required(`${at}.lastTransitionTime`);
    if (reason === '') problems.required(`${at}.reason`);
    else {
      if (!new RegExp(`^${reasonFormat}$`).test(reason)) problems.invalid(`${at}.reason`, reason, reasonMessage);
      if (reason.length > reasonLengthMax) problems.tooLong(`${at}.reason`, reasonLengthMax);
    }
    if (message.length > messageLengthMax) problems.tooLong(`${at}.message`, messageLengthMax);
  });
}
