// Which protocol a client and the agent speak through a WebSocket. Upgrades to anything else cannot be carried: the platform takes
// WebSockets alone.
import { ApiError, errors } from '../../../machinery/errors.ts';
import type { HttpRequest } from '../../../machinery/http.ts';
import { withoutToken } from '../../authn/websocket.ts';
import type { RestRequest } from '../../rest/context.ts';

const channels = ['channel.k8s.io', 'base64.channel.k8s.io', 'v4.channel.k8s.io', 'v4.base64.channel.k8s.io'];
/** A client that names none is spoken to in the first. */
export const remoteCommandProtocols = ['', 'v5.channel.k8s.io', ...channels];
export const portForwardProtocols = [
  '',
  'SPDY/3.1+portforward.k8s.io',
  'v4.channel.k8s.io',
  'v4.base64.channel.k8s.io',
];

/** The last one carries text. */
export const logProtocols = ['', 'binary.k8s.io', 'base64.binary.k8s.io'];

export const isWebSocket = (request: HttpRequest): boolean =>
  request.headers.get('upgrade')?.toLowerCase() === 'websocket';

/** The first that the client offers and is supported. Throws BadRequest, or Forbidden without the rights to `create` and to `get`. */
export function chosenProtocol(rest: RestRequest, supported: readonly string[]): string {
  const { request, mayCreate, mayGet, info } = rest;
  const upgrade = request.headers.get('upgrade') ?? '';
  if (/^spdy\//i.test(upgrade)) {
    // kubectl tries this where its WebSocket was refused: who lacks the right to begin one is to hear of that.
    mayGet();
    throw noSpdy(info.subresource);
  }
  if (!isWebSocket(request)) throw errors.badRequest('Upgrade request required');
  // A WebSocket is begun with a GET, for which the right to read would be enough.
  if (info.verb === 'get') mayCreate();
  return negotiated(request, supported);
}

/** As {@link chosenProtocol}, of a WebSocket that is only read from. */
export function negotiated(request: HttpRequest, supported: readonly string[]): string {
  const offered = withoutToken(request.headers.get('sec-websocket-protocol') ?? '').split(', ');
  const chosen = offered.find((name) => supported.includes(name));
  if (chosen === undefined)
    throw new ApiError(
      'Forbidden',
      `requested protocol(s) are not supported: [${offered.join(' ')}]; supports [${supported.join(' ')}]`,
    );
  return chosen;
}

const noSpdy = (subresource: string): ApiError =>
  errors.badRequest(
    `${subresource} is not served over SPDY, only over WebSocket: use kubectl 1.31 or newer (without KUBECTL_REMOTE_COMMAND_WEBSOCKETS=false or KUBECTL_PORT_FORWARD_WEBSOCKETS=false)`,
  );
