// The queues of one priority level, and who of those waiting is served next. Fair queuing by virtual time, with requests
// that take several seats: R is the work, in seat-milliseconds, that every queue with something to do has been entitled to
// so far; a queue's next request begins, in a fair world, at its `nextR`, and the one that would end first there is
// served first here. That a request really takes longer than assumed is charged to its queue when it ends.
//
// Worked example: one seat, two queues. A floods (ten requests at R=0), B sends one at R=0. Assumed work: 3 each. A's first
// is served (ends at 3, as B's would; the order is round). Then A's next would end at 6, B's at 3: B goes before the rest.
//
// Synchronous; whoever holds a ticket that waits is told by its `decided`.
import type { Clock } from '../../ports/index.ts';
import type { User } from '../core.ts';
import type { RequestInfo } from '../routing.ts';
import { deal } from './deal.ts';
import type { Tally } from './tally.ts';
import { maxSeats, type Work } from './work.ts';

/** What becomes of requests for which there is no seat: `exempt` ones need none. */
export type Response = { type: 'exempt' } | { type: 'reject' } | Queuing;
export interface Queuing {
  type: 'queue';
  queues: number;
  handSize: number;
  queueLengthMax: number;
}

/** How long a request is assumed to take until it has ended. */
const assumedMs = 3;
const handsMax = 5_000;

export class Ticket {
  readonly schema: string;
  readonly distinguisher: string;
  readonly info: RequestInfo;
  readonly user: User;
  readonly tally: Tally;
  readonly flow: string;
  work: Work;
  /** Of a ticket that waits: called once, with whether it is served. */
  decided: ((execute: boolean) => void) | undefined;
  queue: Queue | undefined;
  arrivedMs = 0;
  startedMs = 0;
  arrivalR = 0;

  constructor(schema: string, distinguisher: string, info: RequestInfo, user: User, tally: Tally, work: Work) {
    this.schema = schema;
    this.distinguisher = distinguisher;
    this.info = info;
    this.user = user;
    this.tally = tally;
    this.flow = `${schema}\0${distinguisher}`;
    this.work = work;
  }
}

/** One that is neither waiting nor executing anything is forgotten. */
export class Queue {
  readonly index: number;
  readonly waiting = new Set<Ticket>();
  readonly executing = new Set<Ticket>();
  waitingSeats = 0;
  waitingWork = 0;
  seatsInUse = 0;
  nextR: number;

  constructor(index: number, nextR: number) {
    this.index = index;
    this.nextR = nextR;
  }

  get first(): Ticket | undefined {
    return this.waiting.values().next().value;
  }
}

const workOf = ({ seats, finalSeats, finalMs }: Work): number => seats * assumedMs + finalSeats * finalMs;

export class QueueSet {
  readonly queues = new Map<number, Queue>();
  /** Those that go through no queue. */
  readonly unqueued = new Set<Ticket>();
  response: Response = { type: 'reject' };
  seatsMax = 0;
  r = 0;
  waiting = 0;
  executing = 0;
  seatsInUse = 0;
  seatsWaiting = 0;
  dispatched = 0;
  rejected = 0;
  timedOut = 0;
  cancelled = 0;
  readonly #clock: Clock;
  readonly #later: (delayMs: number, then: () => void) => void;
  readonly #demand: (seats: number, nowMs: number) => void;
  readonly #hands = new Map<string, number[]>();
  #lastMs: number;
  #lastIndex = -1;
  #arrivals = 0;

  /** `later` holds seats for a while after a request; `demand` hears how many seats are used and waited for. */
  constructor(
    clock: Clock,
    later: (delayMs: number, then: () => void) => void,
    demand: (seats: number, nowMs: number) => void,
  ) {
    this.#clock = clock;
    this.#later = later;
    this.#demand = demand;
    this.#lastMs = clock.now();
  }

  get idle(): boolean {
    return this.waiting === 0 && this.executing === 0;
  }

  /** Requests that wait keep their queues; there may be more of these than configured until they have drained. */
  configure(response: Response, seatsMax: number): void {
    this.#sync();
    const before = this.response;
    if (
      response.type !== 'queue' ||
      before.type !== 'queue' ||
      response.queues !== before.queues ||
      response.handSize !== before.handSize
    )
      this.#hands.clear();
    this.response = response;
    this.seatsMax = seatsMax;
    this.#dispatchAll();
  }

