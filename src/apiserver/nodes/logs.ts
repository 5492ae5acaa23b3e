// `GET …/pods/NAME/log` as an offer to the pod's node. The options have been checked; the reading is the node's business.
import type { Pod } from '../../generated/schemas/core-v1.ts';
import type { LogOffer } from '../../protocol/streams.ts';

export interface LogTarget {
  node: string;
  offer: LogOffer;
}

/** Undefined: the pod has no node yet, and so no logs. */
export function logTarget(
  pod: Pod,
  checked: Readonly<Record<string, string>>,
  streamId: string,
): LogTarget | undefined {
  if (!pod.spec.nodeName) return undefined;
  const { container = '', ...options } = checked;
  const { namespace = '', name, uid } = pod.metadata;
  return {
    node: pod.spec.nodeName,
    offer: { id: streamId, kind: 'log', namespace, pod: name, podUid: uid, container, options },
  };
}
