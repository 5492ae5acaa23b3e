// The kubelet's restart back-off, as pure functions: 10 s doubling to 5 min, forgotten when the container ran 10 min.
import type { Backoff } from './seen.ts';

export const initialMs = 10_000;
export const maxMs = 300_000;

/** Until when a container that ended at `finishedAtMs` waits; undefined: it may start (the first restart at once). */
export function waitUntilMs(backoff: Backoff | undefined, finishedAtMs: number, nowMs: number): number | undefined {
  if (!backoff || expired(backoff, finishedAtMs)) return undefined;
  const until = finishedAtMs + backoff.ms;
  return until > nowMs ? until : undefined;
}

/** The entry after one more restart of a container that ended at `finishedAtMs`. */
export function nextBackoff(backoff: Backoff | undefined, finishedAtMs: number, nowMs: number): Backoff {
  if (!backoff || expired(backoff, finishedAtMs)) return { ms: initialMs, updatedAtMs: nowMs };
  return { ms: Math.min(backoff.ms * 2, maxMs), updatedAtMs: nowMs };
}

const expired = (backoff: Backoff, eventMs: number): boolean => eventMs - backoff.updatedAtMs > 2 * maxMs;

/** Go's notation of a duration in whole seconds: 10s, 1m20s, 5m0s. */
export function goSeconds(ms: number): string {
  const seconds = Math.round(ms / 1000);
  const h = Math.floor(seconds / 3600);
  const m = Math.floor((seconds % 3600) / 60);
  const s = seconds % 60;
  return `${h > 0 ? `${h}h` : ''}${h > 0 || m > 0 ? `${m}m` : ''}${s}s`;
}
