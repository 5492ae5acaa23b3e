// A new node is not schedulable until it is ready: it starts with the not-ready taint, which node lifecycle takes off.
import type { Node, Taint } from '../../generated/schemas/core-v1.ts';
import { nodes } from '../../generated/schemas/index.ts';
import { groupResource } from '../../machinery/meta.ts';
import type { AdmissionPlugin } from './chain.ts';

const taint: Taint = { key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' };

export const taintNodesByCondition: AdmissionPlugin = {
  name: 'TaintNodesByCondition',
  admit({ operation, definition, subresource, object }) {
    if (operation !== 'CREATE' || subresource !== '' || groupResource(definition) !== groupResource(nodes)) return;
    const node = object as Node;
    node.spec ??= {};
    const taints = node.spec.taints ?? [];
    if (taints.some(({ key, effect }) => key === taint.key && effect === taint.effect)) return;
    node.spec.taints = [...taints, { ...taint }];
  },
};
