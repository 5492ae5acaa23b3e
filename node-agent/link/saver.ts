// Saves the snapshot a moment after something has changed, as often as it takes and never twice at once. One that fails is said,
// and left to the next change.
import type { Log, Timers } from '../../src/ports/index.ts';

/** Each save is a flush of the disk, which pods that start wait for, too. */
const delayMs = 500;

export interface SaverOptions {
  save(): Promise<void>;
  timers: Timers;
  log: Log;
}

export class Saver {
  readonly #o: SaverOptions;
  #saving = false;
  #again = false;

  constructor(options: SaverOptions) {
    this.#o = options;
  }

  soon(): void {
    if (this.#saving) this.#again = true;
    else void this.#save();
  }

  async #save(): Promise<void> {
    this.#saving = true;
    await new Promise<void>((resolve) => this.#o.timers.after(delayMs, resolve));
    this.#again = false;
    await this.#o.save().catch((error: unknown) => this.#o.log.error('snapshot not saved', { error: String(error) }));
    this.#saving = false;
    if (this.#again) this.soon();
  }
}
