// flowcontrol.apiserver.k8s.io/v1 PriorityLevelConfiguration: how much of the server's concurrency a level has, and what
// becomes of requests beyond it.

import type { PriorityLevelConfiguration } from '../../../generated/schemas/flowcontrol-v1.ts';
import { priorityLevelConfigurations } from '../../../generated/schemas/index.ts';
import { type Column, defineResource } from '../../../machinery/resource.ts';
import { ageColumn, nameColumn } from '../../columns.ts';
import { isLeftOver, producer, reconciled } from '../autoupdate.ts';
import { conditionsSubresource } from '../conditions.ts';
import { bootstrapLevels, mandatoryLevels } from './bootstrap.ts';
import { validateLevel } from './validation.ts';

const isBootstrap = new Set(bootstrapLevels.map((one) => one.metadata.name as string));

type Queuing = 'queues' | 'handSize' | 'queueLengthLimit';
const queuingColumn = (name: string, of: Queuing): Column<PriorityLevelConfiguration> => ({
  name,
  type: 'string',
  doc: `flowcontrol.v1.QueuingConfiguration.${of}`,
  cell: ({ spec }) => spec?.limited?.limitResponse?.queuing?.[of] ?? '<none>',
});

export default defineResource<PriorityLevelConfiguration>({
  ...priorityLevelConfigurations,
  singular: 'prioritylevelconfiguration',
  schema: 'io.k8s.api.flowcontrol.v1.PriorityLevelConfiguration',
  strategy: {
    defaults(level) {
      level.spec ??= {} as PriorityLevelConfiguration['spec'];
      level.status ??= {};
      const { exempt, limited } = level.spec;
      if (exempt) {
        exempt.nominalConcurrencyShares ??= 0;
        exempt.lendablePercent ??= 0;
      }
      if (!limited) return;
      limited.nominalConcurrencyShares ??= 30;
      limited.lendablePercent ??= 0;
      const queuing = limited.limitResponse?.queuing;
      if (!queuing) return;
      queuing.handSize ||= 8;
      queuing.queues ||= 64;
      queuing.queueLengthLimit ||= 50;
    },
    prepareForCreate(level) {
      level.status = {};
    },
    prepareForUpdate(level, old) {
      level.status = old.status;
    },
    validate: (level) => validateLevel(level).list,
  },
  bootstrap: {
    manager: producer,
    objects: () => bootstrapLevels,
    // Of `exempt` an operator may change how much it lends.
    reconcile: (live, wanted) =>
      reconciled(live, wanted, live.metadata.name !== 'exempt' && mandatoryLevels.has(live.metadata.name)),
    leftOver: (live) => !isBootstrap.has(live.metadata.name) && isLeftOver(live),
    maintained: true,
  },
  columns: [
    nameColumn,
    {
      name: 'Type',
      type: 'string',
      doc: 'flowcontrol.v1.PriorityLevelConfigurationSpec.type',
      cell: (level) => level.spec?.type ?? '',
    },
    {
      name: 'NominalConcurrencyShares',
      type: 'string',
      doc: 'flowcontrol.v1.LimitedPriorityLevelConfiguration.nominalConcurrencyShares',
      cell: (level) => level.spec?.limited?.nominalConcurrencyShares ?? '<none>',
    },
    queuingColumn('Queues', 'queues'),
    queuingColumn('HandSize', 'handSize'),
    queuingColumn('QueueLengthLimit', 'queueLengthLimit'),
    ageColumn,
  ],
  subresources: [conditionsSubresource<PriorityLevelConfiguration>()],
});
