// `tiffin up --demo`: examples/hello, as a user would do it: apply, wait for the rollout, fetch the page through the Service.
import http from 'node:http';
import path from 'node:path';
import { Api, localTarget } from '../api.ts';
import { CliError } from '../errors.ts';
import { kubectlPath } from '../kubectl.ts';
import { repoRoot, statePaths } from '../paths.ts';
import { sleep } from '../processes.ts';
import { run } from '../run.ts';
import { readSettings } from '../settings.ts';

const pageMs = 15_000;

export async function demo(stateDir: string, say: (message: string) => void): Promise<void> {
  const paths = statePaths(stateDir);
  const kubectl = await kubectlPath();
  const call = (...args: string[]) => run(kubectl, '--kubeconfig', paths.kubeconfig, ...args);
  say('demo: kubectl apply -f examples/hello');
  await call('apply', '-f', path.join(repoRoot, 'examples/hello'));
  await call('rollout', 'status', 'deployment/hello', '--timeout=120s');
  say('demo: rolled out');
  if ((readSettings(paths)?.nodes ?? 0) === 0) {
    say('demo: the nodes are simulated, so there is no page to fetch');
    return;
  }
  const api = new Api(localTarget(paths));
  const service = await api.json<{ spec: { clusterIP: string } }>('GET', '/api/v1/namespaces/default/services/hello');
  api.close();
  const url = `http://${service.spec.clusterIP}/`;
  const page = await fetchPage(url);
  say(`demo: ${url} answers`);
  console.log(page.trimEnd().replace(/^/gm, '    '));
}

/** The Service may take a moment to reach the packet filter. */
async function fetchPage(url: string): Promise<string> {
  const deadline = performance.now() + pageMs;
  for (;;) {
    try {
      return await get(url);
    } catch (error) {
      if (performance.now() > deadline)
        throw new CliError(`the Service does not answer at ${url}: ${(error as Error).message}`);
      await sleep(100);
    }
  }
}

function get(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = http.get(url, { timeout: 2000 }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () =>
        response.statusCode === 200 ? resolve(text) : reject(new Error(`status ${response.statusCode}`)),
      );
    });
    request.on('timeout', () => request.destroy(new Error('no answer within 2 s')));
    request.on('error', reject);
  });
}
