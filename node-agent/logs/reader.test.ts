import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type LogOptions, type Place, readLog, tailOf } from './reader.ts';

let directory: string;
let file: string;
beforeEach(async () => {
  directory = await fs.mkdtemp(path.join(os.tmpdir(), 'log-'));
  file = path.join(directory, '0.log');
});
afterEach(() => fs.rm(directory, { recursive: true }));

const line = (second: number, text: string, tag = 'F', stream = 'stdout'): string =>
  `2026-01-01T00:00:${String(second).padStart(2, '0')}.000000000Z ${stream} ${tag} ${text}\n`;

async function read(options: LogOptions): Promise<string> {
  const parts: Buffer[] = [];
  await readLog(file, options, (data) => parts.push(Buffer.from(data)) > 0);
  return Buffer.concat(parts).toString();
}

test('options', async () => {
  await fs.writeFile(
    file,
    line(1, 'one') + line(2, 'par', 'P') + line(2, 'tial') + line(3, '', 'F', 'stderr') + line(4, 'four'),
  );
  expect(await read({})).toBe('one\npartial\n\nfour\n');
  expect(await read({ tailLines: 1 })).toBe('four\n');
  expect(await read({ tailLines: 0 })).toBe('');
  expect(await read({ tailLines: 99 })).toBe('one\npartial\n\nfour\n');
  expect(await read({ sinceMs: Date.parse('2026-01-01T00:00:03Z') })).toBe('\nfour\n');
  expect(await read({ limitBytes: 6 })).toBe('one\npa');
  expect(await read({ tailLines: 1, timestamps: true })).toBe('2026-01-01T00:00:04.000000000Z four\n');
  expect(await tailOf(file, 1, 3)).toBe('ur\n');
});

test('rotated files come first', async () => {
  await fs.writeFile(`${file}.20260101-000000`, line(1, 'old'));
  await fs.writeFile(file, line(2, 'new'));
  expect(await read({})).toBe('old\nnew\n');
  expect(await read({ tailLines: 2 })).toBe('old\nnew\n');
  expect(await read({ tailLines: 1 })).toBe('new\n');
});

test('follows over appends and rotation until the container has ended', async () => {
  await fs.writeFile(file, line(1, 'a'));
  let over = false;
  let text = '';
  const done = readLog(
    file,
    {},
    (data) => {
      text += data.toString();
      return true;
    },
    {
      finished: () => over,
      signal: new AbortController().signal,
    },
  );
  const until = async (wanted: string): Promise<void> => {
    for (let i = 0; i < 200 && text !== wanted; i++) await new Promise((r) => setTimeout(r, 20));
    expect(text).toBe(wanted);
  };
  await until('a\n');
  await fs.appendFile(file, line(2, 'b'));
  await until('a\nb\n');
  await fs.rename(file, `${file}.20260101-000000`);
  await fs.writeFile(file, line(3, 'c'));
  await until('a\nb\nc\n');
  // What a container has written is there before anybody hears that it has ended.
  await fs.appendFile(file, line(4, 'd'));
  over = true;
  await done;
  expect(text).toBe('a\nb\nc\nd\n');
});

test('what was written just before a rotation, or in files that came and went since the last look, is not lost', async () => {
  await fs.writeFile(file, line(1, 'a'));
  let over = false;
  let text = '';
  let slow: (() => void) | undefined;
  const done = readLog(
    file,
    {},
    async (data) => {
      text += data.toString();
      if (text === 'a\n') await new Promise<void>((resolve) => (slow = resolve));
      return true;
    },
    { finished: () => over, signal: new AbortController().signal },
  );
  while (!slow) await new Promise((r) => setTimeout(r, 5));
  await fs.appendFile(file, line(2, 'b'));
  await fs.rename(file, `${file}.20260101-000000`);
  await fs.writeFile(file, line(3, 'c'));
  await fs.rename(file, `${file}.20260101-000010`);
  await fs.writeFile(file, line(4, 'd'));
  over = true;
  slow();
  await done;
  expect(text).toBe('a\nb\nc\nd\n');
});

