// A tar archive out of a container, unpacked into a folder of this machine. The archive is hostile until proven otherwise:
//
// - nothing is created outside of the destination, and nothing through a symbolic link in it, whoever made that;
// - only folders, regular files, and hard links to files below the destination; symbolic links, devices and the like are left out;
// - no set-user-id, set-group-id or sticky bits, no owners;
// - memory is bounded, whatever the number of entries, their names or sizes.
//
// A file is written as NAME.part beside its place and renamed once it is whole, so that what has its name is complete and no
// file that was there is written into. What is cut short stays as NAME.part. Does not know where the bytes come from.
import { once } from 'node:events';
import fs from 'node:fs';
import * as tar from 'tar-stream';
import { CliError } from '../errors.ts';
import { inWords } from './file-errors.ts';
import { byteName, nameBytes, nameText, placeOf } from './names.ts';
import { type Left, PartFile } from './part-file.ts';
import { paddingOf } from './tar-header.ts';

export interface UnpackOptions {
  /** Byte path of what a folder becomes; its parent exists. */
  folder: string;
  /** Byte path of what a single file becomes. */
  file: string;
  /** Byte name that all entries begin with; '.' for none. */
  base: string;
  /** Permissions and times of files as in the archive. */
  preserve: boolean;
  umask: number;
  /** Left out, as was to be expected. */
  skipped(message: string): void;
  /** Left out because it should not be, or cannot be, written. */
  refused(message: string): void;
  arrived(bytes: number): void;
  /** Before the first entry is written. */
  began(): void;
}

/** The entry that the archive is at, for a copy that goes on after a cut. Offsets are in the archive. */
export interface Position {
  headerAt: number;
  dataAt: number;
  /** What would be different had it changed. */
  stamp: string;
}

/** What makes an entry the same one as before. */
export const stampOf = (header: tar.Header): string =>
  JSON.stringify([header.name, header.type, header.size, header.mode, header.mtime?.getTime(), header.linkname]);

type Entry = AsyncIterable<Buffer> & { header: tar.Header; resume(): unknown };

/** A reader of archives of which names are byte names. */
export const openArchive = (): tar.Extract => tar.extract({ filenameEncoding: 'latin1' } as object);

const paxOf = (header: tar.Header): Readonly<Record<string, string | undefined>> =>
  (header.pax ?? {}) as Record<string, string>;

const shownMax = 300;
/** A name may be megabytes. */
const shownOf = (name: string): string => nameText(name.slice(0, shownMax));

/** Its data is not the file's: they are pieces of it behind a map, or none at all where the map is in the header. */
const isSparse = (header: tar.Header): boolean =>
  Object.keys(paxOf(header)).some((key) => key.startsWith('GNU.sparse.'));

const endedEarly = (): CliError => new CliError('the archive ended early');
const noArchive = ({ message }: Error): CliError =>
  message === 'Unexpected end of data' ? endedEarly() : new CliError(`what tar sent is no archive: ${message}`);
const endedWithin = (): CliError => new CliError('the archive ended within a file');

async function* dataOf(entry: Entry): AsyncGenerator<Buffer> {
  try {
    yield* entry;
  } catch {
    // It is destroyed with its archive, and knows no more than that.
    throw endedWithin();
  }
}

/** Of one entry; the others are written all the same. */
class Refusal extends Error {}

/** Nothing more can be written, whichever file it is. */
const fatal = new Set(['ENOSPC', 'EDQUOT', 'EROFS', 'EIO', 'EMFILE', 'ENFILE']);

interface Folder {
  path: string;
  mode: number;
  mtime: Date | undefined;
}

export class Unpacker {
  files = 0;
  entries = 0;
  position: Position | undefined;
  /** Of the file that is being written: text names and sizes. */
  current: { name: string; size: number; written: number } | undefined;
  readonly #options: UnpackOptions;
  readonly #extract: tar.Extract = openArchive();
  readonly #work: Promise<void>;
  /** What is done about the entry that has come; never rejects. */
  #busy: Promise<void> = Promise.resolve();
  #part: PartFile | undefined;
  /** Folders that this made and may still write into; their permissions come last. */
  #open: Folder[] = [];
  /** The last folder that was looked at, which is mostly the next one too. */
  #known = '';

