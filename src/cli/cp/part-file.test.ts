import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { byteName } from './names.ts';
import { PartFile } from './part-file.ts';

const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'tiffin-part-'));
afterAll(() => fs.rmSync(scratch, { recursive: true, force: true }));
let target = '';
beforeEach(() => {
  target = path.join(fs.mkdtempSync(path.join(scratch, 'in-')), 'file');
});

/** Whole, but its name is taken by a folder when it is to get it. */
async function unfinished(): Promise<PartFile> {
  const part = await PartFile.create(byteName(target));
  await part.write(Buffer.from('whole'));
  fs.mkdirSync(target);
  await expect(part.finish(0o644, undefined)).rejects.toThrow(/EISDIR|directory/);
  return part;
}

test('what could not get its name is left, and said to be', async () => {
  const part = await unfinished();
  expect(await part.abandon(true)).toEqual({ name: `${target}.part`, size: 5 });
  expect(fs.readFileSync(`${target}.part`, 'utf8')).toBe('whole');
});

test('what could not get its name goes where it is not to be kept', async () => {
  const part = await unfinished();
  expect(await part.abandon(false)).toBeUndefined();
  expect(fs.existsSync(`${target}.part`)).toBe(false);
});
