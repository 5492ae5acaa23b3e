// flowcontrol.apiserver.k8s.io/v1 FlowSchema: which requests make up a flow, and at which priority level.

import type { FlowSchema } from '../../../generated/schemas/flowcontrol-v1.ts';
import { flowSchemas } from '../../../generated/schemas/index.ts';
import { defineResource } from '../../../machinery/resource.ts';
import { ageColumn, nameColumn } from '../../columns.ts';
import { isLeftOver, producer, reconciled } from '../autoupdate.ts';
import { conditionsSubresource } from '../conditions.ts';
import { bootstrapFlowSchemas, mandatoryFlowSchemas } from './bootstrap.ts';
import { validateFlowSchema } from './validation.ts';

const isBootstrap = new Set(bootstrapFlowSchemas.map((one) => one.metadata.name as string));

export default defineResource<FlowSchema>({
  ...flowSchemas,
  singular: 'flowschema',
  schema: 'io.k8s.api.flowcontrol.v1.FlowSchema',
  strategy: {
    defaults(flowSchema) {
      flowSchema.spec ??= {} as FlowSchema['spec'];
      flowSchema.status ??= {};
      flowSchema.spec.matchingPrecedence ||= 1000;
    },
    prepareForCreate(flowSchema) {
      flowSchema.status = {};
    },
    prepareForUpdate(flowSchema, old) {
      flowSchema.status = old.status;
    },
    validate: (flowSchema) => validateFlowSchema(flowSchema).list,
  },
  bootstrap: {
    manager: producer,
    objects: () => bootstrapFlowSchemas,
    reconcile: (live, wanted) => reconciled(live, wanted, mandatoryFlowSchemas.has(live.metadata.name)),
    leftOver: (live) => !isBootstrap.has(live.metadata.name) && isLeftOver(live),
    maintained: true,
  },
  // By precedence, then by name.
  rowOrder: ([a, , first], [b, , second]) => Number(first) - Number(second) || (String(a) < String(b) ? -1 : 1),
  columns: [
    nameColumn,
    {
      name: 'PriorityLevel',
      type: 'string',
      doc: 'flowcontrol.v1.PriorityLevelConfigurationReference.name',
      cell: (flowSchema) => flowSchema.spec?.priorityLevelConfiguration?.name ?? '',
    },
    {
      name: 'MatchingPrecedence',
      type: 'string',
      doc: 'flowcontrol.v1.FlowSchemaSpec.matchingPrecedence',
      cell: (flowSchema) => flowSchema.spec?.matchingPrecedence ?? 0,
    },
    {
      name: 'DistinguisherMethod',
      type: 'string',
      doc: 'flowcontrol.v1.FlowSchemaSpec.distinguisherMethod',
      cell: (flowSchema) => flowSchema.spec?.distinguisherMethod?.type ?? '<none>',
    },
    ageColumn,
    {
      name: 'MissingPL',
      type: 'string',
      description: 'references a broken or non-existent PriorityLevelConfiguration',
      cell: (flowSchema) => flowSchema.status?.conditions?.find(({ type }) => type === 'Dangling')?.status ?? '?',
    },
  ],
  subresources: [conditionsSubresource<FlowSchema>()],
});