  constructor(options: UnpackOptions) {
    this.#options = options;
    this.#work = this.#run();
    this.#work.catch(() => {});
  }

  /** Resolves when more may come; rejects when it cannot go on. */
  async write(chunk: Buffer): Promise<void> {
    if (this.#extract.destroyed) return this.#work;
    if (this.#extract.write(chunk)) return;
    await Promise.race([once(this.#extract, 'drain').catch(() => this.#work), this.#work]);
  }

  /** The archive has ended as it should. */
  async end(): Promise<void> {
    this.#extract.end(undefined);
    await this.#work;
    this.#finishFolders('');
  }

  /**
   * It goes no further: the name of what is left of the file that was being written, if anything is.
   * `keep`: that this is worth something.
   */
  async abandon(keep: boolean): Promise<Left | undefined> {
    this.#extract.destroy(null);
    await this.#work.catch(() => {});
    const left = await this.#part?.abandon(keep);
    this.#part = undefined;
    this.#finishFolders('');
    return left;
  }

  /** By its events: its iterator waits for ever when it is destroyed while an entry is at work. */
  async #run(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    let headerAt = 0;
    this.#extract.on('entry', (header, entry, next) => {
      // Its end comes with the archive's.
      entry.on('error', () => {});
      const { byteOffset: dataAt } = header as tar.Header & { byteOffset: number };
      const size = header.type === 'directory' ? 0 : header.size;
      const work = async () => {
        if (this.entries === 0) this.#options.began();
        this.entries++;
        this.position = { headerAt, dataAt, stamp: stampOf(header) };
        headerAt = dataAt + size + paddingOf(size);
        await this.#entry(entry as unknown as Entry, header, size);
      };
      this.#busy = work().then(
        () => next(),
        (error: Error) => {
          reject(error);
          this.#extract.destroy(error);
        },
      );
    });
    // What went wrong with an entry also ends the archive, and is what there is to be said.
    const after = (settle: () => void) => void this.#busy.then(settle);
    this.#extract.on('error', (error) => after(() => reject(noArchive(error))));
    this.#extract.on('close', () => after(() => reject(endedEarly())));
    this.#extract.on('finish', () => after(resolve));
    await promise;
  }

  async #entry(entry: Entry, header: tar.Header, size: number): Promise<void> {
    // A PAX header's names are UTF-8, whatever the archive's are.
    const inPax = (key: string, otherwise: string): string => {
      const said = paxOf(header)[key];
      return said ? byteName(said) : otherwise;
    };
    const name = inPax('path', header.name);
    const { skipped, refused, base } = this.#options;
    const shown = shownOf(name);
    try {
      const place = placeOf(name, base);
      if (typeof place === 'string') return refused(`${shown}: ${place}`);
      switch (header.type) {
        case 'directory':
          return this.#folder(place, header);
        case 'file':
        case 'contiguous-file':
          if (isSparse(header)) return refused(`${shown}: a sparse file, which tar there should send whole`);
          return await this.#file(entry, header, place, size);
        case 'link':
          return this.#link(placeOf(inPax('linkpath', header.linkname ?? ''), base), place);
        case 'symlink':
          return skipped(`${shown}: a symbolic link to ${shownOf(inPax('linkpath', header.linkname ?? ''))}`);
        default:
          return refused(`${shown}: a ${header.type ?? 'thing of an unknown kind'}`);
      }
    } catch (error) {
      const { code = '' } = error as NodeJS.ErrnoException;
      const lasting = !(error instanceof Refusal) && (code === '' || fatal.has(code));
      if (lasting || this.current) throw error;
      refused(`${shown}: ${inWords(error)}`);
    } finally {
      entry.resume();
    }
  }

