// Records core/v1 Events. The name of an Event is a hash of what it says about which object, so a repetition finds the
// Event that is there and raises its count, also after a restart. Recording is synchronous and never fails; `flush`
// writes what has been recorded. Floods are held back per object as client-go does (a burst of 25, then one per 5 min).
import { apiVersion, type KubeObject, type New, type ResourceToken } from '../machinery/meta.ts';
import { RecentMap } from '../machinery/recent-map.ts';
import { formatTime } from '../machinery/time.ts';
import { type Rate, TokenBuckets } from '../machinery/token-bucket.ts';
import type { Clock, Log, Timers } from '../ports/index.ts';
import type { Client, EventRecorder, Write, WriteOutcome } from './types.ts';

export interface RecorderOptions {
  client: Client;
  clock: Clock;
  /** With it, what is recorded waits a moment: for more of it, and for what it is about to get ahead. */
  timers?: Timers | undefined;
  log: Log;
  /** `source.component`: `replicaset-controller`, `default-scheduler`. */
  component: string;
}

interface Event extends KubeObject {
  count?: number;
}

const events: ResourceToken<Event> = { group: '', version: 'v1', plural: 'events', kind: 'Event', namespaced: true };

interface Pending {
  namespace: string;
  name: string;
  /** How many times since the last write. */
  times: number;
  firstMs: number;
  lastMs: number;
  body: Record<string, unknown>;
}

/** Per object. */
const rate: Rate = { qps: 1 / 300, burst: 25 };
/** How many Events and objects are remembered; beyond it the oldest are forgotten, which costs a read or lets more through. */
const rememberedMax = 4096;
const attemptsMax = 3;
const holdMs = 200;

export class Recorder implements EventRecorder {
  readonly #options: RecorderOptions;
  #pending = new Map<string, Pending>();
  /** Count of Events known to exist, by name. */
  readonly #counts = new RecentMap<string, number>(rememberedMax);
  readonly #buckets = new TokenBuckets(rate, rememberedMax);
  #flushing: Promise<void> | undefined;

  constructor(options: RecorderOptions) {
    this.#options = options;
  }

  record(object: KubeObject, type: 'Normal' | 'Warning', reason: string, message: string): void {
    const nowMs = this.#options.clock.now();
    const { metadata } = object;
    if (!this.#buckets.of(`${metadata.uid}`, nowMs).take(nowMs)) return;
    const namespace = metadata.namespace ?? 'default';
    // The leading 0 lists what the control plane did with an object before what a node did, whose names are times.
    const name = `${metadata.name.slice(0, 236)}.0${hash([metadata.uid, this.#options.component, type, reason, message]).slice(1)}`;
    const id = `${namespace}/${name}`;
    const known = this.#pending.get(id);
    if (known) {
      known.times++;
      known.lastMs = nowMs;
      return;
    }
    const body = {
      involvedObject: {
        kind: object.kind,
        ...(metadata.namespace ? { namespace: metadata.namespace } : {}),
        name: metadata.name,
        uid: metadata.uid,
        apiVersion: object.apiVersion,
        resourceVersion: metadata.resourceVersion,
      },
      type,
      reason,
      message: message.slice(0, 1024),
      source: { component: this.#options.component },
      reportingComponent: this.#options.component,
      reportingInstance: '',
    };
    this.#pending.set(id, { namespace, name, times: 1, firstMs: nowMs, lastMs: nowMs, body });
  }

  /** Whether something has been recorded and not yet been taken up. */
  get pending(): boolean {
    return this.#pending.size > 0;
  }

  /** Writes what has been recorded; resolves when nothing is left to write. Never rejects. */
  flush(): Promise<void> {
    if (!this.#flushing && this.#pending.size > 0) {
      this.#flushing = this.#write()
        .catch((error: unknown) => this.#options.log.debug('events were not written', { error: String(error) }))
        .finally(() => {
          this.#flushing = undefined;
        });
    }
    return this.#flushing ?? Promise.resolve();
  }

  async #write(): Promise<void> {
    const { timers } = this.#options;
    if (timers) await new Promise<void>((resolve) => timers.after(holdMs, resolve));
    while (this.#pending.size > 0) {
      let batch = [...this.#pending.values()];
      this.#pending = new Map();
      for (let attempt = 0; attempt < attemptsMax && batch.length > 0; attempt++) {
        const outcomes = await this.#options.client.write(batch.map((pending) => this.#writeOf(pending)));
        const again = batch.filter((pending, i) => !this.#learn(pending, outcomes[i]));
        const found = await Promise.all(
          again.map((pending) => this.#options.client.get(events, pending.namespace, pending.name)),
        );
        for (const [i, pending] of again.entries()) {
          const event = found[i];
          if (event) this.#counts.set(idOf(pending), event.count ?? 1);
        }
        batch = again;
      }
    }
  }

  /** Whether the write of `pending` needs no second attempt. */
  #learn(pending: Pending, outcome: WriteOutcome | undefined): boolean {
    if (outcome?.ok) {
      this.#counts.set(idOf(pending), (outcome.object as Event).count ?? 1);
      return true;
    }
    this.#counts.delete(idOf(pending));
    const reason = outcome?.status.reason;
    if (reason === 'AlreadyExists' || reason === 'NotFound') return false;
    this.#options.log.debug('an event was refused', { name: pending.name, message: outcome?.status.message });
    return true;
  }

  #writeOf(pending: Pending): Write {
    const { namespace, name } = pending;
    const count = this.#counts.get(idOf(pending));
    if (count !== undefined) {
      const patch = { count: count + pending.times, lastTimestamp: formatTime(pending.lastMs) };
      return { verb: 'patch', resource: events, namespace, name, type: 'merge', patch };
    }
    const object: New<KubeObject> & Record<string, unknown> = {
      apiVersion: apiVersion(events),
      kind: events.kind,
      metadata: { name, namespace },
      ...pending.body,
      firstTimestamp: formatTime(pending.firstMs),
      lastTimestamp: formatTime(pending.lastMs),
      count: pending.times,
    };
    return { verb: 'create', resource: events, namespace, object };
  }
}

const idOf = (pending: Pending): string => `${pending.namespace}/${pending.name}`;

/** 64 bits of FNV-1a over the parts, in two halves with different offsets. */
function hash(parts: readonly string[]): string {
  let a = 0x811c9dc5;
  let b = 0xcbf29ce4;
  for (const part of parts) {
    for (let i = 0; i <= part.length; i++) {
      const code = i < part.length ? part.charCodeAt(i) : 0;
      a = Math.imul(a ^ code, 0x01000193) >>> 0;
      b = Math.imul(b ^ (code + i), 0x01000193) >>> 0;
    }
  }
  return a.toString(16).padStart(8, '0') + b.toString(16).padStart(8, '0');
}
