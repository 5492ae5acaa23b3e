// Pods that wait for a node: active ones, to be planned now; refused ones, until a node changes so that it could take
// them; and ones whose binding failed, until their backoff is over. Order: priority, then age (PrioritySort).
import { backoffMs } from '../reconcile/backoff.ts';
import type { PodInfo } from './framework.ts';

interface Waiting {
  info: PodInfo;
  state: 'active' | 'refused' | 'backoff';
  failures: number;
  retryMs: number;
  /** Of a refused pod: a change of any node's pods may let it in. */
  elsewhere: boolean;
}

/** As upstream: 1 s after the first error, doubled up to 10 s. */
const errorBackoff = { baseMs: 1000, maxMs: 10_000 };

export class SchedulingQueue {
  readonly #pods = new Map<string, Waiting>();
  #active = 0;

  get hasActive(): boolean {
    return this.#active > 0;
  }

  get size(): number {
    return this.#pods.size;
  }

  /** A new or changed pod. A refused one is planned again only if its spec changed. */
  put(info: PodInfo): void {
    const { uid, generation } = info.pod.metadata;
    const known = this.#pods.get(uid);
    if (!known) {
      this.#pods.set(uid, { info, state: 'active', failures: 0, retryMs: 0, elsewhere: false });
      this.#active++;
      return;
    }
    const changed = known.info.pod.metadata.generation !== generation;
    known.info = info;
    if (known.state === 'refused' && changed) this.#activate(known);
  }

  get(uid: string): PodInfo | undefined {
    return this.#pods.get(uid)?.info;
  }

  delete(uid: string): void {
    if (this.#pods.get(uid)?.state === 'active') this.#active--;
    this.#pods.delete(uid);
  }

  /** The most urgent active pods; they stay active until told otherwise. */
  urgent(limit: number): PodInfo[] {
    const active = [...this.#pods.values()].filter((waiting) => waiting.state === 'active').map(({ info }) => info);
    if (active.length > 1) active.sort(byUrgency);
    return active.slice(0, limit);
  }

  refuse(uid: string, elsewhere: boolean): void {
    const waiting = this.#pods.get(uid);
    if (waiting?.state !== 'active') return;
    waiting.state = 'refused';
    waiting.elsewhere = elsewhere;
    this.#active--;
  }

  /** Back into the queue after an error. */
  fail(info: PodInfo, failures: number, nowMs: number): void {
    this.delete(info.pod.metadata.uid);
    const retryMs = nowMs + backoffMs(failures, errorBackoff);
    this.#pods.set(info.pod.metadata.uid, { info, state: 'backoff', failures, retryMs, elsewhere: false });
  }

  failures(uid: string): number {
    return this.#pods.get(uid)?.failures ?? 0;
  }

  /** Refused pods of which `test` holds are active again. */
  retry(test: (pod: PodInfo, elsewhere: boolean) => boolean): void {
    for (const waiting of this.#pods.values())
      if (waiting.state === 'refused' && test(waiting.info, waiting.elsewhere)) this.#activate(waiting);
  }

  /** Ends backoffs that are over; returns when the next one will be. */
  ripen(nowMs: number): number | undefined {
    let next: number | undefined;
    for (const waiting of this.#pods.values()) {
      if (waiting.state !== 'backoff') continue;
      if (waiting.retryMs <= nowMs) this.#activate(waiting);
      else if (next === undefined || waiting.retryMs < next) next = waiting.retryMs;
    }
    return next;
  }

  #activate(waiting: Waiting): void {
    waiting.state = 'active';
    this.#active++;
  }
}

function byUrgency(a: PodInfo, b: PodInfo): number {
  const priority = (b.pod.spec?.priority ?? 0) - (a.pod.spec?.priority ?? 0);
  if (priority !== 0) return priority;
  const [first, second] = [a.pod.metadata.creationTimestamp, b.pod.metadata.creationTimestamp];
  return first < second ? -1 : first > second ? 1 : 0;
}
