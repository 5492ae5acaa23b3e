// Commands in running containers, through containerd's tasks: what CRI's streaming server does, but with an end of input, with
// real backpressure (the pipes' own), and without an HTTP server in between. Bytes flow between this process and the container's
// shim, so that neither a restart of containerd nor its load touches them.
//
// A process that is let go of runs on as with CRI: its input ends, its output is not read any more (it stops when the pipe is
// full), and it is waited for, so that nothing of it stays. An agent that starts takes over what one before it left.
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Log } from '../../src/ports/index.ts';
import { gateOf } from '../platform.ts';
import { type ContainerState, type Runtime, RuntimeError } from '../runtime.ts';
import type { Executed, StandardStreams, TerminalSize } from '../streams/processes.ts';
import type { ContainerdClient } from './client.ts';
import { openReader, openWriter } from './fifo-ends.ts';
import { FifoStock, type Fifos } from './fifos.ts';

/** An OCI process, the fields that a command changes. The others are its container's. */
interface ProcessSpec extends Record<string, unknown> {
  args: string[];
  env?: string[];
  terminal: boolean;
  consoleSize?: TerminalSize;
  commandLine?: string;
}

interface ProcessRef {
  container_id: string;
  exec_id: string;
}

interface Outputs {
  stdout?: Socket;
  stderr?: Socket;
}

const discard = (outputs: Outputs): void => {
  for (const output of Object.values(outputs)) output.destroy();
};

/** A start is work of a processor's: more at once end no sooner, and all of them late. */
const startsAtOnceMax = 8;
const specType = 'types.containerd.io/opencontainers/runtime-spec/1/Process';
const retryMs = 250;
const stdinOpenMs = 10_000;
/** Others may have inherited the output of a process that has ended. After so much silence nothing is expected of them. */
const inheritedMs = 10_000;
const quietCheckMs = 500;
/** Once the shim has been told to let go, the rest of the output is there. */
const restMs = 1000;
/** What was written to a process that is let go of is still delivered, if it is taken this soon. */
const lateInputMs = 10_000;
const sigkill = 9;

const criStates: Record<ContainerState, string> = {
  created: 'CONTAINER_CREATED',
  running: 'CONTAINER_RUNNING',
  exited: 'CONTAINER_EXITED',
  unknown: 'CONTAINER_UNKNOWN',
};

export interface ExecutorParts {
  client: ContainerdClient;
  runtime: Pick<Runtime, 'containerStatus'>;
  /** Of its own. */
  directory: string;
  log: Log;
}

export class Executor {
  readonly #p: ExecutorParts;
  readonly #fifos: FifoStock;
  readonly #gate = gateOf(startsAtOnceMax);
  readonly #stopped = new AbortController();

  constructor(parts: ExecutorParts) {
    this.#p = parts;
    this.#fifos = new FifoStock(parts.directory);
    void this.#takeOver();
  }

  async execute(containerId: string, command: readonly string[], streams: StandardStreams): Promise<Executed> {
    const spec = await this.#spec(containerId, command, streams);
    const ref = { container_id: containerId, exec_id: randomBytes(32).toString('hex') };
    const fifos = await this.#fifos.take(nameOf(ref));
    const outputs: Outputs = {};
    try {
      // Also what is not wanted: the shim would leave a process without them nothing that can be written to.
      outputs.stdout = await openReader(fifos.stdout);
      if (!streams.tty) outputs.stderr = await openReader(fifos.stderr);
      if (!streams.stdout) outputs.stdout.resume();
      if (!streams.stderr) outputs.stderr?.resume();
      await this.#gate.run(() => this.#begin(ref, spec, fifos, streams));
    } catch (error) {
      discard(outputs);
      await this.#remove(ref);
      throw error;
    }
    const ended = this.#wait(ref);
    try {
      const stdin = streams.stdin ? await this.#stdin(ref, fifos, ended) : undefined;
      return this.#executed(ref, streams, stdin, outputs, ended);
    } catch (error) {
      // Nobody will ever talk to what runs now.
      discard(outputs);
      void this.#kill(ref)
        .then(() => ended)
        .catch(() => {})
        .then(() => this.#remove(ref));
      throw said(`failed to open the input of exec "${ref.exec_id}"`, error);
    }
  }

  stop(): void {
    this.#stopped.abort();
  }

  async #spec(
    containerId: string,
    command: readonly string[],
    { tty: terminal, size }: StandardStreams,
  ): Promise<ProcessSpec> {
    const { container } = await this.#p.client
      .container<{ container: { spec: { value: Uint8Array } } }>(containerId)
      .catch((error: unknown) => {
        throw codeOf(error) === 'NOT_FOUND'
          ? new RuntimeError('NOT_FOUND', `${inContainer}failed to find container "${containerId}" in store: not found`)
          : said(`failed to get container spec`, error);
      });
    const { process } = JSON.parse(Buffer.from(container.spec.value).toString()) as { process: ProcessSpec };
    const { commandLine: _, consoleSize: __, ...spec } = process;
    const env = (spec.env ?? []).filter((e) => !terminal || !e.startsWith('TERM='));
    const begin = { ...spec, args: [...command] };
    if (!terminal) return { ...begin, terminal, env };
    return { ...begin, terminal, env: [...env, 'TERM=xterm'], ...(size ? { consoleSize: size } : {}) };
  }

