// Connections to localhost as a sandbox sees it. Node.js cannot enter another network namespace, so that a small process does it
// for each sandbox that is connected to (dial-helper.ts), and passes the connections on: bytes do not go through it, and once it
// has nothing to connect it can be ended without harm. Few are kept, for a short time. Pods on the host's network need none.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import type net from 'node:net';
import type { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { RuntimeError } from '../runtime.ts';
import type { CriClient } from './client.ts';
import type { DialAnswer, DialRequest } from './dial-helper.ts';
import { type DialFailure, dialLocalhost } from './localhost.ts';

const helpersMax = 16;
const idleMs = 30_000;
const helperFile = fileURLToPath(new URL('./dial-helper.ts', import.meta.url));

/** What containerd tells of a sandbox when it is asked for everything. */
interface SandboxInfo {
  pid?: number;
  runtimeSpec?: { linux?: { namespaces?: { type: string; path?: string }[] } };
}

/** Undefined: the host's. */
async function networkNamespace(client: Pick<CriClient, 'runtime'>, sandboxId: string): Promise<string | undefined> {
  const { info } = await client
    .runtime<{ info: Record<string, string> }>('PodSandboxStatus', { pod_sandbox_id: sandboxId, verbose: true }, 30_000)
    .catch((error: unknown) => {
      if (!(error instanceof RuntimeError && error.code === 'NOT_FOUND')) throw error;
      throw new RuntimeError('NOT_FOUND', `failed to find sandbox "${sandboxId}" in store: not found`);
    });
  const { pid, runtimeSpec } = JSON.parse(info.info ?? '{}') as SandboxInfo;
  const network = runtimeSpec?.linux?.namespaces?.find((n) => n.type === 'network');
  if (!network) return undefined;
  const path = [network.path, pid ? `/proc/${pid}/ns/net` : undefined].find((p) => p && existsSync(p));
  if (!path) throw closed(sandboxId);
  return path;
}

const closed = (sandboxId: string): Error => new Error(`network namespace for sandbox "${sandboxId}" is closed`);

interface Place {
  namespace: string;
  dial(port: number): Promise<net.Socket>;
}

export class SandboxDialer {
  readonly #client: Pick<CriClient, 'runtime'>;
  /** The one that was used last is the last. */
  readonly #helpers = new Map<string, Helper>();

  constructor(client: Pick<CriClient, 'runtime'>) {
    this.#client = client;
  }

  /** Errors in containerd's words. */
  async dial(sandboxId: string, port: number): Promise<Duplex> {
    const place = await this.#place(sandboxId);
    try {
      return await place.dial(port);
    } catch (error) {
      const { code, ipv4, ipv6 } = error as DialFailure;
      const why =
        error instanceof Error
          ? error.message
          : `failed to connect to localhost:${port} inside namespace "${sandboxId}", IPv4: ${ipv4} IPv6 ${ipv6} `;
      const message = `failed to execute portforward in network namespace "${place.namespace}": ${why}`;
      throw Object.assign(new Error(message), { code });
    }
  }

  stop(): void {
    for (const helper of this.#helpers.values()) helper.end();
    this.#helpers.clear();
  }

  async #place(sandboxId: string): Promise<Place> {
    const known = this.#helpers.get(sandboxId);
    if (known) {
      this.#helpers.delete(sandboxId);
      if (!existsSync(known.namespace)) {
        known.end();
        throw closed(sandboxId);
      }
      this.#helpers.set(sandboxId, known);
      return known;
    }
    const namespace = await networkNamespace(this.#client, sandboxId);
    if (namespace === undefined) return { namespace: 'host', dial: (port) => dialLocalhost(port) };
    const started = this.#helpers.get(sandboxId);
    if (started) return started;
    const helper = new Helper(namespace, () => {
      if (this.#helpers.get(sandboxId) === helper) this.#helpers.delete(sandboxId);
    });
    this.#helpers.set(sandboxId, helper);
    this.#makeRoom();
    return helper;
  }

  #makeRoom(): void {
    for (const [id, helper] of [...this.#helpers].slice(0, -1)) {
      if (this.#helpers.size <= helpersMax) return;
      if (helper.busy) continue;
      this.#helpers.delete(id);
      helper.end();
    }
  }
}

class Helper implements Place {
  readonly namespace: string;
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, { resolve(socket: net.Socket): void; reject(error: unknown): void }>();
  #serial = 0;
  #idle: NodeJS.Timeout | undefined;

  constructor(namespace: string, ended: () => void) {
    this.namespace = namespace;
    // Nothing of this process's own environment is its business.
    this.#child = spawn('nsenter', [`--net=${namespace}`, process.execPath, '--no-warnings', helperFile], {
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      env: { PATH: process.env.PATH ?? '' },
    });
    this.#child.on('message', (answer, socket) =>
      this.#answered(answer as DialAnswer, socket as net.Socket | undefined),
    );
    const over = (): void => {
      ended();
      clearTimeout(this.#idle);
      for (const { reject } of this.#waiting.values()) reject(new Error('the process in it has ended'));
      this.#waiting.clear();
    };
    this.#child.once('error', over).once('exit', over);
    this.#child.unref();
    this.#child.channel?.unref();
  }

  get busy(): boolean {
    return this.#waiting.size > 0;
  }

  dial(port: number): Promise<net.Socket> {
    clearTimeout(this.#idle);
    const id = ++this.#serial;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      if (!this.#child.connected) return this.#answered({ id }, undefined);
      this.#child.send({ id, port } satisfies DialRequest, (error) => {
        if (error) this.#answered({ id }, undefined);
      });
    });
  }

  end(): void {
    if (this.#child.connected) this.#child.disconnect();
  }

  #answered({ id, failure }: DialAnswer, socket: net.Socket | undefined): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (!this.busy) this.#idle = setTimeout(() => this.end(), idleMs).unref();
    if (!waiting) return void socket?.destroy();
    if (!socket) waiting.reject(failure ?? new Error('the connection was lost'));
    else {
      socket.allowHalfOpen = true;
      waiting.resolve(socket);
    }
  }
}
