// NodeUnschedulable: a cordoned node takes only pods that tolerate the taint of being unschedulable.
import type { FilterPlugin } from '../framework.ts';
import { tolerates } from '../tolerations.ts';

const taint = { key: 'node.kubernetes.io/unschedulable', value: '', effect: 'NoSchedule' } as const;

export const nodeUnschedulable: FilterPlugin = {
  name: 'NodeUnschedulable',
  filter: ({ pod }, { node }) =>
    node.spec?.unschedulable && !tolerates(pod.spec?.tolerations, taint)
      ? { reasons: ['node(s) were unschedulable'], unresolvable: true }
      : undefined,
};
