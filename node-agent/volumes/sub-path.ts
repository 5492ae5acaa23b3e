// subPath of a volume mount: the path inside the volume, created as a directory when it is missing. Symlinks may not lead
// out of the volume.
import fs from 'node:fs/promises';
import path from 'node:path';

export async function subPathOf(volume: string, subPath: string): Promise<string> {
  if (path.isAbsolute(subPath) || subPath.split('/').includes('..'))
    throw new Error(`subPath "${subPath}" must be a relative path without ".."`);
  const root = await fs.realpath(volume);
  let at = root;
  for (const part of subPath.split('/').filter((p) => p !== '' && p !== '.')) {
    const next = path.join(at, part);
    const real = await fs.realpath(next).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    if (real === undefined) {
      const parent = await fs.stat(at);
      await fs.mkdir(next);
      await fs.chmod(next, parent.mode & 0o7777);
      await fs.chown(next, parent.uid, parent.gid);
      at = next;
    } else at = real;
    if (at !== root && !at.startsWith(`${root}/`)) throw new Error(`subPath "${subPath}" leads out of its volume`);
  }
  return at;
}