test('a line that was written in parts has one time', async () => {
  await fs.writeFile(file, line(1, 'par', 'P') + line(2, 'tial') + line(3, 'next'));
  expect(await read({ timestamps: true })).toBe(
    '2026-01-01T00:00:01.000000000Z partial\n2026-01-01T00:00:03.000000000Z next\n',
  );
});

test('a reader that goes away ends the reading', async () => {
  await fs.writeFile(file, line(1, 'a') + line(2, 'b'));
  let count = 0;
  await readLog(file, {}, () => ++count < 1);
  expect(count).toBe(1);
});

test('times have nine digits, of whichever zone they are', async () => {
  const times = ['2026-01-01T00:00:01Z', '2026-01-01T00:00:02.12Z', '2026-01-01T01:00:03.123456789+01:00'];
  await fs.writeFile(file, times.map((t) => `${t} stdout F x\n`).join(''));
  expect(await read({ timestamps: true })).toBe(
    '2026-01-01T00:00:01.000000000Z x\n2026-01-01T00:00:02.120000000Z x\n2026-01-01T01:00:03.123456789+01:00 x\n',
  );
  expect(await read({ timestamps: true, sinceMs: Date.parse('2026-01-01T00:00:02.5Z') })).toBe(
    '2026-01-01T01:00:03.123456789+01:00 x\n',
  );
  await fs.writeFile(file, '2026-01-01T01:00:03.1234+01:00 stdout F as long as one of nine digits\n');
  expect(await read({ timestamps: true })).toBe('2026-01-01T01:00:03.123400000+01:00 as long as one of nine digits\n');
});

test('of a line in parts, the tail counts each', async () => {
  await fs.writeFile(
    file,
    line(1, 'a') + line(2, 'one ', 'P') + line(2, 'two ', 'P') + line(2, 'three') + line(3, 'b'),
  );
  expect(await read({ tailLines: 2 })).toBe('three\nb\n');
  expect(await read({ tailLines: 4 })).toBe('one two three\nb\n');
  expect(await read({ tailLines: 3, timestamps: true })).toBe(
    '2026-01-01T00:00:02.000000000Z two three\n2026-01-01T00:00:03.000000000Z b\n',
  );
});

test('what is being written just now is neither shown nor counted', async () => {
  const half = line(3, 'half').slice(0, -3);
  await fs.writeFile(file, line(1, 'a') + line(2, 'b') + half);
  expect(await read({})).toBe('a\nb\n');
  expect(await read({ tailLines: 1 })).toBe('b\n');
  await fs.writeFile(file, half);
  expect(await read({ tailLines: 1 })).toBe('');
  await fs.writeFile(`${file}.20260101-000000`, line(1, 'a') + line(2, 'b'));
  expect(await read({ tailLines: 1 })).toBe('b\n');
});

test('the tail reaches over blocks and files, exactly', async () => {
  const long = (n: number): string => line(n % 60, `${n} ${'x'.repeat(300)}`);
  const all = Array.from({ length: 1000 }, (_, n) => long(n));
  await fs.writeFile(`${file}.20260101-000000`, all.slice(0, 300).join(''));
  await fs.writeFile(`${file}.20260101-000010`, all.slice(300, 310).join(''));
  await fs.writeFile(file, all.slice(310).join(''));
  for (const tailLines of [1, 2, 214, 215, 689, 690, 691, 699, 700, 701, 999, 1000, 1001]) {
    const numbers = [...(await read({ tailLines })).matchAll(/^\d+/gm)].map(Number);
    expect(numbers).toEqual(Array.from({ length: 1000 }, (_, n) => n).slice(-tailLines));
  }
});

