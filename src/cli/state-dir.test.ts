import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { down } from './commands/down.ts';
import { statePaths } from './paths.ts';
import { writeSettings } from './settings.ts';
import { foreignEntries, makeStateDir, removeStateDir } from './state-dir.ts';

const base = fs.mkdtempSync(path.join(os.tmpdir(), 'tiffin-state-'));
afterAll(() => fs.rmSync(base, { recursive: true, force: true }));
const settings = { instance: 63, port: 6443, listen: '127.0.0.1', nodes: 0, simulatedNodes: 0 };

test('is made where nothing is, twice as well as once, and goes completely', () => {
  const paths = statePaths(path.join(base, 'a/b'));
  makeStateDir(paths);
  makeStateDir(paths);
  expect(fs.readFileSync(path.join(paths.dir, '.gitignore'), 'utf8')).toBe('*\n');
  expect(foreignEntries(paths)).toEqual([]);
  expect(removeStateDir(paths)).toEqual([]);
  expect(fs.existsSync(paths.dir)).toBe(false);
});

test.runIf(process.platform === 'linux')('is refused where it cannot be, instead of tried for ever', () => {
  expect(() => makeStateDir(statePaths('/proc/nope/below'))).toThrow(/cannot make \/proc\/nope: ENOENT/);
  expect(() => statePaths('')).toThrow(/empty/);
});

test('is not made among the things of somebody else, nor are those purged', async () => {
  const paths = statePaths(path.join(base, 'project'));
  fs.mkdirSync(path.join(paths.dir, 'src'), { recursive: true });
  fs.mkdirSync(paths.logs);
  expect(() => makeStateDir(paths)).toThrow(/holds other things/);
  await expect(down({ stateDir: paths.dir, purge: true })).rejects.toThrow(/not a state directory/);
  expect(fs.readdirSync(paths.dir)).toEqual(['logs', 'src']);
});

test('whatever was put beside the state later outlives it', () => {
  const paths = statePaths(path.join(base, 'shared'));
  makeStateDir(paths);
  writeSettings(paths, settings);
  fs.writeFileSync(path.join(paths.dir, 'notes.txt'), 'mine');
  makeStateDir(paths);
  expect(removeStateDir(paths)).toEqual(['notes.txt']);
  expect(fs.readdirSync(paths.dir)).toEqual(['notes.txt']);
});
