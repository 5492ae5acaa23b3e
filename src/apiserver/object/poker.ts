// Tells consumers (the scheduler, the controllers, nodes' links) that the ledger has moved on. Per consumer: pokes of one
// turn are one; one call at most runs until the consumer has caught up, and one at most nudges it meanwhile. What got
// lost is repaired by a durable deadline, armed at most every few seconds however many commits there are. Under a stream
// of commits a consumer is told at a bounded rate: it reads the history anyhow, so later tells it as much.
//
// Worked example: commits 5, 6 in one turn → poke(6). While it runs, 7 → nudge(7), returning at once. poke answers 6 →
// poke(7) answers 7 → quiet. If the object dies after 7 was committed, the deadline fires in its next life, in which
// nobody's cursor is known: everyone is poked once.

import type { Clock } from '../../ports/index.ts';

export interface Consumer {
  /** Resolves with the revision that the consumer has caught up to. */
  poke(revision: number): Promise<number>;
  /** Wakes a consumer whose poke is still running; resolves at once. */
  nudge?(revision: number): Promise<unknown>;
}

const quickRetriesMax = 3;
const quickRetryMs = 100;
/** Who is behind, and has not moved for so long, is not well. */
const stillMaxMs = 60_000;
/** Calls to one consumer in a row, and what a steady stream of commits makes per second. */
const burstMax = 20;
const sendsPerSecond = 100;

interface State {
  wanted: number;
  reached: number;
  poking: boolean;
  nudging: boolean;
  scheduled: boolean;
  failures: number;
  /** What the last call failed with; undefined: it did not. */
  failure: string | undefined;
  /** Since when it is where it is, and behind. */
  stillSinceMs: number;
  /** Calls that may be made at once, as of `refilledMs`. */
  allowance: number;
  refilledMs: number;
  waiting: boolean;
}

export interface PokerOptions {
  clock: Clock;
  /** The consumer of this name, for one call. */
  consumer(name: string): Consumer;
  /** Keeps the runtime from dropping a call that outlives its request. */
  waitUntil(work: Promise<unknown>): void;
  /** A poke is under way or has failed: have `repair` called in a while. */
  armRepair(): void;
  later(delayMs: number, work: () => void): void;
  onFailure(name: string, error: unknown): void;
}

export class Poker {
  readonly #options: PokerOptions;
  readonly #states = new Map<string, State>();

  constructor(options: PokerOptions) {
    this.#options = options;
  }

  /** The ledger has reached `revision`, and it concerns the consumer. Synchronous; part of the commit's turn. */
  want(name: string, revision: number): void {
    const state = this.#state(name);
    if (state.reached >= state.wanted) state.stillSinceMs = this.#options.clock.now();
    state.wanted = Math.max(state.wanted, revision);
    this.#options.armRepair();
    if (state.scheduled) return;
    state.scheduled = true;
    queueMicrotask(() => {
      state.scheduled = false;
      this.#send(name, state);
    });
  }

  /** How far the consumer is known to have come; 0: not known. */
  reached(name: string): number {
    return this.#states.get(name)?.reached ?? 0;
  }

  get caughtUp(): boolean {
    return this.behind === 0;
  }

  /** How many consumers have not caught up. */
  get behind(): number {
    let count = 0;
    for (const { reached, wanted } of this.#states.values()) if (reached < wanted) count++;
    return count;
  }

  /** What is wrong with a consumer, as far as calls to it tell; undefined: nothing. */
  problem(name: string): string | undefined {
    const state = this.#states.get(name);
    if (!state) return undefined;
    if (state.failure !== undefined) return state.failure;
    const stillMs = this.#options.clock.now() - state.stillSinceMs;
    if (state.reached >= state.wanted || stillMs <= stillMaxMs) return undefined;
    return `at revision ${state.reached} of ${state.wanted} for ${Math.floor(stillMs / 1000)} s`;
  }

  /** Pokes again whoever has not caught up. Resolves when those calls are over; true: all have caught up. */
  async repair(): Promise<boolean> {
    const behind = [...this.#states].filter(([, state]) => state.reached < state.wanted);
    await Promise.all(behind.filter(([, state]) => !state.poking).map(([name, state]) => this.#poke(name, state)));
    return this.caughtUp;
  }

  #state(name: string): State {
    let state = this.#states.get(name);
    if (!state) {
      state = {
        wanted: 0,
        reached: 0,
        poking: false,
        nudging: false,
        scheduled: false,
        failures: 0,
        failure: undefined,
        stillSinceMs: this.#options.clock.now(),
        allowance: burstMax,
        refilledMs: this.#options.clock.now(),
        waiting: false,
      };
      this.#states.set(name, state);
    }
    return state;
  }

  #send(name: string, state: State): void {
    if (state.reached >= state.wanted) return;
    if (state.poking && state.nudging) return;
    if (!this.#mayCall(state)) this.#sendLater(name, state);
    else if (!state.poking) this.#options.waitUntil(this.#poke(name, state));
    else this.#options.waitUntil(this.#nudge(name, state));
  }

  #sendLater(name: string, state: State): void {
    if (state.waiting) return;
    state.waiting = true;
    const sent = new Promise<void>((resolve) =>
      this.#options.later(1000 / sendsPerSecond, () => {
        state.waiting = false;
        this.#send(name, state);
        resolve();
      }),
    );
    this.#options.waitUntil(sent);
  }

  #mayCall(state: State): boolean {
    const nowMs = this.#options.clock.now();
    state.allowance = Math.min(burstMax, state.allowance + ((nowMs - state.refilledMs) / 1000) * sendsPerSecond);
    state.refilledMs = nowMs;
    if (state.allowance < 1) return false;
    state.allowance--;
    return true;
  }

  async #poke(name: string, state: State): Promise<void> {
    state.poking = true;
    try {
      while (state.reached < state.wanted) {
        const revision = state.wanted;
        const reached = await this.#options.consumer(name).poke(revision);
        state.failures = 0;
        state.failure = undefined;
        if (reached > state.reached) state.stillSinceMs = this.#options.clock.now();
        // It has done what it could; what it left behind is in its own queue, or the repair asks again.
        if (reached < revision && state.wanted === revision) {
          state.reached = Math.max(state.reached, reached);
          return;
        }
        state.reached = Math.max(state.reached, reached);
        if (state.reached < state.wanted && !this.#mayCall(state)) {
          this.#sendLater(name, state);
          return;
        }
      }
    } catch (error) {
      state.failures++;
      state.failure = String(error);
      this.#options.onFailure(name, error);
      // Once more soon, for an object that was only just restarting; after that, the repair.
      if (state.failures <= quickRetriesMax)
        this.#options.later(quickRetryMs * state.failures, () => this.#send(name, state));
    } finally {
      state.poking = false;
    }
  }

  async #nudge(name: string, state: State): Promise<void> {
    state.nudging = true;
    const revision = state.wanted;
    try {
      await this.#options.consumer(name).nudge?.(revision);
    } catch {
      // The poke that is running fails as well, and is repaired.
    } finally {
      state.nudging = false;
    }
    if (state.wanted > revision) this.#send(name, state);
  }
}
