// Making and removing a state directory. It holds keys: inside a checkout it must never be committed, whatever it is called.
// Nothing that somebody else keeps in a directory is ever mixed with state, nor removed with it.
import fs from 'node:fs';
import path from 'node:path';
import { CliError } from './errors.ts';
import type { StatePaths } from './paths.ts';
import { pkiFiles } from './pki.ts';

/** What `up`, `node join` and `deploy` put there, besides what StatePaths names. */
const otherNames = ['ca.crt', 'dist', 'cluster.json.new', 'components.json.new'];

const ignoreText = '*\n';

function isOurIgnore(paths: StatePaths): boolean {
  try {
    return fs.readFileSync(path.join(paths.dir, '.gitignore'), 'utf8') === ignoreText;
  } catch {
    return false;
  }
}

/** Entries of the directory that are not state. Empty where there is no directory. */
export function foreignEntries(paths: StatePaths): string[] {
  const own = new Set([...Object.values(paths).map((file: string) => path.relative(paths.dir, file)), ...otherNames]);
  if (isOurIgnore(paths)) own.add('.gitignore');
  try {
    return fs.readdirSync(paths.dir).filter((name) => !own.has(name));
  } catch {
    return [];
  }
}

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
  const before = [paths.settings, pkiFiles(paths.pki).adminToken].some((file) => fs.existsSync(file));
  const foreign = before ? [] : foreignEntries(paths);
  if (foreign.length > 0)
    throw new CliError(`${paths.dir} holds other things (${foreign[0]}); give a directory that is empty or new`);
  for (const dir of [paths.dir, paths.logs, paths.pids, paths.nodes, paths.worker, paths.ledger]) makeFolders(dir);
  try {
    // Every Secret is in it, in databases that the control plane makes with the usual mode.
    fs.chmodSync(paths.ledger, 0o700);
    const ignore = path.join(paths.dir, '.gitignore');
    if (!fs.existsSync(ignore)) fs.writeFileSync(ignore, ignoreText);
  } catch (error) {
    throw new CliError(`cannot write in ${paths.dir}: ${(error as NodeJS.ErrnoException).code}`);
  }
}

/** Removes all state. Returns what else is there and stays. */
export function removeStateDir(paths: StatePaths): string[] {
  const foreign = foreignEntries(paths);
  if (foreign.length === 0) fs.rmSync(paths.dir, { recursive: true, force: true });
  const names = fs.existsSync(paths.dir) ? fs.readdirSync(paths.dir).filter((name) => !foreign.includes(name)) : [];
  for (const name of names) fs.rmSync(path.join(paths.dir, name), { recursive: true, force: true });
  return foreign;
}
