// The syntax of JSONPath templates as kubectl and printer columns know it (k8s.io/client-go/util/jsonpath): text with actions
// in braces, which hold fields, indexes, slices, wildcards, `..`, filters, unions, quoted text, `range` and `end`.
//
// Worked example: `a{range .items[*]}{.name} {end}` is text `a`, then a range over [field items, index :] whose body is
// [field name] and text ` `.

export class JsonPathError extends Error {
  override name = 'JsonPathError';
}

/** One of the three numbers of `[start:end:step]`; undefined: not given. */
export interface Slice {
  start: number | undefined;
  end: number | undefined;
  /** No end was written: `[3]` is one element, the last one too when counted from the end. */
  single: boolean;
  step: number | undefined;
}

export type Step =
  | { type: 'value'; value: string | number | boolean }
  | { type: 'field'; name: string }
  | { type: 'wildcard' }
  | { type: 'recursive' }
  | ({ type: 'slice' } & Slice)
  | { type: 'union'; branches: Step[][] }
  | { type: 'filter'; left: Step[]; operator: string; right: Step[] }
  | { type: 'unknown'; name: string };

export type Part =
  | { type: 'text'; text: string }
  | { type: 'path'; steps: Step[] }
  | { type: 'range'; steps: Step[]; body: Part[] }
  /** An `end` that ends nothing, which is only refused when it is reached. */
  | { type: 'end' };

/** Throws JsonPathError. */
export function parse(text: string): Part[] {
  const actions = new Scanner(text).template();
  const root: Part[] = [];
  const open: Part[][] = [root];
  for (const action of actions) {
    const into = open.at(-1) as Part[];
    if (typeof action === 'string') into.push({ type: 'text', text: action });
    else if (isWord(action[0], 'end')) {
      if (open.length > 1) open.pop();
      else into.push({ type: 'end' });
    } else if (isWord(action[0], 'range')) {
      const body: Part[] = [];
      into.push({ type: 'range', steps: action.slice(1), body });
      open.push(body);
    } else into.push({ type: 'path', steps: action });
  }
  return root;
}

const isWord = (step: Step | undefined, name: string): boolean => step?.type === 'unknown' && step.name === name;

/** What one action holds. */
function steps(text: string): Step[] {
  const action = new Scanner(`{${text}}`).template()[0];
  return typeof action === 'object' ? action : [];
}

const terminators = new Set([' ', '\t', '\r', '\n', '.', ',', '[', ']', '$', '@', '{', '}']);
const alphanumeric = /[\p{L}\p{Nd}_]/u;
const filterShape = /^([^!<>=]+)([!<>=]+)(.+)$/s;
const sliceShape = /^(-?\d*)(:-?\d*)?(:-?\d*)?$/;

class Scanner {
  private readonly input: string;
  private at = 0;

  constructor(input: string) {
    this.input = input;
  }

  /** Text, and the steps of actions. */
  template(): (string | Step[])[] {
    const out: (string | Step[])[] = [];
    while (this.at < this.input.length) {
      const brace = this.input.indexOf('{', this.at);
      const end = brace < 0 ? this.input.length : brace;
      if (end > this.at) out.push(this.input.slice(this.at, end));
      this.at = end + 1;
      if (brace >= 0) out.push(this.action());
    }
    return out;
  }

  private action(): Step[] {
    const out: Step[] = [];
    for (;;) {
      if (this.input.startsWith('[?(', this.at)) {
        out.push(this.filter());
        continue;
      }
      if (this.input.startsWith('..', this.at)) {
        if (out.at(-1)?.type === 'recursive') throw new JsonPathError('invalid multiple recursive descent');
        this.at += 2;
        out.push({ type: 'recursive' });
        if (alphanumeric.test(this.input[this.at] ?? '')) out.push(this.field());
        continue;
      }
      const c = this.input[this.at++];
      if (c === '}') return out;
      if (c === undefined || c === '\n' || c === '\r') throw new JsonPathError('unclosed action');
      if (c === ' ' || c === '@' || c === '$') continue;
      if (c === '[') out.push(...this.brackets());
      else if (c === '"' || c === "'") out.push({ type: 'value', value: this.quoted(c) });
      else if (c === '.') out.push(this.field());
      else if (/[+\-\p{Nd}]/u.test(c)) out.push({ type: 'value', value: this.number(c) });
      else if (alphanumeric.test(c)) out.push(this.word(c));
      else throw new JsonPathError(`unrecognized character in action: ${codePoint(c)}`);
    }
  }

