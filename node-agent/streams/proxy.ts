// Serves `http` offers: requests and WebSockets to pods of this node, to addresses that Services name, and to what a kubelet
// would serve of the node itself.
import { errors } from '../../src/machinery/errors.ts';
import type { HttpOffer } from '../../src/protocol/streams.ts';
import { proxyHttp } from './proxy/http.ts';
import { type Pods, type Target, targetOf } from './proxy/target.ts';
import type { Unanswered } from './proxy/unanswered.ts';
import { proxyWebSocket } from './proxy/web-socket.ts';
import type { ServeBody, ServeSocket } from './types.ts';

export interface ProxyParts {
  pods: Pods;
  /** Where pods on the host's network are. */
  hostIp(): string;
  /** What a kubelet serves. */
  kubelet: ServeBody<HttpOffer>;
  unanswered: Unanswered;
}

/** Offers without a `protocol`. */
export function httpServer(parts: ProxyParts): ServeBody<HttpOffer> {
  return async (stream) => {
    const target = where(stream.offer, parts);
    await (target ? parts.unanswered.counted(stream, (one) => proxyHttp(one, target)) : parts.kubelet(stream));
  };
}

/** Offers with one. */
export function webSocketServer(parts: ProxyParts): ServeSocket<HttpOffer> {
  return async (stream) => {
    const target = where(stream.offer, parts);
    if (!target) throw errors.badRequest('the node serves no WebSocket');
    await parts.unanswered.counted(stream, (one) => proxyWebSocket(one, target));
  };
}

const where = ({ target }: HttpOffer, { pods, hostIp }: ProxyParts): Target | undefined =>
  target.type === 'node' ? undefined : targetOf(target, pods, hostIp());
