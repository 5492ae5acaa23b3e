import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeEach, expect, test, vi } from 'vitest';
import { Cut, type Exec, type Outcome, Refused } from './exec.ts';
import { byteName } from './names.ts';
import { archive, Changed, Failed, isMissing } from './source.ts';
import { Unpacker } from './unpack.ts';

vi.mock('node:timers/promises', () => ({ setTimeout: async () => {} }));

const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'tiffin-source-'));
afterAll(() => fs.rmSync(scratch, { recursive: true, force: true }));
let root = '';
beforeEach(() => {
  root = fs.mkdtempSync(path.join(scratch, 'x-'));
  fs.mkdirSync(path.join(root, 'from'));
});

type Ran = Pick<Exec, 'output' | 'outcome' | 'close'>;

/** The command on this machine, of which only the first `bytes` arrive. */
function ran(command: readonly string[], bytes: number): Ran {
  const child = spawn(command[0]!, command.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const { promise, resolve, reject } = Promise.withResolvers<Outcome>();
  promise.catch(() => {});
  let left = bytes;
  child.on('close', (code) => {
    if (left <= 0) reject(new Cut('cut'));
    else resolve({ exitCode: code ?? undefined, message: `exit code ${code}`, stderr });
  });
  return {
    outcome: promise,
    close: () => void child.kill('SIGKILL'),
    async *output() {
      for await (const chunk of child.stdout) {
        const part = (chunk as Buffer).subarray(0, left);
        left -= part.length;
        yield part;
        if (left <= 0) {
          child.kill('SIGKILL');
          return;
        }
      }
    },
  };
}

/** A copy of root/from to root/to, cut after each of these numbers of bytes; `between` comes before each new try. */
async function copy(cuts: number[], { between = () => {}, retries = cuts.length, also = [] as string[] } = {}) {
  const to = path.join(root, 'to');
  const unpacker = new Unpacker({
    ...{ folder: byteName(to), file: byteName(to), base: 'from', preserve: true, umask: 0 },
    skipped: () => {},
    refused: (message) => {
      throw new Error(message);
    },
    arrived: () => {},
    began: () => {},
  });
  const seen = { tries: 0, bytes: 0 };
  const chunks = archive({
    run: async (command) => ran(command, cuts[seen.tries++] ?? Number.POSITIVE_INFINITY),
    command: ['tar', '-c', '-f', '-', '-C', root, './from', ...also],
    retries,
    position: () => unpacker.position,
    retrying: between,
    signal: new AbortController().signal,
  });
  try {
    for await (const chunk of chunks) {
      seen.bytes += chunk.length;
      await unpacker.write(chunk);
    }
    await unpacker.end();
  } catch (error) {
    await unpacker.abandon(false);
    throw error;
  }
  return { to, ...seen };
}

const contents = (at: string) =>
  fs
    .readdirSync(at, { recursive: true, encoding: 'utf8' })
    .sort()
    .map((name) => [name, fs.statSync(path.join(at, name)).isFile() && fs.readFileSync(path.join(at, name), 'latin1')]);

test('cut time and again, a file arrives whole, and no byte of it twice', async () => {
  fs.writeFileSync(path.join(root, 'from/big'), randomBytes(2_000_000));
  const { to, tries, bytes } = await copy([300_000, 200_000, 70_000, 700_000]);
  expect(tries).toBe(5);
  expect(contents(to)).toEqual(contents(path.join(root, 'from')));
  expect(bytes % 512).toBe(0);
  expect(bytes).toBeLessThan(2_100_000);
});

test('headers without an end in front of an entry are not gathered to be compared', async () => {
  let runs = 0;
  const chunks = archive({
    run: async () => {
      runs++;
      const outcome = Promise.reject(new Cut('cut'));
      outcome.catch(() => {});
      return {
        outcome,
        close: () => {},
        async *output() {
          for (let i = 0; i < (runs > 1 ? 1000 : 1); i++) yield Buffer.alloc(1 << 20);
        },
      };
    },
    command: ['tar'],
    retries: 1,
    position: () => ({ headerAt: 0, dataAt: 2 ** 40, stamp: '' }),
    retrying: () => {},
    signal: new AbortController().signal,
  });
  const read = async () => {
    for await (const _ of chunks);
  };
  await expect(read()).rejects.toThrow(Changed);
  expect(runs).toBe(1);
});

test('a folder, cut anywhere', async () => {
  for (let i = 0; i < 30; i++) {
    const name = path.join(root, 'from', i % 3 === 0 ? `${'n'.repeat(150)}${i}` : `file ${i}`);
    fs.writeFileSync(name, randomBytes(i * 997));
  }
  for (const first of [700, 5000, 20_480, 55_555, 199_999, 300_000]) {
    fs.rmSync(path.join(root, 'to'), { recursive: true, force: true });
    const { to, tries } = await copy([first, 90_000]);
    expect(tries).toBe(3);
    expect(contents(to)).toEqual(contents(path.join(root, 'from')));
  }
});

test.each<[string, (file: string) => void]>([
  ['other bytes, later', (file) => fs.writeFileSync(file, randomBytes(1_000_000))],
  [
    'longer, with its old time',
    (file) => {
      const { atime, mtime } = fs.statSync(file);
      fs.appendFileSync(file, 'more');
      fs.utimesSync(file, atime, mtime);
    },
  ],
  [
    'other bytes, same size and time',
    (file) => {
      const { atime, mtime } = fs.statSync(file);
      fs.writeFileSync(file, randomBytes(1_000_000));
      fs.utimesSync(file, atime, mtime);
    },
  ],
  ['a file before it', (file) => fs.rmSync(file)],
])('what has changed is not gone on with: %s', async (_, change) => {
  const file = path.join(root, 'from/big');
  fs.writeFileSync(file, randomBytes(1_000_000));
  fs.utimesSync(file, 1e9, 1e9);
  await expect(copy([500_000], { between: () => change(file) })).rejects.toThrow(Changed);
});

test('cut more often than is allowed', async () => {
  fs.writeFileSync(path.join(root, 'from/big'), randomBytes(1_000_000));
  await expect(copy([200_000, 200_000, 200_000], { retries: 2 })).rejects.toThrow(Cut);
});

test('that tar failed is not lost behind the pipe', async () => {
  fs.writeFileSync(path.join(root, 'from/big'), randomBytes(1_000_000));
  for (const cuts of [[], [500_000]]) {
    const failure = await copy(cuts, { also: ['./absent'] }).catch((error) => error);
    expect(failure).toBeInstanceOf(Failed);
    expect(failure.outcome).toMatchObject({
      exitCode: 2,
      stderr: expect.stringMatching(/^tar: .\/absent: Cannot stat/),
    });
    expect(failure.outcome.stderr).not.toContain('tiffin');
  }
});

test('a refusal at the beginning is one, and is not tried again', async () => {
  let tries = 0;
  const chunks = archive({
    run: async () => {
      tries++;
      throw new Refused(503, 'no');
    },
    command: ['tar'],
    retries: 3,
    position: () => undefined,
    retrying: () => {},
    signal: new AbortController().signal,
  });
  await expect(chunks.next()).rejects.toThrow('no');
  expect(tries).toBe(1);
});

test('what is missing is told apart from what fails', () => {
  const outcome = (exitCode: number | undefined, message: string, stderr = ''): Outcome => ({
    exitCode,
    message,
    stderr,
  });
  const runc = 'exec failed: exec: "tar": executable file not found in $PATH';
  expect(isMissing(outcome(undefined, runc), 'tar')).toBe(true);
  expect(isMissing(outcome(127, 'exit code 127', 'sh: tar: not found'), 'tar')).toBe(true);
  expect(isMissing(outcome(2, 'exit code 2', 'tar: x: No such file or directory'), 'tar')).toBe(false);
});
