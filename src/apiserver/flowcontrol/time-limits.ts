// How long a request may take until the head of its answer is there: a client that sends half a body and then nothing does
// not keep its seat for ever. One timer for all of them, which ends within a second of the last: a timer that is pending
// keeps a durable object in memory, which is paid for.
import { ApiError } from '../../machinery/errors.ts';
import type { Timers } from '../../ports/index.ts';

interface Pending {
  untilMs: number;
  expire: () => void;
}

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
    const timers = this.#timers;
    if (!timers) return work;
    return new Promise<T>((resolve, reject) => {
      const pending = {
        untilMs: timers.now() + limitMs,
        expire: () =>
          reject(new ApiError('Timeout', 'Timeout: request did not complete within the allotted timeout', {})),
      };
      this.#pending.add(pending);
      this.#tick(timers);
      work.then(resolve, reject).finally(() => this.#pending.delete(pending));
    });
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
