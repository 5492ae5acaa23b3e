// `pods/log`: the query, checked, for the pod's node to read by.
import type { Pod } from '../../../generated/schemas/core-v1.ts';
import type { RestRequest } from '../../rest/context.ts';
import { logOptions } from '../../rest/log-options.ts';
import { isWebSocket, logProtocols, negotiated } from './protocols.ts';
import type { Streamed } from './target.ts';

export function log(pod: Pod, { url, request }: RestRequest, id: string): Streamed {
  const { container = '', ...options } = logOptions(url.searchParams, pod);
  const { namespace = '', name, uid } = pod.metadata;
  // Nothing runs anywhere yet: an empty log, as upstream has it.
  if (!pod.spec.nodeName) return { nothing: true };
  const protocol = isWebSocket(request) ? { protocol: negotiated(request, logProtocols) } : {};
  return {
    target: {
      node: pod.spec.nodeName,
      offer: { id, kind: 'log', namespace, pod: name, podUid: uid, container, options, ...protocol },
    },
  };
}
