// One priority level as it works: its limits, its queues, its demand, what it takes in a turn of the event loop, and what
// its clients are told when they are turned away.
import type {
  LimitedPriorityLevelConfiguration,
  PriorityLevelConfigurationSpec,
} from '../../generated/schemas/flowcontrol-v1.ts';
import type { Clock } from '../../ports/index.ts';
import { SeatDemand } from './demand.ts';
import { QueueSet, type Response } from './queue-set.ts';
import { RetryAfter } from './retry-after.ts';
import type { Tally } from './tally.ts';
import { Line } from './turns.ts';
import { listSeatsMax } from './work.ts';

/** Of a level's seats, how many it may take in one turn of the event loop; a few milliseconds' work in any case. */
const turnShare = 0.1;
const turnSeatsMin = 16;
/** Of a level's nominal seats, how many one request may take. */
const requestShare = 0.15;

export class Level {
  readonly name: string;
  uid = '';
  shares = 0;
  /** No longer wanted; it goes when its last request has. */
  quiescing = false;
  /** Limits in seats: what it is meant to have, may lend down to, may borrow up to, and has now. */
  nominal = 0;
  min = 0;
  max = 0;
  current = 0;
  /** What it was aiming at at the last adjustment. */
  target = 0;
  /** Seats that a single request may take. */
  requestSeatsMax = listSeatsMax;
  readonly queues: QueueSet;
  readonly demand: SeatDemand;
  readonly retryAfter = new RetryAfter();
  readonly line = new Line(1);
  /** By flow schema. */
  readonly tallies = new Map<string, Tally>();
  #spec: PriorityLevelConfigurationSpec = { type: 'Limited' };
  #response: Response = { type: 'reject' };
  #isNew = true;

  constructor(name: string, clock: Clock, later: (delayMs: number, then: () => void) => void) {
    this.name = name;
    this.demand = new SeatDemand(clock.now());
    this.queues = new QueueSet(clock, later, (seats, nowMs) => this.demand.set(seats, nowMs));
  }

  get exempt(): boolean {
    return this.#response.type === 'exempt';
  }

  /** More than one: flows are told apart. */
  get queueCount(): number {
    return this.#response.type === 'queue' ? this.#response.queues : 0;
  }

  configure(uid: string, spec: PriorityLevelConfigurationSpec, response: Response): void {
    this.uid = uid;
    this.quiescing = false;
    this.#spec = spec;
    this.#response = response;
    this.shares = (spec.limited ?? spec.exempt)?.nominalConcurrencyShares ?? 0;
  }

  /** Its part of all seats. */
  divide(seatsTotal: number, sharesTotal: number): void {
    const { limited, exempt } = this.#spec;
    const nominal = sharesTotal > 0 ? Math.ceil((seatsTotal * this.shares) / sharesTotal) : 0;
    const lendable = Math.round((nominal * ((limited ?? exempt)?.lendablePercent ?? 0)) / 100);
    const borrowing = limited?.borrowingLimitPercent;
    this.nominal = nominal;
    this.min = nominal - lendable;
    this.max = nominal + (borrowing === undefined ? seatsTotal : Math.round((nominal * borrowing) / 100));
    if (this.#response.type === 'queue')
      this.requestSeatsMax = Math.max(
        1,
        Math.min(Math.ceil(nominal * requestShare), Math.floor(nominal / this.#response.handSize)),
      );
    if (this.#isNew) this.current = nominal - Math.floor(lendable / 2);
    this.#isNew = false;
  }

  /** Takes over the seats that it has from now on. */
  apply(seats: number): void {
    this.current = seats;
    this.line.seatsMax = Math.max(turnSeatsMin, Math.round(seats * turnShare));
    this.queues.configure(this.#response, seats);
  }
}

/** What a spec says of requests beyond the limit; undefined for one that makes no sense (which none is that was validated). */
export function responseOf(name: string, spec: PriorityLevelConfigurationSpec): Response | undefined {
  if (spec.type === 'Exempt') return name === 'exempt' ? { type: 'exempt' } : undefined;
  return name !== 'exempt' && spec.limited ? limitResponse(spec.limited) : undefined;
}

function limitResponse({ limitResponse }: LimitedPriorityLevelConfiguration): Response | undefined {
  if (limitResponse?.type === 'Reject') return { type: 'reject' };
  const { queues = 0, handSize = 0, queueLengthLimit = 0 } = limitResponse?.queuing ?? {};
  return handSize > 0 && handSize <= queues
    ? { type: 'queue', queues, handSize, queueLengthMax: queueLengthLimit }
    : undefined;
}
