import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import type * as tar from 'tar-stream';
import { afterAll, expect, test } from 'vitest';
import { byteName, nameBytes } from './names.ts';
import { measure, pack } from './pack.ts';
import { type EntryHeader, encodeHeader, endOfArchive } from './tar-header.ts';
import { openArchive } from './unpack.ts';

const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'tiffin-pack-'));
afterAll(() => fs.rmSync(scratch, { recursive: true, force: true }));
let folders = 0;
function folder(): string {
  const made = path.join(scratch, String(folders++));
  fs.mkdirSync(made);
  return made;
}

async function packed(source: string, as = 'x', warnings: string[] = []): Promise<Buffer> {
  const pieces: Buffer[] = [];
  const options = {
    source: byteName(source),
    as,
    pieceBytes: 1000,
    headroom: 3,
    warn: (w: string) => warnings.push(w),
  };
  for await (const { piece } of pack(options)) pieces.push(piece.subarray(3));
  return Buffer.concat(pieces);
}

async function headersOf(archive: Buffer): Promise<tar.Header[]> {
  const headers: tar.Header[] = [];
  const extract = openArchive();
  extract.end(archive);
  for await (const entry of extract) {
    headers.push(entry.header);
    entry.resume();
  }
  return headers;
}

/** With everything that a name can be. */
function tree(): string {
  const root = folder();
  const write = (name: string, body: string | Buffer, mode = 0o644) => {
    fs.mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
    fs.writeFileSync(path.join(root, name), body);
    fs.chmodSync(path.join(root, name), mode);
    fs.utimesSync(path.join(root, name), 1_000_000_000, 1_100_000_000);
  };
  write('a file', 'one');
  write('-rf', 'dash');
  write('new\nline', 'two');
  write('grüße/😀', 'three', 0o755);
  write(`${'d'.repeat(120)}/${'f'.repeat(200)}`, Buffer.alloc(12_345, 7), 0o600);
  write('empty', '');
  fs.mkdirSync(path.join(root, 'hollow/inner'), { recursive: true });
  fs.chmodSync(path.join(root, 'hollow'), 0o700);
  fs.symlinkSync('a file', path.join(root, 'link'));
  fs.symlinkSync(`nowhere/${'l'.repeat(150)}`, path.join(root, 'far'));
  fs.writeFileSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0xff, 0xfe, 0x41])]), 'no text');
  return root;
}

/** Paths as byte names, with what matters of each. */
function listing(root: string): string[] {
  const found: string[] = [];
  const visit = (at: string) => {
    const stat = fs.lstatSync(nameBytes(at));
    const what = stat.isDirectory()
      ? 'folder'
      : stat.isSymbolicLink()
        ? `to ${fs.readlinkSync(nameBytes(at))}`
        : `${fs.readFileSync(nameBytes(at)).toString('hex')} ${Math.floor(stat.mtimeMs / 1000)}`;
    found.push(
      `${at.slice(byteName(root).length)} ${stat.isSymbolicLink() ? '' : (stat.mode & 0o777).toString(8)} ${what}`,
    );
    if (!stat.isDirectory()) return;
    for (const name of fs.readdirSync(nameBytes(at), 'latin1').sort()) visit(`${at}/${name}`);
  };
  visit(byteName(root));
  return found;
}

test.each([
  ['tar', []],
  ['busybox', ['tar']],
])('%s unpacks what is packed', async (program, first) => {
  const [from, to] = [tree(), folder()];
  const warnings: string[] = [];
  const archive = await packed(from, 'x', warnings);
  expect(warnings).toEqual([]);
  execFileSync(program, [...first, '-x', '-p', '-f', '-', '-C', to], { input: archive });
  expect(listing(path.join(to, 'x'))).toEqual(listing(from));
});

test('what is no file is left out and said; what cannot be read too', async () => {
  const root = folder();
  execFileSync('mkfifo', [path.join(root, 'pipe')]);
  fs.writeFileSync(path.join(root, 'file'), 'x');
  const warnings: string[] = [];
  const names = (await headersOf(await packed(root, 'x', warnings))).map((h) => h.name);
  expect(names).toEqual(['x/', 'x/file']);
  expect(warnings).toEqual([expect.stringContaining('pipe: neither file, folder nor symbolic link')]);
  expect(measure(byteName(root))).toEqual({ bytes: 1, files: 1 });
});

test('a file that changes while it is read keeps its size in the archive', async () => {
  for (const change of [10, 50_000]) {
    const root = folder();
    const file = path.join(root, 'log');
    fs.writeFileSync(file, Buffer.alloc(20_000, 1));
    const warnings: string[] = [];
    const pieces: Buffer[] = [];
    const options = {
      source: byteName(file),
      as: 'log',
      pieceBytes: 512,
      headroom: 0,
      warn: (w: string) => warnings.push(w),
    };
    for await (const { piece } of pack(options)) {
      pieces.push(piece);
      if (pieces.length === 3) fs.truncateSync(file, change);
    }
    const [header] = await headersOf(Buffer.concat(pieces));
    expect(header).toMatchObject({ name: 'log', size: 20_000 });
    expect(warnings).toEqual([expect.stringMatching(change < 20_000 ? /became shorter/ : /became longer/)]);
  }
});

test('headers hold any name and number', async () => {
  const name = fc
    .string({ unit: 'binary', minLength: 1, maxLength: 300 })
    .map((text) => Buffer.from(text).toString('latin1').replaceAll('\0', 'x').replace(/\/+$/, 'y'));
  const header = fc.record({
    name,
    linkName: name,
    mode: fc.integer({ min: 0, max: 0o7777 }),
    uid: fc.integer({ min: 0, max: 2 ** 32 - 2 }),
    gid: fc.integer({ min: 0, max: 2 ** 32 - 2 }),
    mtime: fc.integer({ min: 0, max: 2 ** 36 }),
  });
  await fc.assert(
    fc.asyncProperty(header, async (fields) => {
      const entry: EntryHeader = { ...fields, type: 'symlink', size: 0 };
      const [read] = await headersOf(Buffer.concat([encodeHeader(entry), endOfArchive()]));
      const { name, linkname, mode, uid, gid, mtime } = read!;
      expect({ name, linkName: linkname, mode, uid, gid, mtime: mtime.getTime() / 1000 }).toEqual(fields);
    }),
  );
});

test('a size beyond 8 GiB is there', async () => {
  const size = 12 * 2 ** 30 + 5;
  const header: EntryHeader = { type: 'file', name: 'huge', mode: 0o644, uid: 0, gid: 0, size, mtime: 0 };
  const read = await new Promise<tar.Header>((resolve) => {
    const extract = openArchive();
    extract.on('entry', resolve);
    extract.write(encodeHeader(header));
  });
  expect(read.size).toBe(size);
  const listed = (program: string, ...first: string[]) => {
    // It is no whole archive, which each says in its own way.
    try {
      return execFileSync(program, [...first, '-tvf', '-'], { input: encodeHeader(header), stdio: 'pipe' }).toString();
    } catch (error) {
      return String((error as { stdout: Buffer }).stdout);
    }
  };
  expect(listed('tar')).toContain(String(size));
  expect(listed('busybox', 'tar')).toContain(String(size));
});
