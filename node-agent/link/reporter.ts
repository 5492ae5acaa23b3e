// Everything that the node writes goes through this queue: statuses (only the newest of a pod), final deletions, its own Node,
// events. One batch is under way at a time; the next one gathers meanwhile. Order within a pod is kept; a batch that was not
// answered is sent again. Events are dropped when too many wait. What nobody waits for (events, and that a pod is still on
// its way) is held back a little, so that it neither delays what somebody waits for nor costs a request of its own.

import type { PodStatus } from '../../src/generated/schemas/core-v1.ts';
import type { Log, Timers } from '../../src/ports/index.ts';
import type { NodeWrite, ReportResponse } from '../../src/protocol/node.ts';
import { LinkError } from './api.ts';

const batchMax = 200;
const eventsMax = 1000;
const retryMaxMs = 5000;
const eventDelayMs = 500;
const startingDelayMs = 400;

export interface ReporterOptions {
  timers: Timers;
  log: Log;
  send(writes: NodeWrite[]): Promise<ReportResponse>;
  /** The answer to one write: 2xx or what went wrong. */
  answered(write: NodeWrite, code: number, message: string | undefined): void;
}

const uidOf = (w: NodeWrite): string | undefined =>
  w.type === 'podStatus' || w.type === 'podGone' ? w.uid : undefined;

/** The pod has nothing to show yet, and no problem either: its containers are being made. */
function isStarting(write: NodeWrite): boolean {
  if (write.type !== 'podStatus') return false;
  const status = write.status as PodStatus;
  const all = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])];
  return (
    status.phase === 'Pending' &&
    status.reason === undefined &&
    all.length > 0 &&
    all.every(({ state, restartCount }) => restartCount === 0 && startingReasons.has(state?.waiting?.reason ?? ''))
  );
}

const startingReasons = new Set(['ContainerCreating', 'PodInitializing']);

export class Reporter {
  readonly #o: ReporterOptions;
  #queue: NodeWrite[] = [];
  /** When those of the queue that are held back are due. */
  readonly #dueMs = new WeakMap<NodeWrite, number>();
  #underWay: readonly NodeWrite[] = [];
  #sending = false;
  #failures = 0;
  #paused = true;
  #stopped = false;
  #cancel: (() => void) | undefined;
  #cancelDue: (() => void) | undefined;

  constructor(options: ReporterOptions) {
    this.#o = options;
  }

  add(write: NodeWrite): void {
    const uid = uidOf(write);
    let starting = isStarting(write) ? this.#o.timers.now() + startingDelayMs : undefined;
    for (const w of this.#queue) {
      if (w.type !== 'podStatus' || w.uid !== uid) continue;
      // News of the same kind do not begin the wait anew; what comes after a status does not overtake it.
      if (starting !== undefined) starting = Math.min(starting, this.#dueMs.get(w) ?? 0);
      this.#dueMs.delete(w);
    }
    if (write.type === 'podStatus' || write.type === 'nodeStatus') {
      this.#queue = this.#queue.filter((w) => w.type !== write.type || uidOf(w) !== uid);
    }
    if (write.type === 'event') {
      if (this.#queue.filter((w) => w.type === 'event').length >= eventsMax) return;
      this.#dueMs.set(write, this.#o.timers.now() + eventDelayMs);
    } else if (starting !== undefined) this.#dueMs.set(write, starting);
    this.#queue.push(write);
    this.#kick();
  }

  /** Something of this pod (or, with undefined, of the node) has been said that is not answered yet. */
  pending(uid: string | undefined): boolean {
    return [...this.#queue, ...this.#underWay].some((w) => w.type !== 'event' && uidOf(w) === uid);
  }

  /** Nothing is sent before the node has its credential. */
  open(): void {
    this.#paused = false;
    this.#kick();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel?.();
    this.#cancelDue?.();
  }

  #due(write: NodeWrite): number {
    return this.#dueMs.get(write) ?? 0;
  }

  #kick(): void {
    if (this.#sending || this.#paused || this.#stopped || this.#queue.length === 0) return;
    this.#cancelDue?.();
    this.#cancelDue = undefined;
    const now = this.#o.timers.now();
    const earliest = this.#queue.reduce((least, w) => Math.min(least, this.#due(w)), Number.POSITIVE_INFINITY);
    if (earliest > now) {
      this.#cancelDue = this.#o.timers.after(earliest - now, () => this.#kick());
      return;
    }
    this.#sending = true;
    // What is said in the same turn goes together.
    queueMicrotask(() => void this.#send());
  }

  async #send(): Promise<void> {
    // Statuses first: they are what somebody waits for.
    const rank = (w: NodeWrite): number => (w.type === 'event' ? 1 : 0);
    const now = this.#o.timers.now();
    const due = this.#queue.filter((w) => this.#due(w) <= now);
    // Events that are under way together are one write for the control plane.
    const events = due.some((w) => w.type === 'event') ? this.#queue.filter((w) => w.type === 'event') : [];
    const batch = [...new Set([...due, ...events])].toSorted((a, b) => rank(a) - rank(b)).slice(0, batchMax);
    const taken = new Set(batch);
    this.#queue = this.#queue.filter((w) => !taken.has(w));
    this.#underWay = batch;
    try {
      const { results } = await this.#o.send(batch);
      this.#failures = 0;
      this.#underWay = [];
      batch.forEach((write, i) => {
        const result = results[i];
        if (!result || result.code >= 500 || result.code === 429) this.#again([write]);
        else this.#o.answered(write, result.code, result.message);
      });
      this.#sending = false;
      if (results.some((r) => r.code >= 500 || r.code === 429)) this.#later();
      else this.#kick();
    } catch (error) {
      const refused =
        error instanceof LinkError &&
        error.code >= 400 &&
        error.code < 500 &&
        error.code !== 401 &&
        error.code !== 403 &&
        error.code !== 408 &&
        error.code !== 429;
      this.#underWay = [];
      this.#o.log.warn('report failed', { error: String(error), writes: batch.length, refused });
      // A batch that is refused as such would be refused for ever; its writes are tried one by one.
      if (!refused) this.#again(batch);
      else if (batch.length > 1) {
        for (const write of batch) await this.#alone(write);
      } else this.#o.answered(batch[0]!, (error as LinkError).code, String(error));
      this.#later();
    }
  }

  async #alone(write: NodeWrite): Promise<void> {
    try {
      const { results } = await this.#o.send([write]);
      this.#o.answered(write, results[0]?.code ?? 500, results[0]?.message);
    } catch (error) {
      if (error instanceof LinkError && error.code >= 400 && error.code < 500)
        this.#o.answered(write, error.code, error.message);
      else this.#again([write]);
    }
  }

  /** Back to the front, unless something newer has been said of the same pod. */
  #again(writes: NodeWrite[]): void {
    const newer = new Set(this.#queue.filter((w) => w.type === 'podStatus').map(uidOf));
    const newerNode = this.#queue.some((w) => w.type === 'nodeStatus');
    this.#queue.unshift(
      ...writes.filter((w) => !(w.type === 'podStatus' && newer.has(w.uid)) && !(w.type === 'nodeStatus' && newerNode)),
    );
  }

  #later(): void {
    const delayMs = Math.min(retryMaxMs, 200 * 2 ** this.#failures++);
    this.#cancel = this.#o.timers.after(delayMs, () => {
      this.#sending = false;
      this.#kick();
    });
  }
}