  /** Byte path of a folder below the destination, which it makes where it is missing. Follows nothing. */
  #reach(place: readonly string[]): string {
    let path = this.#options.folder;
    const full = [path, ...place].join('/');
    this.#finishFolders(full);
    if (full === this.#known) return full;
    for (const [i, segment] of ['', ...place].entries()) {
      if (i > 0) path = `${path}/${segment}`;
      const stat = fs.lstatSync(nameBytes(path), { throwIfNoEntry: false });
      if (stat?.isDirectory()) continue;
      if (stat) throw new Refusal(`${nameText(path)} is ${stat.isSymbolicLink() ? 'a symbolic link' : 'no folder'}`);
      fs.mkdirSync(nameBytes(path), { mode: 0o700 });
      this.#open.push({ path, mode: 0o777, mtime: undefined });
    }
    this.#known = full;
    return full;
  }

  #folder(place: readonly string[], header: tar.Header): void {
    const path = this.#reach(place);
    const made = this.#open.at(-1);
    // One that was there before keeps what it has.
    if (made?.path !== path || !this.#options.preserve) return;
    made.mode = (header.mode ?? 0o755) & 0o777;
    made.mtime = timeOf(header);
  }

  /** Permissions and times of the folders that `next` is not in: whatever is written into them changes their times. */
  #finishFolders(next: string): void {
    for (let last = this.#open.at(-1); last; last = this.#open.at(-1)) {
      if (next === last.path || next.startsWith(`${last.path}/`)) return;
      this.#open.pop();
      this.#known = '';
      try {
        fs.chmodSync(nameBytes(last.path), last.mode & ~this.#options.umask);
        if (last.mtime) fs.utimesSync(nameBytes(last.path), last.mtime, last.mtime);
      } catch (error) {
        this.#options.refused(`${nameText(last.path)}: its permissions: ${inWords(error)}`);
      }
    }
  }

  /** Where a file belongs, having made sure that nothing but a regular file is in its place. */
  #place(place: readonly string[]): string {
    const name = place.at(-1);
    const path = name === undefined ? this.#options.file : `${this.#reach(place.slice(0, -1))}/${name}`;
    const stat = fs.lstatSync(nameBytes(path), { throwIfNoEntry: false });
    if (stat && !stat.isFile())
      throw new Refusal(
        `${nameText(path)} is ${stat.isSymbolicLink() ? 'a symbolic link' : 'there, and no regular file'}`,
      );
    return path;
  }

  async #file(entry: Entry, header: tar.Header, place: readonly string[], size: number): Promise<void> {
    const { preserve, umask, arrived } = this.#options;
    const path = this.#place(place);
    const part = await PartFile.create(path);
    this.#part = part;
    const current = { name: nameText(path), size, written: 0 };
    this.current = current;
    for await (const chunk of dataOf(entry)) {
      await part.write(chunk);
      current.written += chunk.length;
      arrived(chunk.length);
    }
    // One that was destroyed may end without an error.
    if (current.written !== size) throw endedWithin();
    const mode = preserve ? (header.mode ?? 0o644) & 0o777 : 0o666;
    await part.finish(mode & ~umask, preserve ? timeOf(header) : undefined);
    this.#part = undefined;
    this.current = undefined;
    this.files++;
  }

  /** A second name of a file that the archive had before. */
  #link(target: string[] | string, place: readonly string[]): void {
    if (typeof target === 'string') throw new Refusal(`a hard link to what is not in the destination: ${target}`);
    const from = this.#place(target);
    const path = this.#place(place);
    if (from === path) return;
    const stat = fs.lstatSync(nameBytes(from), { throwIfNoEntry: false });
    if (!stat) throw new Refusal('a hard link to what did not arrive');
    fs.rmSync(nameBytes(path), { force: true });
    try {
      fs.linkSync(nameBytes(from), nameBytes(path));
    } catch {
      // A file system without hard links.
      fs.copyFileSync(nameBytes(from), nameBytes(path), fs.constants.COPYFILE_EXCL);
    }
    this.files++;
  }
}

const latestSecond = 2 ** 35;

/** Undefined for what is no time. */
function timeOf(header: tar.Header): Date | undefined {
  const fine = Number(paxOf(header).mtime ?? Number.NaN);
  const seconds = Number.isFinite(fine) ? fine : (header.mtime?.getTime() ?? Number.NaN) / 1000;
  return Math.abs(seconds) < latestSecond ? new Date(seconds * 1000) : undefined;
}
