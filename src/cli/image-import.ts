// Loading image archives into a node's containerd, through its own ctr.
import fs from 'node:fs';
import path from 'node:path';
import { CliError } from './errors.ts';
import { buildImages, imagesKey } from './images.ts';
import { staticBusybox, which } from './packages.ts';
import { type NodePaths, repoRoot, type StatePaths } from './paths.ts';
import { run, tryRun } from './run.ts';

const importMs = 600_000;

/** The names of the images in it. `read` is called with each number of bytes that has been taken. */
export async function importArchive(
  node: NodePaths,
  archive: string,
  snapshotter: string,
  read?: (bytes: number) => void,
): Promise<string[]> {
  const ctr = which('ctr');
  if (!ctr) throw new CliError('ctr is missing: install containerd');
  // Unpacked now, so that the first pod need not.
  const importing = ['-a', node.socket, '-n', 'k8s.io', 'images', 'import', '--snapshotter', snapshotter];
  const ran = await tryRun(ctr, [...importing, read ? '-' : archive], {
    timeoutMs: importMs,
    ...(read
      ? { input: fs.createReadStream(archive, { highWaterMark: 1 << 20 }).on('data', (c) => read(c.length)) }
      : {}),
  });
  if (ran.code !== 0)
    throw new CliError(
      `cannot import ${archive} into ${path.basename(node.dir)}: ${(ran.stderr || ran.stdout).trim()}`,
    );
  return [...ran.stdout.matchAll(/^unpacking (\S+)/gm)].map((m) => m[1]!);
}

/** The archive of the built-in images, kept in node_modules/.cache or, where that cannot be written, under DIR. */
export async function builtInArchive(paths: StatePaths): Promise<{ file: string; key: string }> {
  const busybox = staticBusybox();
  if (!busybox) throw new CliError('a static busybox is missing: install busybox-static');
  const key = imagesKey(busybox);
  for (const dir of [path.join(repoRoot, 'node_modules/.cache/tiffin'), paths.nodes]) {
    const file = path.join(dir, `images-${key}.tar`);
    if (fs.existsSync(file)) return { file, key };
    try {
      fs.mkdirSync(dir, { recursive: true });
      const applets = (await run(busybox, '--list')).trim().split('\n');
      fs.writeFileSync(`${file}.${process.pid}`, await buildImages(fs.readFileSync(busybox), applets));
      fs.renameSync(`${file}.${process.pid}`, file);
      return { file, key };
    } catch (error) {
      if (dir === paths.nodes) throw error;
    }
  }
  throw new CliError('unreachable');
}

/** Loads the built-in images unless this node has them already. */
export async function importBuiltIn(paths: StatePaths, node: NodePaths, snapshotter: string): Promise<void> {
  const { file, key } = await builtInArchive(paths);
  const marker = path.join(node.containerdRoot, `tiffin-images-${key}`);
  if (fs.existsSync(marker)) return;
  await importArchive(node, file, snapshotter);
  fs.writeFileSync(marker, '');
}
