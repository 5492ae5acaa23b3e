// Bundles the Worker for workerd. The cache is keyed by what the sources are (path, size, time of change), so that an
// unchanged checkout costs a few milliseconds and no bundler.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { repoRoot } from './paths.ts';

/** A hash over path, size and modification time of every source file under the given folders of the checkout. */
export function sourceStamp(folders: readonly string[], root = repoRoot): string {
  const hash = createHash('sha256');
  const visit = (file: string) => {
    const stat = fs.statSync(path.join(root, file), { throwIfNoEntry: false });
    if (!stat) return;
    if (stat.isDirectory()) {
      for (const entry of fs.readdirSync(path.join(root, file)).sort()) visit(`${file}/${entry}`);
    } else if (/\.(ts|json|toml|js)$/.test(file) && !/\.test\.ts$/.test(file)) {
      hash.update(`${file} ${stat.size} ${stat.mtimeMs}\n`);
    }
  };
  for (const folder of folders) visit(folder);
  return hash.digest('hex').slice(0, 16);
}

export const workerSources = [
  'package-lock.json',
  'workers',
  // All but the command line; too much is built once more, too little never.
  ...fs
    .readdirSync(path.join(repoRoot, 'src'))
    .filter((name) => name !== 'cli')
    .map((name) => `src/${name}`),
];
export const agentSources = [
  'package-lock.json',
  'node-agent',
  'src/machinery',
  'src/ports',
  'src/protocol',
  'src/reconcile',
];

/** Puts the bundle into `dir` and returns its path; its name contains the hash of its content. */
export async function bundleWorker(dir: string, entry = path.join(repoRoot, 'workers/main.ts')): Promise<string> {
  fs.mkdirSync(dir, { recursive: true });
  const stamp = sourceStamp(workerSources) + createHash('sha256').update(entry).digest('hex').slice(0, 4);
  const stampFile = path.join(dir, 'bundle.json');
  try {
    const cached = JSON.parse(fs.readFileSync(stampFile, 'utf8')) as { stamp: string; file: string };
    if (cached.stamp === stamp && fs.existsSync(path.join(dir, cached.file))) return path.join(dir, cached.file);
  } catch {
    // No cache, or a damaged one.
  }
  const code = (await fromCache(stamp)) ?? (await toCache(stamp, await build(entry)));
  const file = `main-${createHash('sha256').update(code).digest('hex').slice(0, 12)}.js`;
  for (const old of fs.readdirSync(dir)) if (/^main-.*\.js$/.test(old) && old !== file) fs.rmSync(path.join(dir, old));
  fs.writeFileSync(path.join(dir, file), code);
  fs.writeFileSync(stampFile, JSON.stringify({ stamp, file }));
  return path.join(dir, file);
}

/** The checkout's commit, which the API tells at /version; empty where there is no git. */
export function commitOf(root = repoRoot): string {
  try {
    return execFileSync('git', ['rev-parse', 'HEAD'], { cwd: root, encoding: 'utf8', stdio: 'pipe' }).trim();
  } catch {
    return '';
  }
}

async function build(entry: string): Promise<Uint8Array> {
  const esbuild = await import('esbuild');
  const result = await esbuild.build({
    entryPoints: [entry],
    absWorkingDir: repoRoot,
    bundle: true,
    write: false,
    format: 'esm',
    target: 'es2024',
    platform: 'neutral',
    mainFields: ['module', 'main'],
    conditions: ['workerd', 'worker', 'browser', 'import'],
    external: ['cloudflare:workers', 'node:*'],
    define: { GIT_COMMIT: JSON.stringify(commitOf()) },
    logLevel: 'silent',
  });
  // esbuild escapes all but comments and regular expressions; a bundle of ASCII alone takes half the memory and is read faster.
  const escaped = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return new TextEncoder().encode(result.outputFiles[0]!.text.replace(/[\x80-\uffff]/g, escaped));
}

// Shared by all state directories of a checkout. Nothing depends on it being there, or writable.
const cacheDir = path.join(repoRoot, 'node_modules/.cache/tiffin');
const cacheFilesMax = 4;
const cacheFile = (stamp: string) => path.join(cacheDir, `worker-${stamp}.js`);

async function fromCache(stamp: string): Promise<Uint8Array | undefined> {
  return await fs.promises.readFile(cacheFile(stamp)).catch(() => undefined);
}

async function toCache(stamp: string, code: Uint8Array): Promise<Uint8Array> {
  try {
    fs.mkdirSync(cacheDir, { recursive: true });
    const temporary = `${cacheFile(stamp)}.${process.pid}`;
    fs.writeFileSync(temporary, code);
    fs.renameSync(temporary, cacheFile(stamp));
    const age = (file: string) => fs.statSync(path.join(cacheDir, file)).mtimeMs;
    const old = fs.readdirSync(cacheDir).filter((file) => /^worker-.*\.js$/.test(file));
    for (const file of old.sort((a, b) => age(b) - age(a)).slice(cacheFilesMax))
      fs.rmSync(path.join(cacheDir, file), { force: true });
  } catch {
    // A read-only checkout, or another `up` at the same moment.
  }
  return code;
}
