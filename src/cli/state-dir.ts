// Making a state directory. It holds keys: inside a checkout it must never be committed, whatever it is called.
import fs from 'node:fs';
import path from 'node:path';
import type { StatePaths } from './paths.ts';

export function makeStateDir(paths: StatePaths): void {
  for (const dir of [paths.dir, paths.logs, paths.pids, paths.nodes, paths.worker])
    fs.mkdirSync(dir, { recursive: true });
  const ignore = path.join(paths.dir, '.gitignore');
  if (!fs.existsSync(ignore)) fs.writeFileSync(ignore, '*\n');
}
