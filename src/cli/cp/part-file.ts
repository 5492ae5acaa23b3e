// A file that gets its name once it is whole. Until then it is NAME.part (NAME.2.part, … where that is taken) beside it, created
// anew and never through a link. Writes a megabyte at a time, and takes the next while one is written; no more is in memory.
import fs from 'node:fs';
import { nameBytes, nameBytesMax, nameText } from './names.ts';

const batchBytes = 1 << 20;
const attemptsMax = 1000;

/** What there is of a file that did not become whole. */
export interface Left {
  /** As text. */
  name: string;
  size: number;
}

export class PartFile {
  readonly #path: string;
  readonly #partPath: string;
  readonly #handle: fs.promises.FileHandle;
  #batch: Buffer[] = [];
  #batched = 0;
  #writing: Promise<unknown> = Promise.resolve();

  /** `path`: byte path of the file. Throws errors of the file system. */
  static async create(path: string): Promise<PartFile> {
    const slash = path.lastIndexOf('/') + 1;
    const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = fs.constants;
    for (let attempt = 1; ; attempt++) {
      const suffix = attempt === 1 ? '.part' : `.${attempt}.part`;
      const part = path.slice(0, slash) + path.slice(slash, slash + nameBytesMax - suffix.length) + suffix;
      try {
        const handle = await fs.promises.open(nameBytes(part), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
        return new PartFile(path, part, handle);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || attempt === attemptsMax) throw error;
      }
    }
  }

  private constructor(path: string, partPath: string, handle: fs.promises.FileHandle) {
    this.#path = path;
    this.#partPath = partPath;
    this.#handle = handle;
  }

  /** Takes `chunk`, which must not change; resolves when more may come. Rejects for this or an earlier chunk. */
  async write(chunk: Buffer): Promise<void> {
    this.#batch.push(chunk);
    this.#batched += chunk.length;
    if (this.#batched >= batchBytes) await this.#flush();
  }

  /** Renames it. */
  async finish(mode: number, mtime: Date | undefined): Promise<void> {
    await this.#flush();
    await this.#writing;
    await this.#handle.chmod(mode);
    if (mtime) await this.#handle.utimes(mtime, mtime);
    // Some file systems tell here that the disk is full.
    await this.#handle.close();
    await fs.promises.rename(nameBytes(this.#partPath), nameBytes(this.#path));
  }

  /** Leaves what there is, if it is to `keep`; undefined where nothing is left. Never throws. */
  async abandon(keep: boolean): Promise<Left | undefined> {
    try {
      await this.#flush();
      await this.#writing;
    } catch {
      // What was written before stays.
    }
    try {
      // Closed already where it could not get its name.
      await this.#handle.close().catch(() => {});
      const { size } = fs.lstatSync(nameBytes(this.#partPath));
      if (keep && size > 0) return { name: nameText(this.#partPath), size };
      fs.rmSync(nameBytes(this.#partPath));
    } catch {
      // Whoever removed it knows that it is gone.
    }
    return undefined;
  }

  async #flush(): Promise<void> {
    await this.#writing;
    const [batch, bytes] = [this.#batch, this.#batched];
    if (bytes === 0) return;
    this.#batch = [];
    this.#batched = 0;
    const writing = this.#writeAll(batch, bytes);
    writing.catch(() => {});
    this.#writing = writing;
  }

  /** writev may write less than it is given. */
  async #writeAll(batch: readonly Buffer[], bytes: number): Promise<void> {
    const { bytesWritten } = await this.#handle.writev(batch);
    if (bytesWritten === bytes) return;
    const all = Buffer.concat(batch);
    for (let at = bytesWritten; at < bytes; ) at += (await this.#handle.write(all, at)).bytesWritten;
  }
}
