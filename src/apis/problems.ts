// Collects the problems of one object while it is validated: the constructors of upstream's field package, as methods.
// Order of calls is order of causes. It holds nothing else; paths are plain strings (`spec.ports[0].name`).

import type { FieldError, FieldErrorType } from '../machinery/errors.ts';
import { tooLong } from '../machinery/validation.ts';

export class Problems {
  readonly list: FieldError[] = [];

  private add(type: FieldErrorType, field: string, badValue: unknown, detail: string): void {
    this.list.push({ type, field, badValue, detail });
  }

  required(field: string, detail = ''): void {
    this.list.push({ type: 'Required', field, detail });
  }

  invalid(field: string, badValue: unknown, detail: string): void {
    this.add('Invalid', field, badValue, detail);
  }

  /** One Invalid problem per message, as upstream turns the lists of its name validators into errors. */
  invalidAll(field: string, badValue: unknown, details: readonly string[]): void {
    for (const detail of details) this.invalid(field, badValue, detail);
  }

  forbidden(field: string, detail: string): void {
    this.list.push({ type: 'Forbidden', field, detail });
  }

  duplicate(field: string, badValue: unknown): void {
    this.list.push({ type: 'Duplicate', field, badValue });
  }

  notFound(field: string, badValue: unknown): void {
    this.list.push({ type: 'NotFound', field, badValue });
  }

  /** `supported` is printed quoted, in the order given: where upstream has a set, that is the sorted order. */
  notSupported(field: string, badValue: unknown, supported: readonly string[]): void {
    this.add(
      'NotSupported',
      field,
      badValue,
      `supported values: ${supported.map((one) => JSON.stringify(one)).join(', ')}`,
    );
  }

  /** `maxBytes` of a text or a map. */
  tooLong(field: string, maxBytes: number): void {
    this.list.push(tooLong(field, maxBytes));
  }

  tooMany(field: string, actual: number, max: number): void {
    this.add('TooMany', field, actual, `must have at most ${max} items`);
  }

  addAll(problems: readonly FieldError[]): void {
    this.list.push(...problems);
  }

  /** Required when empty, NotSupported when not among `supported`. */
  oneOf(
    field: string,
    value: string | undefined,
    supported: readonly string[],
    whenEmpty: 'required' | 'unsupported' | 'fine',
  ): void {
    if (value === undefined || value === '') {
      if (whenEmpty === 'required') this.required(field);
      else if (whenEmpty === 'unsupported') this.notSupported(field, '', supported);
    } else if (!supported.includes(value)) this.notSupported(field, value, supported);
  }

  nonNegative(field: string, value: number | undefined): void {
    if (typeof value === 'number' && value < 0) this.invalid(field, value, isNegativeMessage);
  }
}

export const isNegativeMessage = 'must be greater than or equal to 0';
export const fieldImmutableMessage = 'field is immutable';

/** `base.key`, with map keys in brackets as upstream's Path.Key. */
export const keyed = (base: string, key: string): string => `${base}[${key}]`;
