// A TCP hop that can be cut: passes bytes with backpressure and half-closes as they are, until it is told to reset what it carries.
import net from 'node:net';

interface Carried {
  near: net.Socket;
  far: net.Socket;
}

export class Hop {
  readonly #server: net.Server;
  readonly #carried = new Set<Carried>();

  private constructor(server: net.Server) {
    this.#server = server;
  }

  static async open(toPort: number): Promise<Hop> {
    const server = net.createServer({ allowHalfOpen: true });
    const hop = new Hop(server);
    server.on('connection', (near) => hop.#carry(near, toPort));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return hop;
  }

  get port(): number {
    return (this.#server.address() as net.AddressInfo).port;
  }

  get count(): number {
    return this.#carried.size;
  }

  /** All of it, or the `which`-th connection. */
  cut(which?: number): void {
    const all = [...this.#carried];
    for (const { near, far } of which === undefined ? all : all.slice(which % (all.length || 1)).slice(0, 1)) {
      near.resetAndDestroy();
      far.resetAndDestroy();
    }
  }

  close(): void {
    this.#server.close();
    this.cut();
  }

  #carry(near: net.Socket, port: number): void {
    const far = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    const carried = { near, far };
    this.#carried.add(carried);
    near.pipe(far);
    far.pipe(near);
    const over = (): void => {
      near.destroy();
      far.destroy();
      this.#carried.delete(carried);
    };
    for (const socket of [near, far]) socket.on('error', over).on('close', over);
  }
}
