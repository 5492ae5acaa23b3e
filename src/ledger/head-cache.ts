// The newest rows of the keys used last, deletions and absences included, so that a read or write of a hot key asks SQLite
// nothing. It holds what the open transaction wrote, too: whoever rolls one back clears it.
//
// Two generations: what is used is in the young one; when that has grown to half of what may be held, it becomes the old
// one, and what nobody asked for since is let go with the old one before it.
import type { LogRow } from './store.ts';

/** UTF-16 units held at most; an isolate has 128 MB for everything. */
const unitsMax = 8_000_000;
/** What an entry costs beside its text. */
const entryUnits = 100;

const unitsOf = (key: string, row: LogRow | null): number =>
  entryUnits + key.length + (row === null ? 0 : row.value.length + row.side.length + row.tags.length);

export class HeadCache {
  readonly #generationMax: number;
  #young = new Map<string, LogRow | null>();
  #old = new Map<string, LogRow | null>();
  /** Of the young generation; what is overwritten counts until it ends. */
  #units = 0;

  constructor(max = unitsMax) {
    this.#generationMax = max / 2;
  }

  /** Null: the key is known to have no row. Undefined: not known. Callers never change a row. */
  get(key: string): LogRow | null | undefined {
    const young = this.#young.get(key);
    if (young !== undefined) return young;
    const old = this.#old.get(key);
    if (old !== undefined) this.set(key, old);
    return old;
  }

  set(key: string, row: LogRow | null): void {
    const units = unitsOf(key, row);
    if (this.#units + units > this.#generationMax) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#units = 0;
    }
    this.#young.set(key, row);
    this.#units += units;
  }

  delete(key: string): void {
    this.#young.delete(key);
    this.#old.delete(key);
  }

  clear(): void {
    this.#young.clear();
    this.#old.clear();
    this.#units = 0;
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }
}
