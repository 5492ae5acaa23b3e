// The ports on Node: real time, the system's randomness, JSON lines on stderr; and how many pods start at once.
import { randomBytes, randomInt, randomUUID } from 'node:crypto';
import { pino } from 'pino';
import type { Log, Random, Timers } from '../src/ports/index.ts';
import type { Gate } from './pods/context.ts';

const timerMsMax = 2 ** 31 - 1;

export const systemTimers: Timers = {
  now: () => Date.now(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, Math.min(delayMs, timerMsMax));
    return () => clearTimeout(timer);
  },
};

export const systemRandom: Random = {
  uuid: () => randomUUID(),
  int: (max) => randomInt(max),
  bytes: (length) => new Uint8Array(randomBytes(length)),
};

export function stderrLog(fields: Record<string, unknown>, level: string): Log {
  const logger = pino({ base: fields, level, timestamp: pino.stdTimeFunctions.isoTime }, pino.destination(2));
  return {
    debug: (m, f) => logger.debug(f ?? {}, m),
    info: (m, f) => logger.info(f ?? {}, m),
    warn: (m, f) => logger.warn(f ?? {}, m),
    error: (m, f) => logger.error(f ?? {}, m),
  };
}

export function gateOf(atOnceMax: number): Gate {
  let running = 0;
  const urgent: (() => void)[] = [];
  const waiting: (() => void)[] = [];
  return {
    async run(work, first = false) {
      if (running >= atOnceMax) await new Promise<void>((resolve) => (first ? urgent : waiting).push(resolve));
      else running++;
      try {
        return await work();
      } finally {
        // The place passes to the next one, or becomes free.
        const next = urgent.shift() ?? waiting.shift();
        if (next) next();
        else running--;
      }
    },
  };
}
