// Events as the kubelet records them: one object per (subject, reason, message), its count raised with each repetition; too
// many messages of one kind become one event; a subject that says too much is cut short.
import type { Event, ObjectReference, Pod } from '../src/generated/schemas/core-v1.ts';
import { RecentMap } from '../src/machinery/recent-map.ts';
import { formatTime } from '../src/machinery/time.ts';
import { type Rate, TokenBuckets } from '../src/machinery/token-bucket.ts';
import type { Clock, Random } from '../src/ports/index.ts';

const rememberedMax = 4096;
/** Upstream's spam filter, per subject: after the burst, one every 5 min. */
const rate: Rate = { qps: 1 / 300, burst: 25 };
/** Upstream's aggregation: after so many messages of one kind within the time, the rest become one event. */
const similarMax = 10;
const similarMs = 600_000;

export class EventRecorder {
  readonly #nodeName: string;
  readonly #clock: Clock;
  #serial: number;
  readonly #send: (event: Event) => void;
  readonly #seen = new RecentMap<string, Event>(rememberedMax);
  readonly #similar = new RecentMap<string, { messages: Set<string>; atMs: number }>(rememberedMax);
  readonly #budgets = new TokenBuckets(rate, rememberedMax);

  constructor(nodeName: string, clock: Clock, random: Random, send: (event: Event) => void) {
    this.#nodeName = nodeName;
    this.#clock = clock;
    // Agents of one second do not collide.
    this.#serial = random.int(500_000);
    this.#send = send;
  }

  pod(pod: Pod, fieldPath: string | undefined, type: string, reason: string, message: string): void {
    const { namespace, name, uid, resourceVersion } = pod.metadata;
    this.#record(
      { kind: 'Pod', apiVersion: 'v1', namespace, name, uid, resourceVersion, ...(fieldPath ? { fieldPath } : {}) },
      type,
      reason,
      message,
    );
  }

  node(type: string, reason: string, message: string): void {
    // The kubelet uses the name for the uid here.
    this.#record({ kind: 'Node', name: this.#nodeName, uid: this.#nodeName }, type, reason, message);
  }

  #record(involvedObject: ObjectReference, type: string, reason: string, message: string): void {
    const nowMs = this.#clock.now();
    if (!this.#budgets.of(involvedObject.uid ?? '', nowMs).take(nowMs)) return;
    const now = formatTime(nowMs);
    const kind = JSON.stringify([involvedObject.uid, involvedObject.fieldPath, type, reason]);
    const combined = this.#isOneOfMany(kind, message, nowMs);
    const text = (combined ? `(combined from similar events): ${message}` : message).slice(0, 1024);
    const key = combined ? kind : `${kind}${message}`;
    const before = this.#seen.get(key);
    // Nanoseconds in hex, as upstream's recorder names events: clients that sort by whole seconds then list them as they came.
    const suffix = (BigInt(nowMs) * 1_000_000n + BigInt(this.#serial++ % 1_000_000)).toString(16);
    const event: Event = before
      ? { ...before, message: text, count: (before.count ?? 1) + 1, lastTimestamp: now }
      : ({
          apiVersion: 'v1',
          kind: 'Event',
          metadata: {
            name: `${involvedObject.name}.${suffix}`,
            namespace: involvedObject.namespace ?? 'default',
          } as Event['metadata'],
          involvedObject,
          reason,
          message: text,
          type,
          count: 1,
          firstTimestamp: now,
          lastTimestamp: now,
          source: { component: 'kubelet', host: this.#nodeName },
          reportingComponent: 'kubelet',
          reportingInstance: this.#nodeName,
        } satisfies Event);
    this.#seen.set(key, event);
    this.#send(event);
  }

  #isOneOfMany(kind: string, message: string, nowMs: number): boolean {
    let similar = this.#similar.get(kind);
    if (!similar || nowMs - similar.atMs > similarMs) similar = { messages: new Set(), atMs: nowMs };
    similar.atMs = nowMs;
    this.#similar.set(kind, similar);
    if (similar.messages.has(message)) return false;
    if (similar.messages.size >= similarMax) return true;
    similar.messages.add(message);
    return false;
  }
}
