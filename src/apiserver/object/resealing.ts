// Rows that are stored otherwise than they are to be (under an old key, in plain) are stored again, some at a time, requests
// in between. What drives it is a deadline, so that it goes on after a restart.
import type { Ledger } from '../../ledger/types.ts';
import type { Clock, Log } from '../../ports/index.ts';
import type { Deadlines } from './deadlines.ts';

const deadline = 'reseal';
const pauseMs = 50;

export class Resealing {
  readonly #ledger: Ledger;
  readonly #deadlines: Deadlines;
  readonly #clock: Clock;
  readonly #log: Log;

  constructor(ledger: Ledger, deadlines: Deadlines, clock: Clock, log: Log) {
    this.#ledger = ledger;
    this.#deadlines = deadlines;
    this.#clock = clock;
    this.#log = log;
  }

  /** Where there is something to do, it begins; where it has begun, nothing changes. */
  begin(): void {
    if (this.#ledger.sealed.due && this.#deadlines.get(deadline) === undefined)
      this.#deadlines.set(deadline, this.#clock.now());
  }

  /** The deadline has come. */
  run(): void {
    const { sealed } = this.#ledger;
    const more = sealed.reseal();
    this.#deadlines.set(deadline, more ? this.#clock.now() + pauseMs : undefined);
    if (more) return;
    const { resealed, unreadable } = sealed.status();
    if (resealed + unreadable > 0) this.#log.info('rows were stored again', { resealed, unreadable });
  }
}
