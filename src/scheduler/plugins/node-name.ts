// NodeName: a pod that names its node fits only there.
import type { FilterPlugin } from '../framework.ts';

export const nodeName: FilterPlugin = {
  name: 'NodeName',
  filter: ({ pod }, node) =>
    pod.spec?.nodeName && pod.spec.nodeName !== node.name
      ? { reasons: ["node(s) didn't match the requested node name"], unresolvable: true }
      : undefined,
};
