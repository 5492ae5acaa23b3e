// Reads one file out of a zip archive (stored or deflated; no encryption, no zip64).
import fs from 'node:fs';
import { inflateRawSync } from 'node:zlib';

/** The bytes of an entry, or undefined when the archive has none of that name. */
export function readZipEntry(file: string, name: string): Buffer | undefined {
  const handle = fs.openSync(file, 'r');
  try {
    const size = fs.fstatSync(handle).size;
    const at = (offset: number, length: number) => {
      const bytes = Buffer.alloc(length);
      fs.readSync(handle, bytes, 0, length, offset);
      return bytes;
    };
    // The end record is the last 22 bytes, unless a comment follows it.
    const tail = at(Math.max(0, size - 65_557), Math.min(size, 65_557));
    const end = tail.lastIndexOf(Buffer.from([0x50, 0x4b, 5, 6]));
    if (end < 0) throw new Error(`${file} is not a zip archive`);
    const directory = at(tail.readUInt32LE(end + 16), tail.readUInt32LE(end + 12));
    for (let p = 0; p < directory.length; ) {
      const nameLength = directory.readUInt16LE(p + 28);
      if (directory.toString('utf8', p + 46, p + 46 + nameLength) === name) {
        const method = directory.readUInt16LE(p + 10);
        const compressed = directory.readUInt32LE(p + 20);
        const local = directory.readUInt32LE(p + 42);
        const header = at(local, 30);
        const data = at(local + 30 + header.readUInt16LE(26) + header.readUInt16LE(28), compressed);
        return method === 0 ? data : inflateRawSync(data);
      }
      p += 46 + nameLength + directory.readUInt16LE(p + 30) + directory.readUInt16LE(p + 32);
    }
    return undefined;
  } finally {
    fs.closeSync(handle);
  }
}
