// Events as the kubelet records them: one object per (subject, reason, message), its count raised with each repetition; a
// subject that says too much is cut short.
import type { Event, ObjectReference, Pod } from '../src/generated/schemas/core-v1.ts';
import { formatTime } from '../src/machinery/time.ts';
import type { Clock, Random } from '../src/ports/index.ts';

const rememberedMax = 4096;
/** Upstream's spam filter: a burst of 25 per subject, then one every 5 min. */
const burst = 25;
const refillMs = 300_000;

export class EventRecorder {
  readonly #nodeName: string;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #send: (event: Event) => void;
  readonly #seen = new Map<string, Event>();
  readonly #budgets = new Map<string, { tokens: number; atMs: number }>();

  constructor(nodeName: string, clock: Clock, random: Random, send: (event: Event) => void) {
    this.#nodeName = nodeName;
    this.#clock = clock;
    this.#random = random;
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
    if (!this.#allowed(involvedObject.uid ?? '', nowMs)) return;
    const now = formatTime(nowMs);
    const key = JSON.stringify([involvedObject.uid, involvedObject.fieldPath, type, reason, message]);
    const before = this.#seen.get(key);
    const suffix = Buffer.from(this.#random.bytes(8)).toString('hex');
    const event: Event = before
      ? { ...before, count: (before.count ?? 1) + 1, lastTimestamp: now }
      : ({
          apiVersion: 'v1',
          kind: 'Event',
          metadata: {
            name: `${involvedObject.name}.${suffix}`,
            namespace: involvedObject.namespace ?? 'default',
          } as Event['metadata'],
          involvedObject,
          reason,
          message: message.slice(0, 1024),
          type,
          count: 1,
          firstTimestamp: now,
          lastTimestamp: now,
          source: { component: 'kubelet', host: this.#nodeName },
          reportingComponent: 'kubelet',
          reportingInstance: this.#nodeName,
        } satisfies Event);
    this.#seen.delete(key);
    this.#seen.set(key, event);
    if (this.#seen.size > rememberedMax) this.#seen.delete(this.#seen.keys().next().value!);
    this.#send(event);
  }

  #allowed(subject: string, nowMs: number): boolean {
    const b = this.#budgets.get(subject) ?? { tokens: burst, atMs: nowMs };
    const refilled = Math.floor((nowMs - b.atMs) / refillMs);
    if (refilled > 0) {
      b.tokens = Math.min(burst, b.tokens + refilled);
      b.atMs = nowMs;
    }
    this.#budgets.delete(subject);
    this.#budgets.set(subject, b);
    if (this.#budgets.size > rememberedMax) this.#budgets.delete(this.#budgets.keys().next().value!);
    if (b.tokens <= 0) return false;
    b.tokens--;
    return true;
  }
}
