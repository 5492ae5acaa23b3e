// The network of a simulated node: nothing.
import type { NodeNetwork } from './network/types.ts';

export const noNetwork: NodeNetwork = {
  async start() {},
  async setPodCidr() {},
  async apply() {},
  async stop() {},
  dnsAddress: '10.96.0.10',
};
