// Headers of a tar archive as GNU tar writes them, which tar in containers understands, however small: names as bytes of any
// length (`L`, `K`), numbers of any size in base 256. tar-stream, which reads archives here, cannot write these: it says such names
// in PAX, which older busyboxes pass over, and which holds no name that is not UTF-8. Does not read archives. Example: a name of
// 150 bytes is `././@LongLink` of type L, the name in a block, then its own header with the first 100 bytes.

export const blockBytes = 512;

export type EntryType = 'file' | 'directory' | 'symlink';

export interface EntryHeader {
  type: EntryType;
  /** A byte name; folders end in a slash. */
  name: string;
  /** A byte name. */
  linkName?: string;
  /** Permission bits. */
  mode: number;
  uid: number;
  gid: number;
  size: number;
  /** Whole seconds. */
  mtime: number;
}

const flags: Record<EntryType, string> = { file: '0', directory: '5', symlink: '2' };
const nameMax = 100;

/** All blocks that come before an entry's data. */
export function encodeHeader(header: EntryHeader): Buffer {
  const blocks: Buffer[] = [];
  if (header.linkName !== undefined && header.linkName.length > nameMax) blocks.push(...long('K', header.linkName));
  if (header.name.length > nameMax) blocks.push(...long('L', header.name));
  blocks.push(block(header, flags[header.type]));
  return Buffer.concat(blocks);
}

/** What fills up the last block of `size` bytes. */
export const paddingOf = (size: number): number => (blockBytes - (size % blockBytes)) % blockBytes;

/** What an archive ends with. */
export const endOfArchive = (): Buffer => Buffer.alloc(2 * blockBytes);

function long(flag: 'K' | 'L', name: string): Buffer[] {
  const data = Buffer.from(`${name}\0`, 'latin1');
  const header = { type: 'file', name: '././@LongLink', mode: 0, uid: 0, gid: 0, size: data.length, mtime: 0 } as const;
  return [block(header, flag), data, Buffer.alloc(paddingOf(data.length))];
}

function block(header: EntryHeader, flag: string): Buffer {
  const bytes = Buffer.alloc(blockBytes);
  bytes.write(header.name.slice(0, nameMax), 0, 'latin1');
  number(bytes, 100, 8, header.mode & 0o7777);
  number(bytes, 108, 8, header.uid);
  number(bytes, 116, 8, header.gid);
  number(bytes, 124, 12, header.size);
  number(bytes, 136, 12, header.mtime);
  // The sum is taken with blanks in its own place.
  bytes.fill(' ', 148, 156);
  bytes.write(flag, 156, 'latin1');
  bytes.write((header.linkName ?? '').slice(0, nameMax), 157, 'latin1');
  bytes.write('ustar  \0', 257, 'latin1');
  let sum = 0;
  for (const byte of bytes) sum += byte;
  bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return bytes;
}

/** Octal where it fits, else base 256: two's complement of which the first byte has its high bit set. */
function number(bytes: Buffer, at: number, length: number, value: number): void {
  const octal = value.toString(8);
  if (value >= 0 && octal.length < length) {
    bytes.write(`${octal.padStart(length - 1, '0')}\0`, at, 'latin1');
    return;
  }
  let rest = BigInt(Math.trunc(value));
  for (let i = length - 1; i >= 0; i--) {
    bytes[at + i] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  bytes[at]! |= 0x80;
}
