// Objects with a time to live (events) are deleted when it is over. The instants are in the side column; an index of them in
// memory is made on first use and kept up from the ledger's changes, in order of writing, which is the order of expiry as
// one kind has one time to live.
import type { Ledger } from '../ledger/types.ts';
import { groupResource } from '../machinery/meta.ts';
import type { AnyResource } from '../machinery/resource.ts';
import type { Core } from './core.ts';
import { parseSide, revised } from './storage/codec.ts';
import { keyRange } from './storage/read.ts';

const pageRows = 1000;
/** What falls due within this time goes in one stroke, so that the alarm does not ring once per event. */
const batchMs = 5_000;

interface Due {
  atMs: number;
  revision: number;
}

export class Expiry {
  readonly #ledger: Ledger;
  readonly #kinds: readonly AnyResource[];
  readonly #prefixes: ReadonlySet<string>;
  #due: Map<string, Due> | undefined;

  constructor(core: Core) {
    this.#ledger = core.ledger;
    this.#kinds = core.registry.definitions.filter(({ timeToLiveMs, conversion }) => timeToLiveMs && !conversion);
    this.#prefixes = new Set(this.#kinds.map(groupResource));
  }

  /** When the next object expires; undefined: none does. */
  #next(): number | undefined {
    const first = this.#index().values().next().value;
    return first && first.atMs + batchMs;
  }

  /** Deletes what has expired; returns when to call again. */
  async expire(nowMs: number): Promise<number | undefined> {
    const index = this.#index();
    const due: [string, Due][] = [];
    for (const entry of index) {
      if (entry[1].atMs > nowMs) break;
      due.push(entry);
    }
    for (let from = 0; from < due.length; from += pageRows)
      await this.#ledger.commit((tx) => {
        // Written again meanwhile: it lives on.
        for (const [key, { revision }] of due.slice(from, from + pageRows))
          tx.delete(key, (deletion, current) => revised(current, deletion), { revision });
      });
    return this.#next();
  }

  #index(): Map<string, Due> {
    if (this.#due) return this.#due;
    const found: [string, Due][] = [];
    for (const kind of this.#kinds) {
      let after: string | undefined;
      for (;;) {
        const page = this.#ledger.range({
          ...keyRange(kind),
          ...(after === undefined ? {} : { after }),
          limit: pageRows,
          withoutValues: true,
        });
        for (const { key, side, revision } of page.entries) {
          const atMs = parseSide(side).x;
          if (atMs !== undefined) found.push([key, { atMs, revision }]);
        }
        if (!page.more) break;
        after = page.entries.at(-1)?.key;
      }
    }
    const index = new Map(found.sort((a, b) => a[1].atMs - b[1].atMs));
    this.#due = index;
    if (this.#kinds.length > 0)
      this.#ledger.subscribe((changes) => {
        for (const change of changes) {
          if (!this.#prefixes.has(change.key.slice(0, change.key.indexOf('/')))) continue;
          index.delete(change.key);
          const atMs = change.type === 'put' ? parseSide(change.side).x : undefined;
          if (atMs !== undefined) index.set(change.key, { atMs, revision: change.revision });
        }
      });
    return index;
  }
}
