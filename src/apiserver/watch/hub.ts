// All open watches of one server over one subscription to the ledger. Changes are handed to the watches of their
// resource; one timer, running only while a watch is open, serves keep-alives, bookmarks and time limits.
import { defaultRequestLimits, type RequestLimits } from '../../configuration/limits.ts';
import type { Change, Ledger } from '../../ledger/types.ts';
import { errors } from '../../machinery/errors.ts';
import type { Timers } from '../../ports/index.ts';
import type { User } from '../core.ts';

export interface Watcher {
  /** First segment of the keys that it wants. */
  readonly resource: string;
  /** The user who watches; absent: the server itself. */
  readonly owner?: string | undefined;
  changed(changes: readonly Change[], revision: number): void;
  tick(nowMs: number): void;
  /** Ends it as its time limit does. */
  hangUp(): void;
  /** When it wants a tick at the latest, beside the regular ones. */
  readonly dueMs: number;
}

/** Watches that may be open at once. */
type WatchLimits = RequestLimits['watches'];

const tickMs = 5_000;

export class WatchHub {
  readonly #ledger: Ledger;
  readonly #timers: Timers | undefined;
  readonly #watchers = new Map<string, Set<Watcher>>();
  #unsubscribe: (() => void) | undefined;
  #cancelTick: (() => void) | undefined;
  #tickAtMs = 0;
  #size = 0;
  readonly #owned = new Map<string, number>();
  readonly #limits: WatchLimits;

  constructor(ledger: Ledger, timers: Timers | undefined, limits: WatchLimits = defaultRequestLimits.watches) {
    this.#limits = limits;
    this.#ledger = ledger;
    this.#timers = timers;
  }

  /** Number of open watches. */
  get size(): number {
    return this.#size;
  }

  /** Open watches of one resource, in upstream's notation. */
  watching(resource: string): number {
    return this.#watchers.get(resource)?.size ?? 0;
  }

  /** Open watches by the resource they watch. */
  *counts(): Iterable<[resource: string, watches: number]> {
    for (const [resource, watchers] of this.#watchers) yield [resource, watchers.size];
  }

  /** Throws TooManyRequests. Whoever is to help the cluster out always has room. */
  requireRoom({ name, groups }: User): void {
    if (groups.includes('system:masters')) return;
    const { perUser, total } = this.#limits;
    if ((this.#owned.get(name) ?? 0) >= perUser)
      throw errors.tooManyRequests(`the user has ${perUser} watches open, and may have no more`);
    if (this.#size >= total) throw errors.tooManyRequests(`there are ${total} watches open, and there may be no more`);
  }

  /** Ends all watches of a user who is not let in any more. */
  hangUp(owner: string): void {
    for (const watchers of [...this.#watchers.values()])
      for (const watcher of [...watchers]) if (watcher.owner === owner) watcher.hangUp();
  }

  #count(owner: string | undefined, change: number): void {
    if (owner === undefined) return;
    const count = (this.#owned.get(owner) ?? 0) + change;
    if (count === 0) this.#owned.delete(owner);
    else this.#owned.set(owner, count);
  }

  add(watcher: Watcher): void {
    const set = this.#watchers.get(watcher.resource) ?? new Set();
    if (set.has(watcher)) return;
    this.#watchers.set(watcher.resource, set.add(watcher));
    this.#size++;
    this.#count(watcher.owner, 1);
    this.#unsubscribe ??= this.#ledger.subscribe((changes, revision) => this.#dispatch(changes, revision)).unsubscribe;
    this.#arm(watcher.dueMs);
  }

  remove(watcher: Watcher): void {
    const set = this.#watchers.get(watcher.resource);
    if (!set?.delete(watcher)) return;
    if (set.size === 0) this.#watchers.delete(watcher.resource);
    this.#size--;
    this.#count(watcher.owner, -1);
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

  /** Sets the timer for the regular tick, or for `dueMs` if that comes before. */
  #arm(dueMs = Number.POSITIVE_INFINITY): void {
    if (!this.#timers) return;
    const timers = this.#timers;
    const now = timers.now();
    const atMs = Math.max(now, Math.min(now + tickMs, dueMs));
    if (this.#cancelTick) {
      if (this.#tickAtMs <= atMs) return;
      this.#cancelTick();
    }
    this.#tickAtMs = atMs;
    this.#cancelTick = timers.after(atMs - now, () => {
      this.#cancelTick = undefined;
      const nowMs = timers.now();
      let next = Number.POSITIVE_INFINITY;
      for (const set of [...this.#watchers.values()])
        for (const watcher of [...set]) {
          watcher.tick(nowMs);
          if (set.has(watcher)) next = Math.min(next, watcher.dueMs);
        }
      if (this.#size > 0) this.#arm(next);
    });
  }
}
