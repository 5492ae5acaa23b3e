// Selectors of requests and of reviews, as authorizers see them (upstream's AuthorizeWithSelectors). Nothing here throws: what
// cannot be understood is said beside what can.
import type { FieldSelectorAttributes, LabelSelectorAttributes } from '../../generated/schemas/authorization-v1.ts';
import { ApiError, goQuoted } from '../../machinery/errors.ts';
import {
  type FieldRequirement,
  type LabelRequirement,
  parseFieldSelector,
  parseLabelSelector,
} from '../../machinery/selectors.ts';
import type { User } from '../core.ts';
import type { RequestInfo } from '../routing.ts';
import type { Attributes, Selection } from './authorizer.ts';

/** What a request asks leave for. */
export function attributesOf(info: RequestInfo, user: User): Attributes {
  const { fieldSelector, labelSelector, rest: _rest, ...what } = info;
  return {
    ...what,
    user,
    ...(fieldSelector === '' ? {} : { fieldSelector: parsed(fieldSelector, parseFieldSelector) }),
    ...(labelSelector === '' ? {} : { labelSelector: parsed(labelSelector, parseLabelSelector) }),
  };
}

function parsed<R>(text: string, parse: (text: string) => readonly R[]): Selection<R> {
  try {
    return { requirements: parse(text) };
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return { requirements: [], error: error.message };
  }
}

/** Requirements as reviews list them: what is wrong with one leaves the others in force. */
interface Listed {
  key?: string;
  operator?: string;
  values?: string[];
}

function understood<R>(listed: readonly Listed[], read: (one: Listed) => R | string): Selection<R> {
  const requirements: R[] = [];
  const problems = new Set<string>();
  for (const one of listed) {
    const requirement = read(one);
    if (typeof requirement === 'string') problems.add(requirement);
    else requirements.push(requirement);
  }
  return problems.size === 0 ? { requirements } : { requirements, error: aggregated([...problems]) };
}

/** Several problems as Go's aggregate of errors shows them. */
export const aggregated = (problems: readonly string[]): string =>
  problems.length === 1 ? (problems[0] as string) : `[${problems.join(', ')}]`;

/** Of a review's `fieldSelector`. */
export function fieldsOf(selector: FieldSelectorAttributes): Selection<FieldRequirement> {
  if (selector.requirements?.length) return understood(selector.requirements as Listed[], fieldRequirement);
  return parsed(selector.rawSelector ?? '', parseFieldSelector);
}

function fieldRequirement({ key = '', operator = '', values = [] }: Listed): FieldRequirement | string {
  if (values.length > 1) return 'fieldSelectors do not yet support multiple values';
  const [value] = values;
  switch (operator) {
    case 'In':
      return value === undefined ? 'fieldSelectors in must have one value' : { field: key, operator: '=', value };
    case 'NotIn':
      return value === undefined ? 'fieldSelectors not in must have one value' : { field: key, operator: '!=', value };
    case 'Exists':
    case 'DoesNotExist':
      return `fieldSelectors do not yet support ${operator}`;
    default:
      return `${goQuoted(operator)} is not a valid field selector operator`;
  }
}

/** Of a review's `labelSelector`. */
export function labelsOf(selector: LabelSelectorAttributes): Selection<LabelRequirement> {
  if (selector.requirements?.length) return understood(selector.requirements, labelRequirement);
  return parsed(selector.rawSelector ?? '', parseLabelSelector);
}

const labelOperators: ReadonlyMap<string, LabelRequirement['operator']> = new Map([
  ['In', 'in'],
  ['NotIn', 'notin'],
  ['Exists', 'exists'],
  ['DoesNotExist', '!'],
]);

/** Keys and values have been validated with the review. */
function labelRequirement({ key = '', operator = '', values = [] }: Listed): LabelRequirement | string {
  const own = labelOperators.get(operator);
  return own ? { key, operator: own, values } : `${goQuoted(operator)} is not a valid label selector operator`;
}
