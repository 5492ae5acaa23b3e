// Reads container logs in CRI's format with the options of the API: tailLines, since*, timestamps, limitBytes, stream, follow. Rotated
// predecessors are read first. Every piece that is given out comes with the place behind it, where another reading may go on.
import { watch } from 'node:fs';
import fs from 'node:fs/promises';
import path from 'node:path';
import { type LineOptions, type LineState, takeLines } from './lines.ts';

export interface LogOptions extends LineOptions {
  tailLines?: number | undefined;
  limitBytes?: number | undefined;
  /** Instead of tailLines and limitBytes: where an earlier reading was. */
  from?: Place | undefined;
  /** Told where it begins, before anything is given out. */
  began?: (place: Place) => void;
}

/** Between two lines of a log, which is several files. */
export interface Place extends LineState {
  inode: number;
  offset: number;
}

const newline = 0x0a;
const readBytes = 256 * 1024;
/** A line of the runtime has 16 KiB; what is longer than this is none. */
const lineBytesMax = 16 * 1024 * 1024;

/** The files of one instance, oldest first: rotated ones carry a date behind their name. */
export async function filesOf(file: string): Promise<string[]> {
  const name = path.basename(file);
  const siblings = await fs.readdir(path.dirname(file)).catch(() => []);
  const rotated = siblings
    .filter((s) => s.startsWith(`${name}.`) && !s.endsWith('.gz') && !s.endsWith('.tmp'))
    .toSorted();
  return [...rotated.map((r) => path.join(path.dirname(file), r)), file];
}

/** Where the last `lines` lines of a file begin. What has no end yet is no line; of one in parts, each part is one. */
async function tailOffset(file: string, lines: number): Promise<{ offset: number; found: number }> {
  const handle = await fs.open(file, 'r');
  try {
    const block = Buffer.alloc(64 * 1024);
    let ends = 0;
    for (let end = (await handle.stat()).size; end > 0; ) {
      const start = Math.max(0, end - block.length);
      const { bytesRead } = await handle.read(block, 0, end - start, start);
      for (let i = bytesRead - 1; i >= 0; i--) {
        // The end of the line before the first one that is wanted.
        if (block[i] === newline && ++ends > lines) return { offset: start + i + 1, found: lines };
      }
      end = start;
    }
    return { offset: 0, found: ends };
  } finally {
    await handle.close();
  }
}

/** The memory of `data` is used again once it resolves. */
export type Emit = (data: Buffer, behind: Place) => boolean | Promise<boolean>;

/**
 * Writes the log to `write` (which may refuse more by returning false). With `follow` it goes on until `finished` says that
 * the container has ended and everything has been read, or the signal aborts.
 */
export async function readLog(
  file: string,
  options: LogOptions,
  write: Emit,
  follow?: { finished(): boolean; signal: AbortSignal },
): Promise<void> {
  const { from, tailLines, limitBytes } = options;
  const state: LineState = from ? { left: from.left, begins: from.begins } : { left: limitBytes, begins: true };
  if ((state.left ?? 1) <= 0 || (tailLines === 0 && !follow && !from)) return;
  const reading: Reading = { options, state, write, ...buffersOf(readBytes, options) };
  const starts = from ? await pointsFrom(file, from) : await startingPoints(file, tailLines);
  let place: Place | undefined;
  for (const { name, offset } of starts) {
    const stat = await fs.stat(name).catch(() => undefined);
    if (!stat) continue;
    if (!place) options.began?.({ inode: stat.ino, offset, ...state });
    place = { inode: stat.ino, offset, ...state };
    if (!(await readFrom(reading, name, place))) return;
  }
  if (follow) await followFile(reading, file, place ?? { inode: 0, offset: 0, ...state }, follow);
}

/** The file of that place, from there, and all newer ones; all where the place is gone. */
async function pointsFrom(file: string, { inode, offset }: Place): Promise<{ name: string; offset: number }[]> {
  const files = await filesOf(file);
  const stats = await Promise.all(files.map((name) => fs.stat(name).catch(() => undefined)));
  const at = stats.findIndex((stat) => stat?.ino === inode && stat.size >= offset);
  return files.slice(Math.max(at, 0)).map((name, i) => ({ name, offset: at >= 0 && i === 0 ? offset : 0 }));
}

