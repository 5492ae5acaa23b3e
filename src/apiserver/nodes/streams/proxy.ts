// The proxies of pods, services and nodes: a client's request as it is passed on.
import { errors } from '../../../machinery/errors.ts';
import type { HttpOffer, StreamTarget } from '../../../protocol/streams.ts';
import { withoutToken } from '../../authn/websocket.ts';
import type { RestRequest } from '../../rest/context.ts';
import { isWebSocket } from './protocols.ts';

export interface ProxyTarget {
  node: string;
  scheme: HttpOffer['scheme'];
  to: HttpOffer['target'];
}

/** `[scheme:]name[:port]`; undefined: it is nothing of the kind. `port` and `scheme` are '' where they are left out. */
export function splitName(id: string): { scheme: string; name: string; port: string } | undefined {
  const parts = id.split(':');
  const [scheme, name, port] = parts.length === 3 ? parts : ['', parts[0], parts[1] ?? ''];
  if (parts.length > 3 || !name || scheme === undefined || port === undefined) return undefined;
  return scheme === '' || scheme === 'http' || scheme === 'https' ? { scheme, name, port } : undefined;
}

/** What the client wrote, escapes and all: of the path up to the subresource, and of the rest with the query. */
function written({ request, info }: RestRequest): { prefix: string; path: string; query: string } {
  const [, path = '', query = ''] = /^[^/?#]*\/\/[^/?#]*([^?#]*)(\?[^#]*)?/.exec(request.url) ?? [];
  // Of the segments up to `proxy`, none is empty: /api/v1/[namespaces/NS/]KIND/NAME/proxy.
  const count = info.namespace === '' ? 5 : 7;
  const prefix = path
    .split('/')
    .slice(0, count + 1)
    .join('/');
  return { prefix, path: path.slice(prefix.length), query };
}

/** The root of what is proxied has a slash, or relative links would lead elsewhere. */
export function rootRedirect(rest: RestRequest): string | undefined {
  const { prefix, path, query } = written(rest);
  const { method } = rest.request;
  return path === '' && (method === 'GET' || method === 'HEAD') && !isWebSocket(rest.request)
    ? `${prefix}/${query}`
    : undefined;
}

/** Who the client is to the API server is nobody else's business. */
const own = /^(authorization|impersonate-.*|tiffin-.*|cf-access-.*|sec-websocket-.*)$/;
/** Cookies in which Cloudflare Access has what Cf-Access-Jwt-Assertion says: a browser sends them with everything. */
const ownCookie = /^\s*CF_(Authorization|AppSession|Session|Binding)\s*=/i;

const withoutOwnCookies = (cookie: string): string =>
  cookie
    .split(';')
    .filter((one) => !ownCookie.test(one))
    .join(';')
    .trim();

export function proxyOffer(rest: RestRequest, id: string, { node, scheme, to }: ProxyTarget): StreamTarget {
  const { request } = rest;
  if (request.headers.get('upgrade') && !isWebSocket(request))
    throw errors.badRequest('a proxy passes on no upgrade but to WebSocket');
  const { prefix, path, query } = written(rest);
  const headers = [...request.headers.keys()]
    .filter((name) => !own.test(name))
    .map((name): [string, string] => {
      const value = request.headers.get(name) ?? '';
      return [name, name === 'cookie' ? withoutOwnCookies(value) : value];
    })
    .filter(([name, value]) => name !== 'cookie' || value !== '');
  const offer: HttpOffer = {
    id,
    kind: 'http',
    target: to,
    scheme,
    method: request.method,
    path: `${path || '/'}${query}`,
    headers,
    // Whether there is one is known to who holds it.
    body: false,
    prefix,
    ...(isWebSocket(request) ? { protocol: withoutToken(request.headers.get('sec-websocket-protocol') ?? '') } : {}),
  };
  return { node, offer };
}
