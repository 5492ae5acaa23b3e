import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TestClock } from '../testing.ts';
import { allocate } from './allocation.ts';
import { deal } from './deal.ts';
import { SeatDemand } from './demand.ts';
import { QueueSet, type Response, Ticket } from './queue-set.ts';
import { RetryAfter } from './retry-after.ts';
import { Tally } from './tally.ts';
import { Line, Turns } from './turns.ts';
import { oneSeat, type Work } from './work.ts';

/** A level under a virtual clock: what is dispatched runs for a while, in which time passes. */
class Simulation {
  readonly clock = new TestClock();
  readonly events: { at: number; run: () => void }[] = [];
  readonly demands: number[] = [];
  readonly set = new QueueSet(
    this.clock,
    (ms, then) => this.after(ms, then),
    (seats) => void this.demands.push(seats),
  );
  readonly served = new Map<string, number>();
  readonly order: string[] = [];
  readonly tally = new Tally();
  seatsPeak = 0;

  constructor(response: Response, seats: number) {
    this.set.configure(response, seats);
  }

  after(ms: number, run: () => void): void {
    this.events.push({ at: this.clock.ms + ms, run });
  }

  /** `then` is called when the request has ended. */
  request(flow: string, durationMs: number, work: Work = oneSeat, then?: () => void): Ticket | undefined {
    const ticket = new Ticket('schema', flow, { verb: 'get' } as never, {} as never, this.tally, work);
    const run = () => {
      this.order.push(flow);
      this.seatsPeak = Math.max(this.seatsPeak, this.set.seatsInUse);
      this.after(durationMs, () => {
        this.served.set(flow, (this.served.get(flow) ?? 0) + durationMs * work.seats);
        this.set.finish(ticket);
        then?.();
      });
    };
    switch (this.set.start(ticket)) {
      case 'rejected':
        return undefined;
      case 'executing':
        run();
        break;
      case 'waiting':
        ticket.decided = (execute) => execute && run();
    }
    return ticket;
  }

  /** `clients` requests of a flow at all times. */
  saturate(flow: string, clients: number, durationMs: number, work = oneSeat): void {
    const again = () => void this.request(flow, durationMs, work, again);
    for (let i = 0; i < clients; i++) again();
  }

  run(ms: number): void {
    const until = this.clock.ms + ms;
    for (;;) {
      this.events.sort((a, b) => a.at - b.at);
      const next = this.events[0];
      if (!next || next.at > until) break;
      this.events.shift();
      this.clock.ms = next.at;
      next.run();
    }
    this.clock.ms = until;
  }
}

const queues = (count: number, handSize: number, queueLengthMax = 50): Response => ({
  type: 'queue',
  queues: count,
  handSize,
  queueLengthMax,
});
const share = (simulation: Simulation, flow: string): number => {
  const total = [...simulation.served.values()].reduce((sum, one) => sum + one, 0);
  return (simulation.served.get(flow) ?? 0) / total;
};

