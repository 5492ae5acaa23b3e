// Timers whose time moves only when it is told to; callbacks run in order, and what they await gets its turn.
import type { Timers } from '../../src/ports/index.ts';

export class FakeTimers implements Timers {
  #now: number;
  #pending: { atMs: number; callback: () => void }[] = [];

  constructor(now = 1_700_000_000_000) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  after(delayMs: number, callback: () => void): () => void {
    const entry = { atMs: this.#now + delayMs, callback };
    this.#pending.push(entry);
    return () => {
      this.#pending = this.#pending.filter((p) => p !== entry);
    };
  }

  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settle();
    for (;;) {
      const next = this.#pending.filter((p) => p.atMs <= end).toSorted((a, b) => a.atMs - b.atMs)[0];
      if (!next) break;
      this.#pending = this.#pending.filter((p) => p !== next);
      this.#now = Math.max(this.#now, next.atMs);
      next.callback();
      await settle();
    }
    this.#now = end;
    await settle();
  }
}

/** Lets everything run that waits for nothing but its turn. */
async function settle(): Promise<void> {
  for (let i = 0; i < 8; i++) await new Promise<void>((resolve) => setImmediate(resolve));
}
