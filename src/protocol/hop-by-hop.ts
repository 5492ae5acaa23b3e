// Headers of one connection, not of the message (RFC 9110, section 7.6.1): nobody who passes a message on passes them on.

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