async function startingPoints(
  file: string,
  tailLines: number | undefined,
): Promise<{ name: string; offset: number }[]> {
  const files = await filesOf(file);
  if (tailLines === undefined) return files.map((name) => ({ name, offset: 0 }));
  const out: { name: string; offset: number }[] = [];
  let wanted = tailLines;
  for (const name of files.toReversed()) {
    if (wanted <= 0) {
      if (out.length === 0) out.unshift({ name, offset: (await fs.stat(name).catch(() => undefined))?.size ?? 0 });
      break;
    }
    const tail = await tailOffset(name, wanted).catch(() => ({ offset: 0, found: 0 }));
    out.unshift({ name, offset: tail.offset });
    wanted -= tail.found;
  }
  return out;
}

interface Reading {
  options: LineOptions;
  state: LineState;
  write: Emit;
  buffer: Buffer;
  output: Buffer;
}

/** Garbage of this size would be collected too late, with all else that there is. */
const buffersOf = (bytes: number, { timestamps }: LineOptions): Pick<Reading, 'buffer' | 'output'> => ({
  buffer: Buffer.allocUnsafe(bytes),
  output: Buffer.allocUnsafe(timestamps ? bytes + (bytes >> 1) + 1 : bytes),
});

/** Gives out the complete lines of a file from `place` on, and moves it behind the last of them. False: no more is wanted. */
async function readFrom(reading: Reading, name: string, place: Place): Promise<boolean> {
  const { options, state, write } = reading;
  const handle = await fs.open(name, 'r');
  try {
    let held = 0;
    for (;;) {
      const { buffer, output } = reading;
      const { bytesRead } = await handle.read(buffer, held, buffer.length - held, place.offset + held);
      if (bytesRead === 0) return true;
      held += bytesRead;
      const input = buffer.subarray(0, held);
      const { consumed, written } = takeLines(input, output, options, state);
      Object.assign(place, state, { offset: place.offset + consumed });
      if (written > 0 && !(await write(output.subarray(0, written), { ...place }))) return false;
      if ((state.left ?? 1) <= 0) return false;
      buffer.copyWithin(0, consumed, held);
      held -= consumed;
      if (held < buffer.length) continue;
      if (held >= lineBytesMax) throw new Error(`${name}: a line of more than ${lineBytesMax} bytes`);
      Object.assign(reading, buffersOf(2 * held, options));
      buffer.copy(reading.buffer, 0, 0, held);
    }
  } finally {
    await handle.close();
  }
}

const followPollMs = 1000;
const reopenMs = 50;

async function followFile(
  reading: Reading,
  file: string,
  place: Place,
  follow: { finished(): boolean; signal: AbortSignal },
): Promise<void> {
  let wake = (): void => {};
  const watcher = watch(path.dirname(file), () => wake());
  watcher.on('error', () => {});
  const abort = (): void => wake();
  follow.signal.addEventListener('abort', abort);
  try {
    while (!follow.signal.aborted) {
      const last = follow.finished();
      const stat = await fs.stat(file).catch(() => undefined);
      if (stat && stat.ino !== place.inode) {
        // The runtime may have been writing to the old file until just now.
        await new Promise((resolve) => setTimeout(resolve, reopenMs));
        if (place.inode !== 0 && !(await readRotated(reading, file, place))) return;
        Object.assign(place, { inode: stat.ino, offset: 0 });
      } else if (stat && stat.size < place.offset) place.offset = 0;
      if (stat && stat.size > place.offset) {
        const before = place.offset;
        if (!(await readFrom(reading, file, place))) return;
        // Not while the rest is half a line.
        if (place.offset > before) continue;
      }
      if (last) return;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, followPollMs);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
        if (follow.signal.aborted) wake();
      });
    }
  } finally {
    watcher.close();
    follow.signal.removeEventListener('abort', abort);
  }
}

/** The rest of the file that the place is in, and all that was written between that and the one in use. */
async function readRotated(reading: Reading, file: string, place: Place): Promise<boolean> {
  const rotated = (await filesOf(file)).slice(0, -1);
  const inodes = await Promise.all(rotated.map(async (name) => (await fs.stat(name).catch(() => undefined))?.ino));
  const at = inodes.indexOf(place.inode);
  if (at < 0) return true;
  for (const [i, name] of rotated.slice(at).entries()) {
    if (i > 0) Object.assign(place, { inode: inodes[at + i] ?? 0, offset: 0 });
    if (!(await readFrom(reading, name, place).catch(() => true))) return false;
  }
  return true;
}

/** The last lines as one text: the fallback termination message. */
export async function tailOf(file: string, lines: number, bytesMax: number): Promise<string> {
  const parts: Buffer[] = [];
  await readLog(file, { tailLines: lines }, (data) => parts.push(Buffer.from(data)) > 0);
  const all = Buffer.concat(parts);
  return all.subarray(Math.max(0, all.length - bytesMax)).toString('utf8');
}
