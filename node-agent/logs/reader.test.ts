import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type LogOptions, readLog, tailOf } from './reader.ts';

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
  over = true;
  await fs.appendFile(file, line(4, 'd'));
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
