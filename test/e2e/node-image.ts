// An image with Node.js and one bundled program, for what busybox cannot do: a web server that keeps connections alive, and a
// client library inside a pod. Built from the node binary that runs the tests and the shared libraries it names.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';
import { type FileEntry, writeImageArchive } from '../../src/cli/images.ts';

export const nodeImage = 'tiffin.dev/e2e-node:1';

/** Writes an OCI archive to `file`: node, kubectl, and /programs/NAME.cjs for each of test/e2e/programs/NAME.ts. */
export async function buildNodeImage(file: string, kubectl: string): Promise<void> {
  const node = fs.realpathSync(process.execPath);
  const entries: FileEntry[] = [
    { path: 'usr/bin/node', body: fs.readFileSync(node), mode: 0o755 },
    { path: 'usr/bin/kubectl', body: fs.readFileSync(kubectl), mode: 0o755 },
  ];
  const libraries = [...execFileSync('ldd', [node], { encoding: 'utf8' }).matchAll(/(\/\S+\.so\S*)/g)].map(
    (m) => m[1] as string,
  );
  for (const library of new Set(libraries))
    entries.push({ path: library.slice(1), body: fs.readFileSync(library), mode: 0o755 });
  const programs = path.join(import.meta.dirname, 'programs');
  for (const name of fs.readdirSync(programs).filter((f) => f.endsWith('.ts'))) {
    const { outputFiles } = await build({
      entryPoints: [path.join(programs, name)],
      bundle: true,
      platform: 'node',
      format: 'cjs',
      target: 'node24',
      write: false,
      logLevel: 'error',
    });
    entries.push({
      path: `programs/${name.replace('.ts', '.cjs')}`,
      body: Buffer.from(outputFiles[0]?.contents ?? ''),
      mode: 0o644,
    });
  }
  await writeImageArchive(file, [
    { name: nodeImage, entries, config: { Entrypoint: ['/usr/bin/node'], Env: ['PATH=/usr/bin'], WorkingDir: '/' } },
  ]);
}
