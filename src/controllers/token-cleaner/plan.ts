// How long a bootstrap token still counts. Pure.
import type { Secret } from '../../generated/schemas/core-v1.ts';

const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

/** At most 0: it has expired, as has one of which nobody can read when; undefined: it does not expire. */
export function remainingMs({ data }: Pick<Secret, 'data'>, nowMs: number): number | undefined {
  const base64 = data?.expiration ?? '';
  if (base64 === '') return undefined;
  const text = decoded(base64);
  const expires = rfc3339.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(expires) ? 0 : expires - nowMs;
}

function decoded(base64: string): string {
  try {
    return atob(base64);
  } catch {
    return '';
  }
}
