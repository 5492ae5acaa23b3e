// The condition Dangling of flow schemas: whether the priority level that each refers to exists.
import type { FlowSchema } from '../../generated/schemas/flowcontrol-v1.ts';

/** The schema with its condition as it should be; undefined when it is that already. */
export function withDangling(flowSchema: FlowSchema, exists: boolean, now: string): FlowSchema | undefined {
  const level = JSON.stringify(flowSchema.spec?.priorityLevelConfiguration?.name ?? '');
  const wanted = {
    type: 'Dangling',
    status: exists ? 'False' : 'True',
    lastTransitionTime: now,
    reason: exists ? 'Found' : 'NotFound',
    message: `This FlowSchema references the PriorityLevelConfiguration object named ${level} ${
      exists ? 'and it exists' : 'but there is no such object'
    }`,
  };
  const conditions = flowSchema.status?.conditions ?? [];
  const at = conditions.findIndex(({ type }) => type === 'Dangling');
  const found = conditions[at];
  if (found?.status === wanted.status && found.reason === wanted.reason && found.message === wanted.message)
    return undefined;
  return { ...flowSchema, status: { conditions: at < 0 ? [...conditions, wanted] : conditions.with(at, wanted) } };
}
