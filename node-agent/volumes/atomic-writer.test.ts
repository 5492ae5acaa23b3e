import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Payload, writeAtomically } from './atomic-writer.ts';

let directory: string;
beforeEach(async () => {
  directory = await fs.mkdtemp(path.join(os.tmpdir(), 'aw-'));
});
afterEach(() => fs.rm(directory, { recursive: true }));

const files = (map: Record<string, string>): Payload =>
  new Map(Object.entries(map).map(([k, v]) => [k, { data: Buffer.from(v), mode: 0o640 }]));
const text = (name: string): Promise<string> => fs.readFile(path.join(directory, name), 'utf8');

test('files appear, change together and go', async () => {
  expect(await writeAtomically(directory, files({ a: '1', 'd/e': '2' }), 0)).toBe(true);
  expect([await text('a'), await text('d/e')]).toEqual(['1', '2']);
  expect(await fs.readlink(path.join(directory, 'a'))).toBe('..data/a');
  expect((await fs.stat(path.join(directory, 'a'))).mode & 0o777).toBe(0o640);
  const first = await fs.readlink(path.join(directory, '..data'));
  expect(await writeAtomically(directory, files({ a: '1', 'd/e': '2' }), 1000)).toBe(false);
  expect(await fs.readlink(path.join(directory, '..data'))).toBe(first);
  expect(await writeAtomically(directory, files({ a: '3' }), 2000)).toBe(true);
  expect((await fs.readdir(directory)).toSorted()).toEqual(
    [await fs.readlink(path.join(directory, '..data')), '..data', 'a'].toSorted(),
  );
  expect(await text('a')).toBe('3');
});

test('paths that lead out are refused', async () => {
  for (const bad of ['../x', '/x', 'a/../../x', '..x'])
    await expect(writeAtomically(directory, files({ [bad]: '' }), 0)).rejects.toThrow('invalid path');
});
