// Named pipes between this agent and processes of containers: a directory of three for each process, which nobody but root may
// enter. Node.js cannot make them, so that a stock is kept that one `mkfifo` makes at once; none is used twice.
//
// DIR/stock.N/{stdin,stdout,stderr} become DIR/NAME/… when they are taken: what is there at a start says which processes an agent
// before has left behind.
import { execFile } from 'node:child_process';
import { constants, open } from 'node:fs';
import fs from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Output } from '../streams/processes.ts';

const run = promisify(execFile);
/** The descriptor itself: whoever is given it closes it. */
const rawFd = promisify(open) as (file: string, flags: number) => Promise<number>;
const stockMin = 8;
const stockMax = 64;
const stockPrefix = 'stock.';

export interface Fifos {
  directory: string;
  stdin: string;
  stdout: string;
  stderr: string;
}

const fifosIn = (directory: string): Fifos => ({
  directory,
  stdin: path.join(directory, 'stdin'),
  stdout: path.join(directory, 'stdout'),
  stderr: path.join(directory, 'stderr'),
});

export class FifoStock {
  readonly #directory: string;
  readonly #stock: string[] = [];
  #serial = 0;
  #size = stockMin;
  #making: Promise<void> | undefined;
  #ready: Promise<string[]> | undefined;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** The names of those that were taken and not removed before. To be called first; makes a stock, too. */
  start(): Promise<string[]> {
    this.#ready ??= this.#start().catch((error: unknown) => {
      this.#ready = undefined;
      throw error;
    });
    return this.#ready;
  }

  async take(name: string): Promise<Fifos> {
    await this.start();
    while (this.#stock.length === 0) await this.#fill();
    const directory = path.join(this.#directory, name);
    const from = this.#stock.pop()!;
    if (this.#stock.length < this.#size / 2) this.#fill().catch(() => {});
    await fs.rename(from, directory);
    return fifosIn(directory);
  }

  async remove(name: string): Promise<void> {
    await fs.rm(path.join(this.#directory, name), { recursive: true, force: true });
  }

  async #start(): Promise<string[]> {
    await fs.mkdir(this.#directory, { recursive: true, mode: 0o700 });
    await fs.chmod(this.#directory, 0o700);
    const names = await fs.readdir(this.#directory);
    for (const name of names.filter((n) => n.startsWith(stockPrefix))) await this.remove(name);
    await this.#fill();
    return names.filter((n) => !n.startsWith(stockPrefix));
  }

  #fill(): Promise<void> {
    this.#making ??= this.#make().finally(() => {
      this.#making = undefined;
    });
    return this.#making;
  }

  async #make(): Promise<void> {
    // Who asks for many gets more at once.
    const made: string[] = [];
    while (made.length < this.#size) {
      const directory = path.join(this.#directory, `${stockPrefix}${++this.#serial}`);
      await fs.mkdir(directory, { mode: 0o700 });
      made.push(directory);
    }
    const files = made.map(fifosIn).flatMap((f) => [f.stdin, f.stdout, f.stderr]);
    await run('mkfifo', ['-m', '600', ...files]);
    this.#stock.push(...made);
    this.#size = Math.min(stockMax, this.#size * 2);
  }
}

const { O_RDONLY, O_WRONLY, O_NONBLOCK } = constants;

/** As much as a pipe holds. */
const readBytes = 64 * 1024;
/** With less room there is no other read before what was read is passed on. */
const roomMin = 16 * 1024;
/** Of all who read as of a stream: they copy what came at once. */
const shared = Buffer.allocUnsafeSlow(readBytes);

/**
 * What is lent is gathered while more of it comes with each turn of the event loop: many programs write 4 KiB at a time, which would
 * each wake everybody up to the client.
 *
 *   own:  |.|read|read|room …      begin is behind the byte that is the taker's, end where the next read goes
 */
function reading(fd: number): net.Socket & Output {
  let own: Buffer | undefined;
  let [begin, end] = [1, 1];
  /** Something was read into `own`. False: nothing more for now. */
  let gathered: (() => boolean) | undefined;
  const socket = new net.Socket({
    fd,
    readable: true,
    writable: false,
    onread: {
      buffer: () => own?.subarray(end) ?? shared,
      callback(length) {
        if (!gathered) return socket.push(Buffer.from(shared.subarray(0, length)));
        if (!own) {
          own = Buffer.allocUnsafeSlow(1 + readBytes);
          shared.copy(own, 1, 0, length);
        }
        end += length;
        return gathered();
      },
    },
  });
  const lend: Output['lend'] = async (take) => {
    // What came before.
    for (let data = socket.read() as Buffer | null; data; data = socket.read())
      if (!(await take(Buffer.concat([Buffer.alloc(1), data])))) return;
    if (socket.closed) return;
    await new Promise<void>((resolve, reject) => {
      let turn: NodeJS.Immediate | undefined;
      let more = false;
      const pass = (then: () => void): void => {
        clearImmediate(turn);
        turn = undefined;
        const piece = own!.subarray(begin - 1, end);
        begin = end = own!.length - end < roomMin ? 1 : end;
        take(piece).then((on) => (on ? then() : resolve()), reject);
      };
      const goOn = (): void => void socket.resume();
      const turned = (): void => {
        if (more) {
          more = false;
          turn = setImmediate(turned);
        } else {
          socket.pause();
          pass(goOn);
        }
      };
      gathered = () => {
        more = own!.length - end >= roomMin;
        if (more) turn ??= setImmediate(turned);
        else pass(goOn);
        return more;
      };
      socket.once('close', () => (end > begin ? pass(resolve) : resolve())).resume();
    });
  };
  return Object.assign(socket, { lend });
}

/** Does not wait for a writer, and takes none for an end before there was one. */
export async function openReader(file: string): Promise<net.Socket & Output> {
  return reading(await rawFd(file, O_RDONLY | O_NONBLOCK));
}

/** Undefined while nobody has opened it for reading. */
export async function openWriter(file: string): Promise<net.Socket | undefined> {
  try {
    return new net.Socket({ fd: await rawFd(file, O_WRONLY | O_NONBLOCK), readable: false, writable: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENXIO') return undefined;
    throw error;
  }
}