test('since and a bound of bytes reach over files; what was compressed or is being made is left out', async () => {
  await fs.writeFile(`${file}.20260101-000000.gz`, Buffer.from([0x1f, 0x8b, 0x0a]));
  await fs.writeFile(`${file}.20260101-000001.tmp`, line(1, 'no'));
  await fs.writeFile(`${file}.20260101-000002`, line(2, 'a') + line(3, 'b'));
  await fs.writeFile(path.join(directory, '10.log'), line(9, 'another instance'));
  await fs.writeFile(file, line(4, 'c') + line(5, 'd'));
  const sinceMs = Date.parse('2026-01-01T00:00:03Z');
  expect(await read({ sinceMs })).toBe('b\nc\nd\n');
  expect(await read({ sinceMs, tailLines: 4 })).toBe('b\nc\nd\n');
  expect(await read({ sinceMs, limitBytes: 5 })).toBe('b\nc\nd');
  expect(await read({ limitBytes: 3, timestamps: true })).toBe('202');
  expect(await read({ sinceMs: Date.parse('2026-01-01T00:00:06Z') })).toBe('');
});

test('bytes are as they were written; what is no line of a log is left out', async () => {
  const bytes = Buffer.from([0xff, 0x00, 0x0d, 0x20, 0x20, 0xc3]);
  const head = Buffer.from('2026-01-01T00:00:01Z stdout F ');
  await fs.writeFile(
    file,
    Buffer.concat([Buffer.from('rubbish\n\n'), head, bytes, Buffer.from('\n2026-01-01T00:00:02Z stdout F\n')]),
  );
  const parts: Buffer[] = [];
  await readLog(file, {}, (data) => parts.push(Buffer.from(data)) > 0);
  expect(Buffer.concat(parts)).toEqual(Buffer.concat([bytes, Buffer.from('\n\n')]));
});

test('a file that is not there, or an empty one, is an empty log', async () => {
  expect(await read({})).toBe('');
  expect(await read({ tailLines: 3 })).toBe('');
  await fs.writeFile(file, '');
  expect(await read({ tailLines: 3 })).toBe('');
});

test('one of both streams', async () => {
  await fs.writeFile(
    file,
    line(1, 'out') + line(2, 'err', 'F', 'stderr') + line(3, 'par', 'P', 'stderr') + line(3, 'tial', 'F', 'stderr'),
  );
  expect(await read({ stream: 'stdout' })).toBe('out\n');
  expect(await read({ stream: 'stderr' })).toBe('err\npartial\n');
});

test('from every place that it gave out, it goes on without loss or repeat: over rotation, in the middle of a line, under a limit', async () => {
  const lines = Array.from({ length: 40_000 }, (_, i) =>
    line(i % 60, `${i} ${'x'.repeat(i % 97)}`, i % 5 === 0 ? 'P' : 'F'),
  );
  await fs.writeFile(`${file}.20260101-000000`, lines.slice(0, 9000).join(''));
  await fs.writeFile(`${file}.20260101-000010`, lines.slice(9000, 21_000).join(''));
  await fs.writeFile(file, lines.slice(21_000).join(''));
  for (const options of [
    {},
    { timestamps: true },
    { tailLines: 25_000 },
    { limitBytes: 1_234_567, timestamps: true },
  ]) {
    const whole = await read(options);
    const places: { place: Place; given: number }[] = [];
    let given = 0;
    const began = (place: Place): void => void places.push({ place, given: 0 });
    await readLog(file, { ...options, began }, (data, place) => {
      given += data.length;
      places.push({ place, given });
      return true;
    });
    expect(given).toBe(whole.length);
    expect(places.length).toBeGreaterThan(4);
    for (const { place, given } of places) expect(await read({ ...options, from: place })).toBe(whole.slice(given));
  }
});

test('a line that is longer than what is read at once', async () => {
  const long = 'y'.repeat(1_000_000);
  await fs.writeFile(file, line(1, 'a') + line(2, long) + line(3, 'b'));
  expect(await read({})).toBe(`a\n${long}\nb\n`);
});
