// A command in a container, run through the Kubernetes API over a WebSocket (v5.channel.k8s.io: standard streams as channels, the
// outcome as a Status at the end). Backpressure in both directions and bounded buffers. Either the command's outcome is known at
// the end, or the connection was cut: the two are never confused, and nothing is tried again here.
import { once } from 'node:events';
import WebSocket from 'ws';
import { messageOf } from '../api.ts';
import type { Cluster } from '../cluster.ts';
import { CliError } from '../errors.ts';

/** A channel's number goes in front of each message. */
export const headroom = 1;
const channel = { stdin: 0, stdout: 1, stderr: 2, status: 3, close: 255 } as const;

const protocol = 'v5.channel.k8s.io';
/** What may wait to be sent, and what may wait to be read. */
const sendBytesMax = 4 << 20;
const readBytesMax = 4 << 20;
const messageBytesMax = 32 << 20;
const stderrBytesMax = 64 << 10;
const messageMax = 4000;
const refusalBytesMax = 64 << 10;
const handshakeMs = 30_000;
const pingEveryMs = 15_000;
const silenceMsMax = 60_000;

/** The connection ended before the command did. */
export class Cut extends Error {}

/** The API server did not begin: `status` is HTTP's. */
export class Refused extends CliError {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export interface Outcome {
  /** Undefined when it could not be started, or nobody knows. */
  exitCode: number | undefined;
  message: string;
  stderr: string;
}

export interface ExecRequest {
  namespace: string;
  pod: string;
  container: string | undefined;
  command: readonly string[];
  stdin: boolean;
}

interface Status {
  status?: string;
  message?: string;
  reason?: string;
  details?: { causes?: { reason?: string; message?: string }[] };
}

/** A command that runs. `signal` cuts it. */
export class Exec {
  /** Resolves when the command has ended; rejects with Cut. */
  readonly outcome: Promise<Outcome>;
  readonly #socket: WebSocket;
  #output: Buffer[] = [];
  #outputBytes = 0;
  #stderr = '';
  #ended = false;
  #heardAt = performance.now();
  #wake: (() => void) | undefined;

