// Reads one object of a configuration field by field: what has another type than it should, or is not known at all, is a
// problem under the field's path, and counts as absent. What the values mean, each kind says.
import type { FieldError } from '../machinery/errors.ts';
import { isJsonObject } from '../machinery/schema/json.ts';
import { parseDuration } from '../machinery/time.ts';
import { forbidden, invalid } from '../machinery/validation.ts';

export class Fields {
  /** Path of the object; '' of a document. */
  readonly at: string;
  readonly problems: FieldError[];
  readonly #object: Readonly<Record<string, unknown>>;

  /** `known`: all fields that there may be. */
  constructor(value: unknown, at: string, known: readonly string[], problems: FieldError[]) {
    this.at = at;
    this.problems = problems;
    this.#object = isJsonObject(value) ? value : {};
    if (!isJsonObject(value)) problems.push(invalid(at, value, 'must be an object'));
    for (const field of Object.keys(this.#object))
      if (!known.includes(field)) problems.push(forbidden(this.path(field), 'unknown field'));
  }

  /** The same object under another path. */
  named(at: string): Fields {
    return new Fields(this.#object, at, Object.keys(this.#object), this.problems);
  }

  path(field: string): string {
    return this.at === '' ? field : `${this.at}.${field}`;
  }

  has(field: string): boolean {
    const value = Object.hasOwn(this.#object, field) ? this.#object[field] : undefined;
    return value !== undefined && value !== null;
  }

  /** '' where it is absent. */
  text(field: string): string {
    return this.#typed(field, '', (value) => typeof value === 'string', 'must be a string');
  }

  /** As `text`, but what is no text is not shown: undefined. */
  secret(field: string): string | undefined {
    const value = this.has(field) ? this.#object[field] : '';
    return typeof value === 'string' ? value : undefined;
  }

  integer(field: string, absent: number, least: number, most: number): number {
    const value = this.#typed(field, absent, (one) => Number.isInteger(one), 'must be an integer');
    if (value < least || value > most)
      this.problem(invalid(this.path(field), value, `must be between ${least} and ${most}, inclusive`));
    return value;
  }

  flag(field: string, absent: boolean): boolean {
    return this.#typed(field, absent, (value) => typeof value === 'boolean', 'must be true or false');
  }

  list(field: string): readonly unknown[] {
    return this.#typed<readonly unknown[]>(field, [], Array.isArray, 'must be a list');
  }

  texts(field: string): string[] {
    return this.list(field).map((value, i) => {
      if (typeof value === 'string') return value;
      this.problems.push(invalid(`${this.path(field)}[${i}]`, value, 'must be a string'));
      return '';
    });
  }

  /** Absent: an object without fields, unless `has` says otherwise. */
  child(field: string, known: readonly string[]): Fields {
    return new Fields(this.has(field) ? this.#object[field] : {}, this.path(field), known, this.problems);
  }

  children(field: string, known: readonly string[]): Fields[] {
    return this.list(field).map((value, i) => new Fields(value, `${this.path(field)}[${i}]`, known, this.problems));
  }

  /** Milliseconds of a duration such as `5m30s`; 0 where it is absent. */
  durationMs(field: string): number {
    const text = this.text(field);
    const ms = text === '' ? 0 : parseDuration(text);
    if (ms === undefined) this.problem(invalid(this.path(field), text, 'must be a duration such as 30s or 5m'));
    return ms ?? 0;
  }

  problem(...problems: FieldError[]): void {
    this.problems.push(...problems);
  }

  #typed<T>(field: string, absent: T, is: (value: unknown) => boolean, otherwise: string): T {
    if (!this.has(field)) return absent;
    const value = this.#object[field];
    if (is(value)) return value as T;
    this.problem(invalid(this.path(field), value, otherwise));
    return absent;
  }
}
