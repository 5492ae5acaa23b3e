// NodePorts: no two pods of a node have the same host port, protocol and address (0.0.0.0 is every address).
import type { HostPort, Plugin } from '../framework.ts';

const any = '0.0.0.0';

function clash(a: HostPort, b: HostPort): boolean {
  return a.port === b.port && a.protocol === b.protocol && (a.ip === b.ip || a.ip === any || b.ip === any);
}

const nodePorts: Plugin = {
  name: 'NodePorts',
  order: 5,
  filter({ hostPorts }, node) {
    if (hostPorts.length === 0) return undefined;
    for (const other of node.pods.values())
      for (const taken of other.hostPorts)
        if (hostPorts.some((wanted) => clash(wanted, taken)))
          return { reasons: ["node(s) didn't have free ports for the requested pod ports"], unresolvable: false };
    return undefined;
  },
};

export default nodePorts;
