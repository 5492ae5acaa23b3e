// Starts the cluster that the end-to-end tests share, exactly as a newcomer would: `./tiffin up --nodes 2 --demo`. Where real
// containers cannot run (no root, or no containerd and no way to install it) every test is reported as skipped.
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import type { TestProject } from 'vitest/node';
import { ensureHelm, ensureKubectl } from './tools.ts';

const run = promisify(execFile);
const root = path.resolve(import.meta.dirname, '../..');

declare module 'vitest' {
  export interface ProvidedContext {
    /** Why nothing can run here; '' when all is well. */
    skip: string;
    stateDir: string;
    /** What `up --demo` printed. */
    upOutput: string;
    kubectl: string;
    helm: string;
  }
}

function obstacle(): string {
  if (process.getuid?.() !== 0) return 'not root';
  const found = (name: string) =>
    ['/usr/bin', '/usr/sbin', '/usr/local/bin'].some((d) => fs.existsSync(path.join(d, name)));
  if (!found('apt-get') && !['containerd', 'runc', 'nft'].every(found))
    return 'containerd, runc or nft is missing and cannot be installed';
  return '';
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const skip = obstacle();
  project.provide('skip', skip);
  const stateDir = fs.mkdtempSync(path.join(os.tmpdir(), 'tiffin-e2e-'));
  project.provide('stateDir', stateDir);
  project.provide('kubectl', skip ? '' : await ensureKubectl());
  project.provide('helm', skip ? '' : await ensureHelm());
  if (skip) {
    console.warn(`end-to-end tests are skipped: ${skip}`);
    project.provide('upOutput', '');
    return async () => {};
  }
  const tiffin = (...args: string[]) => run(path.join(root, 'tiffin'), args, { maxBuffer: 64 << 20, timeout: 240_000 });
  const down = async () => {
    if (process.env.TIFFIN_E2E_KEEP) return console.warn(`kept: ${stateDir}`);
    await tiffin('down', '--state-dir', stateDir, '--purge');
    fs.rmSync(stateDir, { recursive: true, force: true });
  };
  try {
    const { stdout, stderr } = await tiffin('up', '--state-dir', stateDir, '--nodes', '2', '--demo');
    project.provide('upOutput', stdout + stderr);
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    console.error(`tiffin up failed:\n${stdout}${stderr}`);
    await down().catch(() => {});
    throw error;
  }
  return down;
}