describe('a set of queues', () => {
  test('uncontended: at once, and nothing is left behind', () => {
    const simulation = new Simulation(queues(128, 6), 10);
    simulation.request('a', 5);
    expect(simulation.order).toEqual(['a']);
    simulation.run(10);
    expect(simulation.set).toMatchObject({ idle: true, seatsInUse: 0, waiting: 0, dispatched: 1 });
    expect(simulation.set.queues.size).toBe(0);
    expect(simulation.demands).toEqual([1, 1, 0]);
  });

  test('a flood does not keep another flow waiting', () => {
    const simulation = new Simulation(queues(128, 6), 1);
    for (let i = 0; i < 100; i++) simulation.request('flood', 3);
    simulation.request('calm', 3);
    simulation.run(1000);
    expect(simulation.order.indexOf('calm')).toBeLessThanOrEqual(7);
    expect(simulation.order).toHaveLength(101);
  });

  test('seats are shared equally among flows, whatever they ask for', () => {
    const simulation = new Simulation(queues(8, 1), 4);
    // Of these names, each has a queue of its own.
    const flows = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
    const alone = flows
      .filter(
        (flow, i) =>
          flows.findIndex((other) => deal(`schema\0${other}`, 8, 1)[0] === deal(`schema\0${flow}`, 8, 1)[0]) === i,
      )
      .slice(0, 3);
    const [many, few, wide] = alone as [string, string, string];
    simulation.saturate(many, 40, 10);
    simulation.saturate(few, 4, 30);
    simulation.saturate(wide, 10, 10, { ...oneSeat, seats: 2 });
    simulation.run(20_000);
    for (const flow of alone) expect(share(simulation, flow)).toBeCloseTo(1 / 3, 1);
    expect(simulation.seatsPeak).toBeLessThanOrEqual(4);
  });

  test('what a flow does not use goes to the others', () => {
    const simulation = new Simulation(queues(64, 4), 10);
    simulation.saturate('one', 1, 10);
    simulation.saturate('rest', 100, 10);
    simulation.run(10_000);
    expect(share(simulation, 'one')).toBeCloseTo(0.1, 1);
    expect(simulation.set.seatsInUse).toBe(10);
  });

  test('full queues turn away, other hands do not', () => {
    const simulation = new Simulation(queues(64, 2, 3), 1);
    const accepted = Array.from({ length: 20 }, () => simulation.request('flood', 3)).filter(Boolean).length;
    // One is served, and two queues hold three each.
    expect(accepted).toBe(7);
    expect(simulation.tally.rejected).toEqual({ 'queue-full': 13 });
    expect(simulation.request('other', 3)).toBeDefined();
  });

  test('without queues there are seats or none', () => {
    const simulation = new Simulation({ type: 'reject' }, 2);
    expect([1, 2, 3].map(() => simulation.request('a', 5) !== undefined)).toEqual([true, true, false]);
    expect(simulation.tally.rejected).toEqual({ 'concurrency-limit': 1 });
    simulation.run(5);
    expect(simulation.request('a', 5)).toBeDefined();
  });

  test('the exempt have no limit', () => {
    const simulation = new Simulation({ type: 'exempt' }, 0);
    for (let i = 0; i < 1000; i++) simulation.request('a', 5);
    expect(simulation.order).toHaveLength(1000);
    simulation.run(5);
    expect(simulation.set.idle).toBe(true);
  });

  test('one that gives up waiting makes room', () => {
    const simulation = new Simulation(queues(1, 1), 1);
    simulation.request('a', 10);
    const waiting = simulation.request('a', 10) as Ticket;
    expect(simulation.set.leave(waiting, 'time-out')).toBe(true);
    expect(simulation.set.leave(waiting, 'time-out')).toBe(false);
    simulation.run(50);
    expect(simulation.order).toEqual(['a']);
    expect(simulation.set).toMatchObject({ idle: true, timedOut: 1, rejected: 1 });
    expect(simulation.set.queues.size).toBe(0);
  });

  test('one wider than the level has it for itself', () => {
    const simulation = new Simulation(queues(4, 1), 2);
    simulation.request('a', 10);
    simulation.request('wide', 10, { ...oneSeat, seats: 5 });
    simulation.run(5);
    expect(simulation.order).toEqual(['a']);
    simulation.run(30);
    expect(simulation.order).toEqual(['a', 'wide']);
    expect(simulation.set.idle).toBe(true);
  });

  test('seats stay taken while watchers are told', () => {
    const simulation = new Simulation(queues(4, 1), 4);
    simulation.request('a', 1, { seats: 1, finalSeats: 4, finalMs: 20 });
    simulation.request('b', 1);
    simulation.run(10);
    expect(simulation.order).toEqual(['a']);
    expect(simulation.set).toMatchObject({ executing: 0, seatsInUse: 4 });
    simulation.run(20);
    expect(simulation.order).toEqual(['a', 'b']);
    expect(simulation.set.seatsInUse).toBe(0);
  });

  test('a level that gets more seats serves more at once, one that loses its queues drains them', () => {
    const simulation = new Simulation(queues(4, 2), 1);
    for (let i = 0; i < 6; i++) simulation.request('a', 10);
    simulation.set.configure(queues(4, 2), 3);
    expect(simulation.order).toHaveLength(3);
    simulation.set.configure({ type: 'reject' }, 3);
    simulation.run(100);
    expect(simulation.order).toHaveLength(6);
    expect(simulation.set.queues.size).toBe(0);
  });

  test('counts always agree, and everybody is served or turned away in the end', () => {
    const step = fc.oneof(
      fc.record({
        do: fc.constant('arrive' as const),
        flow: fc.integer({ min: 0, max: 5 }),
        ms: fc.integer({ min: 0, max: 20 }),
        seats: fc.integer({ min: 1, max: 6 }),
        finalSeats: fc.integer({ min: 0, max: 6 }),
      }),
      fc.record({ do: fc.constant('pass' as const), ms: fc.integer({ min: 0, max: 10 }) }),
      fc.record({ do: fc.constant('leave' as const), which: fc.nat(50) }),
      fc.record({
        do: fc.constant('configure' as const),
        queues: fc.integer({ min: 0, max: 5 }),
        seats: fc.integer({ min: 1, max: 8 }),
      }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const simulation = new Simulation(queues(4, 2, 3), 4);
        const tickets: Ticket[] = [];
        let left = 0;
        for (const one of steps) {
          if (one.do === 'pass') simulation.run(one.ms);
          else if (one.do === 'configure')
            simulation.set.configure(one.queues === 0 ? { type: 'reject' } : queues(one.queues, 1, 3), one.seats);
          else if (one.do === 'leave') {
            const ticket = tickets[one.which];
            if (ticket && simulation.set.leave(ticket, 'cancelled')) left++;
          } else {
            const { flow, ms, seats, finalSeats } = one;
            const ticket = simulation.request(String(flow), ms, { seats, finalSeats, finalMs: finalSeats });
            if (ticket) tickets.push(ticket);
          }
          const { set } = simulation;
          const all = [...set.queues.values()];
          const sum = (of: (queue: (typeof all)[number]) => number) =>
            all.reduce((total, queue) => total + of(queue), 0);
          expect(set.waiting).toBe(sum(({ waiting }) => waiting.size));
          expect(set.executing).toBe(sum(({ executing }) => executing.size) + set.unqueued.size);
          expect(set.seatsWaiting).toBe(sum(({ waitingSeats }) => waitingSeats));
          expect(simulation.tally).toMatchObject({
            waiting: set.waiting,
            executing: set.executing,
            executingSeats: set.seatsInUse,
          });
          // Nobody waits while the level does nothing.
          if (set.waiting > 0) expect(set.seatsInUse).toBeGreaterThan(0);
        }
        simulation.run(100_000);
        expect(simulation.set).toMatchObject({ idle: true, seatsInUse: 0, seatsWaiting: 0 });
        expect(simulation.set.queues.size).toBe(0);
        expect(simulation.order.length + left).toBe(tickets.length);
      }),
      { numRuns: 300 },
    );
  });
});