  async #begin(ref: ProcessRef, spec: ProcessSpec, fifos: Fifos, streams: StandardStreams): Promise<void> {
    const { client } = this.#p;
    const request = {
      ...ref,
      terminal: streams.tty,
      stdin: streams.stdin ? fifos.stdin : '',
      stdout: fifos.stdout,
      stderr: streams.tty ? '' : fifos.stderr,
      spec: { type_url: specType, value: Buffer.from(JSON.stringify(spec)) },
    };
    try {
      await client.task('Exec', request);
    } catch (error) {
      if (codeOf(error) === 'NOT_FOUND') await this.#refuseUnlessRunning(ref.container_id);
      throw said(`failed to create exec "${ref.exec_id}"`, error);
    }
    try {
      await client.task('Start', ref);
    } catch (error) {
      await this.#refuseUnlessRunning(ref.container_id);
      throw said(`failed to start exec "${ref.exec_id}"`, error);
    }
  }

  /** With CRI's words, which knows more of a container than its task does. */
  async #refuseUnlessRunning(containerId: string): Promise<void> {
    const { state } = await this.#p.runtime.containerStatus(containerId);
    if (state !== 'running')
      throw new RuntimeError('FAILED_PRECONDITION', `${inContainer}container is in ${criStates[state]} state`);
  }

  /** Outlives containerd. */
  async #persist<T>(work: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await work();
      } catch (error) {
        if (this.#stopped.signal.aborted || codeOf(error) !== 'UNAVAILABLE') throw error;
      }
      await delay(retryMs, undefined, { ref: false });
    }
  }

  /** Rejects where nobody knows the process any more, and at `stop`. */
  async #wait(ref: ProcessRef): Promise<number> {
    try {
      return await this.#persist(() => this.#p.client.wait(ref, this.#stopped.signal));
    } catch (error) {
      throw said(`failed to wait for process "${ref.exec_id}"`, error);
    }
  }

  /** Once the shim reads, so that nothing that is written can be lost. Undefined: the process has ended before. */
  async #stdin(ref: ProcessRef, fifos: Fifos, ended: Promise<number>): Promise<Socket | undefined> {
    let over = false;
    ended
      .catch(() => {})
      .then(() => {
        over = true;
      });
    for (let waitedMs = 0; !over; waitedMs++) {
      const stdin = await openWriter(fifos.stdin);
      if (stdin) {
        // EPIPE: the process reads no more. Its close is all that matters.
        stdin.on('error', () => {});
        stdin.once('close', () => {
          if (!over) this.#p.client.task('CloseIO', { ...ref, stdin: true }).catch(() => {});
        });
        return stdin;
      }
      if (waitedMs >= stdinOpenMs) {
        this.#p.log.warn('nobody reads the input of a process', { ...ref });
        await this.#kill(ref);
        return undefined;
      }
      await delay(1);
    }
    return undefined;
  }

  #executed(
    ref: ProcessRef,
    streams: StandardStreams,
    stdin: Socket | undefined,
    outputs: Outputs,
    ended: Promise<number>,
  ): Executed {
    const sockets = Object.values(outputs);
    const closed = Promise.all(sockets.map(closedOf));
    const exit = ended
      .finally(() => stdin?.destroy())
      .then(async (code) => {
        await complete(sockets, closed, () => this.#delete(ref));
        return code;
      });
    exit.catch(() => discard(outputs)).then(() => this.#remove(ref));
    let late: NodeJS.Timeout | undefined;
    return {
      ...(stdin ? { stdin } : {}),
      ...(streams.stdout && outputs.stdout ? { stdout: outputs.stdout } : {}),
      ...(streams.stderr && outputs.stderr ? { stderr: outputs.stderr } : {}),
      exit,
      resize: async (width, height) => void (await this.#p.client.task('ResizePty', { ...ref, width, height })),
      kill: () => this.#kill(ref),
      close: () => {
        discard(outputs);
        if (!stdin || stdin.destroyed || late) return;
        stdin.end();
        late = setTimeout(() => stdin.destroy(), lateInputMs).unref();
        stdin.once('close', () => clearTimeout(late));
      },
    };
  }

  async #kill(ref: ProcessRef): Promise<void> {
    await this.#p.client.task('Kill', { ...ref, signal: sigkill }).catch(unlessAbsent);
  }

  async #delete(ref: ProcessRef): Promise<void> {
    await this.#p.client.task('DeleteProcess', ref).catch(unlessAbsent);
  }

  /** Of a process that has ended or was never there. When the agent stops, the next one does it. */
  async #remove(ref: ProcessRef): Promise<void> {
    if (this.#stopped.signal.aborted) return;
    // Whatever else fails here: a shim that is gone keeps nothing, and one that is there keeps it no longer than its container.
    await this.#persist(() => this.#delete(ref)).catch((error: unknown) =>
      this.#p.log.debug('process not deleted', { ...ref, error: String(error) }),
    );
    await this.#fifos
      .remove(nameOf(ref))
      .catch((error: unknown) => this.#p.log.warn('pipes not removed', { ...ref, error: String(error) }));
  }

  /** Whose streams an agent before this one had: their clients are gone. */
  async #takeOver(): Promise<void> {
    const left = await this.#fifos.start().catch((error: unknown) => {
      this.#p.log.warn('no pipes for streams yet', { error: String(error) });
      return [];
    });
    for (const name of left) {
      const ref = refOf(name);
      void this.#p.client
        .task('CloseIO', { ...ref, stdin: true })
        .catch(() => {})
        .then(() => this.#wait(ref))
        .catch(() => {})
        .then(() => this.#remove(ref));
    }
  }
}

