// The newest commits with the nodes that each concerns, in memory: what a node is told when it is nearly up to date. Without
// it every node would read every change of the whole cluster from the ledger. Bounded; older cursors, and all of them
// after a restart, read the ledger.
//
// Worked example, kept from revision 7 on: 8 binds pod p to n1, 9 reports p running, 10 changes a Service. n2 at 7 is shown
// 10 alone, n1 at 8 is shown 9 and 10; n1 at 6 has to ask the ledger.
import type { Change, ReadView } from '../../ledger/types.ts';
import { concernOf } from './changes.ts';
import type { ReferenceIndex } from './reference-index.ts';

const entriesMax = 10_000;
const bytesMax = 16 * 1024 * 1024;

interface Entry {
  revision: number;
  /** Absent where it concerns nobody. */
  change: Change | undefined;
  all: boolean;
  names: ReadonlySet<string>;
  bytes: number;
}

export class RecentChanges {
  readonly #references: ReferenceIndex;
  /** What is before `#head` has been let go. */
  #entries: (Entry | undefined)[] = [];
  #head = 0;
  #bytes = 0;
  /** Everything after this revision is kept. */
  #after: number;

  /** `references` is told of commits before this is. */
  constructor(revision: number, references: ReferenceIndex) {
    this.#after = revision;
    this.#references = references;
  }

  /** To be told of every commit, in order. Answers which nodes it concerns. */
  observe(ledger: ReadView, changes: readonly Change[]): { all: boolean; names: Set<string> } {
    const names = new Set<string>();
    let all = false;
    for (const change of changes) {
      const concern = concernOf(ledger, change, this.#references);
      all ||= concern.all;
      for (const name of concern.names) names.add(name);
      const kept = concern.all || concern.names.size > 0 ? change : undefined;
      const bytes = kept ? kept.value.length + (kept.previous?.value.length ?? 0) : 0;
      this.#entries.push({ revision: change.revision, change: kept, ...concern, bytes });
      this.#bytes += bytes;
    }
    this.#trim();
    return { all, names };
  }

  /** The changes after `since` that concern the node; undefined: not kept that far back. */
  of(node: string, since: number): Change[] | undefined {
    if (since < this.#after) return undefined;
    const changes: Change[] = [];
    for (let i = this.#first(since); i < this.#entries.length; i++) {
      const entry = this.#entries[i];
      if (entry?.change && (entry.all || entry.names.has(node))) changes.push(entry.change);
    }
    return changes;
  }

  /** Index of the first entry with a revision after `since`. */
  #first(since: number): number {
    let low = this.#head;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#entries[middle]?.revision ?? 0) > since) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  #trim(): void {
    while (this.#entries.length - this.#head > entriesMax || this.#bytes > bytesMax) {
      const entry = this.#entries[this.#head];
      if (!entry) break;
      // The array is only cut now and then.
      this.#entries[this.#head++] = undefined;
      this.#bytes -= entry.bytes;
      this.#after = entry.revision;
    }
    if (this.#head < 1000 || this.#head * 2 < this.#entries.length) return;
    this.#entries = this.#entries.slice(this.#head);
    this.#head = 0;
  }
}
