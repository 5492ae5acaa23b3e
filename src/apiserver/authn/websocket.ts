// The token of a web page that opens a WebSocket: browsers let it set no header but the subprotocols, so that the token comes as
// one of them, base64url.bearer.authorization.k8s.io.TOKEN, beside one that is meant. Whoever chooses among the subprotocols
// never chooses that one.

import { fromBase64Url } from '../../machinery/bytes.ts';
import { errors } from '../../machinery/errors.ts';
import type { HttpRequest } from '../../machinery/http.ts';

const tokenProtocolPrefix = 'base64url.bearer.authorization.k8s.io.';

/** Undefined: there is none. Throws Unauthorized for one that is not as it should be. */
export function protocolToken({ headers }: Pick<HttpRequest, 'headers'>): string | undefined {
  const offered = headers.get('sec-websocket-protocol');
  if (!offered?.includes(tokenProtocolPrefix) || !isWebSocket(headers)) return undefined;
  const protocols = offered.split(',').map((one) => one.trim());
  const tokens = protocols.filter((one) => one.startsWith(tokenProtocolPrefix));
  const [text] = tokens;
  if (text === undefined) return undefined;
  const token = decoded(text.slice(tokenProtocolPrefix.length));
  if (tokens.length > 1 || token === undefined) throw errors.unauthorized();
  if (token === '') return undefined;
  if (tokens.length === protocols.length) throw errors.unauthorized();
  return token;
}

/** Of `Sec-WebSocket-Protocol`, what is no token: whoever a request is passed on to gets no other. */
export const withoutToken = (offered: string): string =>
  offered
    .split(',')
    .map((one) => one.trim())
    .filter((one) => !one.startsWith(tokenProtocolPrefix))
    .join(', ');

function isWebSocket(headers: HttpRequest['headers']): boolean {
  const upgrades = /(^|.*,)\s*upgrade\s*($|,)/i.test(headers.get('connection') ?? '');
  return upgrades && headers.get('upgrade')?.toLowerCase() === 'websocket';
}

function decoded(text: string): string | undefined {
  if (text === '') return '';
  const bytes = fromBase64Url(text);
  try {
    return bytes && new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
