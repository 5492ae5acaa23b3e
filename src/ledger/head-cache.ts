// The newest rows of the keys used last, deletions and absences included, so that a read or write of a hot key asks SQLite
// nothing. It holds what the open transaction wrote, too: whoever rolls one back clears it.
import type { LogRow } from './store.ts';

/** UTF-16 units held at most; an isolate has 128 MB for everything. */
const unitsMax = 8_000_000;
/** What an entry costs beside its text. */
const entryUnits = 100;

const unitsOf = (key: string, row: LogRow | null): number =>
  entryUnits + key.length + (row === null ? 0 : row.value.length + row.side.length + row.tags.length);

export class HeadCache {
  readonly #rows = new Map<string, LogRow | null>();
  readonly #unitsMax: number;
  #units = 0;

  constructor(max = unitsMax) {
    this.#unitsMax = max;
  }

  /** Null: the key is known to have no row. Undefined: not known. Callers never change a row. */
  get(key: string): LogRow | null | undefined {
    const row = this.#rows.get(key);
    if (row === undefined) return undefined;
    // Used last goes last.
    this.#rows.delete(key);
    this.#rows.set(key, row);
    return row;
  }

  set(key: string, row: LogRow | null): void {
    this.delete(key);
    this.#rows.set(key, row);
    this.#units += unitsOf(key, row);
    for (const oldest of this.#rows.keys()) {
      if (this.#units <= this.#unitsMax) break;
      this.delete(oldest);
    }
  }

  delete(key: string): void {
    const row = this.#rows.get(key);
    if (row === undefined) return;
    this.#rows.delete(key);
    this.#units -= unitsOf(key, row);
  }

  clear(): void {
    this.#rows.clear();
    this.#units = 0;
  }

  get size(): number {
    return this.#rows.size;
  }
}
