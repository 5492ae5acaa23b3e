// How an address and a port are said together, where the address may be one of IPv6.
import net from 'node:net';

/** `10.0.0.1:80`, `[fd00::1]:80`. */
export const hostPort = ({ host, port }: { host: string; port: number }): string =>
  `${net.isIPv6(host) ? `[${host}]` : host}:${port}`;