describe('shuffle sharding', () => {
  test('a hand has different cards of the deck, always the same', () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 1, max: 200 }), fc.integer({ min: 1, max: 8 }), (flow, deck, size) => {
        const hand = deal(flow, deck, Math.min(size, deck));
        expect(new Set(hand).size).toBe(Math.min(size, deck));
        for (const card of hand) expect(card >= 0 && card < deck && Number.isInteger(card)).toBe(true);
        expect(deal(flow, deck, Math.min(size, deck))).toEqual(hand);
      }),
    );
  });
  test('every card comes equally often, and hands seldom overlap whole', () => {
    const counts = new Array<number>(64).fill(0);
    const heavy = new Set(deal('schema\0heavy', 64, 6));
    let squashed = 0;
    for (let i = 0; i < 20_000; i++) {
      const hand = deal(`schema\0user-${i}`, 64, 6);
      for (const card of hand) counts[card] = (counts[card] ?? 0) + 1;
      if (hand.every((card) => heavy.has(card))) squashed++;
    }
    const expected = (20_000 * 6) / 64;
    for (const count of counts) expect(Math.abs(count - expected) / expected).toBeLessThan(0.12);
    expect(squashed).toBeLessThanOrEqual(1);
  });
});

describe('allocation', () => {
  const bounded = fc
    .tuple(
      fc.integer({ min: 0, max: 100 }),
      fc.integer({ min: 0, max: 200 }),
      fc.float({ min: 0, max: 1, noNaN: true }),
    )
    .map(([lower, room, part]) => ({ lower, upper: lower + room, target: lower + room * part }));
  test('the sum is what there is, within the bounds, in proportion where none binds', () => {
    fc.assert(
      fc.property(
        fc.array(bounded, { minLength: 1, maxLength: 8 }),
        fc.float({ min: 0, max: 1, noNaN: true }),
        (classes, part) => {
          const low = classes.reduce((sum, { lower }) => sum + lower, 0);
          const high = classes.reduce((sum, { upper }) => sum + upper, 0);
          const total = low + (high - low) * part;
          const seats = allocate(total, classes);
          expect(seats.reduce((sum, one) => sum + one, 0)).toBeCloseTo(total, 3);
          const free: number[] = [];
          classes.forEach(({ lower, upper, target }, i) => {
            const own = seats[i] as number;
            expect(own).toBeGreaterThanOrEqual(lower - 1e-9);
            expect(own).toBeLessThanOrEqual(upper + 1e-9);
            if (own > lower + 1e-6 && own < upper - 1e-6 && target >= 1) free.push(own / target);
          });
          for (const proportion of free) expect(proportion).toBeCloseTo(free[0] as number, 3);
        },
      ),
    );
  });
  test.each<[number, [number, number, number][], number[]]>([
    [
      10,
      [
        [0, 10, 1],
        [0, 10, 1],
      ],
      [5, 5],
    ],
    [
      10,
      [
        [0, 10, 3],
        [0, 10, 1],
      ],
      [7.5, 2.5],
    ],
    [
      10,
      [
        [4, 10, 0],
        [0, 10, 1],
      ],
      [4, 6],
    ],
    [
      10,
      [
        [0, 3, 5],
        [0, 10, 1],
      ],
      [3, 7],
    ],
    [
      1,
      [
        [2, 5, 2],
        [2, 5, 2],
      ],
      [2, 2],
    ],
    [
      99,
      [
        [2, 5, 2],
        [2, 5, 2],
      ],
      [5, 5],
    ],
  ])('%d among %j', (total, classes, expected) => {
    const seats = allocate(
      total,
      classes.map(([lower, upper, target]) => ({ lower, upper, target })),
    );
    for (const [i, one] of seats.entries()) expect(one).toBeCloseTo(expected[i] as number, 6);
  });
});