  /** `waiting`: the ticket's `decided` will be called. */
  start(ticket: Ticket): 'executing' | 'waiting' | 'rejected' {
    const now = this.#sync();
    ticket.arrivedMs = now;
    ticket.arrivalR = this.r;
    if (this.response.type !== 'queue') {
      if (this.#accommodates(ticket)) {
        this.unqueued.add(ticket);
        this.#execute(ticket, now);
        return 'executing';
      }
      return this.#reject(ticket, 'concurrency-limit');
    }
    const queue = this.#choose(ticket, this.response);
    if (this.seatsInUse >= this.seatsMax && queue.waiting.size >= this.response.queueLengthMax)
      return this.#reject(ticket, 'queue-full');
    this.#enqueue(ticket, queue);
    this.#bound(queue);
    this.#dispatchAll();
    if (queue.waiting.has(ticket)) return 'waiting';
    return 'executing';
  }

  /** Takes a waiting ticket out; false when it waits no longer. */
  leave(ticket: Ticket, reason: 'time-out' | 'cancelled'): boolean {
    const { queue } = ticket;
    if (!queue?.waiting.has(ticket)) return false;
    const now = this.#sync();
    this.#dequeue(ticket, queue);
    this.rejected++;
    if (reason === 'time-out') this.timedOut++;
    else this.cancelled++;
    ticket.tally.reject(reason);
    ticket.tally.waited.false.observe((now - ticket.arrivedMs) / 1000);
    this.#bound(queue);
    this.#forgetIfDone(queue);
    this.#noteDemand(now);
    return true;
  }

