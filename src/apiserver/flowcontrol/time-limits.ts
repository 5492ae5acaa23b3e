// How long a request may take until the head of its answer is there: a client that sends half a body and then nothing does
// not keep its seat for ever. And how long the pieces of an answer may lie unread: one who reads nothing does not keep its
// memory. One timer for all of them, which ends within a second of the last: a timer that is pending keeps a durable object
// in memory, which is paid for.
import { ApiError } from '../../machinery/errors.ts';
import { parseDuration } from '../../machinery/time.ts';
import type { Timers } from '../../ports/index.ts';

interface Pending {
  untilMs: number;
  expire: () => void;
}

/** What may not stand still for long. */
interface Activity {
  goesOn(): void;
  over(): void;
}

/** How long a request may take. */
export const requestMs = 60_000;
/** How long a piece of an answer may lie before the next is asked for. */
const unreadMs = 60_000;
/** Requests may take this much longer, so that one timer serves many. */
const tickMs = 1_000;

export class TimeLimits {
  readonly #timers: Timers | undefined;
  readonly #pending = new Set<Pending>();
  #ticking = false;

  /** Without timers nothing is limited. */
  constructor(timers: Timers | undefined) {
    this.#timers = timers;
  }

  /** As `work`, or a Timeout (504) when it takes longer; whatever it still does then is nobody's concern. */
  within<T>(limitMs: number, work: Promise<T>): Promise<T> {
    if (!this.#timers) return work;
    return new Promise<T>((resolve, reject) => {
      const { over } = this.between(limitMs, () =>
        reject(new ApiError('Timeout', 'Timeout: request did not complete within the allotted timeout', {})),
      );
      work.then(resolve, reject).finally(over);
    });
  }

  /** `expire` is called when nothing happens for so long, unless it is over. */
  between(limitMs: number, expire: () => void): Activity {
    const timers = this.#timers;
    if (!timers) return { goesOn() {}, over() {} };
    const pending: Pending = { untilMs: timers.now() + limitMs, expire };
    this.#pending.add(pending);
    this.#tick(timers);
    return {
      goesOn: () => {
        pending.untilMs = timers.now() + limitMs;
      },
      over: () => void this.#pending.delete(pending),
    };
  }

  /** A request whose answer is sent in pieces is under way until the last of them has been taken. */
  reading(extend: () => () => void): (abandon: () => void) => Activity {
    return (abandon) => {
      const release = extend();
      const { goesOn, over } = this.between(unreadMs, abandon);
      return {
        goesOn,
        over() {
          over();
          release();
        },
      };
    };
  }

  #tick(timers: Timers): void {
    if (this.#ticking) return;
    this.#ticking = true;
    timers.after(tickMs, () => {
      this.#ticking = false;
      const nowMs = timers.now();
      for (const pending of this.#pending) {
        if (pending.untilMs > nowMs) continue;
        this.#pending.delete(pending);
        pending.expire();
      }
      if (this.#pending.size > 0) this.#tick(timers);
    });
  }
}

/** The time that a request has until its answer begins; it may ask for less than there is. */
export function timeLimitMs(query: URLSearchParams): number {
  const asked = parseDuration(query.get('timeout') ?? '');
  return asked !== undefined && asked > 0 ? Math.min(asked, requestMs) : requestMs;
}
