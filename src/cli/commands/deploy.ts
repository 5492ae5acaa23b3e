// `tiffin deploy`: the Worker to Cloudflare. Looks first at everything that is needed and says what is missing; keys and tokens
// are made once, in DIR, and uploaded together with the first version. Never replaces keys of a cluster that was deployed from
// somewhere else.
import fs from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { certificateAuthorities } from '../../configuration/certificate-authorities.ts';
import { commitOf } from '../bundle.ts';
import { configurationText, keepConfiguration, keptConfiguration, offeredConfiguration } from '../configuration.ts';
import { CliError } from '../errors.ts';
import { kubeconfigText } from '../kubeconfig.ts';
import { repoRoot, type StatePaths, statePaths } from '../paths.ts';
import { ensurePki, type Pki, pkiFiles } from '../pki.ts';
import { type Ran, tryRun } from '../run.ts';
import { makeStateDir } from '../state-dir.ts';

export interface DeployOptions {
  stateDir: string;
  config?: string;
  dryRun?: boolean;
  name?: string;
}

const timeoutMs = 300_000;
/** What Cloudflare takes on its paid plan, after gzip. */
const bundleGzipBytesMax = 10 * 1024 * 1024;

const defines = (): string[] => ['--define', `GIT_COMMIT:${JSON.stringify(commitOf())}`];
const wrangler = (...args: string[]): Promise<Ran> =>
  tryRun(path.join(repoRoot, 'node_modules/.bin/wrangler'), ['--cwd', repoRoot, ...args], {
    timeoutMs,
    env: { ...process.env, WRANGLER_SEND_METRICS: 'false', CI: '1', NO_COLOR: '1' },
  });

export async function deploy(options: DeployOptions): Promise<void> {
  if (!fs.existsSync(path.join(repoRoot, 'node_modules/.bin/wrangler')))
    throw new CliError('wrangler is missing: run npm ci');
  const paths = statePaths(options.stateDir);
  makeStateDir(paths);
  const offered = options.config === undefined ? undefined : offeredConfiguration(options.config);
  if (certificateAuthorities(offered?.configuration ?? keptConfiguration(paths)).length > 0)
    throw new CliError(
      'the configuration names a certificateAuthority: on Cloudflare a Worker trusts public authorities and cannot be held to others',
    );
  if (offered) keepConfiguration(paths, offered);
  const name = options.name ? ['--name', options.name] : [];
  await build(paths, name, Boolean(options.dryRun));
  const obstacles = await missing(paths, name);
  if (options.dryRun) {
    for (const obstacle of obstacles) console.log(`before a real deploy: ${obstacle}`);
    console.log('dry run: nothing was uploaded');
    return;
  }
  if (obstacles.length > 0) throw new CliError(`cannot deploy:\n${obstacles.join('\n')}`);
  await upload(paths, name);
}

async function build(paths: StatePaths, name: string[], dryRun: boolean): Promise<void> {
  const outdir = path.join(paths.dir, 'dist');
  const built = await wrangler('deploy', '--dry-run', '--outdir', outdir, ...defines(), ...name);
  if (built.code !== 0)
    throw new CliError(`wrangler cannot build the Worker:\n${(built.stderr || built.stdout).trim()}`);
  const bytes = gzipSync(fs.readFileSync(path.join(outdir, 'main.js'))).length;
  console.log(`Worker built: ${(bytes / 1024).toFixed(0)} KiB after gzip`);
  if (bytes > bundleGzipBytesMax) throw new CliError('that is more than Cloudflare takes (10 MiB)');
  if (dryRun) fs.rmSync(outdir, { recursive: true, force: true });
}

/** What stands between this machine and a deployed cluster, one line each. */
async function missing(paths: StatePaths, name: string[]): Promise<string[]> {
  const who = await wrangler('whoami');
  if (who.code !== 0 || /not authenticated/i.test(who.stdout + who.stderr)) {
    return [
      'not logged in to Cloudflare: run npx wrangler login, or set CLOUDFLARE_API_TOKEN (permission "Workers Scripts: Edit")',
    ];
  }
  const { caKey, encryptionKeys } = pkiFiles(paths.pki);
  if ([caKey, encryptionKeys].every((file) => fs.existsSync(file))) return [];
  const secrets = await wrangler('secret', 'list', ...name);
  if (secrets.code !== 0) return [];
  // Another key in its place, and nobody could read the Secrets that are there.
  if (secrets.stdout.includes('ENCRYPTION_KEYS') && !fs.existsSync(encryptionKeys))
    return [`this Worker's Secrets are encrypted, and ${encryptionKeys} is missing: put it back`];
  if (secrets.stdout.includes('CLUSTER_CA_KEY') && !fs.existsSync(caKey)) {
    return [
      `this Worker has its keys already, and ${paths.pki} has none: give the --state-dir that it was deployed from, or another --name`,
    ];
  }
  return [];
}

function secretsOf(paths: StatePaths, pki: Pki): Record<string, string> {
  const text = (file: string) => fs.readFileSync(file, 'utf8');
  return {
    ADMIN_TOKEN: text(pki.adminToken).trim(),
    CLUSTER_CA_CERT: text(pki.caCertificate),
    CLUSTER_CA_KEY: text(pki.caKey),
    SERVICE_ACCOUNT_KEY: text(pki.serviceAccountKey),
    ENCRYPTION_KEYS: text(pki.encryptionKeys),
    CONFIGURATION: configurationText(paths),
  };
}

async function upload(paths: StatePaths, name: string[]): Promise<void> {
  const pki = await ensurePki(paths.pki, [], Date.now());
  const file = path.join(paths.pki, 'secrets.json');
  fs.writeFileSync(file, JSON.stringify(secretsOf(paths, pki)), { mode: 0o600 });
  let ran: Ran;
  try {
    ran = await wrangler('deploy', '--secrets-file', file, ...defines(), ...name);
  } finally {
    fs.rmSync(file, { force: true });
  }
  if (ran.code !== 0) throw new CliError(`wrangler deploy failed:\n${(ran.stderr || ran.stdout).trim()}`);
  const url = /https:\/\/\S+\.workers\.dev/.exec(ran.stdout)?.[0];
  const token = fs.readFileSync(pki.adminToken, 'utf8').trim();
  const flag = `--state-dir ${paths.dir}`;
  if (!url) {
    console.log(
      `${ran.stdout.trim()}\n\nThe kubeconfig: ./tiffin kubeconfig ${flag} --url https://YOUR-ADDRESS --out ${paths.kubeconfig}`,
    );
    return;
  }
  fs.writeFileSync(paths.kubeconfig, kubeconfigText({ name: new URL(url).hostname, server: url, token }), {
    mode: 0o600,
  });
  console.log(`deployed: ${url}

Next:
  export KUBECONFIG=${paths.kubeconfig}
  ./tiffin token create ${flag} --url ${url}
  ./tiffin node join --url ${url} --token TOKEN     (on any machine that is to be a node)`);
}
