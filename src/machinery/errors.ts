// The one error of the API: transport-free, turned into a meta/v1 Status in exactly one place (`toStatus`). Messages and
// reasons follow k8s.io/apimachinery/pkg/api/errors.

export type StatusReason =
  | 'BadRequest'
  | 'Unauthorized'
  | 'Forbidden'
  | 'NotFound'
  | 'MethodNotAllowed'
  | 'NotAcceptable'
  | 'AlreadyExists'
  | 'Conflict'
  | 'Gone'
  | 'Expired'
  | 'RequestEntityTooLarge'
  | 'UnsupportedMediaType'
  | 'Invalid'
  | 'TooManyRequests'
  | 'InternalError'
  | 'ServiceUnavailable'
  | 'Timeout'
  | 'ServerTimeout';

export interface StatusCause {
  reason?: string;
  message?: string;
  field?: string;
}

export interface StatusDetails {
  name?: string;
  group?: string;
  kind?: string;
  uid?: string;
  causes?: StatusCause[];
  retryAfterSeconds?: number;
}

export interface Status {
  kind: 'Status';
  apiVersion: 'v1';
  metadata: { resourceVersion?: string; continue?: string; remainingItemCount?: number };
  status: 'Success' | 'Failure';
  message?: string;
  reason?: StatusReason | string;
  details?: StatusDetails;
  code: number;
}

const codes: Record<StatusReason, number> = {
  BadRequest: 400,
  Unauthorized: 401,
  Forbidden: 403,
  NotFound: 404,
  MethodNotAllowed: 405,
  NotAcceptable: 406,
  AlreadyExists: 409,
  Conflict: 409,
  Gone: 410,
  Expired: 410,
  RequestEntityTooLarge: 413,
  UnsupportedMediaType: 415,
  Invalid: 422,
  TooManyRequests: 429,
  InternalError: 500,
  ServiceUnavailable: 503,
  Timeout: 504,
  ServerTimeout: 500,
};

export class ApiError extends Error {
  readonly reason: StatusReason;
  readonly details: StatusDetails | undefined;
  /** The cause for the log; never shown to a client. */
  readonly internal: unknown;

  constructor(reason: StatusReason, message: string, details?: StatusDetails, internal?: unknown) {
    super(message);
    this.name = 'ApiError';
    this.reason = reason;
    this.details = details;
    this.internal = internal;
  }

  get code(): number {
    return codes[this.reason];
  }
}

/** Which resource an error speaks of: `pods`, `deployments.apps`. */
export interface ErrorSubject {
  group: string;
  plural: string;
}

const qualified = (subject: ErrorSubject): string =>
  subject.group === '' ? subject.plural : `${subject.plural}.${subject.group}`;
const detailsOf = (subject: ErrorSubject, name: string): StatusDetails => ({
  name,
  ...(subject.group === '' ? {} : { group: subject.group }),
  kind: subject.plural,
});

export const errors = {
  badRequest: (message: string): ApiError => new ApiError('BadRequest', message),
  unauthorized: (): ApiError => new ApiError('Unauthorized', 'Unauthorized'),
  forbidden: (subject: ErrorSubject, name: string, why: string): ApiError =>
    new ApiError(
      'Forbidden',
      `${qualified(subject)}${name === '' ? '' : ` ${goQuoted(name)}`} is forbidden: ${why}`,
      detailsOf(subject, name),
    ),
  notFound: (subject: ErrorSubject, name: string): ApiError =>
    new ApiError('NotFound', `${qualified(subject)} ${goQuoted(name)} not found`, detailsOf(subject, name)),
  alreadyExists: (subject: ErrorSubject, name: string): ApiError =>
    new ApiError('AlreadyExists', `${qualified(subject)} ${goQuoted(name)} already exists`, detailsOf(subject, name)),
  conflict: (subject: ErrorSubject, name: string, why: string): ApiError =>
    new ApiError(
      'Conflict',
      `Operation cannot be fulfilled on ${qualified(subject)} ${goQuoted(name)}: ${why}`,
      detailsOf(subject, name),
    ),
  /** `kind` is the Kind here, as upstream has it: `Pod "x" is invalid: …`. */
  invalid: (group: string, kind: string, name: string, problems: readonly FieldError[]): ApiError => {
    const causes = causesOf(problems);
    const texts = [...new Set(causes.map(({ field, message }) => `${field}: ${message}`))];
    if (causes.length < problems.length) texts.push(`and ${problems.length - causes.length} more`);
    const message = texts.length === 1 ? texts[0] : `[${texts.join(', ')}]`;
    return new ApiError(
      'Invalid',
      `${group === '' ? kind : `${kind}.${group}`} ${goQuoted(name)} is invalid: ${message}`,
      {
        name,
        ...(group === '' ? {} : { group }),
        kind,
        causes,
      },
    );
  },
  expired: (message: string): ApiError => new ApiError('Expired', message),
  gone: (message: string): ApiError => new ApiError('Gone', message),
  methodNotSupported: (subject: ErrorSubject, action: string): ApiError =>
    new ApiError(
      'MethodNotAllowed',
      `${action} is not supported on resources of kind "${qualified(subject)}"`,
      detailsOf(subject, ''),
    ),
  tooLarge: (message: string): ApiError => new ApiError('RequestEntityTooLarge', message),
  /** It may be tried again after a second. */
  tooManyRequests: (why: string): ApiError =>
    new ApiError('TooManyRequests', `Too many requests: ${why}`, { retryAfterSeconds: 1 }),
  unavailable: (message: string): ApiError => new ApiError('ServiceUnavailable', message),
  internal: (cause: unknown): ApiError =>
    new ApiError('InternalError', 'Internal error occurred', { causes: [{ message: 'internal error' }] }, cause),
};

