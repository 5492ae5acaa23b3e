// NodeName: a pod that names its node fits only there.
import type { Plugin } from '../framework.ts';

const nodeName: Plugin = {
  name: 'NodeName',
  order: 2,
  filter: ({ pod }, node) =>
    pod.spec?.nodeName && pod.spec.nodeName !== node.name
      ? { reasons: ["node(s) didn't match the requested node name"], unresolvable: true }
      : undefined,
};

export default nodeName;
