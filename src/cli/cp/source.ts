// The archive that tar writes in a container, as one stream of bytes that goes on after a cut where that is safe.
//
// After a cut at byte P the same archive is made again, and P bytes of it are left out in the container. That it is the same is
// believed only if the header of the entry that was being read is at its place and says the same (name, kind, size, permissions,
// time), and if the last bytes before P are those that we have. Otherwise `Changed` is thrown, and the copy begins anew.
import { setTimeout as delay } from 'node:timers/promises';
import { CliError } from '../errors.ts';
import { Cut, type Exec, type Outcome, Refused } from './exec.ts';
import { blockBytes } from './tar-header.ts';
import { openArchive, type Position, stampOf } from './unpack.ts';

/** What is in the container is not what it was when the copy began. */
export class Changed extends Error {}

/** The command ended, and not well. */
export class Failed extends Error {
  readonly outcome: Outcome;
  constructor(outcome: Outcome) {
    super(outcome.message);
    this.outcome = outcome;
  }
}

export interface SourceOptions {
  /** Runs a command in the container. Rejects with Cut where nobody answers, with Refused where it may not be. */
  run(command: readonly string[]): Promise<Pick<Exec, 'output' | 'outcome' | 'close'>>;
  /** What makes the archive. */
  command: readonly string[];
  /** How often it is gone on with; negative is without end. */
  retries: number;
  /** The entry that the reader is at. */
  position(): Position | undefined;
  retrying(why: string, attempt: number): void;
  signal: AbortSignal;
}

const overlapBytes = 64 << 10;
/** Of one entry: the largest names and PAX records that are read, each of their kinds once, are below. */
const headerBytesMax = 32 << 20;
const firstPauseMs = 500;
const pauseMsMax = 10_000;
/** Of what the API server refuses, what may be over soon. */
const passing = new Set([408, 429, 500, 502, 503, 504]);

export async function* archive(options: SourceOptions): AsyncGenerator<Buffer> {
  const { signal } = options;
  const recent = new Recent(overlapBytes);
  for (let attempt = 0; ; ) {
    try {
      const resumed = recent.total > 0 && options.position() !== undefined;
      // Nothing that could be compared: from the beginning.
      if (recent.total > 0 && !resumed) throw new Changed('it was cut before the first file');
      for await (const chunk of resumed ? goOn(options, recent) : begin(options)) {
        recent.add(chunk);
        yield chunk;
      }
      return;
    } catch (error) {
      signal.throwIfAborted();
      const again = error instanceof Cut || (error instanceof Refused && passing.has(error.status) && recent.total > 0);
      if (!again || attempt === options.retries) throw error;
      attempt++;
      options.retrying(error.message, attempt);
      await delay(Math.min(pauseMsMax, firstPauseMs * 2 ** Math.min(attempt - 1, 10)), undefined, { signal });
    }
  }
}

async function* begin({ run, command }: SourceOptions): AsyncGenerator<Buffer> {
  yield* outputOf(await run(command));
}

async function* outputOf(exec: Pick<Exec, 'output' | 'outcome' | 'close'>): AsyncGenerator<Buffer> {
  try {
    yield* exec.output();
    const outcome = withExitOfTar(await exec.outcome);
    if (outcome.exitCode !== 0) throw new Failed(outcome);
  } finally {
    exec.close();
  }
}

async function* goOn({ run, command, position }: SourceOptions, recent: Recent): AsyncGenerator<Buffer> {
  const at = position()!;
  const headerBytes = at.dataAt - at.headerAt;
  if (headerBytes > headerBytesMax) throw new Changed('it was cut at a header that is too large to be compared');
  const known = recent.last();
  const compared = Math.max(0, Math.min(known.length, recent.total - at.dataAt));
  const from = recent.total - compared;
  const output = outputOf(await run(resumeCommand(command, at, from)));
  try {
    const reader = new Reader(output);
    const header = await headerOf(await reader.take(headerBytes));
    const again = await reader.take(compared);
    if (header !== at.stamp || !again.equals(known.subarray(known.length - compared)))
      throw new Changed('what is being copied has changed in the container');
    yield* reader.rest();
  } finally {
    await output.return(undefined);
  }
}

