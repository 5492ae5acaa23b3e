// Answers of a webhook, for as long as they hold, and questions that are under way: who asks the same meanwhile waits for the
// same answer. The oldest goes when there are too many.
import type { Clock } from '../../ports/index.ts';

const entriesMax = 8192;

export class Answers<T> {
  readonly #clock: Clock;
  readonly #held = new Map<string, { answer: T; untilMs: number }>();
  readonly #asked = new Map<string, Promise<T>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get(question: string): T | undefined {
    const held = this.#held.get(question);
    if (!held || held.untilMs > this.#clock.now()) return held?.answer;
    this.#held.delete(question);
    return undefined;
  }

  /** `ttlMs`: how long an answer holds; 0: it does not. Rejects where `ask` does; that is not held. */
  ask(question: string, ask: () => Promise<T>, ttlMs: (answer: T) => number): Promise<T> {
    const known = this.#asked.get(question);
    if (known) return known;
    const asked = ask()
      .then((answer) => {
        this.#hold(question, answer, ttlMs(answer));
        return answer;
      })
      .finally(() => this.#asked.delete(question));
    this.#asked.set(question, asked);
    return asked;
  }

  #hold(question: string, answer: T, ttlMs: number): void {
    if (ttlMs <= 0) return;
    this.#held.delete(question);
    this.#held.set(question, { answer, untilMs: this.#clock.now() + ttlMs });
    const [oldest] = this.#held.keys();
    if (this.#held.size > entriesMax && oldest !== undefined) this.#held.delete(oldest);
  }
}
