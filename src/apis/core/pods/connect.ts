// Subresources of a pod that begin a stream to its node. The API server finds them by name and hands them to whoever carries
// them out.

import type { Pod } from '../../../generated/schemas/core-v1.ts';
import type { Subresource } from '../../../machinery/resource.ts';

const stream = (name: string, options: string, verbs: Subresource['verbs']): Subresource<Pod> => ({
  name,
  verbs,
  kind: { group: '', version: 'v1', kind: options, schema: `io.k8s.api.core.v1.${options}` },
  behaviour: { type: 'connect' },
});

export const connects: readonly Subresource<Pod>[] = [
  { name: 'log', verbs: ['get'], behaviour: { type: 'connect' } },
  stream('attach', 'PodAttachOptions', ['create', 'get']),
  stream('exec', 'PodExecOptions', ['create', 'get']),
  stream('portforward', 'PodPortForwardOptions', ['create', 'get']),
  stream('proxy', 'PodProxyOptions', ['create', 'delete', 'get', 'patch', 'update']),
];
