// `tiffin kubectl …`: kubectl with the cluster's kubeconfig.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import { CliError } from '../errors.ts';
import { kubectlPath } from '../kubectl.ts';
import { statePaths } from '../paths.ts';

export async function kubectl(args: string[], options: { stateDir: string }): Promise<void> {
  const paths = statePaths(options.stateDir);
  if (!fs.existsSync(paths.kubeconfig)) throw new CliError(`no cluster in ${paths.dir}; start one with: tiffin up`);
  const child = spawn(await kubectlPath(), args, {
    stdio: 'inherit',
    env: { ...process.env, KUBECONFIG: paths.kubeconfig },
  });
  // The terminal sends these to kubectl as well; it decides.
  for (const name of ['SIGINT', 'SIGQUIT'] as const) process.on(name, () => {});
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  process.exitCode = await new Promise<number>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve(code ?? (signal === 'SIGINT' ? 130 : 143)));
  });
}
