// What flow control counts, level by level and flow schema by flow schema, under upstream's names.
import type { Level } from '../flowcontrol/level.ts';
import { durationBuckets, type Histogram, type Tally } from '../flowcontrol/tally.ts';
import { bucketSamples, type Family, gauge, labels, type Sample } from './families.ts';

type Levels = () => Iterable<Level>;

const limits: readonly (readonly [name: string, help: string, limit: 'nominal' | 'current' | 'min' | 'max'])[] = [
  ['nominal_limit_seats', '[BETA] Nominal number of execution seats configured for each priority level', 'nominal'],
  [
    'current_limit_seats',
    '[ALPHA] current derived number of execution seats available to each priority level',
    'current',
  ],
  [
    'lower_limit_seats',
    '[ALPHA] Configured lower bound on number of execution seats available to each priority level',
    'min',
  ],
  [
    'upper_limit_seats',
    '[ALPHA] Configured upper bound on number of execution seats available to each priority level',
    'max',
  ],
];

const amounts: readonly (readonly [
  name: string,
  help: string,
  type: 'gauge' | 'counter',
  amount: 'waiting' | 'waitingSeats' | 'executing' | 'executingSeats' | 'dispatched' | 'noAccommodation',
])[] = [
  [
    'current_inqueue_requests',
    '[BETA] Number of requests currently pending in queues of the API Priority and Fairness subsystem',
    'gauge',
    'waiting',
  ],
  [
    'current_inqueue_seats',
    '[ALPHA] Number of seats currently pending in queues of the API Priority and Fairness subsystem',
    'gauge',
    'waitingSeats',
  ],
  [
    'current_executing_requests',
    '[BETA] Number of requests in initial (for a WATCH) or any (for a non-WATCH) execution stage in the API Priority and Fairness subsystem',
    'gauge',
    'executing',
  ],
  [
    'current_executing_seats',
    '[BETA] Concurrency (number of seats) occupied by the currently executing (initial stage for a WATCH, any stage otherwise) requests in the API Priority and Fairness subsystem',
    'gauge',
    'executingSeats',
  ],
  [
    'dispatched_requests_total',
    '[BETA] Number of requests executed by API Priority and Fairness subsystem',
    'counter',
    'dispatched',
  ],
  [
    'request_dispatch_no_accommodation_total',
    '[ALPHA] Number of times a dispatch attempt resulted in a non accommodation due to lack of available seats',
    'counter',
    'noAccommodation',
  ],
];

export function flowControlFamilies(levels: Levels): Family[] {
  return [
    ...limits.map(([name, help, limit]) =>
      gauge(`apiserver_flowcontrol_${name}`, help, () =>
        Array.from(levels(), (level): Sample => [labels({ priority_level: level.name }), level[limit]]),
      ),
    ),
    ...amounts.map(([name, help, type, amount]) =>
      bySchema(levels, name, help, type, (tally, own) => [[labels(own), tally[amount]]]),
    ),
    bySchema(
      levels,
      'rejected_requests_total',
      '[BETA] Number of requests rejected by API Priority and Fairness subsystem',
      'counter',
      (tally, own) =>
        Object.entries(tally.rejected).map(([reason, count]): Sample => [labels({ ...own, reason }), count]),
    ),
    bySchema(
      levels,
      'request_wait_duration_seconds',
      '[BETA] Length of time a request spent waiting in its queue',
      'histogram',
      ({ waited }, own) =>
        (['true', 'false'] as const).flatMap((execute) => durations(waited[execute], { execute, ...own })),
    ),
    bySchema(
      levels,
      'request_execution_seconds',
      '[ALPHA] Duration of initial stage (for a WATCH) or any (for a non-WATCH) stage of request execution in the API Priority and Fairness subsystem',
      'histogram',
      ({ executed }, own) => durations(executed, own),
    ),
  ];
}

function bySchema(
  levels: Levels,
  name: string,
  help: string,
  type: Family['type'],
  samples: (tally: Tally, own: Record<string, string>) => Iterable<Sample>,
): Family {
  return {
    name: `apiserver_flowcontrol_${name}`,
    help,
    type,
    *samples() {
      for (const level of levels())
        for (const [schema, tally] of level.tallies)
          yield* samples(tally, { flow_schema: schema, priority_level: level.name });
    },
  };
}

/** Nothing of what never happened. */
function durations(histogram: Histogram, own: Record<string, string>): Sample[] {
  return histogram.count === 0 ? [] : [...bucketSamples(durationBuckets, histogram.counts, histogram, labels(own))];
}
