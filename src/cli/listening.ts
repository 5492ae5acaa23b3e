// Sockets that listen for a program which is then started with them. workerd asks for no keepalive itself, and so would never learn
// that a client has left to which it has nothing to send (of a log that is followed and silent): it reads a request's connection
// again only after its answer. Linux gives each connection the keepalive of the socket that it came to. A client that has left is
// noticed once its kernel has forgotten the connection, too (tcp_fin_timeout, a minute), one whose machine has gone ten seconds
// after `keepAliveS`.
import net from 'node:net';

/** Where a program listens under a name of its own. */
export interface ListenAddress {
  name: string;
  host: string;
  port: number;
}

export interface ListeningSocket {
  fd: number;
  /** Here; a process that was given it goes on. */
  close(): void;
}

const keepAliveS = 60;

/** What Node.js has of a socket that listens, and does not document. */
interface Handle {
  fd: number;
  setKeepAlive(on: boolean, afterS: number): number;
}

/** Rejects where nobody may listen, or somebody does. */
export function listen({ host, port }: ListenAddress): Promise<ListeningSocket> {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.once('error', reject);
    server.listen({ host, port }, () => {
      const { _handle: handle } = server as unknown as { _handle: Handle };
      handle.setKeepAlive(true, keepAliveS);
      resolve({ fd: handle.fd, close: () => void server.close() });
    });
  });
}

/** After standard input, output and error. */
const firstFd = 3;

/** What tells workerd of the sockets that follow the three standard streams of its `stdio`. */
export const socketArguments = (addresses: readonly ListenAddress[]): string[] =>
  addresses.flatMap(({ name }, i) => ['--socket-fd', `${name}=${firstFd + i}`]);

/** Opens all of them, or none. */
export async function listenAll(addresses: readonly ListenAddress[]): Promise<ListeningSocket[]> {
  const opened = await Promise.allSettled(addresses.map(listen));
  const sockets = opened.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const failure = opened.find((result) => result.status === 'rejected');
  if (failure === undefined) return sockets;
  for (const socket of sockets) socket.close();
  throw failure.reason;
}
