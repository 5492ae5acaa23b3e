// A pod that is made on its node has the labels that say where the node is; others get them when they are bound.
import type { Node, Pod } from '../../generated/schemas/core-v1.ts';
import { nodes } from '../../generated/schemas/index.ts';
import { groupResource } from '../../machinery/meta.ts';
import type { AdmissionPlugin } from './chain.ts';

const topologyLabels = ['topology.kubernetes.io/zone', 'topology.kubernetes.io/region'];

export const podTopologyLabels: AdmissionPlugin = {
  name: 'PodTopologyLabels',
  admit({ operation, definition, subresource, object, context }) {
    if (operation !== 'CREATE' || subresource !== '' || groupResource(definition) !== 'pods') return;
    const { metadata, spec } = object as Pod;
    if (!spec.nodeName) return;
    const labels = context.get<Node>(nodes, undefined, spec.nodeName)?.metadata.labels ?? {};
    for (const key of topologyLabels) {
      const value = labels[key];
      if (value !== undefined) metadata.labels = { ...metadata.labels, [key]: value };
    }
  },
};
