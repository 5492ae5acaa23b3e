// Small ranges that are asked for again and again (all keys under `a/b/`), with their entries: what every write of an object
// looks up beside it costs no statement. It holds what the open transaction wrote, too: whoever rolls one back clears it.
//
// Worked example: `q/ns/` was read and is empty. A write of `q/ns/x` drops `q/` and `q/ns/`; one of `p/ns/x` does not.
import type { Entry, RangeRequest } from './types.ts';

const rangesMax = 1000;
/** Larger ones are not kept: entries, and UTF-16 units of their values. */
const entriesMax = 50;
const unitsMax = 50_000;

export class RangeCache {
  readonly #ranges = new Map<string, readonly Entry[]>();

  /** The prefix that a range of the present is of; undefined: none, so it is not for this cache. */
  static prefixOf({ start, end, tag, after }: RangeRequest): string | undefined {
    if (tag !== undefined || after !== undefined || !start.endsWith('/')) return undefined;
    // `0` is the character after `/`.
    return end.length === start.length && end.endsWith('0') && end.startsWith(start.slice(0, -1)) ? start : undefined;
  }

  get(prefix: string): readonly Entry[] | undefined {
    return this.#ranges.get(prefix);
  }

  /** `entries`: all of the range, in order. */
  set(prefix: string, entries: readonly Entry[]): void {
    if (entries.length > entriesMax) return;
    let units = 0;
    for (const { value, side } of entries) units += value.length + side.length;
    if (units > unitsMax) return;
    if (this.#ranges.size >= rangesMax) this.#ranges.clear();
    this.#ranges.set(prefix, entries);
  }

  /** A key was written or deleted. */
  touch(key: string): void {
    if (this.#ranges.size === 0) return;
    for (let at = key.indexOf('/'); at >= 0; at = key.indexOf('/', at + 1)) this.#ranges.delete(key.slice(0, at + 1));
  }

  clear(): void {
    this.#ranges.clear();
  }
}
