import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { lockDirectory } from './lock.ts';

const program = `
  import { lockDirectory } from ${JSON.stringify(path.resolve(import.meta.dirname, 'lock.ts'))};
  process.stdout.write(JSON.stringify(lockDirectory(process.argv[1])));
  setInterval(() => {}, 1000);
`;

async function holder(directory: string) {
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', program, directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [said] = (await once(child.stdout, 'data')) as [Buffer];
  return { said: JSON.parse(said.toString()) as { heldBy?: number }, child };
}

test('one process at a time; whoever was killed has lost the lock', async () => {
  const directory = mkdtempSync(path.join(os.tmpdir(), 'lock-'));
  const first = await holder(directory);
  try {
    expect(first.said).toEqual({});
    expect(lockDirectory(directory)).toEqual({ heldBy: first.child.pid });
  } finally {
    first.child.kill('SIGKILL');
    await once(first.child, 'exit');
  }
  expect(lockDirectory(directory)).toEqual({});
  expect(lockDirectory(directory)).toEqual({});
  writeFileSync(path.join(directory, 'lock'), 'nonsense');
  expect(lockDirectory(directory)).toEqual({});
  expect(readdirSync(directory)).toEqual(['lock']);
  rmSync(directory, { recursive: true });
});
