// One thread serves everything, and most requests are served without ever waiting: nobody else gets a word in while a
// thousand of them, already here, are worked off in order of arrival. So a priority level takes a number of seats in one
// turn of the event loop at most; who comes after that waits for the next turn, where its flows take turns. In between,
// whatever has arrived is taken in: requests of other levels, which go first unless they used up their own, and
// everything that is exempt.
// Only a level that has used up half of its seats asks for a turn: an idle server schedules nothing.
import type { Timers } from '../../ports/index.ts';

interface Waiting {
  seats: number;
  go: () => void;
}

/** What one level has taken in this turn, and who waits for the next. */
export class Line {
  /** Seats a turn. */
  seatsMax: number;
  used = 0;
  /** By flow; the flow that was served last comes last. */
  readonly #flows = new Map<string, Waiting[]>();

  constructor(seatsMax: number) {
    this.seatsMax = seatsMax;
  }

  get empty(): boolean {
    return this.#flows.size === 0;
  }

  fits(seats: number): boolean {
    return this.used === 0 || this.used + seats <= this.seatsMax;
  }

  wait(flow: string, one: Waiting): void {
    const list = this.#flows.get(flow);
    if (list) list.push(one);
    else this.#flows.set(flow, [one]);
  }

  /** A new turn: one of each flow after the other goes, as far as the seats reach. */
  renew(): void {
    this.used = 0;
    // A flow that is put back at the end comes round again.
    for (const [flow, list] of this.#flows) {
      const first = list[0] as Waiting;
      if (!this.fits(first.seats)) return;
      list.shift();
      this.#flows.delete(flow);
      if (list.length > 0) this.#flows.set(flow, list);
      this.used += first.seats;
      first.go();
    }
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
  enter(line: Line, flow: string, seats: number): Promise<void> | undefined {
    if (!this.#timers) return undefined;
    if (line.empty && line.fits(seats)) {
      line.used += seats;
      // In time, so that whoever comes at leisure never waits.
      if (2 * line.used >= line.seatsMax) this.#ask(line);
      return undefined;
    }
    this.#ask(line);
    return new Promise((go) => line.wait(flow, { seats, go }));
  }

  #ask(line: Line): void {
    if (this.#busy.size === 0) this.#timers?.after(0, () => this.#next());
    this.#busy.add(line);
  }

  #next(): void {
    const lines = [...this.#busy];
    this.#busy.clear();
    for (const line of lines) {
      line.renew();
      if (!line.empty || 2 * line.used >= line.seatsMax) this.#ask(line);
    }
  }
}
