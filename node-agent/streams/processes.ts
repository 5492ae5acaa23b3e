// What streams ask of a container runtime: processes with their standard streams, and connections into a pod's network. Beside
// runtime.ts, since only streams need it. Node's streams carry the flow control: who does not read stops who writes.
import type { Duplex, Readable, Writable } from 'node:stream';

export interface StandardStreams {
  stdin: boolean;
  stdout: boolean;
  /** Never together with `tty`. */
  stderr: boolean;
  tty: boolean;
  /** What the terminal has before the process starts. */
  size?: TerminalSize | undefined;
}

export interface AttachStreams extends StandardStreams {
  /** As the container was started: the end of the input is the process's, too, and who sent it stays attached. */
  stdinOnce?: boolean;
}

/** In characters, 1 to 65535. */
export interface TerminalSize {
  width: number;
  height: number;
}

/** What a process writes. */
export interface Output extends Readable {
  /**
   * Instead of reading: one piece after the other, behind a byte that is the taker's, in memory that is used again once `take`
   * resolves. Garbage of that size would be costly. Resolves at the end, and where `take` wants no more (false).
   */
  lend?(take: (piece: Uint8Array) => Promise<boolean>): Promise<void>;
}

export interface Attached {
  /** `end()` is end of file for the process. */
  readonly stdin?: Writable;
  readonly stdout?: Output;
  readonly stderr?: Output;
  /** Of a terminal, in characters. */
  resize(width: number, height: number): Promise<void>;
  /** Lets go of the streams; the process goes on. Idempotent. */
  close(): void;
}

export interface Executed extends Attached {
  /**
   * Resolves with the exit code once the process has ended and its output is complete; output is not waited for for ever when
   * somebody else has inherited it.
   */
  readonly exit: Promise<number>;
  /** As SIGKILL does; `exit` tells. */
  kill(): Promise<void>;
}

export interface ContainerAttached extends Attached {
  /** Resolves when the process has ended, or its container lets go of who has ended their input; rejects when it breaks off. */
  readonly ended: Promise<void>;
}

/** Throws RuntimeErrors: NOT_FOUND where there is no such container, FAILED_PRECONDITION where it does not run. */
export interface Processes {
  /** Runs a command in a container, with its environment, user and working directory. */
  execute(containerId: string, command: readonly string[], streams: StandardStreams): Promise<Executed>;
  /** The streams of a container's first process. What it wrote before is in its log. */
  attach(containerId: string, streams: AttachStreams): Promise<ContainerAttached>;
  /**
   * A TCP connection to `localhost:port` as seen in a sandbox; each half closes by itself. Throws an Error with a `code` as Node's
   * (ECONNREFUSED, …).
   */
  dial(sandboxId: string, port: number): Promise<Duplex>;
  /** Ends what it keeps running for itself. */
  stop(): void;
}
