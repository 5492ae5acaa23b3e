// How long a request may take until the head of its answer is there: a client that sends half a body and then nothing does
// not keep its seat for ever. One timer for all of them, running only while there is something to wait for.
import { ApiError } from '../../machinery/errors.ts';
import type { Timers } from '../../ports/index.ts';

interface Pending {
  untilMs: number;
  expire: () => void;
}

/** Requests may take this much longer, so that one timer serves many. */
const graceMs = 1_000;

export class TimeLimits {
  readonly #timers: Timers | undefined;
  readonly #pending = new Set<Pending>();
  #timerMs = Number.POSITIVE_INFINITY;
  #cancel: (() => void) | undefined;

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
      this.#arm(timers, pending.untilMs);
      work.then(resolve, reject).finally(() => this.#pending.delete(pending));
    });
  }

  #arm(timers: Timers, untilMs: number): void {
    if (this.#timerMs <= untilMs + graceMs) return;
    this.#cancel?.();
    this.#timerMs = untilMs + graceMs;
    this.#cancel = timers.after(this.#timerMs - timers.now(), () => this.#expire(timers));
  }

  #expire(timers: Timers): void {
    this.#timerMs = Number.POSITIVE_INFINITY;
    this.#cancel = undefined;
    const nowMs = timers.now();
    let next = Number.POSITIVE_INFINITY;
    for (const pending of this.#pending) {
      if (pending.untilMs > nowMs) {
        next = Math.min(next, pending.untilMs);
        continue;
      }
      this.#pending.delete(pending);
      pending.expire();
    }
    if (next < Number.POSITIVE_INFINITY) this.#arm(timers, next);
  }
}