export type FieldErrorType =
  | 'Required'
  | 'Invalid'
  | 'NotSupported'
  | 'Duplicate'
  | 'Forbidden'
  | 'TooLong'
  | 'TooMany'
  | 'NotFound'
  | 'TypeInvalid'
  | 'InternalError';

/** As a bad value: the message shows none (upstream's field.OmitValueType). */
export const omitted = Symbol('omitted');

/** One problem of one field (k8s.io/apimachinery/pkg/util/validation/field.Error). `field` is a path: `spec.ports[0].name`. */
export interface FieldError {
  type: FieldErrorType;
  field: string;
  badValue?: unknown;
  detail?: string;
}

const causeReasons: Record<FieldErrorType, string> = {
  Required: 'FieldValueRequired',
  Invalid: 'FieldValueInvalid',
  NotSupported: 'FieldValueNotSupported',
  Duplicate: 'FieldValueDuplicate',
  Forbidden: 'FieldValueForbidden',
  TooLong: 'FieldValueTooLong',
  TooMany: 'FieldValueTooMany',
  NotFound: 'FieldValueNotFound',
  TypeInvalid: 'FieldValueTypeInvalid',
  InternalError: 'InternalError',
};
const titles: Record<FieldErrorType, string> = {
  Required: 'Required value',
  Invalid: 'Invalid value',
  NotSupported: 'Unsupported value',
  Duplicate: 'Duplicate value',
  Forbidden: 'Forbidden',
  TooLong: 'Too long',
  TooMany: 'Too many',
  NotFound: 'Not found',
  TypeInvalid: 'Invalid value',
  InternalError: 'Internal error',
};
const valueless = new Set<FieldErrorType>(['Required', 'Forbidden', 'TooLong', 'InternalError']);

// What a body is refused with is not to be many times as long as the body.
const causesMax = 1000;
/** Of the causes together, and of one message. */
const textUnitsMax = 256 * 1024;
/** Of a value as it is shown. */
const valueUnitsMax = 64 * 1024;

const cut = (text: string, unitsMax: number): string =>
  text.length <= unitsMax ? text : `${text.slice(0, unitsMax)}...`;

/** The first of the problems, as many as fit. */
export function causesOf(problems: readonly FieldError[]): Required<StatusCause>[] {
  const causes: Required<StatusCause>[] = [];
  let units = 0;
  for (const problem of problems) {
    const message = fieldErrorDetail(problem);
    units += problem.field.length + message.length;
    if (causes.length > 0 && (causes.length === causesMax || units > textUnitsMax)) break;
    causes.push({ reason: causeReasons[problem.type], message, field: problem.field });
  }
  return causes;
}

/** The part after the field path: `Invalid value: "x": must be …`. */
function fieldErrorDetail(problem: FieldError): string {
  const hidden = valueless.has(problem.type) || problem.badValue === omitted;
  const value = hidden ? '' : `: ${shown(problem.badValue)}`;
  return `${titles[problem.type]}${value}${problem.detail ? `: ${problem.detail}` : ''}`;
}

/** As Go shows a value: text quoted by `%q`, everything else by its JSON, in which markup is escaped. */
function shown(value: unknown): string {
  if (typeof value === 'string') return goQuoted(cut(value, valueUnitsMax));
  return cut(JSON.stringify(value) ?? 'null', valueUnitsMax).replace(/[<>&\u2028\u2029]/g, unicodeEscape);
}

const unicodeEscape = (c: string): string => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`;
const goEscapes: Record<string, string> = { '\u0007': '\\a', '\u000b': '\\v' };
const printable = /[\p{L}\p{M}\p{N}\p{P}\p{S} ]/u;

/** A text as Go's `%q` quotes it. */
export function goQuoted(text: string): string {
  if (/^[ !#-[\]-~]*$/.test(text)) return `"${text}"`;
  let out = '';
  for (const c of text) {
    const code = c.codePointAt(0) as number;
    if (goEscapes[c]) out += goEscapes[c];
    else if ('"\\\b\f\n\r\t'.includes(c)) out += JSON.stringify(c).slice(1, -1);
    else if (code < 0x20 || code === 0x7f) out += `\\x${code.toString(16).padStart(2, '0')}`;
    else if (printable.test(c)) out += c;
    else out += code > 0xffff ? `\\U${code.toString(16).padStart(8, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
  }
  return `"${out}"`;
}

export function fieldErrorText(problem: FieldError): string {
  return `${problem.field}: ${fieldErrorDetail(problem)}`;
}

export function toStatus(error: ApiError): Status {
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: cut(error.message, textUnitsMax),
    reason: error.reason,
    ...(error.details ? { details: error.details } : {}),
    code: error.code,
  };
}