  private number(first: string): number {
    let text = first;
    while (/[.\p{Nd}]/u.test(this.input[this.at] ?? '')) text += this.input[this.at++];
    const value = Number(text);
    if (text.trim() === '' || Number.isNaN(value)) throw new JsonPathError(`cannot parse number ${text}`);
    return value;
  }

  private word(first: string): Step {
    let text = first;
    while (this.at < this.input.length && !terminators.has(this.input[this.at] as string))
      text += this.input[this.at++];
    if (text === 'true' || text === 'false') return { type: 'value', value: text === 'true' };
    return { type: 'unknown', name: text };
  }

  private field(): Step {
    let name = '';
    for (;;) {
      const c = this.input[this.at];
      if (c === undefined || terminators.has(c)) break;
      this.at++;
      if (c !== '\\') name += c;
      else if (this.at < this.input.length) name += (this.input[this.at++] as string).replace('\\', '');
    }
    return name === '*' ? { type: 'wildcard' } : { type: 'field', name };
  }

  private quoted(quote: string): string {
    const from = this.at;
    for (;;) {
      const c = this.input[this.at++];
      if (c === undefined || c === '\n') throw new JsonPathError('unterminated quoted string');
      if (c === quote && this.input[this.at - 2] !== '\\') break;
    }
    return unescaped(this.input.slice(from, this.at - 1), quote);
  }

  private brackets(): Step[] {
    const end = this.input.slice(this.at).search(/[\]\n]/) + this.at;
    if (end < this.at || this.input[end] !== ']') throw new JsonPathError('unterminated array');
    const text = this.input.slice(this.at, end);
    this.at = end + 1;
    const parts = text.split(',');
    if (parts.length > 1)
      return [{ type: 'union', branches: parts.map((part) => steps(`[${part.replace(/^ +| +$/g, '')}]`)) }];
    const key = /^'([^']*)'$/.exec(text);
    if (key) return steps(`.${key[1]}`);
    return [slice(text === '*' ? ':' : text)];
  }

  private filter(): Step {
    this.at += '[?('.length;
    const from = this.at;
    let quote = '';
    let closed = false;
    for (;;) {
      const c = this.input[this.at++];
      if (c === undefined || c === '\n') throw new JsonPathError('unterminated filter');
      if (c === '"' || c === "'") {
        if (quote === '') quote = c;
        else if (c === quote && this.input[this.at - 2] !== '\\') closed = true;
      } else if (c === ')' && (quote !== '') === closed) break;
    }
    if (this.input[this.at++] !== ']') throw new JsonPathError('unclosed array expect ]');
    const text = this.input.slice(from, this.at - 2);
    const [, left, operator, right] = filterShape.exec(text) ?? [];
    if (left === undefined) return { type: 'filter', left: steps(text), operator: 'exists', right: [] };
    return { type: 'filter', left: steps(left), operator: operator as string, right: steps(right as string) };
  }
}

function slice(text: string): Step {
  const match = sliceShape.exec(text);
  if (!match) throw new JsonPathError(`invalid array index ${text}`);
  const number = (part: string | undefined): number | undefined => {
    const digits = (part ?? '').replace(':', '');
    if (digits === '') return undefined;
    if (digits === '-') throw new JsonPathError(`array index ${digits} is not a number`);
    return Number(digits);
  };
  const [start, end, step] = [number(match[1]), number(match[2]), number(match[3])];
  return { type: 'slice', start, end, single: match[2] === undefined, step };
}

const escapes: Record<string, string> = {
  a: '\u0007',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
};

/** Go's escapes in quoted text. */
function unescaped(text: string, quote: string): string {
  return text.replace(
    /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|([\s\S]?))/g,
    (whole, x, u, long, octal, c) => {
      const hex = x ?? u ?? long;
      const code = hex !== undefined ? Number.parseInt(hex, 16) : octal !== undefined ? Number.parseInt(octal, 8) : -1;
      if (code >= 0 && code <= 0x10ffff) return String.fromCodePoint(code);
      if (c === quote) return quote;
      const known = c && Object.hasOwn(escapes, c) ? escapes[c] : undefined;
      if (known === undefined)
        throw new JsonPathError(`unquote string ${quote}${text}${quote} error invalid syntax (${whole})`);
      return known;
    },
  );
}

function codePoint(c: string): string {
  const code = c.codePointAt(0) as number;
  return `U+${code.toString(16).toUpperCase().padStart(4, '0')} '${c}'`;
}
