// Commands in simulated containers: programs.ts on streams that hold back as pipes do. They end with their container, or killed.
import { once } from 'node:events';
import { PassThrough, type Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { toHex } from '../../src/machinery/bytes.ts';
import type { Random, Timers } from '../../src/ports/index.ts';
import { RuntimeError } from '../runtime.ts';
import type { Executed, StandardStreams } from '../streams/processes.ts';
import type { SimulatedRuntime } from './index.ts';
import { programs } from './programs.ts';
import { terminalInput, terminalOutput } from './terminal.ts';

const inContainer = 'failed to exec in container: ';
const killedCode = 137;
const pipeBytes = 65_536;

export class SimulatedExecutor {
  readonly #runtime: SimulatedRuntime;
  readonly #timers: Timers;
  readonly #random: Random;
  /** Of each container, what ends with it. */
  readonly #processes = new Map<string, Set<AbortController>>();

  constructor(runtime: SimulatedRuntime, timers: Timers, random: Random) {
    this.#runtime = runtime;
    this.#timers = timers;
    this.#random = random;
    runtime.watch((hint) => {
      if (hint.type === 'container' && hint.event === 'exit')
        for (const process of this.#processes.get(hint.id) ?? []) process.abort();
    });
  }

  async execute(containerId: string, command: readonly string[], streams: StandardStreams): Promise<Executed> {
    const { state } = await this.#runtime.containerStatus(containerId).catch(() => {
      throw new RuntimeError(
        'NOT_FOUND',
        `${inContainer}failed to find container "${containerId}" in store: not found`,
      );
    });
    if (state !== 'running') {
      const text = `container is in CONTAINER_${state.toUpperCase()} state`;
      throw new RuntimeError('FAILED_PRECONDITION', inContainer + text);
    }
    const [name = '', ...args] = command;
    const program = programs[name];
    if (!program) {
      const id = toHex(this.#random.bytes(32));
      const why = `exec: ${JSON.stringify(name)}: executable file not found in $PATH`;
      const text = `OCI runtime exec failed: exec failed: unable to start container process: ${why}: unknown`;
      throw new RuntimeError('UNKNOWN', `${inContainer}failed to start exec "${id}": ${text}`);
    }
    const process = new AbortController();
    const { signal } = process;
    const killed = new Promise<never>((_, reject) =>
      signal.addEventListener('abort', () => reject(new Error('killed')), { once: true }),
    );
    killed.catch(() => {});
    const [input, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
    const writer = (to: PassThrough) => {
      // A pipe that nobody reads any more is full sooner or later, and for ever.
      let room = pipeBytes;
      return async (data: string | Uint8Array) => {
        if (to.destroyed) room -= data.length;
        if (room < 0) await killed;
        if (!to.destroyed && !to.write(data)) await once(to, 'drain', { signal }).catch(() => killed);
        // Where all is in memory a program would never give way.
        await setImmediate(undefined, { signal });
      };
    };
    const out = writer(stdout);
    let stdin: Readable = input;
    if (streams.tty) stdin = terminalInput(input, out, () => process.abort());
    if (!streams.stdin) input.end();
    if (!streams.stdout) stdout.resume();
    if (!streams.stderr) stderr.resume();
    const running = program({
      args,
      stdin,
      out: streams.tty ? (data) => out(terminalOutput(data)) : out,
      err: streams.tty ? (data) => out(terminalOutput(data)) : writer(stderr),
      sleep: (ms) => Promise.race([new Promise<void>((r) => this.#timers.after(ms, r)), killed]),
    });
    const siblings = this.#processes.get(containerId) ?? new Set();
    this.#processes.set(containerId, siblings.add(process));
    const ended = Promise.race([running, killed]).catch(() => killedCode);
    const exit = ended.then(async (code) => {
      siblings.delete(process);
      if (siblings.size === 0) this.#processes.delete(containerId);
      input.destroy();
      // An end is seen without a reader, as sockets do.
      for (const output of [stdout, stderr]) output.end().read(0);
      await Promise.all([stdout, stderr].map(closed));
      return code;
    });
    return {
      ...(streams.stdin ? { stdin: input } : {}),
      ...(streams.stdout ? { stdout } : {}),
      ...(streams.stderr && !streams.tty ? { stderr } : {}),
      exit,
      resize: async () => {},
      kill: async () => process.abort(),
      close() {
        stdout.destroy();
        stderr.destroy();
        if (!input.writableEnded) input.end();
      },
    };
  }
}

const closed = (stream: PassThrough): Promise<unknown> =>
  stream.closed ? Promise.resolve() : new Promise((resolve) => stream.once('close', resolve));
