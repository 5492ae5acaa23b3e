// How many seats a priority level could use, over time: average, deviation and peak since the last adjustment, and a smoothed
// figure that rises at once and decays over minutes. It decides what the level lends and borrows.

/** The half-life of what is remembered, at one adjustment in ten seconds, is five minutes. */
const smoothing = 0.977;

export class SeatDemand {
  #seats = 0;
  #sinceMs: number;
  #startMs: number;
  #sum = 0;
  #sumOfSquares = 0;
  #max = 0;

  average = 0;
  deviation = 0;
  /** Peak of the period before the last adjustment. */
  highWatermark = 0;
  smoothed = 0;

  constructor(nowMs: number) {
    this.#sinceMs = nowMs;
    this.#startMs = nowMs;
  }

  set(seats: number, nowMs: number): void {
    this.#integrate(nowMs);
    this.#seats = seats;
    if (seats > this.#max) this.#max = seats;
  }

  /** Ends a period and takes its figures over. */
  adjust(nowMs: number): void {
    this.#integrate(nowMs);
    this.highWatermark = this.#max;
    const duration = nowMs - this.#startMs;
    if (duration > 0) {
      this.average = this.#sum / duration;
      this.deviation = Math.sqrt(Math.max(0, this.#sumOfSquares / duration - this.average ** 2));
      const envelope = this.average + this.deviation;
      this.smoothed = Math.max(envelope, smoothing * this.smoothed + (1 - smoothing) * envelope);
    }
    this.#startMs = nowMs;
    this.#sum = 0;
    this.#sumOfSquares = 0;
    this.#max = this.#seats;
  }

  #integrate(nowMs: number): void {
    const elapsed = Math.max(0, nowMs - this.#sinceMs);
    this.#sinceMs = nowMs;
    this.#sum += elapsed * this.#seats;
    this.#sumOfSquares += elapsed * this.#seats ** 2;
  }
}
