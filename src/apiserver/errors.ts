// Anything thrown, as an ApiError: an expected refusal stays what it is; anything else is logged and becomes a 500 that
// says nothing of its cause.
import { CompactedError, UnreadableError } from '../ledger/types.ts';
import { ApiError, errors } from '../machinery/errors.ts';
import type { Log } from '../ports/index.ts';

export function asApiError(error: unknown, log: Log): ApiError {
  if (error instanceof ApiError) {
    if (error.reason === 'InternalError') log.error('internal error', { cause: describe(error.internal ?? error) });
    return error;
  }
  if (error instanceof CompactedError) return errors.expired('The resourceVersion for the provided list is too old.');
  if (error instanceof Error && error.name === 'ValueTooLargeError')
    return errors.tooLarge('etcdserver: request is too large');
  // What is wrong with which object is all that helps whoever may read it; no more is told than its name.
  if (error instanceof UnreadableError) {
    log.error('row cannot be opened', { cause: error.message });
    return new ApiError('InternalError', `Internal error occurred: ${error.message}`, {
      causes: [{ message: error.message }],
    });
  }
  log.error('unexpected error', { cause: describe(error) });
  return errors.internal(error);
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
