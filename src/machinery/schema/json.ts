// A strict JSON reader for request bodies. Beside JSON.parse it reports duplicate keys with their paths, bounds the depth, and
// keeps keys such as `__proto__` as plain data. Syntax errors are BadRequest in the words of Go's encoding/json.

import { type ApiError, errors } from '../errors.ts';

export interface Decoded {
  value: unknown;
  /** Paths of keys that came twice, the last of which counts: `spec.replicas`, `spec.containers[0].name`. */
  duplicates: string[];
  /** The same as the YAML reader words it, by lines: `line 3: key "data" already set in map`. */
  repeated?: string[];
}

export const depthMax = 400;
/** How many duplicates are worth reporting. */
const duplicatesMax = 100;

/** Sets an own property whatever its name. */
export function setOwn(target: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__')
    Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
  else target[key] = value;
}

export const isJsonObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A deep copy of a JSON value, whatever its keys; keys whose value is undefined are not JSON and stay behind. */
export function copyJson<T>(value: T): T {
  if (Array.isArray(value)) return value.map(copyJson) as T;
  if (!isJsonObject(value)) return value;
  const out: Record<string, unknown> = {};
  for (const key of Object.keys(value)) if (value[key] !== undefined) setOwn(out, key, copyJson(value[key]));
  return out as T;
}

/** Deep equality of JSON values; a member that is undefined counts as absent, the order of members does not count. */
export function equalJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b))
    return Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((item, i) => equalJson(item, b[i]));
  const left = a as Record<string, unknown>;
  const right = b as Record<string, unknown>;
  const of = (from: Record<string, unknown>, key: string) => (Object.hasOwn(from, key) ? from[key] : undefined);
  return (
    Object.keys(left).every((key) => equalJson(left[key], of(right, key))) &&
    Object.keys(right).every((key) => right[key] === undefined || of(left, key) !== undefined)
  );
}

export const childPath = (path: string, key: string): string => (path === '' ? key : `${path}.${key}`);

const simpleEscapes: Record<string, string> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};

/** A character as Go quotes it in a syntax error. */
function quoted(c: string): string {
  if (c === "'") return `'\\''`;
  if (c === '"') return `'"'`;
  return `'${JSON.stringify(c).slice(1, -1)}'`;
}

/** What a string may not hold as it stands: an escape, or a control character. */
const unusual = /[\\\u0000-\u001f]/;

class Reader {
  private at = 0;
  readonly duplicates: string[] = [];
  private readonly text: string;
  /** Keys and indexes down to where we are; a path is only spelled out for a duplicate. */
  private readonly trail: (string | number)[] = [];

  constructor(text: string) {
    this.text = text;
  }

  document(): unknown {
    const value = this.value();
    this.blank();
    if (this.at < this.text.length) throw this.unexpected('after top-level value');
    return value;
  }

  private unexpected(where: string): ApiError {
    const c = this.text[this.at];
    return errors.badRequest(
      c === undefined ? 'unexpected end of JSON input' : `invalid character ${quoted(c)} ${where}`,
    );
  }

  private path(key: string): string {
    let path = '';
    for (const step of this.trail) path = typeof step === 'number' ? `${path}[${step}]` : childPath(path, step);
    return childPath(path, key);
  }

  /** Skips blanks; the code of the character after them, NaN at the end. */
  private blank(): number {
    for (;;) {
      const c = this.text.charCodeAt(this.at);
      if (c > 32 || (c !== 32 && c !== 10 && c !== 13 && c !== 9)) return c;
      this.at++;
    }
  }

  private value(): unknown {
    switch (this.blank()) {
      case 123:
        return this.object();
      case 91:
        return this.array();
      case 34:
        return this.string();
      case 116:
        return this.literal('true', true);
      case 102:
        return this.literal('false', false);
      case 110:
        return this.literal('null', null);
      default:
        return this.number();
    }
  }

  private literal<T>(word: string, value: T): T {
    for (let i = 0; i < word.length; i++, this.at++)
      if (this.text[this.at] !== word[i]) throw this.unexpected(`in literal ${word} (expecting '${word[i]}')`);
    return value;
  }

  private digit(): boolean {
    const c = this.text.charCodeAt(this.at);
    return c >= 48 && c <= 57;
  }

