// The priority levels that every cluster holds, as a table: name, shares, lendable percent, and how many queues of which
// hand a limited level has (0: it rejects).

import type {
  PriorityLevelConfiguration,
  PriorityLevelConfigurationSpec,
} from '../../../generated/schemas/flowcontrol-v1.ts';
import type { New } from '../../../machinery/meta.ts';
import { builtIn } from '../autoupdate.ts';

type Level = New<PriorityLevelConfiguration> & { spec: PriorityLevelConfigurationSpec };
type Row = [string, number, number, number, number];

const limited = ([name, nominalConcurrencyShares, lendablePercent, queues, handSize]: Row): Level => ({
  metadata: builtIn(name),
  spec: {
    type: 'Limited',
    limited: {
      nominalConcurrencyShares,
      limitResponse:
        queues === 0 ? { type: 'Reject' } : { type: 'Queue', queuing: { queues, handSize, queueLengthLimit: 50 } },
      lendablePercent,
    },
  },
});

const mandatory: Level[] = [
  {
    metadata: builtIn('exempt'),
    spec: { type: 'Exempt', exempt: { nominalConcurrencyShares: 0, lendablePercent: 0 } },
  },
  limited(['catch-all', 5, 0, 0, 0]),
];

/** Those whose spec is fixed (of `exempt`, all but spec.exempt), by name. They hold even while there is no such object. */
export const mandatoryLevels = new Map(mandatory.map((one) => [one.metadata.name as string, one]));

const suggested: Row[] = [
  ['system', 30, 33, 64, 6],
  ['node-high', 40, 25, 64, 6],
  ['leader-election', 10, 0, 16, 4],
  ['workload-high', 40, 50, 128, 6],
  ['workload-low', 100, 90, 128, 6],
  ['global-default', 20, 50, 128, 6],
];

export const bootstrapLevels: readonly Level[] = [...mandatory, ...suggested.map(limited)];