const inContainer = 'failed to exec in container: ';
const codeOf = (error: unknown): string => (error instanceof RuntimeError ? error.code : '');

function said(what: string, error: unknown): RuntimeError {
  const why = error instanceof Error ? error.message : String(error);
  return new RuntimeError(codeOf(error) || 'UNKNOWN', `${inContainer}${what}: ${why}`);
}

function unlessAbsent(error: unknown): void {
  if (codeOf(error) !== 'NOT_FOUND') throw error;
}

const nameOf = (ref: ProcessRef): string => `${ref.container_id}.${ref.exec_id}`;

function refOf(name: string): ProcessRef {
  const [container_id = '', exec_id = ''] = name.split('.');
  return { container_id, exec_id };
}

const closedOf = (socket: Socket): Promise<void> =>
  new Promise((resolve) => {
    if (socket.destroyed) resolve();
    else socket.once('close', () => resolve());
  });

/** Resolves when all output of a process that has ended was read. `letGo` makes its shim end the output, whoever may still write. */
async function complete(
  outputs: readonly Socket[],
  closed: Promise<unknown>,
  letGo: () => Promise<void>,
): Promise<void> {
  const done = closed.then(() => true);
  let read = -1;
  for (let quietMs = 0; quietMs < inheritedMs; quietMs += quietCheckMs) {
    if (await Promise.race([done, delay(quietCheckMs, false, { ref: false })])) return;
    const now = outputs.reduce((sum, o) => sum + o.bytesRead, 0);
    if (now !== read || outputs.some((o) => o.readableLength > 0)) quietMs = 0;
    read = now;
  }
  await letGo();
  await Promise.race([done, delay(restMs)]);
  for (const output of outputs) output.destroy();
}
