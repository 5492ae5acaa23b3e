// The meaning of resourceVersion, resourceVersionMatch, limit, continue and sendInitialEvents in lists and watches, as
// upstream validates and resolves them. The ledger is always consistent, so "not older than" and "any" are answered with
// the newest state.
import { CompactedError, type ReadView } from '../../ledger/types.ts';
import { toBase64Url } from '../../machinery/bytes.ts';
import { ApiError, errors, type FieldError } from '../../machinery/errors.ts';
import { jsonKind } from '../../machinery/patch/index.ts';
import { isTrue } from '../routing.ts';

export interface ListOptions {
  labelSelector: string | undefined;
  fieldSelector: string | undefined;
  limit: number;
  continue: string;
  resourceVersion: string;
  resourceVersionMatch: string;
  allowWatchBookmarks: boolean;
  sendInitialEvents: boolean | undefined;
  timeoutSeconds: number | undefined;
}

export function parseListOptions(query: URLSearchParams, watch: boolean): ListOptions {
  const integer = (name: string): number | undefined => {
    const text = query.get(name);
    if (text === null) return undefined;
    const problem = integerProblem(text);
    if (problem) throw errors.badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: ${problem}`);
    return Number(text);
  };
  const options: ListOptions = {
    labelSelector: query.get('labelSelector') ?? undefined,
    fieldSelector: query.get('fieldSelector') ?? undefined,
    limit: integer('limit') ?? 0,
    continue: query.get('continue') ?? '',
    resourceVersion: query.get('resourceVersion') ?? '',
    resourceVersionMatch: query.get('resourceVersionMatch') ?? '',
    allowWatchBookmarks: isTrue(query.get('allowWatchBookmarks')),
    sendInitialEvents: query.has('sendInitialEvents') ? isTrue(query.get('sendInitialEvents')) : undefined,
    timeoutSeconds: integer('timeoutSeconds'),
  };
  const { resourceVersion } = options;
  // A watch from no revision, or from any, is one with initial events.
  if (watch && options.sendInitialEvents === undefined && options.resourceVersionMatch === '') {
    if (resourceVersion === '' || resourceVersion === '0') {
      options.sendInitialEvents = true;
      options.resourceVersionMatch = 'NotOlderThan';
    }
  }
  const problems = watch ? watchProblems(options) : listProblems(options);
  if (problems.length > 0) throw errors.invalid('meta.k8s.io', 'ListOptions', '', problems);
  // What may be as old as it likes comes from upstream's cache, whole.
  if (!watch && resourceVersion === '0' && options.continue === '') options.limit = 0;
  return options;
}

function integerProblem(text: string): string | undefined {
  if (!/^[+-]?\d+$/.test(text)) return 'invalid syntax';
  return BigInt.asIntN(64, BigInt(text)) === BigInt(text) ? undefined : 'value out of range';
}

const field = 'resourceVersionMatch';
const forbidden = (detail: string): FieldError => ({ type: 'Forbidden', field, detail });
const unsupported = (badValue: string, supported: string): FieldError => ({
  type: 'NotSupported',
  field,
  badValue,
  detail: `supported values: ${supported}`,
});
const withContinue = forbidden('resourceVersionMatch is forbidden when continue is provided');

function listProblems({ resourceVersionMatch: match, ...options }: ListOptions): FieldError[] {
  const problems: FieldError[] = [];
  if (match !== '') {
    if (options.resourceVersion === '')
      problems.push(forbidden('resourceVersionMatch is forbidden unless resourceVersion is provided'));
    if (options.continue !== '') problems.push(withContinue);
    if (match !== 'Exact' && match !== 'NotOlderThan') problems.push(unsupported(match, '"Exact", "NotOlderThan", ""'));
    if (match === 'Exact' && options.resourceVersion === '0')
      problems.push(forbidden('resourceVersionMatch "exact" is forbidden for resourceVersion "0"'));
  }
  if (options.sendInitialEvents !== undefined)
    problems.push({
      type: 'Forbidden',
      field: 'sendInitialEvents',
      detail: 'sendInitialEvents is forbidden for list',
    });
  return problems;
}

function watchProblems({ resourceVersionMatch: match, ...options }: ListOptions): FieldError[] {
  const problems: FieldError[] = [];
  const notOlder = match === 'NotOlderThan';
  if (options.sendInitialEvents !== undefined && !notOlder)
    problems.push(forbidden('sendInitialEvents requires setting resourceVersionMatch to NotOlderThan'));
  if (match === '') return problems;
  if (options.sendInitialEvents === undefined)
    problems.push(forbidden('resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided'));
  if (!notOlder) problems.push(unsupported(match, '"NotOlderThan"'));
  if (options.continue !== '') problems.push(withContinue);
  return problems;
}

/** Undefined for '' (not asked for). Throws BadRequest (upstream, oddly, 500). */
export function parseRevision(text: string): number | undefined {
  if (text === '') return undefined;
  const problem = !/^\d+$/.test(text)
    ? 'invalid syntax'
    : BigInt.asUintN(64, BigInt(text)) !== BigInt(text)
      ? 'value out of range'
      : undefined;
  if (problem) {
    const quoted = JSON.stringify(text);
    throw errors.badRequest(
      `resourceVersion: Invalid value: ${quoted}: strconv.ParseUint: parsing ${quoted}: ${problem}`,
    );
  }
  return Number(text);
}

/** Timeout (504), for a revision that does not exist yet. */
export function tooLargeRevision(revision: number, current: number): ApiError {
  return new ApiError('Timeout', `Timeout: Too large resource version: ${revision}, current: ${current}`, {
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
    retryAfterSeconds: 1,
  });
}

export function requireNotFuture(revision: number, current: number): void {
  if (revision > current) throw tooLargeRevision(revision, current);
}

interface ContinueToken {
  v: 'meta.k8s.io/v1';
  /** Revision of the list; -1: whatever is newest (an inconsistent continuation). */
  rv: number;
  /** Last key sent, without the list's prefix. */
  start: string;
}

export function continueToken(revision: number, after: string): string {
  const token: ContinueToken = { v: 'meta.k8s.io/v1', rv: revision, start: after };
  return toBase64Url(new TextEncoder().encode(JSON.stringify(token)));
}

const invalidContinue = (why: string) => errors.badRequest(`invalid continue token: continue key is not valid: ${why}`);

/** Throws BadRequest. */
function parseContinue(token: string): { revision: number | undefined; after: string } {
  const { v = '', rv = 0, start = '' } = withoutNulls(continueJson(token));
  if (typeof v !== 'string') throw wrongField('v', v, 'string');
  if (typeof rv !== 'number' || !Number.isSafeInteger(rv)) throw wrongField('rv', rv, 'int64');
  if (typeof start !== 'string') throw wrongField('start', start, 'string');
  if (v !== 'meta.k8s.io/v1') throw invalidContinue(`server does not recognize this encoded version ${v}`);
  if (rv === 0) throw invalidContinue('incorrect encoded start resourceVersion (version meta.k8s.io/v1)');
  if (start === '') throw invalidContinue('encoded start key empty (version meta.k8s.io/v1)');
  if (/(?:^|\/)(?:\.{0,2})(?:\/|$)/.test(start)) throw invalidContinue(start);
  return { revision: rv < 0 ? undefined : rv, after: start };
}

function wrongField(field: string, value: unknown, type: string): ApiError {
  const found = type === 'int64' && typeof value === 'number' ? `number ${value}` : jsonKind(value);
  return invalidContinue(`json: cannot unmarshal ${found} into Go struct field continueToken.${field} of type ${type}`);
}

/** As Go reads JSON: null leaves a field as it is. */
const withoutNulls = (value: Partial<Record<keyof ContinueToken, unknown>>): typeof value =>
  Object.fromEntries(Object.entries(value).filter(([, of]) => of !== null));

function continueJson(token: string): Partial<Record<keyof ContinueToken, unknown>> {
  const good = /^[\w-]*/.exec(token)?.[0].length ?? 0;
  if (good < token.length || token.length % 4 === 1)
    throw invalidContinue(`illegal base64 data at input byte ${good < token.length ? good : token.length - 1}`);
  const binary = atob(token.replaceAll('-', '+').replaceAll('_', '/'));
  const bytes = Uint8Array.from(binary, (c) => c.charCodeAt(0));
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    const [first] = binary;
    throw invalidContinue(
      first === undefined
        ? 'unexpected end of JSON input'
        : `invalid character '${first}' looking for beginning of value`,
    );
  }
  if (value === null) return {};
  if (typeof value === 'object' && !Array.isArray(value)) return value;
  throw invalidContinue(`json: cannot unmarshal ${jsonKind(value)} into Go value of type storage.continueToken`);
}

const expiredContinue =
  'The provided continue parameter is too old to display a consistent list result. You can start a new list without ' +
  'the continue parameter, or use the continue token in this response to retrieve the remainder of the results. ' +
  'Continuing with the provided token results in an inconsistent list - objects that were created, modified, or ' +
  'deleted between the time the first chunk was returned and now may show up in the list.';

/** 410 for a list at a compacted revision. With `after`, the answer carries a token that goes on at the newest state. */
export class ExpiredList extends ApiError {
  readonly continueToken: string | undefined;

  constructor(after?: string) {
    super('Expired', after === undefined ? 'The resourceVersion for the provided list is too old.' : expiredContinue);
    this.continueToken = after === undefined ? undefined : continueToken(-1, after);
  }
}

/** Runs a read at a past revision, turning the ledger's refusal into the client's. */
export function orExpired<T>(read: () => T, after?: string): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof CompactedError) throw new ExpiredList(after);
    throw error;
  }
}

/** The revision that a list reads at; undefined: now. */
export function listRevision(
  options: ListOptions,
  view: ReadView,
): { revision: number | undefined; after: string | undefined } {
  if (options.continue !== '') {
    const { revision, after } = parseContinue(options.continue);
    if (options.resourceVersion !== '' && options.resourceVersion !== '0')
      throw errors.badRequest('specifying resource version is not allowed when using continue');
    if (revision !== undefined) requireNotFuture(revision, view.revision);
    return { revision, after };
  }
  const wanted = parseRevision(options.resourceVersion);
  if (wanted === undefined || wanted === 0) return { revision: undefined, after: undefined };
  requireNotFuture(wanted, view.revision);
  // With a limit and no match rule, upstream reads exactly there ("legacy").
  const exact = options.resourceVersionMatch === 'Exact' || (options.resourceVersionMatch === '' && options.limit > 0);
  return { revision: exact ? wanted : undefined, after: undefined };
}
