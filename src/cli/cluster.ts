// A cluster of any make, out of a kubeconfig: where it answers, whom it may be, and what it is asked as. For commands that work on
// other clusters too; the others know their own (api.ts). Does not write kubeconfigs, and knows no legacy auth providers.
import { execFileSync } from 'node:child_process';
import https from 'node:https';
import os from 'node:os';
import path from 'node:path';
import { parse } from 'yaml';
import { readFile, type TargetOptions, targetOf } from './api.ts';
import { CliError } from './errors.ts';

export interface Cluster {
  /** https://host[:port][/path], without a slash at the end. */
  url: string;
  /** Of the context; `default` otherwise. */
  namespace: string;
  headers: Record<string, string | string[]>;
  tls: { ca?: string; cert?: string; key?: string; rejectUnauthorized?: boolean; servername?: string };
}

export interface ClusterOptions extends TargetOptions {
  kubeconfig?: string;
  context?: string;
}

/** --kubeconfig or --context, else --url, else the local cluster. */
export function clusterOf(options: ClusterOptions): Cluster {
  if (options.kubeconfig === undefined && options.context === undefined) {
    const { url, token, ca } = targetOf(options);
    const tls = ca === undefined ? {} : { ca };
    return { url, namespace: 'default', headers: { authorization: `Bearer ${token}` }, tls };
  }
  if (options.url) throw new CliError('either --url or a kubeconfig');
  const usual = process.env.KUBECONFIG?.split(path.delimiter).find((file) => file !== '');
  const file = options.kubeconfig ?? usual ?? path.join(os.homedir(), '.kube/config');
  return clusterFrom(readFile(file), file, options.context);
}

type Fields = Record<string, unknown>;
const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** `file`: what relative paths in it are relative to. */
export function clusterFrom(text: string, file: string, context?: string): Cluster {
  const bad = (why: string): CliError => new CliError(`${file}: ${why}`);
  let config: unknown;
  try {
    config = parse(text);
  } catch (error) {
    throw bad(`no kubeconfig: ${(error as Error).message.split('\n')[0]}`);
  }
  if (!isFields(config)) throw bad('no kubeconfig');
  const named = (list: string, name: unknown, what: string): Fields => {
    const all = (config as Fields)[list];
    const found = (Array.isArray(all) ? all : []).find((one) => isFields(one) && one.name === name) as
      | Fields
      | undefined;
    if (!isFields(found?.[what])) throw bad(`there is no ${what} ${JSON.stringify(name ?? '')}`);
    return found[what];
  };
  const chosen = named('contexts', context ?? config['current-context'], 'context');
  const cluster = named('clusters', chosen.cluster, 'cluster');
  const user = chosen.user === undefined ? {} : named('users', chosen.user, 'user');

  const string = (fields: Fields, key: string): string | undefined =>
    typeof fields[key] === 'string' && fields[key] !== '' ? fields[key] : undefined;
  /** `KEY-data` in base64, or a file that `KEY` names. */
  const pem = (fields: Fields, key: string): string | undefined => {
    const data = string(fields, `${key}-data`);
    if (data !== undefined) return Buffer.from(data, 'base64').toString();
    const named = string(fields, key);
    return named === undefined ? undefined : readFile(path.resolve(path.dirname(file), named));
  };

  const server = string(cluster, 'server');
  if (server === undefined || !URL.canParse(server)) throw bad('the cluster has no server');
  if (!server.startsWith('https:')) throw bad(`${server}: the control plane is reached over https only`);
  for (const [fields, key] of [
    [cluster, 'proxy-url'],
    [user, 'auth-provider'],
    [user, 'username'],
  ] as const)
    if (fields[key] !== undefined) throw bad(`${key} is not supported`);

  const tokenFile = string(user, 'tokenFile');
  const plugin = isFields(user.exec) ? credentialOf(user.exec, bad) : {};
  const token =
    plugin.token ??
    (tokenFile === undefined ? string(user, 'token') : readFile(path.resolve(path.dirname(file), tokenFile)).trim());
  const groups = Array.isArray(user['as-groups']) ? (user['as-groups'] as unknown[]).map(String) : [];
  const as = string(user, 'as');
  return {
    url: server.replace(/\/+$/, ''),
    namespace: string(chosen, 'namespace') ?? 'default',
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(as === undefined ? {} : { 'impersonate-user': as }),
      ...(groups.length === 0 ? {} : { 'impersonate-group': groups }),
    },
    tls: defined({
      ca: pem(cluster, 'certificate-authority'),
      cert: plugin.cert ?? pem(user, 'client-certificate'),
      key: plugin.key ?? pem(user, 'client-key'),
      servername: string(cluster, 'tls-server-name'),
      rejectUnauthorized: cluster['insecure-skip-tls-verify'] === true ? false : undefined,
    }),
  };
}

function defined(tls: { [K in keyof Cluster['tls']]: Cluster['tls'][K] | undefined }): Cluster['tls'] {
  return Object.fromEntries(Object.entries(tls).filter(([, value]) => value !== undefined));
}

/** What a credential plugin says (client.authentication.k8s.io). */
function credentialOf(exec: Fields, bad: (why: string) => CliError): { token?: string; cert?: string; key?: string } {
  const { command, args, env, apiVersion } = exec;
  if (typeof command !== 'string') throw bad('exec has no command');
  const given = Object.fromEntries(
    (Array.isArray(env) ? env : []).filter(isFields).map(({ name, value }) => [String(name), String(value)]),
  );
  const info = JSON.stringify({ apiVersion, kind: 'ExecCredential', spec: { interactive: false } });
  let status: unknown;
  try {
    const output = execFileSync(command, Array.isArray(args) ? args.map(String) : [], {
      env: { ...process.env, ...given, KUBERNETES_EXEC_INFO: info },
      stdio: ['ignore', 'pipe', 'inherit'],
      timeout: 60_000,
    });
    status = (JSON.parse(output.toString()) as Fields).status;
  } catch (error) {
    throw bad(`${command}: ${(error as Error).message.split('\n')[0]}`);
  }
  if (!isFields(status)) throw bad(`${command} gave no credential`);
  const { token, clientCertificateData: cert, clientKeyData: key } = status;
  return {
    ...(typeof token === 'string' ? { token } : {}),
    ...(typeof cert === 'string' ? { cert } : {}),
    ...(typeof key === 'string' ? { key } : {}),
  };
}

const answerBytesMax = 16 << 20;

/** One GET; rejects only when no answer came. */
export function getText(
  cluster: Cluster,
  path: string,
  signal: AbortSignal,
  timeoutMs = 15_000,
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const request = https.get(
      `${cluster.url}${path}`,
      { ...cluster.tls, agent: false, signal, headers: { accept: 'application/json', ...cluster.headers } },
      (response) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        response.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > answerBytesMax) request.destroy(new Error('the answer is too long'));
          else chunks.push(chunk);
        });
        response.on('error', reject);
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }));
      },
    );
    request.setTimeout(timeoutMs, () => request.destroy(new Error(`no answer within ${timeoutMs} ms`)));
    request.on('error', reject);
  });
}
