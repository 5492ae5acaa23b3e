// Named pipes between this agent and processes of containers: a directory of three for each process, which nobody but root may
// enter. Node.js cannot make them, so that a stock is kept that one `mkfifo` makes at once; none is used twice.
//
// DIR/stock.N/{stdin,stdout,stderr} become DIR/NAME/… when they are taken: what is there at a start says which processes an agent
// before has left behind.
import { execFile } from 'node:child_process';
import fs from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
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