  private digits(where: string): void {
    if (!this.digit()) throw this.unexpected(where);
    while (this.digit()) this.at++;
  }

  private number(): number {
    const from = this.at;
    const negative = this.text[this.at] === '-';
    if (negative) this.at++;
    if (this.text[this.at] === '0') this.at++;
    else this.digits(negative ? 'in numeric literal' : 'looking for beginning of value');
    if (this.text[this.at] === '.') {
      this.at++;
      this.digits('after decimal point in numeric literal');
    }
    if (this.text[this.at] === 'e' || this.text[this.at] === 'E') {
      this.at++;
      if (this.text[this.at] === '+' || this.text[this.at] === '-') this.at++;
      this.digits('in exponent of numeric literal');
    }
    const literal = this.text.slice(from, this.at);
    const value = Number(literal);
    if (!Number.isFinite(value))
      throw errors.badRequest(`json: cannot unmarshal number ${literal} into Go value of type float64`);
    return value;
  }

  private string(): string {
    const from = ++this.at;
    const end = this.text.indexOf('"', from);
    if (end >= 0) {
      const plain = this.text.slice(from, end);
      if (!unusual.test(plain)) {
        this.at = end + 1;
        return plain;
      }
    }
    return this.unusualString();
  }

  private unusualString(): string {
    let out = '';
    let from = this.at;
    for (;;) {
      const code = this.text.charCodeAt(this.at);
      if (code === 34) {
        out += this.text.slice(from, this.at++);
        // Half a pair of surrogates is no character.
        return out.toWellFormed();
      }
      if (code === 92) {
        out += this.text.slice(from, this.at++);
        out += this.escape();
        from = this.at;
      } else if (!(code >= 32)) throw this.unexpected('in string literal');
      else this.at++;
    }
  }

  private escape(): string {
    const c = this.text[this.at] as string | undefined;
    if (c !== undefined && Object.hasOwn(simpleEscapes, c)) {
      this.at++;
      return simpleEscapes[c] as string;
    }
    if (c !== 'u') throw this.unexpected('in string escape code');
    this.at++;
    const from = this.at;
    for (let i = 0; i < 4; i++, this.at++)
      if (!/[0-9a-fA-F]/.test(this.text[this.at] ?? '')) throw this.unexpected('in \\u hexadecimal character escape');
    return String.fromCharCode(Number.parseInt(this.text.slice(from, this.at), 16));
  }

  /** Enters a list or map; true when it is empty. */
  private enter(first: string | number, close: number): boolean {
    this.at++;
    if (this.blank() === close) {
      this.at++;
      return true;
    }
    if (this.trail.push(first) > depthMax) throw errors.badRequest('exceeded max depth');
    return false;
  }

  /** After an element: true when the list or map ends here. */
  private ends(close: number, where: string): boolean {
    const c = this.blank();
    if (c !== 44 && c !== close) throw this.unexpected(where);
    this.at++;
    if (c === 44) return false;
    this.trail.pop();
    return true;
  }

  private array(): unknown[] {
    const out: unknown[] = [];
    if (this.enter(0, 93)) return out;
    for (;;) {
      this.trail[this.trail.length - 1] = out.length;
      out.push(this.value());
      if (this.ends(93, 'after array element')) return out;
    }
  }

  private object(): Record<string, unknown> {
    const out: Record<string, unknown> = {};
    if (this.enter('', 125)) return out;
    for (;;) {
      if (this.blank() !== 34) throw this.unexpected('looking for beginning of object key string');
      const key = this.string();
      if (this.blank() !== 58) throw this.unexpected('after object key');
      this.at++;
      if (Object.hasOwn(out, key) && this.duplicates.length < duplicatesMax) {
        const here = this.trail.pop() as string;
        this.duplicates.push(this.path(key));
        this.trail.push(here);
      }
      this.trail[this.trail.length - 1] = key;
      setOwn(out, key, this.value());
      if (this.ends(125, 'after object key:value pair')) return out;
    }
  }
}

/** Throws ApiError BadRequest. */
export function decodeJson(text: string): Decoded {
  const reader = new Reader(text);
  const value = reader.document();
  return { value, duplicates: reader.duplicates };
}

/** UTF-8 text of a body. Throws ApiError BadRequest. */
export function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes);
  } catch {
    throw errors.badRequest('the body of the request is not valid UTF-8');
  }
}
