// The condition Dangling of flow schemas: whether the priority level that each refers to exists.
import type { FlowSchema, FlowSchemaCondition } from '../../generated/schemas/flowcontrol-v1.ts';
import { flowSchemas } from '../../generated/schemas/index.ts';
import { apiVersion } from '../../machinery/meta.ts';
import type { Write } from '../../reconcile/types.ts';

const manager = 'api-priority-and-fairness-config-consumer-v1';

/** The condition as it should be; undefined when it is that already. */
export function danglingCondition(
  { spec, status }: FlowSchema,
  exists: boolean,
  now: string,
): FlowSchemaCondition | undefined {
  const level = JSON.stringify(spec?.priorityLevelConfiguration?.name ?? '');
  const wanted = {
    type: 'Dangling',
    status: exists ? 'False' : 'True',
    lastTransitionTime: now,
    reason: exists ? 'Found' : 'NotFound',
    message: `This FlowSchema references the PriorityLevelConfiguration object named ${level} ${
      exists ? 'and it exists' : 'but there is no such object'
    }`,
  };
  const found = status?.conditions?.find(({ type }) => type === wanted.type);
  const same = found?.status === wanted.status && found.reason === wanted.reason && found.message === wanted.message;
  return same ? undefined : wanted;
}

/** Puts the condition into the schema's status, beside what others have there. */
export function statusOf({ metadata: { name } }: FlowSchema, condition: FlowSchemaCondition): Write {
  return {
    verb: 'apply',
    resource: flowSchemas,
    subresource: 'status',
    manager,
    force: true,
    object: {
      apiVersion: apiVersion(flowSchemas),
      kind: flowSchemas.kind,
      metadata: { name },
      status: { conditions: [condition] },
    },
  };
}
