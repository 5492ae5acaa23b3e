// What a node's agent refuses a stream with, as the answer that the client gets: an error with a Status, whatever the agent says.
// Nothing of it becomes a header but the seconds after which it may be tried again.
import { errors, type Status, toStatus } from '../machinery/errors.ts';

const messageUnitsMax = 64 * 1024;

export function refusalResponse(refusal: Record<string, unknown>): Response {
  const status = asFailure(refusal);
  const seconds = status.details?.retryAfterSeconds;
  const headers: Record<string, string> = { 'Cache-Control': 'no-cache, private', 'X-Content-Type-Options': 'nosniff' };
  if (Number.isSafeInteger(seconds) && (seconds as number) > 0) headers['Retry-After'] = String(seconds);
  return Response.json(status, { status: status.code, headers });
}

function asFailure({ code, message, reason, details }: Record<string, unknown>): Status {
  if (typeof code !== 'number' || !Number.isInteger(code) || code < 400 || code > 599)
    return toStatus(errors.internal('the node refused with what is no failure'));
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: typeof message === 'string' ? message.slice(0, messageUnitsMax) : '',
    ...(typeof reason === 'string' ? { reason } : {}),
    ...(typeof details === 'object' && details !== null ? { details } : {}),
    code,
  };
}
