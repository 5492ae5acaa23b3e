// How long a bootstrap token still counts. Pure.
import type { Secret } from '../../generated/schemas/core-v1.ts';
import { textFromBase64 } from '../../machinery/bytes.ts';
import { parseTime } from '../../machinery/time.ts';

/** At most 0: it has expired, as has one of which nobody can read when; undefined: it does not expire. */
export function remainingMs({ data }: Pick<Secret, 'data'>, nowMs: number): number | undefined {
  const base64 = data?.expiration ?? '';
  if (base64 === '') return undefined;
  const expires = parseTime(textFromBase64(base64) ?? '');
  return expires === undefined ? 0 : expires - nowMs;
}