test('turns: so many seats in each, the flows by turns', async () => {
  const next: (() => void)[] = [];
  const after = (_: number, callback: () => void) => {
    next.push(callback);
    return () => {};
  };
  const turns = new Turns({ now: () => 0, after });
  const line = new Line(4);
  const served: string[] = [];
  const enter = (flow: string, seats = 1): void => {
    const turn = turns.enter(line, flow, seats);
    if (turn) void turn.then(() => served.push(flow));
    else served.push(flow);
  };
  enter('a');
  expect([served.length, next.length]).toEqual([1, 0]);
  for (let i = 0; i < 9; i++) enter('a');
  enter('b');
  enter('wide', 9);
  expect([served.join(''), next.length]).toEqual(['aaaa', 1]);
  const turn = async () => {
    next.shift()?.();
    await Promise.resolve();
    return served.splice(0).join(' ');
  };
  served.length = 0;
  expect(await turn()).toBe('a b');
  expect(await turn()).toBe('wide');
  expect([await turn(), await turn()]).toEqual(['a a a a', 'a']);
  expect(next).toEqual([]);
});

test('demand: average, deviation, peak; the smoothed figure rises at once and decays slowly', () => {
  const demand = new SeatDemand(0);
  demand.set(10, 0);
  demand.set(0, 5_000);
  demand.adjust(10_000);
  expect(demand).toMatchObject({ average: 5, deviation: 5, highWatermark: 10, smoothed: 10 });
  demand.adjust(20_000);
  expect(demand).toMatchObject({ average: 0, highWatermark: 0 });
  expect(demand.smoothed).toBeCloseTo(9.77);
  for (let i = 3; i <= 32; i++) demand.adjust(i * 10_000);
  expect(demand.smoothed).toBeGreaterThan(4);
  expect(demand.smoothed).toBeLessThan(6);
});

test('retry after: doubles while many are turned away, and falls again', () => {
  const retry = new RetryAfter();
  const seconds: number[] = [];
  for (let second = 1; second <= 80; second++) {
    for (let i = 0; i < 100; i++) retry.dropped(second * 1000 + i);
    seconds.push(retry.seconds);
  }
  expect(seconds[0]).toBe(1);
  expect(Math.max(...seconds)).toBe(32);
  expect(new Set(seconds)).toEqual(new Set([1, 2, 4, 8, 16, 32]));
  for (let second = 200; second < 260; second++) retry.dropped(second * 1000);
  expect(retry.seconds).toBeLessThan(32);
});