  /** The request has ended; its seats are free once its watchers have been told. */
  finish(ticket: Ticket): void {
    const now = this.#sync();
    const { queue, work } = ticket;
    this.executing--;
    ticket.tally.executing--;
    ticket.tally.executed.observe((now - ticket.startedMs) / 1000);
    if (queue) {
      queue.executing.delete(ticket);
      queue.nextR -= work.seats * (assumedMs - (now - ticket.startedMs));
      this.#bound(queue);
    } else this.unqueued.delete(ticket);
    if (work.finalMs > 0 && work.finalSeats > 0)
      this.#later(work.finalMs, () => {
        this.#sync();
        this.#release(ticket);
      });
    else this.#release(ticket);
  }

  #release(ticket: Ticket): void {
    const seats = maxSeats(ticket.work);
    this.seatsInUse -= seats;
    ticket.tally.executingSeats -= seats;
    if (ticket.queue) {
      ticket.queue.seatsInUse -= seats;
      this.#forgetIfDone(ticket.queue);
    }
    this.#noteDemand(this.#lastMs);
    this.#dispatchAll();
  }

  /** Of the queues that the flow may use, the one with the least work waiting. */
  #choose({ flow }: Ticket, { queues, handSize }: Queuing): Queue {
    let hand = this.#hands.get(flow);
    if (!hand) {
      if (this.#hands.size >= handsMax) this.#hands.clear();
      hand = deal(flow, queues, handSize);
      this.#hands.set(flow, hand);
    }
    // Where the hands of flows overlap, no queue is preferred.
    const offset = this.#arrivals++;
    let best = -1;
    let least = Number.POSITIVE_INFINITY;
    for (let i = 0; i < hand.length; i++) {
      const index = hand[(offset + i) % hand.length] as number;
      const work = this.queues.get(index)?.waitingWork ?? 0;
      if (work >= least) continue;
      least = work;
      best = index;
    }
    return this.queues.get(best) ?? new Queue(best, this.r);
  }

  #enqueue(ticket: Ticket, queue: Queue): void {
    if (queue.waiting.size === 0 && queue.executing.size === 0) queue.nextR = this.r;
    this.queues.set(queue.index, queue);
    const seats = maxSeats(ticket.work);
    ticket.queue = queue;
    queue.waiting.add(ticket);
    queue.waitingSeats += seats;
    queue.waitingWork += workOf(ticket.work);
    this.waiting++;
    this.seatsWaiting += seats;
    ticket.tally.waiting++;
    ticket.tally.waitingSeats += seats;
    this.#noteDemand(this.#lastMs);
  }

  #dequeue(ticket: Ticket, queue: Queue): void {
    const seats = maxSeats(ticket.work);
    queue.waiting.delete(ticket);
    queue.waitingSeats -= seats;
    queue.waitingWork -= workOf(ticket.work);
    this.waiting--;
    this.seatsWaiting -= seats;
    ticket.tally.waiting--;
    ticket.tally.waitingSeats -= seats;
  }

  #execute(ticket: Ticket, now: number): void {
    const seats = maxSeats(ticket.work);
    ticket.startedMs = now;
    this.executing++;
    this.dispatched++;
    this.seatsInUse += seats;
    ticket.tally.executing++;
    ticket.tally.executingSeats += seats;
    ticket.tally.dispatched++;
    if (this.response.type !== 'exempt') ticket.tally.waited.true.observe((now - ticket.arrivedMs) / 1000);
    this.#noteDemand(now);
  }

  #reject(ticket: Ticket, reason: 'queue-full' | 'concurrency-limit'): 'rejected' {
    this.rejected++;
    ticket.tally.reject(reason);
    ticket.tally.waited.false.observe(0);
    return 'rejected';
  }

  #dispatchAll(): void {
    while (this.waiting > 0 && this.seatsInUse < this.seatsMax && this.#dispatch());
  }

  #dispatch(): boolean {
    const queue = this.#next();
    const ticket = queue?.first;
    if (!queue || !ticket) return false;
    if (!this.#accommodates(ticket)) {
      ticket.tally.noAccommodation++;
      return false;
    }
    this.#lastIndex = queue.index;
    this.#dequeue(ticket, queue);
    // What needs more seats afterwards than there are takes longer on fewer.
    const { work } = ticket;
    if (work.finalSeats > this.seatsMax && this.seatsMax > 0) {
      const finalMs = (work.finalSeats * work.finalMs) / this.seatsMax;
      ticket.work = { ...work, finalSeats: this.seatsMax, finalMs };
    }
    queue.executing.add(ticket);
    queue.seatsInUse += maxSeats(ticket.work);
    queue.nextR += workOf(ticket.work);
    this.#execute(ticket, this.#lastMs);
    this.#bound(queue);
    ticket.decided?.(true);
    return true;
  }

  /** The queue whose first request would end first; of equals, the next in turn. */
  #next(): Queue | undefined {
    const size = this.response.type === 'queue' ? this.response.queues : 1;
    let best: Queue | undefined;
    let earliest = Number.POSITIVE_INFINITY;
    let nearest = Number.POSITIVE_INFINITY;
    for (const queue of this.queues.values()) {
      const { first } = queue;
      if (!first) continue;
      const end = queue.nextR + workOf(first.work);
      const distance = (queue.index - this.#lastIndex - 1 + size) % size;
      if (end > earliest || (end === earliest && distance >= nearest)) continue;
      best = queue;
      earliest = end;
      nearest = distance;
    }
    return best;
  }

  #accommodates(ticket: Ticket): boolean {
    if (this.response.type === 'exempt') return true;
    const seats = maxSeats(ticket.work);
    // One that is larger than the level has the level for itself.
    if (seats > this.seatsMax) return this.executing === 0;
    return this.seatsInUse + seats <= this.seatsMax;
  }

  /** Nobody is served before it has come: a queue that was not used for long has saved nothing up. */
  #bound(queue: Queue): void {
    const { first } = queue;
    if (first && queue.nextR < first.arrivalR) queue.nextR = first.arrivalR;
  }

  #forgetIfDone(queue: Queue): void {
    if (queue.waiting.size === 0 && queue.executing.size === 0 && queue.seatsInUse === 0)
      this.queues.delete(queue.index);
  }

  #noteDemand(now: number): void {
    this.#demand(this.seatsInUse + this.seatsWaiting, now);
  }

  /** Brings R up to now; before every change. */
  #sync(): number {
    const now = this.#clock.now();
    const active = this.queues.size;
    if (active > 0) {
      const wanted = Math.min(this.seatsInUse + this.seatsWaiting, this.seatsMax);
      this.r += ((now - this.#lastMs) * wanted) / active;
    }
    this.#lastMs = now;
    return now;
  }
}
