// Time, randomness and the log of a Worker. The one place in workers/ that reads the clock.
import type { Log, Random, Timers } from '../../src/ports/index.ts';

export const workerTimers: Timers = {
  now: () => Date.now(),
  after(delayMs, callback) {
    const id = setTimeout(callback, delayMs);
    return () => clearTimeout(id);
  },
};

export const workerRandom: Random = {
  uuid: () => crypto.randomUUID(),
  int(exclusiveMax) {
    const [value = 0] = crypto.getRandomValues(new Uint32Array(1));
    return Math.floor((value / 2 ** 32) * exclusiveMax);
  },
  bytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
};

const levels = ['debug', 'info', 'warn', 'error'] as const;

/** One JSON object a line. `least` and above are written. */
export function workerLog(component: string, least: (typeof levels)[number] = 'info'): Log {
  const write = (level: (typeof levels)[number], message: string, fields?: Record<string, unknown>): void => {
    if (levels.indexOf(level) < levels.indexOf(least)) return;
    const line = JSON.stringify({
      level,
      time: new Date(Date.now()).toISOString(),
      component,
      msg: message,
      ...fields,
    });
    if (level === 'error' || level === 'warn') console.error(line);
    else console.log(line);
  };
  return {
    debug: (message, fields) => write('debug', message, fields),
    info: (message, fields) => write('info', message, fields),
    warn: (message, fields) => write('warn', message, fields),
    error: (message, fields) => write('error', message, fields),
  };
}
