// Keeps container logs bounded, with the kubelet's defaults: a file that has grown beyond 10 MiB gets a date behind its name and
// the runtime opens a new one; at most five files of an instance are kept.
import fs from 'node:fs/promises';
import path from 'node:path';
import type { Log } from '../../src/ports/index.ts';
import type { Runtime } from '../runtime.ts';
import { filesOf } from './reader.ts';

export const logBytesMax = 10 * 1024 * 1024;
const filesMax = 5;

/** True when it was rotated. */
export async function rotate(
  runtime: Runtime,
  containerId: string,
  file: string,
  nowMs: number,
  bytesMax = logBytesMax,
): Promise<boolean> {
  const stat = await fs.stat(file).catch(() => undefined);
  if (!stat || stat.size < bytesMax) return false;
  const old = (await filesOf(file)).slice(0, -1);
  // The one in use and the one that is about to be renamed count too.
  for (const extra of old.slice(0, Math.max(0, old.length - (filesMax - 2)))) await fs.rm(extra, { force: true });
  const stamp = new Date(nowMs).toISOString().slice(0, 19).replace(/[-:]/g, '').replace('T', '-');
  const renamed = path.join(path.dirname(file), `${path.basename(file)}.${stamp}`);
  await fs.rename(file, renamed);
  try {
    await runtime.reopenLog(containerId);
  } catch (error) {
    // Otherwise the runtime goes on writing into a file that nobody reads.
    await fs.rename(renamed, file);
    throw error;
  }
  return true;
}

/** One that cannot be rotated is said, and does not keep the others from it. */
export async function rotateAll(
  files: Iterable<{ containerId: string; file: string }>,
  runtime: Runtime,
  nowMs: number,
  log: Log,
): Promise<void> {
  for (const { containerId, file } of files)
    await rotate(runtime, containerId, file, nowMs).catch((error: unknown) =>
      log.warn('log not rotated', { file, error: String(error) }),
    );
}
