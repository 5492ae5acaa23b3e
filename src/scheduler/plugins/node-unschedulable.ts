// NodeUnschedulable: a cordoned node takes only pods that tolerate the taint of being unschedulable.
import type { Plugin } from '../framework.ts';
import { tolerates } from '../tolerations.ts';

const taint = { key: 'node.kubernetes.io/unschedulable', value: '', effect: 'NoSchedule' } as const;

const nodeUnschedulable: Plugin = {
  name: 'NodeUnschedulable',
  order: 1,
  filter: ({ pod }, { node }) =>
    node.spec?.unschedulable && !tolerates(pod.spec?.tolerations, taint)
      ? { reasons: ['node(s) were unschedulable'], unresolvable: true }
      : undefined,
};

export default nodeUnschedulable;
