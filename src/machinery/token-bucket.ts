// Token buckets: `burst` at once, and on the average `qps` a second. One for each key, of which the longest unused are let go:
// whoever is let go starts full again, so that `keysMax` bounds the memory, not the rate of a flood of keys.
import { RecentMap } from './recent-map.ts';

export interface Rate {
  /** A second. */
  readonly qps: number;
  readonly burst: number;
}

export class TokenBucket {
  readonly #rate: Rate;
  #tokens: number;
  #atMs: number;

  constructor(rate: Rate, nowMs: number) {
    this.#rate = rate;
    this.#tokens = rate.burst;
    this.#atMs = nowMs;
  }

  /** Whether there is one to be had. */
  has(nowMs: number): boolean {
    const { qps, burst } = this.#rate;
    const passedMs = Math.max(0, nowMs - this.#atMs);
    this.#tokens = Math.min(burst, this.#tokens + (passedMs / 1000) * qps);
    this.#atMs = nowMs;
    return this.#tokens >= 1;
  }

  /** Takes one, if there is one. */
  take(nowMs: number): boolean {
    if (!this.has(nowMs)) return false;
    this.#tokens--;
    return true;
  }

  /** So many more may be taken, up to the burst. */
  give(count: number, nowMs: number): void {
    this.has(nowMs);
    this.#tokens = Math.min(this.#rate.burst, this.#tokens + count);
  }
}

export class TokenBuckets {
  readonly #rate: Rate;
  readonly #buckets: RecentMap<string, TokenBucket>;

  constructor(rate: Rate, keysMax: number) {
    this.#rate = rate;
    this.#buckets = new RecentMap(keysMax);
  }

  /** The bucket of a key, full where there is none yet. */
  of(key: string, nowMs: number): TokenBucket {
    const bucket = this.#buckets.get(key) ?? new TokenBucket(this.#rate, nowMs);
    this.#buckets.set(key, bucket);
    return bucket;
  }

  /** The bucket of a key, if anything was taken from it lately. */
  known(key: string): TokenBucket | undefined {
    return this.#buckets.get(key);
  }
}
