// fsGroup: gives a volume to a group, as the kubelet does: owner group, read (and write) for it, setgid directories.
import fs from 'node:fs/promises';
import path from 'node:path';

export async function giveToGroup(root: string, gid: number, readOnly: boolean): Promise<void> {
  const visit = async (file: string): Promise<void> => {
    const stat = await fs.lstat(file);
    await fs.lchown(file, stat.uid, gid);
    if (stat.isSymbolicLink()) return;
    const mask = readOnly ? 0o440 : 0o660;
    await fs.chmod(file, (stat.mode & 0o7777) | mask | (stat.isDirectory() ? 0o2110 : 0));
    if (stat.isDirectory()) for (const name of await fs.readdir(file)) await visit(path.join(file, name));
  };
  await visit(root);
}
