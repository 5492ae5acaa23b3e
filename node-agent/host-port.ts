import net from 'node:net';

/** `10.0.0.1:80`, `[fd00::1]:80`. */
export const hostPort = ({ host, port }: { host: string; port: number }): string =>
  `${net.isIPv6(host) ? `[${host}]` : host}:${port}`;
