// When a client that is turned away should come back: doubled while a level keeps turning many away, and less by a second
// for every second in which it hardly does. As TCP does; numbers as upstream's.

const secondsMax = 32;

export class RetryAfter {
  seconds = 1;
  #raisedAt = 0;
  #second = 0;
  #count = 0;
  /** Seconds in which requests were dropped, with how many. */
  #history: { second: number; count: number }[] = [];

  /** Notes that a request was dropped. */
  dropped(nowMs: number): void {
    const second = Math.floor(nowMs / 1000);
    if (second === this.#second) {
      this.#count++;
      return;
    }
    const horizon = Math.min(2 * this.seconds, secondsMax);
    this.#history.push({ second: this.#second, count: this.#count });
    this.#history = this.#history.filter((one) => second - one.second <= horizon);
    this.#second = second;
    this.#count = 1;
    this.#adapt(second);
  }

  #adapt(second: number): void {
    const recent = this.#history.filter((one) => second - one.second <= this.seconds && one.second < second);
    const dropped = recent.reduce((sum, { count }) => sum + count, 0);
    if (second - this.#raisedAt >= this.seconds && dropped >= 3 * this.seconds) {
      this.seconds = Math.min(2 * this.seconds, secondsMax);
      this.#raisedAt = second;
    } else if (dropped < this.seconds && this.seconds > 1) this.seconds--;
  }
}
