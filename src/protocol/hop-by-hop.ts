// Headers that whoever passes a message on keeps back: those of one connection, not of the message (RFC 9110, section 7.6.1), and of
// an answer what only the API server itself may say.

const always = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];

/** Names in lower case: those, and what the message's own `Connection` headers name. */
export function hopByHop(connection: readonly string[]): ReadonlySet<string> {
  const named = connection.flatMap((value) => value.split(',')).map((name) => name.trim().toLowerCase());
  return new Set([...always, ...named]);
}

/**
 * Names in lower case. A target behind the proxy may not open the API server's origin to others (upstream's corsRemovingTransport),
 * nor speak as the control plane.
 */
export const isServersOwn = (name: string): boolean =>
  /^(access-control-allow-(credentials|headers|methods|origin)|tiffin-.*)$/.test(name);
