// One thread serves everything, and most requests are served without ever waiting: nobody else gets a word in while a
// thousand of them, already here, are worked off in order of arrival. So a priority level takes a number of seats in one
// turn of the event loop at most; who comes after that waits for the next turn, and in between whatever has arrived is
// taken in: requests of other levels, which go first unless they used up their own, and everything that is exempt.
// Only a level that has used up half of its seats asks for a turn: an idle server schedules nothing.
import type { Timers } from '../../ports/index.ts';

/** What one level has taken in this turn, and who waits for the next. */
export class Line {
  /** Seats a turn. */
  seatsMax: number;
  used = 0;
  readonly waiting = new Set<{ seats: number; go: () => void }>();

  constructor(seatsMax: number) {
    this.seatsMax = seatsMax;
  }

  fits(seats: number): boolean {
    return this.used === 0 || this.used + seats <= this.seatsMax;
  }
}

export class Turns {
  readonly #timers: Timers | undefined;
  /** Lines that wait for the next turn. */
  readonly #busy = new Set<Line>();

  /** Without timers there are no turns, and everyone goes at once. */
  constructor(timers: Timers | undefined) {
    this.#timers = timers;
  }

  /** Undefined: go ahead; otherwise settles when it is this one's turn. */
  enter(line: Line, seats: number): Promise<void> | undefined {
    if (!this.#timers) return undefined;
    if (line.waiting.size === 0 && line.fits(seats)) {
      line.used += seats;
      // In time, so that whoever comes at leisure never waits.
      if (2 * line.used >= line.seatsMax) this.#renew(line);
      return undefined;
    }
    this.#renew(line);
    return new Promise((go) => line.waiting.add({ seats, go }));
  }

  #renew(line: Line): void {
    if (this.#busy.size === 0) this.#timers?.after(0, () => this.#next());
    this.#busy.add(line);
  }

  #next(): void {
    const lines = [...this.#busy];
    this.#busy.clear();
    for (const line of lines) {
      line.used = 0;
      for (const one of line.waiting) {
        if (!line.fits(one.seats)) break;
        line.waiting.delete(one);
        line.used += one.seats;
        one.go();
      }
      if (line.waiting.size > 0 || 2 * line.used >= line.seatsMax) this.#renew(line);
    }
  }
}
