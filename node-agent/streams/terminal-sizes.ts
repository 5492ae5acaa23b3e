// The sizes of a client's terminal: a stream of JSON objects, cut anywhere. Of those that wait only the newest is kept: before the
// process has a terminal, and while another one is being set.
import { setTimeout as delay } from 'node:timers/promises';
import type { TerminalSize } from './processes.ts';

const textBytesMax = 4096;
/** kubectl says it as soon as it is connected; others may never. */
const firstMs = 250;

export class TerminalSizes {
  #set: ((size: TerminalSize) => Promise<void>) | undefined;
  #text = '';
  #next: TerminalSize | undefined;
  #busy = false;
  #came: () => void = () => {};
  readonly #first = new Promise<void>((resolve) => {
    this.#came = resolve;
  });

  take(data: Uint8Array): void {
    if (data.byteLength > textBytesMax) return;
    const objects = (this.#text + Buffer.from(data).toString()).split(/(?<=\})/);
    const rest = objects.at(-1)!;
    this.#text = rest.endsWith('}') || rest.length > textBytesMax ? '' : (objects.pop() ?? '');
    for (const object of objects) this.#next = sizeOf(object) ?? this.#next;
    if (this.#next) this.#came();
    void this.#work();
  }

  /** The size to begin with; undefined where none comes soon, or before `gone`. */
  async first(gone: Promise<unknown>): Promise<TerminalSize | undefined> {
    const over = new AbortController();
    await Promise.race([this.#first, gone, delay(firstMs, undefined, over).catch(() => {})]);
    over.abort();
    const size = this.#next;
    this.#next = undefined;
    return size;
  }

  /** From now on they are set as they come. */
  to(set: (size: TerminalSize) => Promise<void>): void {
    this.#set = set;
    void this.#work();
  }

  async #work(): Promise<void> {
    if (this.#busy || !this.#set) return;
    this.#busy = true;
    for (let size = this.#next; size; size = this.#next) {
      this.#next = undefined;
      // A process that has just ended has no terminal any more.
      await this.#set(size).catch(() => {});
    }
    this.#busy = false;
  }
}

function sizeOf(text: string): TerminalSize | undefined {
  try {
    const object = JSON.parse(text) as Record<string, unknown>;
    const [width, height] = ['width', 'height'].map((name) => {
      // Go's decoder takes names in any case.
      const key = Object.keys(object).find((k) => k.toLowerCase() === name);
      return key === undefined ? 0 : object[key];
    });
    const fits = (n: unknown): n is number => typeof n === 'number' && Number.isInteger(n) && n >= 1 && n <= 0xffff;
    return fits(width) && fits(height) ? { width, height } : undefined;
  } catch {
    return undefined;
  }
}
