// Where a request comes from, as whoever terminated its TLS says: Cloudflare in a header that it sets itself whatever the client
// sent, workerd in `cf`, which only the runtime writes. Nothing else that a client sends is believed, X-Forwarded-For least.

/** The request, with its client's address where that is known. */
export function withClientAddress(request: Request): Request {
  const address = clientAddress(request);
  return address === undefined ? request : Object.assign(request, { clientAddress: address });
}

export function clientAddress({ cf, headers }: Pick<Request, 'cf' | 'headers'>): string | undefined {
  const { colo, clientIp } = (cf ?? {}) as { colo?: unknown; clientIp?: unknown };
  if (typeof colo === 'string') return headers.get('cf-connecting-ip') ?? undefined;
  // With a port.
  return typeof clientIp === 'string'
    ? clientIp.replace(/^\[(.*)\](:\d+)?$/, '$1').replace(/^([\d.]+):\d+$/, '$1')
    : undefined;
}
