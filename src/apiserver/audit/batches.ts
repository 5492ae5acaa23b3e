// Events on their way out in batches: held in memory until there are enough, or the first has waited long enough, then sent one
// batch after the other, again after a pause while it fails. Whoever writes never waits: what does not fit is dropped, and
// counted. An object that ends loses what it holds: at most what came within `waitMs`, and what could not be sent.
//
// Example, of two at most: a, b → sent at once; c → a timer; the timer → c is sent. While [a, b] is under way, c and d wait.
import type { AuditBatches } from '../../configuration/audit-sinks.ts';
import type { Log, Timers } from '../../ports/index.ts';
import type { AuditSink } from './sink.ts';

export interface BatchOptions extends AuditBatches {
  name: string;
  timers: Timers;
  /** In [0, 1). */
  random(): number;
  log: Log;
  waitUntil(work: Promise<unknown>): void;
  /** Rejects where it failed; with a {@link Refused}, there is no use in trying again. */
  send(events: readonly string[]): Promise<void>;
  initialBackoffMs: number;
  /** So many events will never arrive. */
  dropped(count: number): void;
}

/** Whoever takes the events does not want these. */
export class Refused extends Error {}

const attemptsMax = 5;
const backoffFactor = 1.5;
const jitter = 0.2;
/** UTF-16 units, of a batch and of all that waits. */
const batchUnitsMax = 4 * 1024 * 1024;
const bufferUnitsMax = 16 * 1024 * 1024;

export class Batches implements AuditSink {
  readonly name: string;
  readonly #options: BatchOptions;
  #waiting: string[] = [];
  #units = 0;
  #sending = false;
  /** Ends the wait of the batch that is being gathered. */
  #gathering: (() => void) | undefined;

  constructor(options: BatchOptions) {
    this.name = options.name;
    this.#options = options;
  }

  write(event: string): void {
    const { eventsMax, bufferEventsMax, dropped, waitUntil } = this.#options;
    if (this.#waiting.length >= bufferEventsMax || this.#units + event.length > bufferUnitsMax) {
      dropped(1);
      return;
    }
    this.#waiting.push(event);
    this.#units += event.length;
    if (this.#waiting.length >= eventsMax || this.#units >= batchUnitsMax) this.#gathering?.();
    if (this.#sending) return;
    this.#sending = true;
    waitUntil(this.#work());
  }

  /** Until nothing waits. Never rejects. */
  async #work(): Promise<void> {
    while (this.#waiting.length > 0) {
      if (!this.#isFull) await this.#gather();
      await this.#deliver(this.#take());
    }
    this.#sending = false;
  }

  get #isFull(): boolean {
    return this.#waiting.length >= this.#options.eventsMax || this.#units >= batchUnitsMax;
  }

  #gather(): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#options.timers.after(this.#options.waitMs, () => done());
      const done = () => {
        this.#gathering = undefined;
        cancel();
        resolve();
      };
      this.#gathering = done;
    });
  }

  #take(): string[] {
    let units = 0;
    let count = 0;
    for (const event of this.#waiting) {
      if (count === this.#options.eventsMax || (count > 0 && units + event.length > batchUnitsMax)) break;
      units += event.length;
      count++;
    }
    this.#units -= units;
    return this.#waiting.splice(0, count);
  }

  async #deliver(batch: readonly string[]): Promise<void> {
    const { send, timers, random, log, initialBackoffMs, dropped } = this.#options;
    let pauseMs = initialBackoffMs;
    for (let attempt = 1; ; attempt++) {
      try {
        await send(batch);
        return;
      } catch (error) {
        if (attempt === attemptsMax || error instanceof Refused) {
          log.warn('audit events could not be delivered', {
            sink: this.name,
            events: batch.length,
            error: String(error),
          });
          dropped(batch.length);
          return;
        }
      }
      const waitMs = pauseMs * (1 + jitter * random());
      await new Promise<void>((resolve) => void timers.after(waitMs, resolve));
      pauseMs *= backoffFactor;
    }
  }
}
