// What is uploaded, as a tar archive: a walk over local files, in bounded memory, that follows no symbolic link. What is neither
// file, folder nor symbolic link is left out and said. A file that changes meanwhile keeps to the size that its header told, and
// is said. Does not send anything: see upload.ts.
import fs from 'node:fs';
import { inWords } from './file-errors.ts';
import { nameBytes, nameText } from './names.ts';
import { type EntryHeader, encodeHeader, endOfArchive, paddingOf } from './tar-header.ts';

export interface Packed {
  /** Of the whole archive, in pieces of at most `pieceBytes`, each preceded by `headroom` bytes for the caller's use. */
  piece: Buffer;
  /** Of the data of files. */
  dataBytes: number;
  /** The entry that this piece is of. */
  entry?: PackedEntry;
  /** The last piece of its entry. */
  complete: boolean;
}

export interface PackedEntry {
  /** Byte name, as in the archive. */
  name: string;
  type: EntryHeader['type'];
  size: number;
}

export interface PackOptions {
  /** Byte path. */
  source: string;
  /** The byte name that `source` has in the archive; '.' for a folder whose contents are meant. */
  as: string;
  pieceBytes: number;
  headroom: number;
  warn(message: string): void;
}

interface Found {
  path: string;
  name: string;
  stat: fs.Stats;
}

const join = (folder: string, name: string): string => (folder.endsWith('/') ? folder + name : `${folder}/${name}`);

/** Folders come before what is in them. Names of one folder come as the file system has them. */
function* walk(source: string, as: string, warn: (message: string) => void): Generator<Found> {
  let stat: fs.Stats;
  try {
    stat = fs.lstatSync(nameBytes(source));
  } catch (error) {
    return warn(`${nameText(source)}: ${inWords(error)}`);
  }
  yield { path: source, name: as, stat };
  if (!stat.isDirectory()) return;
  let folder: fs.Dir;
  try {
    folder = fs.opendirSync(nameBytes(source) as unknown as string, { encoding: 'latin1', bufferSize: 256 });
  } catch (error) {
    return warn(`${nameText(source)}: ${inWords(error)}`);
  }
  try {
    for (let child = folder.readSync(); child; child = folder.readSync())
      yield* walk(join(source, child.name), join(as, child.name), warn);
  } finally {
    folder.closeSync();
  }
}

/** Bytes and files below a path: what a percentage is of. */
export function measure(source: string): { bytes: number; files: number } {
  const sum = { bytes: 0, files: 0 };
  for (const { stat } of walk(source, '.', () => {})) {
    if (!stat.isFile()) continue;
    sum.bytes += stat.size;
    sum.files++;
  }
  return sum;
}

export async function* pack(options: PackOptions): AsyncGenerator<Packed> {
  const { pieceBytes, headroom, warn } = options;
  const framed = (bytes: Buffer): Buffer => Buffer.concat([Buffer.alloc(headroom), bytes]);
  for (const found of walk(options.source, options.as, warn)) {
    const header = headerOf(found, warn);
    if (!header) continue;
    const entry = { name: header.name, type: header.type, size: header.size };
    if (header.type !== 'file') {
      yield { piece: framed(encodeHeader(header)), dataBytes: 0, entry, complete: true };
      continue;
    }
    let handle: fs.promises.FileHandle;
    try {
      // Not through a symbolic link that took its place, nor waiting for a pipe's other end.
      handle = await fs.promises.open(
        nameBytes(found.path),
        fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW | fs.constants.O_NONBLOCK,
      );
    } catch (error) {
      warn(`${nameText(found.path)}: ${inWords(error)}`);
      continue;
    }
    try {
      const stat = await handle.stat();
      if (!stat.isFile()) {
        warn(`${nameText(found.path)}: no regular file any more, left out`);
        continue;
      }
      header.size = entry.size = stat.size;
      yield { piece: framed(encodeHeader(header)), dataBytes: 0, entry, complete: stat.size === 0 };
      for await (const piece of data(handle, stat.size, pieceBytes, headroom, found.path, warn)) {
        yield { ...piece, entry };
      }
    } finally {
      await handle.close();
    }
  }
  yield { piece: framed(endOfArchive()), dataBytes: 0, complete: true };
}

/** Exactly `size` bytes and their padding; the next piece is read while this one is on its way. */
async function* data(
  handle: fs.promises.FileHandle,
  size: number,
  pieceBytes: number,
  headroom: number,
  name: string,
  warn: (message: string) => void,
): AsyncGenerator<Omit<Packed, 'entry'>> {
  let position = 0;
  let short = false;
  const next = async (): Promise<Omit<Packed, 'entry'> | undefined> => {
    if (position >= size) return undefined;
    const wanted = Math.min(pieceBytes, size - position);
    const last = position + wanted === size;
    const piece = Buffer.allocUnsafe(headroom + wanted + (last ? paddingOf(size) : 0));
    let got = 0;
    while (got < wanted && !short) {
      const { bytesRead } = await handle.read(piece, headroom + got, wanted - got, position + got);
      got += bytesRead;
      if (bytesRead === 0) short = true;
    }
    piece.fill(0, headroom + got);
    position += wanted;
    return { piece, dataBytes: wanted, complete: last };
  };
  const read = (): ReturnType<typeof next> => {
    const piece = next();
    // Until it is asked for, nobody else would hear that it failed.
    piece.catch(() => {});
    return piece;
  };
  let ahead = read();
  try {
    for (let piece = await ahead; piece; piece = await ahead) {
      ahead = read();
      yield piece;
    }
  } finally {
    // Nobody waits for it when the copy has been given up.
    await ahead.catch(() => {});
  }
  if (short) warn(`${nameText(name)}: became shorter while it was read; the rest was filled with zeros`);
  else if ((await handle.stat()).size > size) warn(`${nameText(name)}: became longer while it was read`);
}

function headerOf({ path: at, name, stat }: Found, warn: (message: string) => void): EntryHeader | undefined {
  const common = {
    mode: stat.mode & 0o7777,
    uid: stat.uid,
    gid: stat.gid,
    mtime: Math.floor(stat.mtimeMs / 1000),
  };
  if (stat.isFile()) return { ...common, type: 'file', name, size: stat.size };
  if (stat.isDirectory()) return { ...common, type: 'directory', name: `${name}/`, size: 0 };
  if (!stat.isSymbolicLink()) {
    warn(`${nameText(at)}: neither file, folder nor symbolic link, left out`);
    return undefined;
  }
  try {
    const linkName = fs.readlinkSync(nameBytes(at), 'latin1');
    return { ...common, type: 'symlink', name, linkName, size: 0 };
  } catch (error) {
    warn(`${nameText(at)}: ${inWords(error)}`);
    return undefined;
  }
}
