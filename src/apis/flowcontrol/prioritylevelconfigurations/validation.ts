// What upstream's validation says of a PriorityLevelConfiguration.

import type {
  LimitedPriorityLevelConfiguration,
  LimitResponse,
  PriorityLevelConfiguration,
  PriorityLevelConfigurationSpec,
  QueuingConfiguration,
} from '../../../generated/schemas/flowcontrol-v1.ts';
import { deepEqual } from '../../../machinery/validation.ts';
import { Problems } from '../../problems.ts';
import { validateConditions } from '../conditions.ts';
import { goValue, pointer, type Shape } from '../go-value.ts';
import { mandatoryLevels } from './bootstrap.ts';

const preserveZeroShares = 'flowcontrol.k8s.io/v1beta3-preserve-zero-concurrency-shares';
const queuesMax = 10_000_000;
/** Bits of the hash that deals a hand. */
const hashBitsMax = 60;
const positive = 'must be positive';
const notNegative = 'must be a non-negative integer';

const specShape: Shape = {
  type: '',
  limited: pointer({
    nominalConcurrencyShares: 0,
    limitResponse: { type: '', queuing: pointer({ queues: 0, handSize: 0, queueLengthLimit: 0 }) },
    lendablePercent: null,
    borrowingLimitPercent: null,
  }),
  exempt: pointer({ nominalConcurrencyShares: null, lendablePercent: null }),
};

export function validateLevel(level: PriorityLevelConfiguration): Problems {
  const problems = new Problems();
  const { name = '', annotations = {} } = level.metadata;
  const spec: Partial<PriorityLevelConfigurationSpec> = level.spec ?? {};
  if (Object.hasOwn(annotations, preserveZeroShares))
    problems.forbidden('metadata.annotations', `annotation '${preserveZeroShares}' is forbidden`);
  validateSpec(problems, name, spec);
  validateFixed(problems, name, spec);
  validateConditions(problems, level);
  return problems;
}

function validateFixed(problems: Problems, name: string, spec: Partial<PriorityLevelConfigurationSpec>): void {
  const fixed = mandatoryLevels.get(name)?.spec;
  if (!fixed) return;
  const exempt = name === 'exempt';
  if (deepEqual(exempt ? { ...spec, exempt: fixed.exempt } : spec, fixed)) return;
  const part = exempt ? " except the 'spec.exempt' field" : '';
  problems.invalid('spec', goValue(spec, specShape), `spec of '${name}'${part} must equal the fixed value`);
}

function validateSpec(problems: Problems, name: string, spec: Partial<PriorityLevelConfigurationSpec>): void {
  const { type = '', limited, exempt } = spec;
  if ((name === 'exempt') !== (type === 'Exempt'))
    problems.invalid('spec.type', type, "type must be 'Exempt' if and only if name is 'exempt'");
  if (type === 'Exempt') {
    if (limited) problems.forbidden('spec.limited', 'must be nil if the type is not Limited');
    if (!exempt) return;
    const shares = exempt.nominalConcurrencyShares;
    if (shares !== undefined && shares < 0)
      problems.invalid('spec.exempt.nominalConcurrencyShares', shares, notNegative);
    validateLendable(problems, 'spec.exempt', exempt.lendablePercent);
  } else if (type === 'Limited') {
    if (exempt) problems.forbidden('spec.exempt', 'must be nil if the type is Limited');
    if (limited) validateLimited(problems, 'spec.limited', limited);
    else problems.required('spec.limited', 'must not be empty when type is Limited');
  } else problems.notSupported('spec.type', type, ['Exempt', 'Limited']);
}

function validateLendable(problems: Problems, at: string, percent: number | undefined): void {
  if (percent !== undefined && !(percent >= 0 && percent <= 100))
    problems.invalid(`${at}.lendablePercent`, percent, 'must be between 0 and 100, inclusive');
}

function validateLimited(problems: Problems, at: string, limited: LimitedPriorityLevelConfiguration): void {
  const { nominalConcurrencyShares: shares = 0, borrowingLimitPercent: borrowing } = limited;
  if (shares < 0) problems.invalid(`${at}.nominalConcurrencyShares`, shares, notNegative);
  validateResponse(problems, `${at}.limitResponse`, limited.limitResponse ?? {});
  validateLendable(problems, at, limited.lendablePercent);
  if (borrowing !== undefined && borrowing < 0)
    problems.invalid(`${at}.borrowingLimitPercent`, borrowing, `if specified, ${notNegative}`);
}

function validateResponse(problems: Problems, at: string, response: Partial<LimitResponse>): void {
  const { type = '', queuing } = response;
  // That the messages speak of Limited is upstream's.
  if (type === 'Reject') {
    if (queuing) problems.forbidden(`${at}.queuing`, 'must be nil if limited.limitResponse.type is not Limited');
  } else if (type === 'Queue') {
    if (queuing) validateQueuing(problems, `${at}.queuing`, queuing);
    else problems.required(`${at}.queuing`, 'must not be empty if limited.limitResponse.type is Limited');
  } else problems.notSupported(`${at}.type`, type, ['Queue', 'Reject']);
}

function validateQueuing(problems: Problems, at: string, queuing: QueuingConfiguration): void {
  const { queues = 0, handSize = 0, queueLengthLimit = 0 } = queuing;
  if (queueLengthLimit <= 0) problems.invalid(`${at}.queueLengthLimit`, queueLengthLimit, positive);
  if (queues <= 0) problems.invalid(`${at}.queues`, queues, positive);
  else if (queues > queuesMax) problems.invalid(`${at}.queues`, queues, `must not be greater than ${queuesMax}`);
  const hand = handSizeProblem(queues, handSize);
  if (hand) problems.invalid(`${at}.handSize`, handSize, hand);
}

function handSizeProblem(queues: number, handSize: number): string | undefined {
  if (handSize <= 0) return positive;
  if (handSize > queues) return `should not be greater than queues (${queues})`;
  if (Math.ceil(Math.log2(queues) * handSize) > hashBitsMax)
    return `required entropy bits of deckSize ${queues} and handSize ${handSize} should not be greater than ${hashBitsMax}`;
  return undefined;
}
