import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import v8 from 'node:v8';
import vm from 'node:vm';
import fc from 'fast-check';
import * as tar from 'tar-stream';
import { afterAll, expect, test } from 'vitest';
import { byteName } from './names.ts';
import { encodeHeader, endOfArchive, paddingOf } from './tar-header.ts';
import { Unpacker } from './unpack.ts';

const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'tiffin-unpack-'));
afterAll(() => fs.rmSync(scratch, { recursive: true, force: true }));
let folders = 0;
v8.setFlagsFromString('--expose-gc');
const collect = vm.runInNewContext('gc') as () => void;

/** A destination `in`, beside a file that must stay as it is. */
function place() {
  const root = path.join(scratch, String(folders++));
  fs.mkdirSync(root);
  fs.writeFileSync(path.join(root, 'outside'), 'untouched');
  return { root, into: path.join(root, 'in') };
}

function unpacker(into: string, { preserve = true, base = 'x', file = into } = {}) {
  const said: string[] = [];
  const made = new Unpacker({
    folder: byteName(into),
    file: byteName(file),
    base,
    preserve,
    umask: 0o022,
    skipped: (m) => said.push(`skipped ${m}`),
    refused: (m) => said.push(`refused ${m}`),
    arrived: () => {},
    began: () => {},
  });
  return { made, said };
}

type Entry = Partial<tar.Header> & { name: string; body?: string | Buffer };

async function archiveOf(entries: readonly Entry[]): Promise<Buffer> {
  const pack = tar.pack();
  for (const { body, ...header } of entries) pack.entry(header, body ?? '');
  pack.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of pack) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

async function unpack(entries: readonly Entry[] | Buffer, into: string, options = {}) {
  const { made, said } = unpacker(into, options);
  const archive = Buffer.isBuffer(entries) ? entries : await archiveOf(entries);
  try {
    for (let at = 0; at < archive.length; at += 700) await made.write(archive.subarray(at, at + 700));
    await made.end();
  } catch (error) {
    await made.abandon(true);
    throw error;
  }
  return { said, files: made.files };
}

function contents(at: string): Record<string, string> {
  const all: Record<string, string> = {};
  for (const entry of fs.readdirSync(at, { recursive: true, withFileTypes: true })) {
    const full = path.join(entry.parentPath, entry.name);
    all[path.relative(at, full)] = entry.isFile() ? fs.readFileSync(full, 'utf8') : entry.isDirectory() ? '/' : '?';
  }
  return all;
}

test('files and folders with their permissions and times, but no set-user-id', async () => {
  const { into } = place();
  const mtime = new Date(1_234_567_890_000);
  const { said, files } = await unpack(
    [
      { name: 'x/', type: 'directory', mode: 0o750, mtime },
      { name: 'x/closed/', type: 'directory', mode: 0o2555, mtime },
      { name: 'x/closed/a b', mode: 0o6755, mtime, body: 'one' },
      { name: './x/grüße', mode: 0o666, mtime, body: '' },
    ],
    into,
  );
  expect({ said, files }).toEqual({ said: [], files: 2 });
  const mode = (name: string) => (fs.statSync(path.join(into, name)).mode & 0o7777).toString(8);
  expect(['', 'closed', 'closed/a b', 'grüße'].map(mode)).toEqual(['750', '555', '755', '644']);
  for (const name of ['', 'closed', 'closed/a b']) expect(fs.statSync(path.join(into, name)).mtimeMs).toBe(+mtime);
  expect(contents(into)).toEqual({ closed: '/', 'closed/a b': 'one', grüße: '' });
});

test('without preserving: what the umask leaves, and now', async () => {
  const { into } = place();
  await unpack([{ name: 'x/a', mode: 0o700, mtime: new Date(0), body: 'one' }], into, { preserve: false });
  const stat = fs.statSync(path.join(into, 'a'));
  expect(stat.mode & 0o777).toBe(0o644);
  expect(Date.now() - stat.mtimeMs).toBeLessThan(60_000);
});

