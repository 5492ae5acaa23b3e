// How many objects there are of a resource and how large they are on average, for estimating what a list costs. Counted when
// first asked for, and kept up from the ledger's changes from then on. Keys begin with the group resource.
import type { Change, Ledger } from '../../ledger/types.ts';
import type { Stored } from './work.ts';

/** Rows from which the average size is taken. */
const sampleRows = 20;
const sampleBytesMax = 512 * 1024;

export class StoredCounts {
  readonly #ledger: Ledger;
  readonly #known = new Map<string, Stored>();

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  of(resource: string): Stored {
    const known = this.#known.get(resource);
    if (known) return known;
    const range = { start: `${resource}/`, end: `${resource}0` };
    const { entries, more } = this.#ledger.range({ ...range, limit: sampleRows, bytesMax: sampleBytesMax });
    const bytes = entries.reduce((sum, { value }) => sum + value.length, 0);
    const stored = {
      count: more ? this.#ledger.count(range) : entries.length,
      averageBytes: entries.length === 0 ? 0 : bytes / entries.length,
    };
    this.#known.set(resource, stored);
    return stored;
  }

  changed({ type, key, value, revision, createRevision }: Change): void {
    const stored = this.#known.get(key.slice(0, key.indexOf('/')));
    if (!stored) return;
    if (type === 'delete') stored.count = Math.max(0, stored.count - 1);
    else if (revision === createRevision) stored.count++;
    if (type === 'put') stored.averageBytes += (value.length - stored.averageBytes) / Math.max(1, stored.count);
  }
}