  /** Throws Refused where the API server says no, and Cut where nobody answers. */
  static async open(cluster: Cluster, request: ExecRequest, signal: AbortSignal): Promise<Exec> {
    signal.throwIfAborted();
    const socket = new WebSocket(urlOf(cluster, request), [protocol], {
      ...cluster.tls,
      headers: cluster.headers,
      perMessageDeflate: false,
      handshakeTimeout: handshakeMs,
      maxPayload: messageBytesMax,
      // Under TLS a mask hides nothing: zeros need not be applied.
      generateMask: () => {},
    });
    const stop = () => socket.terminate();
    signal.addEventListener('abort', stop, { once: true });
    socket.once('close', () => signal.removeEventListener('abort', stop));
    socket.on('error', () => {});
    // What comes with the first packet is not to be missed.
    const exec = new Exec(socket);
    exec.outcome.catch(() => {});
    await opened(socket, cluster);
    return exec;
  }

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data: Buffer) => this.#take(data));
    socket.on('pong', () => this.#heard());
    const heartbeat = setInterval(() => this.#beat(), pingEveryMs);
    heartbeat.unref();
    const { promise, resolve, reject } = Promise.withResolvers<Outcome>();
    this.outcome = promise;
    this.#finish = (status) => resolve({ ...outcomeOf(status), stderr: this.#stderr });
    socket.on('close', (code, reason) => {
      clearInterval(heartbeat);
      this.#ended = true;
      this.#wake?.();
      const said = reason.toString() || (code === 1006 ? '' : `code ${code}`);
      reject(new Cut(`the connection was cut${said ? `: ${said}` : ''}`));
    });
  }

  readonly #finish: (status: Status) => void;

  /** What the command writes to its standard output, in order; ends when it has, or when the connection was cut. */
  async *output(): AsyncGenerator<Buffer> {
    for (;;) {
      const chunk = this.#output.shift();
      if (chunk) {
        this.#outputBytes -= chunk.length;
        if (this.#socket.isPaused && this.#outputBytes < readBytesMax / 2) {
          this.#heard();
          this.#socket.resume();
        }
        yield chunk;
      } else if (this.#ended) return;
      else
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
    }
  }

  /** To the command's standard input: `message` has `headroom` bytes in front. Resolves when more may come. */
  async write(message: Buffer): Promise<void> {
    message[0] = channel.stdin;
    if (this.#ended) return;
    if (this.#socket.bufferedAmount < sendBytesMax) {
      this.#socket.send(message, noted);
      // The outcome, or a cut, has to be noticed by one that never waits.
      if (++this.#writes % 16 === 0) await new Promise((resolve) => setImmediate(resolve));
      return;
    }
    await new Promise<void>((resolve) => {
      const end = () => resolve();
      this.#socket.once('close', end);
      this.#socket.send(message, () => {
        this.#socket.off('close', end);
        resolve();
      });
    });
  }
  #writes = 0;

  /** The command reads the end of its input. */
  endInput(): void {
    if (!this.#ended) this.#socket.send(Buffer.of(channel.close, channel.stdin), noted);
  }

  /** What it has said on standard error by now. */
  get stderr(): string {
    return this.#stderr;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Lets go of the connection, politely where that is quick. */
  close(): void {
    this.#socket.resume();
    this.#socket.close(1000);
    setTimeout(() => this.#socket.terminate(), 1000).unref();
  }

  #heard(): void {
    this.#heardAt = performance.now();
  }

  #take(message: Buffer): void {
    this.#heard();
    const data = message.subarray(1);
    switch (message[0]) {
      case channel.stdout:
        if (data.length === 0) return;
        this.#output.push(data);
        this.#outputBytes += data.length;
        if (this.#outputBytes > readBytesMax) this.#socket.pause();
        break;
      case channel.stderr:
        if (this.#stderr.length < stderrBytesMax) this.#stderr += data.toString().slice(0, stderrBytesMax);
        return;
      case channel.status:
        if (data.length > 0) {
          this.#ended = true;
          this.#finish(statusOf(data.toString()));
        }
        break;
      default:
        return;
    }
    this.#wake?.();
  }

  /** A connection that died without a word is noticed by its silence; one that we do not read is silent for that. */
  #beat(): void {
    if (this.#socket.isPaused || this.#socket.readyState !== WebSocket.OPEN) this.#heard();
    else if (performance.now() - this.#heardAt > silenceMsMax) this.#socket.terminate();
    else this.#socket.ping(noted);
  }
}

/** A failure to send is told by the close that follows. */
const noted = (): void => {};

function urlOf(cluster: Cluster, { namespace, pod, container, command, stdin }: ExecRequest): URL {
  const url = new URL(
    `${cluster.url}/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(pod)}/exec`,
  );
  url.protocol = 'wss:';
  if (container !== undefined) url.searchParams.set('container', container);
  for (const word of command) url.searchParams.append('command', word);
  for (const stream of [...(stdin ? ['stdin'] : []), 'stdout', 'stderr']) url.searchParams.set(stream, 'true');
  return url;
}

async function opened(socket: WebSocket, cluster: Cluster): Promise<void> {
  const refusal = new Promise<never>((_, reject) => {
    socket.once('unexpected-response', (_, response) => {
      // Kept: at the end of the answer it is lent to whoever comes next, and would keep the process.
      const connection = response.socket;
      const chunks: Buffer[] = [];
      let bytes = 0;
      const refuse = () => {
        const text = Buffer.concat(chunks).toString();
        const status = response.statusCode ?? 0;
        reject(new Refused(status, messageOf(text) || `the API server answered ${status}`));
        connection.destroy();
      };
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        chunks.push(chunk);
        if (bytes > refusalBytesMax) refuse();
      });
      response.once('end', refuse);
      response.once('error', refuse);
      setTimeout(refuse, 5000).unref();
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.message === 'Server sent no subprotocol')
        reject(new CliError(`${cluster.url} does not speak ${protocol}: Kubernetes 1.30 and later do`));
      else reject(new Cut(`cannot reach ${cluster.url}: ${error.message || error.code}`));
    });
    socket.once('close', () => reject(new Cut(`cannot reach ${cluster.url}: the connection was closed`)));
  });
  refusal.catch(() => {});
  await Promise.race([once(socket, 'open'), refusal]);
}

function statusOf(text: string): Status {
  try {
    const status: unknown = JSON.parse(text);
    if (typeof status === 'object' && status !== null) return status;
  } catch {
    // Said below.
  }
  return { status: 'Failure', message: text };
}

function outcomeOf({ status, message, reason, details }: Status): Omit<Outcome, 'stderr'> {
  if (status === 'Success') return { exitCode: 0, message: '' };
  const causes = Array.isArray(details?.causes) ? details.causes : [];
  const code =
    reason === 'NonZeroExitCode' ? Number(causes.find((c) => c?.reason === 'ExitCode')?.message) : Number.NaN;
  return {
    exitCode: Number.isInteger(code) ? code : undefined,
    message: String(message ?? 'the command failed').slice(0, messageMax),
  };
}

/** Runs a command that says little. */
export async function ask(cluster: Cluster, request: Omit<ExecRequest, 'stdin'>, signal: AbortSignal) {
  const exec = await Exec.open(cluster, { ...request, stdin: false }, signal);
  let text = '';
  for await (const chunk of exec.output()) if (text.length < stderrBytesMax) text += chunk.toString('latin1');
  try {
    return { ...(await exec.outcome), text };
  } finally {
    exec.close();
  }
}