test.each<[string, Entry[]]>([
  ['up', [{ name: '../outside', body: 'evil' }]],
  ['up from within', [{ name: 'x/a/../../../outside', body: 'evil' }]],
  ['from the root', [{ name: '/tmp/evil', body: 'evil' }]],
  ['not asked for', [{ name: 'y/a', body: 'evil' }]],
  ['a prefix only', [{ name: 'xy', body: 'evil' }]],
  [
    'through a symbolic link of its own',
    [
      { name: 'x/link', type: 'symlink', linkname: '..' },
      { name: 'x/link/outside', body: 'evil' },
    ],
  ],
  [
    'through a symbolic link that has the name of a file',
    [
      { name: 'x', type: 'symlink', linkname: '../outside' },
      { name: 'x', body: 'evil' },
    ],
  ],
  [
    'through a hard link',
    [
      { name: 'x/hard', type: 'link', linkname: '../outside' },
      { name: 'x/hard', body: 'evil' },
    ],
  ],
  ['a hard link to what is elsewhere', [{ name: 'x/hard', type: 'link', linkname: '/etc/passwd' }]],
  ['a device', [{ name: 'x/dev', type: 'character-device', devmajor: 1, devminor: 3 }]],
  ['a block device', [{ name: 'x/dev', type: 'block-device', devmajor: 8, devminor: 0 }]],
  ['a pipe', [{ name: 'x/fifo', type: 'fifo' }]],
  ['a long name', [{ name: `x/${'n'.repeat(300)}`, body: 'evil' }]],
  ['a deep one', [{ name: `x/${'d/'.repeat(4000)}f`, body: 'evil' }]],
])('%s: nothing outside, nothing but files and folders', async (_, entries) => {
  const { root, into } = place();
  await unpack([...entries, { name: 'x/good', body: 'good' }], into).catch(() => {});
  const all = contents(root);
  expect(all.outside).toBe('untouched');
  const { outside, in: folder, ...rest } = all;
  expect(Object.keys(rest).every((name) => name.startsWith('in/'))).toBe(true);
  expect(Object.values(all)).not.toContain('?');
  expect(fs.statSync(path.join(root, 'outside')).nlink).toBe(1);
  if (entries[0]!.name !== 'x') expect(all['in/good']).toBe('good');
});

test('what was there is not written through, nor replaced unless it is a file', async () => {
  const { root, into } = place();
  fs.mkdirSync(path.join(into, 'folder'), { recursive: true });
  fs.symlinkSync(root, path.join(into, 'up'));
  fs.symlinkSync('../outside', path.join(into, 'link'));
  fs.linkSync(path.join(root, 'outside'), path.join(into, 'hard'));
  const entries = ['up/outside', 'link', 'hard', 'folder'].map((name) => ({ name: `x/${name}`, body: 'new' }));
  const { said } = await unpack(entries, into);
  expect(said).toEqual([
    expect.stringMatching(/^refused x\/up\/outside: .*up is a symbolic link$/),
    expect.stringMatching(/^refused x\/link: .*link is a symbolic link$/),
    expect.stringMatching(/^refused x\/folder: .*no regular file$/),
  ]);
  expect(fs.readFileSync(path.join(root, 'outside'), 'utf8')).toBe('untouched');
  expect(fs.readFileSync(path.join(into, 'hard'), 'utf8')).toBe('new');
  expect(fs.readlinkSync(path.join(into, 'link'))).toBe('../outside');
});

test('a folder that was there keeps its permissions', async () => {
  const { into } = place();
  fs.mkdirSync(into);
  fs.chmodSync(into, 0o711);
  await unpack(
    [
      { name: 'x/', type: 'directory', mode: 0o777 },
      { name: 'x/a', body: '' },
    ],
    into,
  );
  expect(fs.statSync(into).mode & 0o777).toBe(0o711);
});

test('a hard link inside is one', async () => {
  const { into } = place();
  const { said } = await unpack(
    [
      { name: 'x/a', body: 'one' },
      { name: 'x/b', type: 'link', linkname: 'x/a' },
      { name: 'x/c', type: 'link', linkname: 'x/never' },
    ],
    into,
  );
  expect(said).toEqual([expect.stringContaining('refused x/c')]);
  expect(fs.statSync(path.join(into, 'a')).ino).toBe(fs.statSync(path.join(into, 'b')).ino);
});

