// Replaces the files of a volume all at once, as the kubelet does: files live in a dated directory, `..data` is a symlink to
// it that is renamed into place, and every top-level name is a symlink through `..data`. A reader sees the old set or the new.
//
//   token -> ..data/token     ..data -> ..2026_11_22_14_30_00.1     ..2026_11_22_14_30_00.1/token
import fs from 'node:fs/promises';
import path from 'node:path';

export interface VolumeFile {
  data: Uint8Array;
  mode: number;
  /** Owner, where it is not root. */
  uid?: number;
}

export type Payload = ReadonlyMap<string, VolumeFile>;

/** True when something was written. `prepare` sets ownership on the new directory before it is seen. */
export async function writeAtomically(
  directory: string,
  payload: Payload,
  nowMs: number,
  prepare?: (directory: string) => Promise<void>,
): Promise<boolean> {
  for (const name of payload.keys()) checkName(name);
  const dataLink = path.join(directory, '..data');
  const oldName = await fs.readlink(dataLink).catch(() => undefined);
  if (oldName !== undefined && (await same(path.join(directory, oldName), payload))) {
    await linkNames(directory, payload);
    return false;
  }
  const fresh = await newDirectory(directory, nowMs);
  for (const [name, file] of payload) {
    const target = path.join(fresh, name);
    await fs.mkdir(path.dirname(target), { recursive: true, mode: 0o755 });
    await fs.writeFile(target, file.data);
    // Apart from the umask.
    await fs.chmod(target, file.mode);
    if (file.uid !== undefined) await fs.chown(target, file.uid, -1);
  }
  await prepare?.(fresh);
  const next = path.join(directory, '..data_tmp');
  await fs.rm(next, { force: true });
  await fs.symlink(path.basename(fresh), next);
  await fs.rename(next, dataLink);
  await linkNames(directory, payload);
  const keep = new Set([...payload.keys()].map((n) => n.split('/')[0]!));
  for (const name of await fs.readdir(directory)) {
    if (name.startsWith('..') ? name !== '..data' && name !== path.basename(fresh) : !keep.has(name)) {
      await fs.rm(path.join(directory, name), { recursive: true, force: true });
    }
  }
  return true;
}

function checkName(name: string): void {
  const bad = name === '' || path.isAbsolute(name) || name.split('/').includes('..') || name.startsWith('..');
  if (bad) throw new Error(`invalid path: ${name}`);
}

async function newDirectory(directory: string, nowMs: number): Promise<string> {
  const stamp = new Date(nowMs).toISOString().slice(0, 19).replace(/[-:T]/g, '_');
  const fresh = await fs.mkdtemp(path.join(directory, `..${stamp}.`));
  await fs.chmod(fresh, 0o755);
  return fresh;
}

async function linkNames(directory: string, payload: Payload): Promise<void> {
  for (const name of new Set([...payload.keys()].map((n) => n.split('/')[0]!))) {
    await fs.symlink(path.join('..data', name), path.join(directory, name)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  }
}

async function same(directory: string, payload: Payload): Promise<boolean> {
  const entries = await fs.readdir(directory, { recursive: true, withFileTypes: true }).catch(() => []);
  if (entries.filter((e) => e.isFile()).length !== payload.size) return false;
  for (const [name, file] of payload) {
    const data = await fs.readFile(path.join(directory, name)).catch(() => undefined);
    if (!data?.equals(file.data)) return false;
  }
  return true;
}
