// How results and refusals travel between objects: plain data, since an error's class does not survive a call.

import type { Log } from '../ports/index.ts';
import { ApiError, errors, type Status, type StatusReason, toStatus } from './errors.ts';

export type Outcome<T> = { ok: true; value: T } | { ok: false; status: Status };

/** Runs `work`; what it throws becomes a Status, once, with the unexpected logged. */
export async function outcome<T>(log: Log, what: string, work: () => T | Promise<T>): Promise<Outcome<T>> {
  try {
    return { ok: true, value: await work() };
  } catch (error) {
    return { ok: false, status: toStatus(asApiError(log, what, error)) };
  }
}

export function asApiError(log: Log, what: string, error: unknown): ApiError {
  if (error instanceof ApiError && error.reason !== 'InternalError') return error;
  const cause = error instanceof ApiError ? error.internal : error;
  log.error(`${what} failed`, { error: cause instanceof Error ? (cause.stack ?? String(cause)) : String(cause) });
  return error instanceof ApiError ? error : errors.internal(error);
}

/** The value, or the refusal thrown again as what it was. */
export function unwrap<T>(result: Outcome<T>): T {
  if (result.ok) return result.value;
  const { reason, message, details } = result.status;
  throw new ApiError((reason as StatusReason | undefined) ?? 'InternalError', message ?? '', details);
}

/** Nobody between keeps it, and no browser takes it for a page. */
const answerHeaders = { 'Cache-Control': 'no-cache, private', 'X-Content-Type-Options': 'nosniff' };

export function statusResponse(error: ApiError): Response {
  const seconds = error.details?.retryAfterSeconds;
  const headers = seconds ? { ...answerHeaders, 'Retry-After': String(seconds) } : answerHeaders;
  return Response.json(toStatus(error), { status: error.code, headers });
}
