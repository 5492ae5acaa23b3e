// The meaning of resourceVersion, resourceVersionMatch, limit, continue and sendInitialEvents in lists and watches, as
// upstream validates and resolves them. The ledger is always consistent, so "not older than" and "any" are answered with
// the newest state.
import { CompactedError, type ReadView } from '../../ledger/types.ts';
import { ApiError, errors, type FieldError } from '../../machinery/errors.ts';
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
    if (text === null || text === '') return undefined;
    if (!/^-?\d{1,18}$/.test(text))
      throw errors.badRequest(
        `unable to decode query parameter ${name}: strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`,
      );
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
  validate(options, watch);
  return options;
}

function validate(options: ListOptions, watch: boolean): void {
  const { resourceVersionMatch: match, resourceVersion } = options;
  const problems: FieldError[] = [];
  const forbidden = (field: string, detail: string) => problems.push({ type: 'Forbidden', field, detail });
  if (!watch && options.sendInitialEvents !== undefined)
    forbidden('sendInitialEvents', 'sendInitialEvents is forbidden for list');
  if (watch && options.sendInitialEvents !== undefined && match === '')
    forbidden('resourceVersionMatch', 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan');
  if (match !== '') {
    if (watch && options.sendInitialEvents === undefined)
      forbidden(
        'resourceVersionMatch',
        'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided',
      );
    else if (watch && match !== 'NotOlderThan')
      problems.push({
        type: 'NotSupported',
        field: 'resourceVersionMatch',
        badValue: match,
        detail: 'supported values: "NotOlderThan"',
      });
    else if (!watch && match !== 'NotOlderThan' && match !== 'Exact')
      problems.push({
        type: 'NotSupported',
        field: 'resourceVersionMatch',
        badValue: match,
        detail: 'supported values: "Exact", "NotOlderThan"',
      });
    else if (!watch && resourceVersion === '')
      forbidden('resourceVersionMatch', 'resourceVersionMatch is forbidden unless resourceVersion is provided');
    else if (!watch && match === 'Exact' && resourceVersion === '0')
      forbidden('resourceVersionMatch', 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"');
    if (!watch && options.continue !== '')
      forbidden('resourceVersionMatch', 'resourceVersionMatch is forbidden when continue is provided');
  }
  if (problems.length > 0) throw errors.invalid('meta.k8s.io', 'ListOptions', '', problems);
}

/** Undefined for '' (not asked for). Throws BadRequest. */
export function parseRevision(text: string): number | undefined {
  if (text === '') return undefined;
  if (!/^\d{1,15}$/.test(text))
    throw errors.badRequest(
      `Invalid value: ${JSON.stringify(text)}: strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`,
    );
  return Number(text);
}

/** Throws Timeout (504) for a revision that does not exist yet. */
export function requireNotFuture(revision: number, current: number): void {
  if (revision <= current) return;
  throw new ApiError('Timeout', `Too large resource version: ${revision}, current: ${current}`, {
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
    retryAfterSeconds: 1,
  });
}

interface ContinueToken {
  v: 'meta.k8s.io/v1';
  /** Revision of the list; -1: whatever is newest (an inconsistent continuation). */
  rv: number;
  /** Last key sent, without the list's prefix. */
  start: string;
}

const base64url = (text: string) =>
  btoa(String.fromCharCode(...new TextEncoder().encode(text)))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replace(/=+$/, '');

export function continueToken(revision: number, after: string): string {
  return base64url(JSON.stringify({ v: 'meta.k8s.io/v1', rv: revision, start: after } satisfies ContinueToken));
}

/** Throws BadRequest. */
export function parseContinue(token: string): { revision: number | undefined; after: string } {
  try {
    const bytes = Uint8Array.from(atob(token.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0));
    const { v, rv, start } = JSON.parse(new TextDecoder().decode(bytes)) as Partial<ContinueToken>;
    if (v === 'meta.k8s.io/v1' && Number.isSafeInteger(rv) && typeof start === 'string' && start !== '')
      return { revision: rv === -1 ? undefined : (rv as number), after: start };
  } catch {}
  throw errors.badRequest('continue key is not valid: unable to decode');
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
    if (options.resourceVersion !== '' && options.resourceVersion !== '0')
      throw errors.badRequest('specifying resource version is not allowed when using continue');
    const { revision, after } = parseContinue(options.continue);
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
