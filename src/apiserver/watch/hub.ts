// All open watches of one server over one subscription to the ledger. Changes are handed to the watches of their
// resource; one timer, running only while a watch is open, serves keep-alives, bookmarks and time limits.
import type { Change, Ledger } from '../../ledger/types.ts';
import type { Timers } from '../../ports/index.ts';

export interface Watcher {
  /** First segment of the keys that it wants. */
  readonly resource: string;
  changed(changes: readonly Change[], revision: number): void;
  tick(nowMs: number): void;
}

const tickMs = 5_000;

export class WatchHub {
  readonly #ledger: Ledger;
  readonly #timers: Timers | undefined;
  readonly #watchers = new Map<string, Set<Watcher>>();
  #unsubscribe: (() => void) | undefined;
  #cancelTick: (() => void) | undefined;
  #size = 0;

  constructor(ledger: Ledger, timers: Timers | undefined) {
    this.#ledger = ledger;
    this.#timers = timers;
  }

  /** Number of open watches. */
  get size(): number {
    return this.#size;
  }

  add(watcher: Watcher): void {
    const set = this.#watchers.get(watcher.resource) ?? new Set();
    if (set.has(watcher)) return;
    this.#watchers.set(watcher.resource, set.add(watcher));
    this.#size++;
    this.#unsubscribe ??= this.#ledger.subscribe((changes, revision) => this.#dispatch(changes, revision)).unsubscribe;
    this.#arm();
  }

  remove(watcher: Watcher): void {
    const set = this.#watchers.get(watcher.resource);
    if (!set?.delete(watcher)) return;
    if (set.size === 0) this.#watchers.delete(watcher.resource);
    this.#size--;
    if (this.#size > 0) return;
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
    this.#cancelTick?.();
    this.#cancelTick = undefined;
  }

  #dispatch(changes: readonly Change[], revision: number): void {
    const byResource = new Map<string, Change[]>();
    for (const change of changes) {
      const resource = change.key.slice(0, change.key.indexOf('/'));
      if (!this.#watchers.has(resource)) continue;
      const list = byResource.get(resource);
      if (list) list.push(change);
      else byResource.set(resource, [change]);
    }
    for (const [resource, list] of byResource)
      for (const watcher of [...(this.#watchers.get(resource) ?? [])]) watcher.changed(list, revision);
  }

  #arm(): void {
    if (!this.#timers || this.#cancelTick) return;
    const timers = this.#timers;
    this.#cancelTick = timers.after(tickMs, () => {
      this.#cancelTick = undefined;
      const now = timers.now();
      for (const set of [...this.#watchers.values()]) for (const watcher of [...set]) watcher.tick(now);
      if (this.#size > 0) this.#arm();
    });
  }
}
