// Mounts and unmounts of tmpfs, by the system's own tools, and the list of mounts.
import { execFile } from 'node:child_process';
import fs from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Mount points at or below a directory, deepest first. */
export async function mountsBelow(directory: string): Promise<string[]> {
  const table = await fs.readFile('/proc/self/mountinfo', 'utf8');
  const points = table
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .map((p) => p.replace(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))));
  return points.filter((p) => p === directory || p.startsWith(`${directory}/`)).toSorted((a, b) => b.length - a.length);
}

export async function mountTmpfs(directory: string, sizeBytes: number | undefined): Promise<void> {
  if ((await mountsBelow(directory)).includes(directory)) return;
  await run('mount', ['-t', 'tmpfs', ...(sizeBytes ? ['-o', `size=${sizeBytes}`] : []), 'tmpfs', directory]);
}

export async function unmountBelow(directory: string): Promise<void> {
  for (const point of await mountsBelow(directory)) await run('umount', ['-l', point]);
}
