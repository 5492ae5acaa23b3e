// Which streams of this node are offered, and which were let in: the agent's half passes only for what was offered to its node,
// once, and is cut off with the credential. No byte of a stream comes here; whether one is still open, its rendezvous knows.
import { errors } from '../machinery/errors.ts';
import type { Clock } from '../ports/index.ts';
import { type StreamOffer, streamsMax } from '../protocol/streams.ts';

/** The streams' meeting places. */
export interface Meetings {
  isJoined(id: string): Promise<boolean>;
  /** Both halves. */
  cut(id: string): Promise<void>;
}

/** Which streams were let in, kept over the link's eviction: one that does not poll may stream on, and must not be forgotten. */
export interface LetIn {
  all(): string[];
  add(id: string): void;
  remove(ids: string[]): void;
}

/** Where offers wait for the agent. */
export interface Mailbox {
  offer(stream: StreamOffer, untilMs: number): void;
  withdraw(id: string): void;
}

/** Streams that were let in are looked through beyond this: an agent has half as many at once. */
const lookBeyond = 2 * streamsMax;
/** Whom it is asked of is there for ten seconds more, and says of itself what it was: so often is nobody asked. */
const lookMs = 15_000;
/** Asked about at once. */
const lookMax = streamsMax;
/** As many as may begin and end meanwhile, at several hundred a second, are no streams too many. */
const letInMax = 20 * streamsMax;

export class OfferedStreams {
  readonly #clock: Clock;
  readonly #meetings: Meetings;
  /** By id: until when the client waits. */
  readonly #pending = new Map<string, number>();
  readonly #kept: LetIn;
  /** When each came or was asked about, the longest ago first. */
  readonly #letIn: Map<string, number>;
  #looking: Promise<void> | undefined;
  /** Nobody is to be asked about before. */
  #lookAtMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, meetings: Meetings, kept: LetIn) {
    this.#clock = clock;
    this.#meetings = meetings;
    this.#kept = kept;
    this.#letIn = new Map(kept.all().map((id) => [id, Number.NEGATIVE_INFINITY]));
  }

  /** Throws TooManyRequests. `waitMs`: how long the client will wait. */
  offer(mailbox: Mailbox, offer: StreamOffer, waitMs: number): void {
    const now = this.#clock.now();
    if (this.#pending.size >= streamsMax)
      for (const [id, untilMs] of this.#pending) if (untilMs <= now) this.withdraw(mailbox, id);
    if (this.#pending.size >= streamsMax)
      throw errors.tooManyRequests(`${streamsMax} streams wait for the node already`);
    this.#pending.set(offer.id, now + waitMs);
    mailbox.offer(offer, now + waitMs);
  }

  withdraw(mailbox: Mailbox | undefined, id: string): void {
    if (this.#pending.delete(id)) mailbox?.withdraw(id);
  }

  /**
   * The agent comes for a stream, to take it or to refuse it. Throws Gone where it is not waited for. One that it refuses after it was
   * let in is cut: the answer to its half was lost, and the runtime does not always notice that before the client is joined with it.
   */
  async claim(mailbox: Mailbox, id: string, takes: boolean): Promise<void> {
    const untilMs = this.#pending.get(id);
    if (!takes && this.#letIn.has(id)) {
      this.#forget([id]);
      await this.#meetings.cut(id);
    }
    if (untilMs === undefined || untilMs < this.#clock.now()) throw errors.gone('nobody waits for this stream');
    this.withdraw(mailbox, id);
    if (!takes) return;
    const now = this.#clock.now();
    this.#letIn.set(id, now);
    this.#kept.add(id);
    if (this.#letIn.size > lookBeyond && now >= this.#lookAtMs)
      this.#looking ??= this.#lookThrough().finally(() => {
        this.#looking = undefined;
      });
    if (this.#letIn.size <= letInMax) return;
    await this.#looking;
    if (this.#letIn.size <= letInMax) return;
    this.#forget([id]);
    // The agent may still refuse it, so that the client need not wait for nothing.
    this.#pending.set(id, untilMs);
    throw errors.tooManyRequests('the node has more streams than the cluster allows one');
  }

  /** Cuts all streams that were let in, and takes back what was offered. */
  async hangUp(mailbox: Mailbox | undefined): Promise<void> {
    const ids = [...this.#letIn.keys()];
    this.#forget(ids);
    for (const id of [...this.#pending.keys()]) this.withdraw(mailbox, id);
    await Promise.all(ids.map((id) => this.#meetings.cut(id)));
  }

  /** Forgets those that are over, of those that were not asked about for long. */
  async #lookThrough(): Promise<void> {
    const now = this.#clock.now();
    const due: string[] = [];
    for (const [id, atMs] of this.#letIn) {
      this.#lookAtMs = atMs + lookMs;
      if (now < this.#lookAtMs || due.length === lookMax) break;
      due.push(id);
    }
    const joined = await Promise.all(due.map((id) => this.#meetings.isJoined(id).catch(() => true)));
    this.#forget(due.filter((_, i) => !joined[i]));
    for (const id of due) if (this.#letIn.delete(id)) this.#letIn.set(id, now);
  }

  #forget(ids: string[]): void {
    for (const id of ids) this.#letIn.delete(id);
    if (ids.length > 0) this.#kept.remove(ids);
  }
}
