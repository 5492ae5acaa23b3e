// What is counted of the requests of one flow schema at one priority level, for /metrics. Numbers only go through here.

export type RejectReason = 'queue-full' | 'concurrency-limit' | 'time-out' | 'cancelled';

/** Upper bounds of the buckets in which durations are counted, in seconds. */
export const durationBuckets: readonly number[] = [0, 0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30];

export class Histogram {
  /** Of each bucket by itself, the last one being without bound. */
  readonly counts: number[] = new Array(durationBuckets.length + 1).fill(0);
  sum = 0;
  count = 0;

  observe(seconds: number): void {
    let bucket = 0;
    while (bucket < durationBuckets.length && seconds > (durationBuckets[bucket] as number)) bucket++;
    this.counts[bucket] = (this.counts[bucket] ?? 0) + 1;
    this.sum += seconds;
    this.count++;
  }
}

export class Tally {
  dispatched = 0;
  readonly rejected: Partial<Record<RejectReason, number>> = {};
  waiting = 0;
  waitingSeats = 0;
  executing = 0;
  executingSeats = 0;
  /** Times at which the next request in order did not find its seats free. */
  noAccommodation = 0;
  /** Waits of requests that were executed, and of those that were not. */
  readonly waited = { true: new Histogram(), false: new Histogram() };
  readonly executed = new Histogram();

  reject(reason: RejectReason): void {
    this.rejected[reason] = (this.rejected[reason] ?? 0) + 1;
  }
}
