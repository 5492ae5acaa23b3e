// Subresources of a pod that begin a stream to its node. The API server finds them by name and hands them to whoever carries
// them out.

import type { Subresource } from '../../../machinery/resource.ts';
import { connectSubresource, proxySubresource } from '../../subresources.ts';

export const connects: readonly Subresource[] = [
  { name: 'log', verbs: ['get'], behaviour: { type: 'connect' } },
  connectSubresource('attach', 'PodAttachOptions', ['create', 'get']),
  connectSubresource('exec', 'PodExecOptions', ['create', 'get']),
  connectSubresource('portforward', 'PodPortForwardOptions', ['create', 'get']),
  proxySubresource('PodProxyOptions'),
];
