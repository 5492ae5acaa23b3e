// Reads container logs in CRI's format (`TIME stdout|stderr F|P text`) with the options of the API: tailLines, since*,
// timestamps, limitBytes, follow. Partial lines are joined as they are written. Rotated predecessors are read first.
import { createReadStream, watch } from 'node:fs';
import fs from 'node:fs/promises';
import path from 'node:path';

export interface LogOptions {
  tailLines?: number;
  sinceMs?: number;
  timestamps?: boolean;
  limitBytes?: number;
}

export interface LogLine {
  time: string;
  stream: string;
  /** With its newline, unless it is a part. */
  text: Buffer;
}

const newline = 0x0a;
const space = 0x20;

/** Undefined for what is not in CRI's format. */
export function parseLine(line: Buffer): LogLine | undefined {
  const a = line.indexOf(space);
  const b = line.indexOf(space, a + 1);
  const c = line.indexOf(space, b + 1);
  if (a < 0 || b < 0) return undefined;
  const end = c < 0 ? line.length : c;
  const partial =
    line
      .subarray(b + 1, end)
      .toString('latin1')
      .split(':')[0] === 'P';
  const body = c < 0 ? Buffer.alloc(0) : line.subarray(c + 1);
  return {
    time: line.subarray(0, a).toString('latin1'),
    stream: line.subarray(a + 1, b).toString('latin1'),
    text: partial ? body : Buffer.concat([body, Buffer.from('\n')]),
  };
}

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

/** With nine digits behind the second, as all lines are shown; the runtime leaves out zeros at the end. */
function fullTime(time: string): string {
  const [, seconds, fraction = '', zone] = /^([^.Z+]*?)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)$/.exec(time) ?? [];
  return zone === undefined ? time : `${seconds}.${fraction.padEnd(9, '0')}${zone}`;
}

/**
 * Writes the log to `write` (which may refuse more by returning false). With `follow` it goes on until `finished` says that
 * the container has ended and everything has been read, or the signal aborts.
 */
export async function readLog(
  file: string,
  options: LogOptions,
  write: (data: Buffer) => boolean | Promise<boolean>,
  follow?: { finished(): boolean; signal: AbortSignal },
): Promise<void> {
  let left = options.limitBytes ?? Number.POSITIVE_INFINITY;
  let begins = true;
  const emit = async (line: Buffer): Promise<boolean> => {
    const parsed = parseLine(line);
    if (!parsed) return true;
    if (options.sinceMs !== undefined && Date.parse(parsed.time) < options.sinceMs) return true;
    const stamped = options.timestamps && begins;
    begins = parsed.text.at(-1) === newline;
    let data = stamped ? Buffer.concat([Buffer.from(`${fullTime(parsed.time)} `), parsed.text]) : parsed.text;
    if (data.length > left) data = data.subarray(0, left);
    left -= data.length;
    return (await write(data)) && left > 0;
  };
  if (left <= 0 || (options.tailLines === 0 && !follow)) return;

  const starts = await startingPoints(file, options.tailLines);
  let position = 0;
  let inode = 0;
  for (const [i, { name, offset }] of starts.entries()) {
    const stat = await fs.stat(name).catch(() => undefined);
    if (!stat) continue;
    const result = await readFrom(name, offset, emit);
    if (!result.more) return;
    if (i === starts.length - 1) {
      position = result.position;
      inode = stat.ino;
    }
  }
  if (!follow) return;
  await followFile(file, position, inode, emit, follow);
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

/** Emits the complete lines from `offset` on; `position` is behind the last of them. */
async function readFrom(
  file: string,
  offset: number,
  emit: (line: Buffer) => Promise<boolean>,
): Promise<{ position: number; more: boolean }> {
  let rest: Buffer = Buffer.alloc(0);
  let position = offset;
  for await (const chunk of createReadStream(file, { start: offset }) as AsyncIterable<Buffer>) {
    let data = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk;
    let end = data.indexOf(newline);
    while (end >= 0) {
      position += end + 1;
      if (!(await emit(data.subarray(0, end)))) return { position, more: false };
      data = data.subarray(end + 1);
      end = data.indexOf(newline);
    }
    rest = data;
  }
  return { position, more: true };
}

const followPollMs = 1000;
const reopenMs = 50;

async function followFile(
  file: string,
  from: number,
  ino: number,
  emit: (line: Buffer) => Promise<boolean>,
  follow: { finished(): boolean; signal: AbortSignal },
): Promise<void> {
  let position = from;
  let inode = ino;
  let wake = (): void => {};
  const watcher = watch(path.dirname(file), () => wake());
  watcher.on('error', () => {});
  const abort = (): void => wake();
  follow.signal.addEventListener('abort', abort);
  try {
    while (!follow.signal.aborted) {
      const last = follow.finished();
      const stat = await fs.stat(file).catch(() => undefined);
      if (stat && stat.ino !== inode) {
        // The runtime may have been writing to the old file until just now.
        await new Promise((resolve) => setTimeout(resolve, reopenMs));
        if (!(await readRotated(file, inode, position, emit))) return;
        position = 0;
        inode = stat.ino;
      } else if (stat && stat.size < position) position = 0;
      if (stat && stat.size > position) {
        const result = await readFrom(file, position, emit);
        if (!result.more) return;
        position = result.position;
        continue;
      }
      if (last) return;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, followPollMs);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  } finally {
    watcher.close();
    follow.signal.removeEventListener('abort', abort);
  }
}

/** The rest of the file that had the inode, and all that was written between that and the one in use. */
async function readRotated(
  file: string,
  inode: number,
  position: number,
  emit: (line: Buffer) => Promise<boolean>,
): Promise<boolean> {
  const rotated = (await filesOf(file)).slice(0, -1);
  const inodes = await Promise.all(
    rotated.map((f) =>
      fs
        .stat(f)
        .then((s) => s.ino)
        .catch(() => undefined),
    ),
  );
  const at = inodes.indexOf(inode);
  if (at < 0) return true;
  for (const [i, name] of rotated.slice(at).entries()) {
    const { more } = await readFrom(name, i === 0 ? position : 0, emit).catch(() => ({ more: true }));
    if (!more) return false;
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
