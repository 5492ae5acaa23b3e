// Making a state directory. It holds keys: inside a checkout it must never be committed, whatever it is called.
import fs from 'node:fs';
import path from 'node:path';
import { CliError } from './errors.ts';
import type { StatePaths } from './paths.ts';

/** One folder at a time: Node's recursive mkdir never returns where a file system refuses with ENOENT, as /proc does. */
function makeFolders(dir: string): void {
  if (fs.existsSync(dir)) return;
  if (path.dirname(dir) !== dir) makeFolders(path.dirname(dir));
  try {
    fs.mkdirSync(dir);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST')
      throw new CliError(`cannot make ${dir}: ${(error as NodeJS.ErrnoException).code}`);
  }
}

export function makeStateDir(paths: StatePaths): void {
  for (const dir of [paths.dir, paths.logs, paths.pids, paths.nodes, paths.worker, paths.ledger]) makeFolders(dir);
  // Every Secret is in it, in databases that the control plane makes with the usual mode.
  fs.chmodSync(paths.ledger, 0o700);
  const ignore = path.join(paths.dir, '.gitignore');
  if (!fs.existsSync(ignore)) fs.writeFileSync(ignore, '*\n');
}
