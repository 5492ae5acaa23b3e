// Label selectors (k8s.io/apimachinery/pkg/labels): `app=web,tier in (a,b),!legacy`. A selector is a list of requirements
// that must all hold; the empty list selects everything. Texts that do not parse are BadRequest with upstream's message.
// Field selectors are in fields.ts, whose syntax differs.

import { errors, fieldErrorText } from './errors.ts';
import type { LabelSelector } from './meta.ts';
import { isLabelValue, isQualifiedName } from './names.ts';

export {
  type FieldRequirement,
  type FieldSelector,
  fieldSelectorText,
  matchesFields,
  parseFieldSelector,
} from './fields.ts';

export type LabelOperator = '=' | '==' | '!=' | 'in' | 'notin' | 'exists' | '!' | 'gt' | 'lt';

export interface LabelRequirement {
  readonly key: string;
  readonly operator: LabelOperator;
  readonly values: readonly string[];
}

/** Requirements sorted by key, all of which must hold. */
export type Selector = readonly LabelRequirement[];

export type Labels = Readonly<Record<string, string>>;

export const everything: Selector = [];
/** Matches no labels whatever: what a missing LabelSelector means. */
export const nothing: Selector = [{ key: '', operator: 'in', values: [] }];

const lookup = (labels: Labels | undefined, key: string): string | undefined =>
  labels !== undefined && Object.hasOwn(labels, key) ? labels[key] : undefined;

const int64 = (text: string | undefined): bigint | undefined =>
  text !== undefined && /^[-+]?[0-9]{1,19}$/.test(text) ? BigInt(text.replace('+', '')) : undefined;

function holds(requirement: LabelRequirement, labels: Labels | undefined): boolean {
  const value = lookup(labels, requirement.key);
  switch (requirement.operator) {
    case '=':
    case '==':
    case 'in':
      return value !== undefined && requirement.values.includes(value);
    case '!=':
    case 'notin':
      return value === undefined || !requirement.values.includes(value);
    case 'exists':
      return value !== undefined;
    case '!':
      return value === undefined;
    case 'gt':
    case 'lt': {
      const left = int64(value);
      const right = int64(requirement.values[0]);
      if (left === undefined || right === undefined) return false;
      return requirement.operator === 'gt' ? left > right : left < right;
    }
  }
}

export function matchesLabels(selector: Selector, labels: Labels | undefined): boolean {
  for (const requirement of selector) if (!holds(requirement, labels)) return false;
  return true;
}

const bad = (message: string): Error => errors.badRequest(message);

type Token = {
  type: 'word' | 'end' | 'error' | ')' | '(' | ',' | '!' | '==' | '=' | '>' | '<' | '!=' | 'in' | 'notin';
  text: string;
};

const special = new Set(['=', '!', '(', ')', ',', '>', '<']);
const blank = /[ \t\r\n]/;
const symbols = new Set([')', ',', '!', '==', '=', '>', '<', '!=', '(']);

function tokens(text: string): Token[] {
  const out: Token[] = [];
  let at = 0;
  while (at < text.length) {
    const c = text[at] as string;
    if (blank.test(c)) {
      at++;
    } else if (special.has(c)) {
      const two = text.slice(at, at + 2);
      const symbol = symbols.has(two) ? two : c;
      out.push({ type: symbol as Token['type'], text: symbol });
      at += symbol.length;
    } else {
      const from = at;
      while (at < text.length && !special.has(text[at] as string) && !blank.test(text[at] as string)) at++;
      const word = text.slice(from, at);
      out.push({ type: word === 'in' || word === 'notin' ? word : 'word', text: word });
    }
  }
  out.push({ type: 'end', text: '' });
  return out;
}

const binaryOperators = 'in, notin, =, ==, !=, gt, lt';
const operatorOf: Partial<Record<Token['type'], LabelOperator>> = {
  in: 'in',
  notin: 'notin',
  '=': '=',
  '==': '==',
  '!=': '!=',
  '>': 'gt',
  '<': 'lt',
};

class Parser {
  private at = 0;
  private readonly items: Token[];
  constructor(text: string) {
    this.items = tokens(text);
  }

  /** `in` and `notin` are ordinary words except where an operator stands. */
  private static value(token: Token): Token {
    return token.type === 'in' || token.type === 'notin' ? { type: 'word', text: token.text } : token;
  }
  private peek(): Token {
    return Parser.value(this.items[Math.min(this.at, this.items.length - 1)] as Token);
  }
  private take(operator = false): Token {
    const token = this.items[Math.min(this.at++, this.items.length - 1)] as Token;
    return operator ? token : Parser.value(token);
  }

  parse(): LabelRequirement[] {
    const out: LabelRequirement[] = [];
    for (;;) {
      const token = this.peek();
      if (token.type === 'end') return out;
      if (token.type !== 'word' && token.type !== '!')
        throw bad(`found '${token.text}', expected: !, identifier, or 'end of string'`);
      out.push(this.requirement());
      const next = this.take();
      if (next.type === 'end') return out;
      if (next.type !== ',') throw bad(`found '${next.text}', expected: ',' or 'end of string'`);
      const after = this.peek();
      if (after.type !== 'word' && after.type !== '!')
        throw bad(`found '${after.text}', expected: identifier after ','`);
    }
  }