test('cut short anywhere: no file has its name and not its bytes; what there is, is kept as such', async () => {
  const body = (n: number) => String(n).repeat(3000);
  const archive = await archiveOf([1, 2, 3].map((n) => ({ name: `x/${n}`, body: body(n) })));
  let kept = 0;
  for (let cut = 1; cut < archive.length - 1024; cut += 311) {
    const { into } = place();
    const { made } = unpacker(into);
    await made.write(archive.subarray(0, cut));
    // What has been taken is written before anybody hears of the end.
    if (cut % 2) await made.end().catch(() => {});
    else await delay(5);
    const left = await made.abandon(true);
    const there = fs.existsSync(into) ? contents(into) : {};
    for (const [name, text] of Object.entries(there)) {
      const n = Number(name[0]);
      if (name.endsWith('.part')) {
        expect(left).toEqual({ name: path.join(into, name), size: text.length });
        expect(body(n).startsWith(text)).toBe(true);
        kept++;
      } else expect(text).toBe(body(n));
    }
    expect(made.files).toBe(Object.keys(there).filter((name) => !name.endsWith('.part')).length);
  }
  expect(kept).toBeGreaterThan(5);
});

test('a part that was left before is not written over', async () => {
  const { into } = place();
  fs.mkdirSync(into);
  fs.writeFileSync(path.join(into, 'a.part'), 'mine');
  await unpack([{ name: 'x/a', body: 'new' }], into);
  expect(contents(into)).toEqual({ a: 'new', 'a.part': 'mine' });
});

test('wrong sizes, sums and garbage end it with an error; nothing hangs', async () => {
  const header = encodeHeader({ type: 'file', name: 'x/a', mode: 0o644, uid: 0, gid: 0, size: 1e15, mtime: 0 });
  const negative = Buffer.from(header);
  negative.fill(0xff, 124, 136);
  const wrongSum = Buffer.from(header);
  wrongSum[0] = 0x79;
  for (const bytes of [header, negative, wrongSum, Buffer.alloc(3000, 0x41), Buffer.from('x')]) {
    const { into } = place();
    await expect(unpack(bytes, into)).rejects.toThrow();
  }
});

test('a folder that claims to have a size', async () => {
  const { into } = place();
  const folder = encodeHeader({ type: 'directory', name: 'x/', mode: 0o755, uid: 0, gid: 0, size: 5000, mtime: 0 });
  const file = encodeHeader({ type: 'file', name: 'x/a', mode: 0o644, uid: 0, gid: 0, size: 3, mtime: 0 });
  const { files } = await unpack(
    Buffer.concat([folder, file, Buffer.from('one'), Buffer.alloc(509), endOfArchive()]),
    into,
  );
  expect(files).toBe(1);
});

test('very many entries, and very many of them refused, take no memory', async () => {
  const { into } = place();
  let refused = 0;
  const made = new Unpacker({
    ...{ folder: byteName(into), file: byteName(into), base: 'x', preserve: true, umask: 0 },
    skipped: () => {},
    refused: () => refused++,
    arrived: () => {},
    began: () => {},
  });
  const one = encodeHeader({ type: 'file', name: '../x', mode: 0o644, uid: 0, gid: 0, size: 0, mtime: 0 });
  const many = Buffer.concat(Array.from({ length: 200 }, () => one));
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < 250; i++) await made.write(many);
  await made.write(endOfArchive());
  await made.end();
  expect(refused).toBe(50_000);
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(100e6);
});

