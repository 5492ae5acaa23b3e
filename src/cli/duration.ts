// Durations as somebody types them: Go's, and days.
import { parseDuration } from '../machinery/time.ts';
import { CliError } from './errors.ts';

/** Milliseconds of `90s`, `30m`, `24h`, `7d`, sums such as `1d12h`, or `0`. */
export function durationMs(text: string): number {
  const ms = parseDuration(text.replace(/(\d+)d/g, (_, days: string) => `${24 * Number(days)}h`));
  if (ms === undefined || ms < 0) throw new CliError(`not a duration: ${text} (expected 30m, 24h, …)`);
  return ms;
}
