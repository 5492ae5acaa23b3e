// Answers of a webhook, for as long as they hold, and questions that are under way: who asks the same meanwhile waits for the
// same answer. The oldest go when there are too many, or when they take too much room.
import type { Clock } from '../../ports/index.ts';

const entriesMax = 8192;
/** Of questions and answers together. */
const charsMax = 4 * 1024 * 1024;

interface Held<T> {
  answer: T;
  untilMs: number;
  chars: number;
}

export class Answers<T> {
  readonly #clock: Clock;
  readonly #held = new Map<string, Held<T>>();
  readonly #asked = new Map<string, Promise<T>>();
  #chars = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get(question: string): T | undefined {
    const held = this.#held.get(question);
    if (!held || held.untilMs > this.#clock.now()) return held?.answer;
    this.#drop(question, held);
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
    const before = this.#held.get(question);
    if (before) this.#drop(question, before);
    const chars = question.length + JSON.stringify(answer).length;
    this.#held.set(question, { answer, untilMs: this.#clock.now() + ttlMs, chars });
    this.#chars += chars;
    for (const [oldest, held] of this.#held) {
      if (this.#held.size <= entriesMax && this.#chars <= charsMax) return;
      this.#drop(oldest, held);
    }
  }

  #drop(question: string, { chars }: Held<T>): void {
    this.#held.delete(question);
    this.#chars -= chars;
  }
}