  private requirement(): LabelRequirement {
    const fail = (message: string): Error => bad(`unable to parse requirement: ${message}`);
    let token = this.take();
    const absent = token.type === '!';
    if (absent) token = this.take();
    if (token.type !== 'word') throw fail(`found '${token.text}', expected: identifier`);
    const key = token.text;
    const keyProblems = isQualifiedName(key);
    if (keyProblems.length > 0)
      throw fail(fieldErrorText({ type: 'Invalid', field: '<nil>', badValue: key, detail: keyProblems.join('; ') }));
    if (absent) return { key, operator: '!', values: [] };
    const next = this.peek().type;
    if (next === 'end' || next === ',') return { key, operator: 'exists', values: [] };
    const operatorToken = this.take(true);
    const operator = operatorOf[operatorToken.type];
    if (!operator) throw fail(`found '${operatorToken.text}', expected: ${binaryOperators}`);
    const values = operator === 'in' || operator === 'notin' ? this.values(fail) : [this.exact(fail)];
    if ((operator === 'gt' || operator === 'lt') && int64(values[0]) === undefined)
      throw fail(
        fieldErrorText({
          type: 'Invalid',
          field: 'values[0]',
          badValue: values[0],
          detail: "for 'Gt', 'Lt' operators, the value must be an integer",
        }),
      );
    values.forEach((value, i) => {
      const problems = isLabelValue(value);
      if (problems.length > 0)
        throw fail(
          fieldErrorText({
            type: 'Invalid',
            field: `values[${i}][${key}]`,
            badValue: value,
            detail: problems.join('; '),
          }),
        );
    });
    return { key, operator, values };
  }

  private exact(fail: (message: string) => Error): string {
    const next = this.peek();
    if (next.type === 'end' || next.type === ',') return '';
    const token = this.take();
    if (token.type !== 'word') throw fail(`found '${token.text}', expected: identifier`);
    return token.text;
  }

  private values(fail: (message: string) => Error): string[] {
    const open = this.take();
    if (open.type !== '(') throw fail(`found '${open.text}' expected: '('`);
    const found = new Set<string>();
    if (this.peek().type === ')') {
      this.take();
      return [''];
    }
    const first = this.peek();
    if (first.type !== 'word' && first.type !== ',')
      throw fail(`found '${first.text}', expected: ',', ')' or identifier`);
    for (;;) {
      const token = this.take();
      if (token.type === 'word') {
        found.add(token.text);
        const next = this.peek();
        if (next.type === ')') break;
        if (next.type !== ',') throw fail(`found '${next.text}', expected: ',' or ')'`);
      } else if (token.type === ',') {
        if (found.size === 0) found.add('');
        const next = this.peek();
        if (next.type === ',' || next.type === ')') found.add('');
        if (next.type === ')') break;
      } else {
        throw fail(`found '${token.text}', expected: ',', or identifier`);
      }
    }
    this.take();
    return [...found].sort();
  }
}

const byKey = (a: LabelRequirement, b: LabelRequirement): number => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0);

/** Throws ApiError BadRequest. */
export function parseLabelSelector(text: string | undefined): Selector {
  return text === undefined || text === '' ? everything : new Parser(text).parse().sort(byKey);
}

/** Exactly these labels (a Service's or ReplicationController's selector); none selects everything. */
export function selectorFromSet(labels: Labels | undefined): Selector {
  return Object.entries(labels ?? {})
    .map(([key, value]): LabelRequirement => ({ key, operator: '=', values: [value] }))
    .sort(byKey);
}

const objectOperators: Record<string, LabelOperator> = {
  In: 'in',
  NotIn: 'notin',
  Exists: 'exists',
  DoesNotExist: '!',
};

/** meta/v1 LabelSelector: a missing one selects nothing, an empty one everything. Throws ApiError BadRequest. */
export function selectorFromObject(selector: LabelSelector | null | undefined): Selector {
  if (selector === undefined || selector === null) return nothing;
  const out = [...selectorFromSet(selector.matchLabels)];
  for (const { key, operator, values = [] } of selector.matchExpressions ?? []) {
    const own = Object.hasOwn(objectOperators, operator) ? objectOperators[operator] : undefined;
    if (!own) throw bad(`"${operator}" is not a valid label selector operator`);
    out.push({ key, operator: own, values: [...values] });
  }
  return out.sort(byKey);
}

function requirementText({ key, operator, values }: LabelRequirement): string {
  switch (operator) {
    case 'exists':
      return key;
    case '!':
      return `!${key}`;
    case 'in':
    case 'notin':
      return `${key} ${operator} (${[...values].sort().join(',')})`;
    case 'gt':
      return `${key}>${values[0]}`;
    case 'lt':
      return `${key}<${values[0]}`;
    default:
      return `${key}${operator}${values[0] ?? ''}`;
  }
}

/** The text form, which parses to the same selector. */
export function selectorText(selector: Selector): string {
  return selector === nothing ? '' : selector.map(requirementText).join(',');
}

/** The `key=value` pairs that matching labels must carry: what an index can be asked for. */
export function exactLabels(selector: Selector): [key: string, value: string][] {
  const out: [string, string][] = [];
  for (const { key, operator, values } of selector)
    if ((operator === '=' || operator === '==' || operator === 'in') && values.length === 1)
      out.push([key, values[0] as string]);
  return out;
}