/** A header of any kind and size, whatever it says. */
function header(flag: string, name: string, size = 0): Buffer {
  const block = encodeHeader({ type: 'file', name, mode: 0o644, uid: 0, gid: 0, size, mtime: 0 });
  block.write(flag, 156, 'latin1');
  block.fill(' ', 148, 156);
  const sum = block.reduce((all, byte) => all + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}
const filled = (data: Buffer): Buffer => Buffer.concat([data, Buffer.alloc(paddingOf(data.length))]);
const entry = (flag: string, name: string, data: string | Buffer): Buffer =>
  Buffer.concat([header(flag, name, Buffer.byteLength(data)), filled(Buffer.from(data))]);
const pax = (records: Record<string, string>, flag = 'x'): Buffer =>
  entry(
    flag,
    'pax',
    Object.entries(records)
      .map(([key, value]) => {
        const rest = ` ${key}=${value}\n`;
        const length = Buffer.byteLength(rest) + 3;
        return `${String(length).padStart(3, '0')}${rest}`;
      })
      .join(''),
  );
const evil = entry('0', 'x/evil', 'evil');

test.each<[string, Buffer[], string | RegExp]>([
  ['a PAX name that leads out', [pax({ path: '../outside' }), evil], 'leads out of the destination'],
  [
    'a PAX name for all that leads out',
    [pax({ path: '../outside' }, 'g'), pax({ comment: 'none' }), evil],
    'leads out',
  ],
  ['a PAX name from the root', [pax({ path: '/outside' }), evil], 'begins at the root'],
  ['a PAX name with a zero byte', [pax({ path: 'x/a\0b' }), evil], 'a zero byte'],
  ['a GNU name that leads out', [entry('L', '././@LongLink', 'x/../../outside\0'), evil], 'leads out'],
  ['a PAX name of a link', [pax({ linkpath: '/etc/passwd' }), header('1', 'x/evil')], 'begins at the root'],
  ['a GNU name of a link', [entry('K', '././@LongLink', 'x/../../outside\0'), header('1', 'x/evil')], 'leads out'],
  ['a hard link to a folder', [header('5', 'x/d/'), entry('1', 'x/evil', '')], /refused x\/evil/],
  ['a PAX sparse file', [pax({ 'GNU.sparse.major': '1', 'GNU.sparse.realsize': '9' }), evil], 'a sparse file'],
  ['a GNU sparse file', [entry('S', 'x/evil', 'evil')], 'a thing of an unknown kind'],
  ['an unknown kind', [entry('V', 'x/evil', 'evil')], 'a thing of an unknown kind'],
  ['a device with data', [entry('3', 'x/evil', 'evil')], 'a character-device'],
])('%s: refused, and what comes behind it is not', async (_name, blocks, why) => {
  const { root, into } = place();
  const good = [pax({ path: 'x/good' }), entry('0', 'x/any', 'good')];
  const { said } = await unpack(Buffer.concat([...blocks, ...good, endOfArchive()]), into);
  expect(said).toEqual([expect.stringMatching(why)]);
  const { 'in/d': _, ...all } = contents(root);
  expect(all).toEqual({ outside: 'untouched', in: '/', 'in/good': 'good' });
});

test.each<[string, Buffer[], RegExp]>([
  ['a negative PAX size', [pax({ size: '-1' }), evil], /^what tar sent is no archive: /],
  ['a PAX size that is no number', [pax({ size: 'x' }), evil], /^what tar sent is no archive: /],
  ['a PAX size without an end', [pax({ size: '9'.repeat(400) }), evil], /^the archive ended within a file$/],
  ['a negative size', [header('0', 'x/evil', -512)], /^what tar sent is no archive: /],
  ['a size of much more than there is', [header('0', 'x/evil', 2 ** 62), evil], /^the archive ended within a file$/],
  ['a PAX header of gigabytes', [header('x', 'pax', 2 ** 32)], /^what tar sent is no archive: /],
  ['a GNU name of gigabytes', [header('L', '././@LongLink', 2 ** 32)], /^what tar sent is no archive: /],
  [
    'a GNU name of less than nothing',
    [header('L', '././@LongLink', -512), evil.subarray(0, 514)],
    /^the archive ended/,
  ],
  ['a PAX header that does not end', [header('x', 'pax', 2000), evil], /^the archive ended early$/],
  ['text', [Buffer.from('tar: command not found\n'.repeat(100))], /^what tar sent is no archive: /],
])('%s: ends the archive with an error', async (_, blocks, why) => {
  const { root, into } = place();
  await expect(unpack(Buffer.concat(blocks), into)).rejects.toThrow(why);
  const all = Object.keys(contents(root)).filter((name) => name !== 'in/evil.part');
  expect(all.every((name) => name === 'outside' || name === 'in')).toBe(true);
});

test('a name of megabytes is not shown whole', async () => {
  const { into } = place();
  const long = `${'n'.repeat(3e6)}\0`;
  const archive = [
    ...[entry('L', '././@LongLink', `x/${long}`), evil],
    ...[entry('K', '././@LongLink', long), header('2', 'x/link'), endOfArchive()],
  ];
  const { said } = await unpack(Buffer.concat(archive), into);
  expect(said.map((message) => message.slice(0, 12))).toEqual(['refused x/nn', 'skipped x/li']);
  for (const message of said) expect(message.length).toBeLessThan(500);
});

test.each<[string, Buffer]>([
  ['PAX headers', entry('x', 'pax', Buffer.alloc(4 << 20, `100 k=${'v'.repeat(93)}\n`))],
  ['PAX headers for all', entry('g', 'pax', Buffer.alloc(4 << 20, `100 k=${'v'.repeat(93)}\n`))],
  ['names', entry('L', '././@LongLink', Buffer.alloc(4 << 20, 'n'))],
  ['empty blocks', Buffer.alloc(4 << 20)],
])('%s without an end, and never a file: nothing of them stays', async (_, one) => {
  const { into } = place();
  const { made } = unpacker(into);
  const used = () => {
    collect();
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
  await made.write(one);
  const before = used();
  for (let i = 0; i < 15; i++) await made.write(one);
  expect(used() - before).toBeLessThan(20e6);
  expect(made.entries).toBe(0);
  await made.abandon(false);
});

test('any archive: nothing is written outside, and all that is whole is there', async () => {
  const name = fc.constantFrom(
    'x',
    'x/a',
    'x/a/b',
    'x/../y',
    '../outside',
    '/x',
    'x/a/c',
    'x/b',
    'x/b/a',
    'y',
    '.',
    '..',
  );
  const type = fc.constantFrom('file', 'directory', 'symlink', 'link', 'fifo', 'character-device') as fc.Arbitrary<
    'file' | 'directory'
  >;
  const anyEntry = fc.record({
    name,
    type,
    linkname: name,
    mode: fc.integer({ min: 0, max: 0o7777 }),
    body: fc.string(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(anyEntry, { maxLength: 12 }), async (entries) => {
      const { root, into } = place();
      const archive = await archiveOf(
        entries.map(({ body, ...header }) => ({ ...header, body: header.type === 'file' ? body : '' })),
      );
      await unpack(archive, into);
      const all = contents(root);
      expect(all.outside).toBe('untouched');
      expect(Object.keys(all).every((at) => /^(outside|in(\/.*)?)$/.test(at))).toBe(true);
      expect(Object.values(all)).not.toContain('?');
      expect(Object.keys(all).some((at) => at.endsWith('.part'))).toBe(false);
    }),
    { numRuns: 200 },
  );
});

test('any bytes: an error or nothing, and nothing outside', async () => {
  const valid = await archiveOf([
    { name: 'x/', type: 'directory' },
    { name: 'x/a', body: 'one'.repeat(300) },
    { name: 'x/grüße', body: 'two' },
  ]);
  const flip = fc.record({ at: fc.nat(valid.length - 1), to: fc.nat(255) });
  await fc.assert(
    fc.asyncProperty(fc.array(flip, { maxLength: 8 }), fc.nat(valid.length), async (flips, length) => {
      const { root, into } = place();
      const bytes = Buffer.from(valid.subarray(0, length));
      for (const { at, to } of flips) if (at < length) bytes[at] = to;
      await unpack(bytes, into).catch(() => {});
      expect(contents(root).outside).toBe('untouched');
    }),
    { numRuns: 200 },
  );
});

test('sizes are of the data', () => {
  expect([0, 1, 511, 512, 513].map(paddingOf)).toEqual([0, 511, 1, 0, 511]);
});
