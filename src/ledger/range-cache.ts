// Small ranges that are asked for again and again (all keys under `a/b/`), with their entries: what every write of an object
// looks up beside it costs no statement. It holds what the open transaction wrote, too: whoever rolls one back clears it.
//
// Worked example: `q/ns/` was read and is empty. A write of `q/ns/x` drops `q/` and `q/ns/`; one of `p/ns/x` does not.
import type { Entry, RangeRequest } from './types.ts';

/** UTF-16 units held at most; an isolate has 128 MB for everything. */
const unitsMax = 4_000_000;
/** Larger ones are not kept: entries, and UTF-16 units of their values. */
const entriesMax = 50;
const rangeUnitsMax = 50_000;
/** What a range and an entry cost beside their text. */
const overheadUnits = 200;

interface Known {
  entries: readonly Entry[];
  units: number;
}

export class RangeCache {
  readonly #ranges = new Map<string, Known>();
  readonly #unitsMax: number;
  #units = 0;

  constructor(max = unitsMax) {
    this.#unitsMax = max;
  }

  /** The prefix that a range of the present is of; undefined: none, so it is not for this cache. */
  static prefixOf({ start, end, tag, after }: RangeRequest): string | undefined {
    if (tag !== undefined || after !== undefined || !start.endsWith('/')) return undefined;
    // `0` is the character after `/`.
    return end.length === start.length && end.endsWith('0') && end.startsWith(start.slice(0, -1)) ? start : undefined;
  }

  get(prefix: string): readonly Entry[] | undefined {
    return this.#ranges.get(prefix)?.entries;
  }

  /** `entries`: all of the range, in order. */
  set(prefix: string, entries: readonly Entry[]): void {
    this.#delete(prefix);
    if (entries.length > entriesMax) return;
    let units = overheadUnits + prefix.length;
    for (const { key, value, side } of entries) units += overheadUnits + key.length + value.length + side.length;
    if (units > rangeUnitsMax) return;
    if (this.#units + units > this.#unitsMax) this.clear();
    this.#ranges.set(prefix, { entries, units });
    this.#units += units;
  }

  /** A key was written or deleted. */
  touch(key: string): void {
    if (this.#ranges.size === 0) return;
    for (let at = key.indexOf('/'); at >= 0; at = key.indexOf('/', at + 1)) this.#delete(key.slice(0, at + 1));
  }

  #delete(prefix: string): void {
    const known = this.#ranges.get(prefix);
    if (!known) return;
    this.#ranges.delete(prefix);
    this.#units -= known.units;
  }

  clear(): void {
    this.#ranges.clear();
    this.#units = 0;
  }

  get size(): number {
    return this.#ranges.size;
  }
}
