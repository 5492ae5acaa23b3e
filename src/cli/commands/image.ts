// `tiffin image import FILE…`: into every real node of this machine.
import fs from 'node:fs';
import path from 'node:path';
import { snapshotterFor } from '../containerd.ts';
import { CliError } from '../errors.ts';
import { importArchive } from '../image-import.ts';
import { localNodes } from '../local-nodes.ts';
import { statePaths } from '../paths.ts';
import { find } from '../processes.ts';
import { withProgress } from '../progress.ts';
import { readSettings } from '../settings.ts';

export async function imageImport(files: string[], options: { stateDir: string }): Promise<void> {
  const paths = statePaths(options.stateDir);
  const settings = readSettings(paths);
  if (!settings) throw new CliError(`no cluster in ${paths.dir}; start one with: tiffin up`);
  const nodes = localNodes(paths, settings);
  if (nodes.length === 0) throw new CliError('this cluster has no real nodes');
  const stopped = nodes.filter((node) => !find(paths, `containerd-${node.name}`));
  if (stopped.length > 0)
    throw new CliError(`containerd is not running on ${stopped.map((n) => n.name).join(', ')}; run: tiffin up`);
  for (const file of files) {
    const archive = path.resolve(file);
    if (!fs.existsSync(archive)) throw new CliError(`no such file: ${file}`);
    const perNode = await withProgress(file, (progress) => {
      progress.total = fs.statSync(archive).size * nodes.length;
      const read = (bytes: number) => {
        progress.add(bytes);
        if (progress.bytes === progress.total) progress.detail = 'unpacking';
      };
      return Promise.all(nodes.map((node) => importArchive(node.paths, archive, snapshotterFor(paths.dir), read)));
    });
    const names = perNode[0]?.join(', ') || 'no image names';
    console.log(`${file}: ${names}, on ${nodes.map((n) => n.name).join(', ')}`);
  }
}
