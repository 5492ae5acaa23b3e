// Virtual time and seeded chance: a clock that jumps from one timer to the next, so that minutes pass in milliseconds.
//
// What runs between two timers is microtasks alone: nothing in a simulated cluster waits for a disk, a socket or a thread,
// so that the order of everything follows from the seed. The one exception is WebCrypto, whose digests are computed on
// other threads: `deterministic()` replaces SHA-256 in this process by one that is computed at once.
import { createHash } from 'node:crypto';
import type { Random, Timers } from '../../src/ports/index.ts';

/** mulberry32: small, fast, good enough to make faults. */
export class SeededRandom implements Random {
  #state: number;

  constructor(seed: number) {
    this.#state = (seed ^ 0x9e3779b9) >>> 0;
    for (let i = 0; i < 4; i++) this.float();
  }

  /** In [0, 1). */
  float(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  int(exclusiveMax: number): number {
    return Math.floor(this.float() * exclusiveMax);
  }

  chance(probability: number): boolean {
    return this.float() < probability;
  }

  pick<T>(of: readonly T[]): T | undefined {
    return of[this.int(of.length)];
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.int(256));
  }

  uuid(): string {
    const hex = Array.from(this.bytes(16), (byte) => byte.toString(16).padStart(2, '0')).join('');
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`;
  }

  /** A generator of its own, so that what one part draws does not depend on how much another does. */
  fork(): SeededRandom {
    return new SeededRandom(this.int(2 ** 31));
  }
}

interface Entry {
  atMs: number;
  /** Decides among timers of the same instant. */
  tie: number;
  callback: (() => void) | undefined;
}

const before = (a: Entry, b: Entry): boolean => a.atMs < b.atMs || (a.atMs === b.atMs && a.tie < b.tie);

export class VirtualTime implements Timers {
  #nowMs = Date.UTC(2026, 0, 1);
  readonly #random: SeededRandom;
  /** A binary heap, earliest first. */
  readonly #heap: Entry[] = [];

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  now(): number {
    return this.#nowMs;
  }

  after(delayMs: number, callback: () => void): () => void {
    const entry: Entry = {
      atMs: this.#nowMs + Math.max(0, Math.ceil(delayMs)),
      tie: this.#random.float(),
      callback,
    };
    this.#push(entry);
    return () => {
      entry.callback = undefined;
    };
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.after(ms, resolve));
  }

  /** Lets `durationMs` pass. `stop` is asked after every timer; true ends it early. */
  async run(durationMs: number, stop: () => boolean = () => false): Promise<void> {
    const endMs = this.#nowMs + durationMs;
    await turn();
    for (;;) {
      const next = this.#heap[0];
      if (!next || next.atMs > endMs) break;
      this.#pop();
      if (!next.callback) continue;
      this.#nowMs = next.atMs;
      next.callback();
      await turn();
      if (stop()) return;
    }
    this.#nowMs = endMs;
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let i = heap.push(entry) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!before(entry, heap[parent]!)) break;
      heap[i] = heap[parent]!;
      i = parent;
    }
    heap[i] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (!last || heap.length === 0) return;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
      if (!before(heap[child]!, last)) break;
      heap[i] = heap[child]!;
      i = child;
    }
    heap[i] = last;
  }
}

/** All microtasks get their turn. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** See the top comment. */
export function deterministic(): void {
  Object.defineProperty(crypto.subtle, 'digest', {
    value: async (_algorithm: string, data: Uint8Array) =>
      new Uint8Array(createHash('sha256').update(data).digest()).buffer,
  });
}
