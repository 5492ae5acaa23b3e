// `tiffin kubeconfig`: the local cluster's, or one for a control plane that was deployed.
import fs from 'node:fs';
import { checkUrl, localTarget, readFile, tokenFor } from '../api.ts';
import { kubeconfigText } from '../kubeconfig.ts';
import { statePaths } from '../paths.ts';

export interface KubeconfigOptions {
  stateDir: string;
  url?: string;
  token?: string;
  caFile?: string;
  out?: string;
}

export async function kubeconfig(options: KubeconfigOptions): Promise<void> {
  const text = options.url
    ? kubeconfigText({
        name: new URL(checkUrl(options.url)).hostname,
        server: checkUrl(options.url),
        token: tokenFor(options),
        ca: options.caFile ? readFile(options.caFile) : undefined,
      })
    : local(options.stateDir);
  if (options.out) fs.writeFileSync(options.out, text, { mode: 0o600 });
  else process.stdout.write(text);
}

function local(stateDir: string): string {
  const target = localTarget(statePaths(stateDir));
  return kubeconfigText({ name: 'tiffin', server: target.url, token: target.token, ca: target.ca });
}
