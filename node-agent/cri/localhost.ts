// A TCP connection to a port on localhost, in whichever network namespace this runs: IPv4 first, then IPv6, as containerd does it.
import net from 'node:net';
import { errnoText } from '../errno.ts';

/** Plain, so that it passes between processes. */
export interface DialFailure {
  /** As Node.js has it, of the attempt over IPv4. */
  code: string;
  /** In Go's words, of both. */
  ipv4: string;
  ipv6: string;
}

const timeoutMs = 30_000;

/** Each half of the connection ends apart. `paused`: nothing of it is read here. Rejects with a DialFailure. */
export async function dialLocalhost(port: number, paused = false): Promise<net.Socket> {
  try {
    return await connect('127.0.0.1', port, paused);
  } catch (ipv4) {
    try {
      return await connect('::1', port, paused);
    } catch (ipv6) {
      throw {
        code: codeOf(ipv4),
        ipv4: `dial tcp4 127.0.0.1:${port}: ${said(ipv4)}`,
        ipv6: `dial tcp6 [::1]:${port}: ${said(ipv6)}`,
      } satisfies DialFailure;
    }
  }
}

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? 'EIO';

function said(error: unknown): string {
  const code = codeOf(error);
  return code === 'ETIMEDOUT' ? 'i/o timeout' : `connect: ${errnoText(code) ?? code}`;
}

function connect(host: string, port: number, paused: boolean): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ host, port, allowHalfOpen: true, noDelay: true });
    if (paused) socket.pause();
    const fail = (error: Error): void => {
      clearTimeout(late);
      socket.destroy();
      reject(error);
    };
    const late = setTimeout(() => fail(Object.assign(new Error('timeout'), { code: 'ETIMEDOUT' })), timeoutMs);
    socket.once('error', fail);
    socket.once('connect', () => {
      clearTimeout(late);
      socket.off('error', fail);
      resolve(socket);
    });
  });
}
