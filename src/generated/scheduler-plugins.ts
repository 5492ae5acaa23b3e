// Written by `npm run gen`; do not edit.
// All scheduler plugins: the default export of each file.
import pluginInterPodAffinity from '../scheduler/plugins/inter-pod-affinity.ts';
import pluginNodeAffinity from '../scheduler/plugins/node-affinity.ts';
import pluginNodeName from '../scheduler/plugins/node-name.ts';
import pluginNodePorts from '../scheduler/plugins/node-ports.ts';
import pluginNodeResourcesFit from '../scheduler/plugins/node-resources-fit.ts';
import pluginNodeUnschedulable from '../scheduler/plugins/node-unschedulable.ts';
import pluginPodTopologySpread from '../scheduler/plugins/pod-topology-spread.ts';
import pluginTaintToleration from '../scheduler/plugins/taint-toleration.ts';

export const schedulerPlugins = [
  pluginInterPodAffinity,
  pluginNodeAffinity,
  pluginNodeName,
  pluginNodePorts,
  pluginNodeResourcesFit,
  pluginNodeUnschedulable,
  pluginPodTopologySpread,
  pluginTaintToleration,
] as const;
