// The newest rows of the keys used last, deletions and absences included, so that a read or write of a hot key asks SQLite
// nothing. It holds what the open transaction wrote, too: whoever rolls one back clears it. Sealed rows are open here.
import { GenerationCache } from './generation-cache.ts';
import type { LogRow } from './tables.ts';

/** UTF-16 units held at most; an isolate has 128 MB for everything. */
const unitsMax = 8_000_000;
/** What an entry costs beside its text. */
const entryUnits = 100;

const unitsOf = (key: string, row: LogRow | null): number =>
  entryUnits + key.length + (row === null ? 0 : row.value.length + row.side.length + row.tags.length);

/** Null: the key is known to have no row. Callers never change a row. */
export class HeadCache extends GenerationCache<string, LogRow | null> {
  constructor(max = unitsMax) {
    super(max, unitsOf);
  }
}
