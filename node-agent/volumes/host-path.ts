// hostPath volumes: the check of their type, and what DirectoryOrCreate and FileOrCreate create. containerd would create a
// missing path as a directory whatever the type says, so this runs before.
import type { Stats } from 'node:fs';
import fs from 'node:fs/promises';
import path from 'node:path';
import type { HostPathVolumeSource } from '../../src/generated/schemas/core-v1.ts';

const checks: Record<string, { is(s: Stats): boolean; what: string }> = {
  Directory: { is: (s) => s.isDirectory(), what: 'a directory' },
  File: { is: (s) => s.isFile(), what: 'a file' },
  Socket: { is: (s) => s.isSocket(), what: 'a socket file' },
  CharDevice: { is: (s) => s.isCharacterDevice(), what: 'a character device' },
  BlockDevice: { is: (s) => s.isBlockDevice(), what: 'a block device' },
};

export async function prepareHostPath(source: HostPathVolumeSource): Promise<void> {
  const type = source.type ?? '';
  if (type === '') return;
  const found = await fs.stat(source.path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  const orCreate = type.endsWith('OrCreate');
  if (!found && type === 'DirectoryOrCreate')
    return void (await fs.mkdir(source.path, { recursive: true, mode: 0o755 }));
  if (!found && type === 'FileOrCreate') {
    await fs.access(path.dirname(source.path));
    return fs.writeFile(source.path, '', { mode: 0o644, flag: 'a' });
  }
  const check = checks[orCreate ? type.replace('OrCreate', '') : type];
  if (!check) throw new Error(`hostPath type check failed: ${type} is an invalid volume type`);
  if (!found || !check.is(found)) throw new Error(`hostPath type check failed: ${source.path} is not ${check.what}`);
}
