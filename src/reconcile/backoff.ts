// Waiting longer after each failure in a row: client-go's ItemExponentialFailureRateLimiter.

export interface Backoff {
  baseMs: number;
  maxMs: number;
}

/** client-go's default for controllers: 5 ms, doubled up to 1,000 s. */
export const controllerBackoff: Backoff = { baseMs: 5, maxMs: 1_000_000 };

/** The wait after `failures` failures in a row (at least one). */
export function backoffMs(failures: number, backoff: Backoff = controllerBackoff): number {
  return Math.min(backoff.maxMs, backoff.baseMs * 2 ** Math.min(failures - 1, 40));
}
