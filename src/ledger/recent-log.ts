// The newest changes, in memory: what watches and other consumers that keep up are told without asking SQLite. Revisions are
// dense, so a change is found by its place. Bounded; who is further behind reads the log itself.
import type { Change, KeyRange } from './types.ts';

const changesMax = 10_000;
/** UTF-16 units held at most. */
const unitsMax = 8_000_000;

const unitsOf = ({ key, value, side, previous }: Change): number =>
  100 + key.length + value.length + side.length + (previous ? previous.value.length + previous.side.length : 0);

export class RecentLog {
  readonly #unitsMax: number;
  /** What is before `#head` has been let go. */
  #changes: (Change | undefined)[] = [];
  #head = 0;
  #units = 0;
  /** The revision before the first change kept. */
  #after: number;

  constructor(revision: number, max = unitsMax) {
    this.#after = revision;
    this.#unitsMax = max;
  }

  /** Of one commit, in order, right after what was added last. */
  add(changes: readonly Change[]): void {
    for (const change of changes) {
      this.#changes.push(change);
      this.#units += unitsOf(change);
    }
    while (this.#units > this.#unitsMax || this.#changes.length - this.#head > changesMax) {
      this.#units -= unitsOf(this.#changes[this.#head] as Change);
      // The array is only cut now and then.
      this.#changes[this.#head++] = undefined;
      this.#after++;
    }
    if (this.#head < 1000 || this.#head * 2 < this.#changes.length) return;
    this.#changes = this.#changes.slice(this.#head);
    this.#head = 0;
  }

  /** The changes after a revision; at most `limit` where that is not negative. Undefined: not kept that far back. */
  since(after: number, range: KeyRange | undefined, limit: number): Change[] | undefined {
    if (after < this.#after) return undefined;
    const found: Change[] = [];
    for (let i = this.#head + after - this.#after; i < this.#changes.length && found.length !== limit; i++) {
      const change = this.#changes[i] as Change;
      if (!range || (change.key >= range.start && change.key < range.end)) found.push(change);
    }
    return found;
  }
}