/** The header of the entry, then all from `from` on; `dd` takes exact blocks and leaves the rest to `tail`. */
function resumeCommand(command: readonly string[], at: Position, from: number): string[] {
  const blocks = (bytes: number): number => bytes / blockBytes;
  const script = [
    `{ "$@"; echo ${exitMark} $? >&2; } |`,
    `{ dd bs=${blockBytes} skip=${blocks(at.headerAt)} count=${blocks(at.dataAt - at.headerAt)} 2>/dev/null;`,
    `tail -c +${from - at.dataAt + 1}; }`,
  ];
  return ['sh', '-c', script.join(' '), 'sh', ...command];
}

/** The exit code of a pipe is that of its end. */
const exitMark = 'tiffin-cp: exit code of tar:';

function withExitOfTar(outcome: Outcome): Outcome {
  const mark = new RegExp(`^${exitMark} (\\d+)\n`, 'm').exec(outcome.stderr);
  if (!mark) return outcome;
  const exitCode = outcome.exitCode === 0 ? Number(mark[1]) : outcome.exitCode;
  return { ...outcome, exitCode, stderr: outcome.stderr.replace(mark[0], '') };
}

/** Of a header's blocks, its stamp; undefined where they are none. */
async function headerOf(blocks: Buffer): Promise<string | undefined> {
  const extract = openArchive();
  return new Promise((resolve) => {
    extract.on('entry', (header) => {
      resolve(stampOf(header));
      extract.destroy(null);
    });
    extract.on('error', () => resolve(undefined));
    extract.on('close', () => resolve(undefined));
    extract.end(blocks);
  });
}

/** The last bytes of a stream, at most `max`, in chunks as they came. */
class Recent {
  total = 0;
  readonly #max: number;
  #chunks: Buffer[] = [];
  #bytes = 0;

  constructor(max: number) {
    this.#max = max;
  }

  add(chunk: Buffer): void {
    this.total += chunk.length;
    this.#chunks.push(chunk.subarray(-this.#max));
    this.#bytes += Math.min(chunk.length, this.#max);
    while (this.#bytes - this.#chunks[0]!.length >= this.#max) this.#bytes -= this.#chunks.shift()!.length;
    // Many small ones would cost more than what is in them.
    if (this.#chunks.length > 256) {
      this.#chunks = [this.last()];
      this.#bytes = this.#chunks[0]!.length;
    }
  }

  last(): Buffer {
    return Buffer.concat(this.#chunks).subarray(-this.#max);
  }
}

/** Takes exact numbers of bytes off a stream of chunks. */
class Reader {
  readonly #chunks: AsyncIterator<Buffer>;
  #left: Buffer = Buffer.alloc(0);

  constructor(chunks: AsyncIterable<Buffer>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** Fewer where the stream has ended. */
  async take(count: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    let wanted = count;
    while (wanted > 0) {
      if (this.#left.length === 0) {
        const next = await this.#chunks.next();
        if (next.done) break;
        this.#left = next.value;
      }
      const part = this.#left.subarray(0, wanted);
      this.#left = this.#left.subarray(part.length);
      parts.push(part);
      wanted -= part.length;
    }
    return Buffer.concat(parts);
  }

  async *rest(): AsyncGenerator<Buffer> {
    if (this.#left.length > 0) yield this.#left;
    for (let next = await this.#chunks.next(); !next.done; next = await this.#chunks.next()) yield next.value;
  }
}

/** For messages: an image may have no tar, nor a shell. */
export function isMissing(outcome: Outcome, program: string): boolean {
  const text = `${outcome.message}\n${outcome.stderr}`;
  return (
    (outcome.exitCode === undefined || outcome.exitCode === 126 || outcome.exitCode === 127) &&
    text.includes(program) &&
    /not found|no such file/i.test(text)
  );
}

export const noTar = (where: string): CliError =>
  new CliError(
    `there is no tar in ${where}, which cp needs there as kubectl cp does. For one file: kubectl exec POD -- cat FILE > FILE. ` +
      'Otherwise: an image with tar beside it (kubectl debug -it POD --image=busybox --target=CONTAINER), where the ' +
      'files are below /proc/1/root: tiffin cp POD:/proc/1/root/PATH DEST -c NAME-OF-THE-DEBUGGER',
  );
