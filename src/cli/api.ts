// A small client of the Kubernetes API for the commands themselves: JSON over https with a token and, for local clusters, the
// cluster's own CA. Not a general client: no watches, no retries beyond waiting for readiness.
import fs from 'node:fs';
import https from 'node:https';
import { CliError } from './errors.ts';
import { type StatePaths, statePaths } from './paths.ts';
import { pkiFiles } from './pki.ts';
import { sleep } from './processes.ts';
import { readSettings } from './settings.ts';

export interface ApiTarget {
  url: string;
  token: string;
  /** PEM. */
  ca?: string;
}

export interface ApiAnswer {
  status: number;
  text: string;
}

export class Api {
  readonly target: ApiTarget;
  readonly #agent: https.Agent;

  constructor(target: ApiTarget) {
    this.target = target;
    this.#agent = new https.Agent({ keepAlive: true, ca: target.ca });
  }

  /** Rejects only when no answer came. */
  request(
    method: string,
    path: string,
    body?: unknown,
    timeoutMs = 10_000,
    accept = 'application/json',
  ): Promise<ApiAnswer> {
    const url = new URL(path, this.target.url);
    const payload = body === undefined ? undefined : JSON.stringify(body);
    return new Promise((resolve, reject) => {
      const request = https.request(url, {
        method,
        agent: this.#agent,
        headers: {
          authorization: `Bearer ${this.target.token}`,
          accept,
          ...(payload === undefined
            ? {}
            : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) }),
        },
      });
      // One deadline for the whole exchange.
      const timer = setTimeout(
        () => request.destroy(new Error(`no answer from ${url.host} within ${timeoutMs} ms`)),
        timeoutMs,
      );
      const fail = (error: Error) => {
        clearTimeout(timer);
        reject(error);
      };
      request.on('error', fail);
      request.on('response', (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', fail);
        response.on('end', () => {
          clearTimeout(timer);
          resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() });
        });
      });
      request.end(payload);
    });
  }

  /** The parsed answer; a refusal becomes an error with the Status message. */
  async json<T>(method: string, path: string, body?: unknown, accept?: string): Promise<T> {
    let answer: ApiAnswer;
    try {
      answer = await this.request(method, path, body, undefined, accept);
    } catch (error) {
      throw new CliError(
        `cannot reach ${this.target.url}: ${(error as Error).message || (error as NodeJS.ErrnoException).code}`,
      );
    }
    if (answer.status >= 300) throw new CliError(`${method} ${path}: ${answer.status} ${messageOf(answer.text)}`);
    return JSON.parse(answer.text) as T;
  }

  /** Waits until /readyz says yes. `stillWorthIt` may throw to give up early. */
  async waitReady(timeoutMs: number, stillWorthIt: () => void = () => {}): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    for (let why = 'no answer'; ; ) {
      try {
        const answer = await this.request('GET', '/readyz', undefined, 2000);
        if (answer.status === 200) return;
        why = `${answer.status} ${messageOf(answer.text)}`;
      } catch (error) {
        why = (error as Error).message;
      }
      stillWorthIt();
      if (performance.now() > deadline)
        throw new CliError(
          `the control plane is not ready after ${timeoutMs / 1000} s (${why}); see tiffin logs workerd`,
        );
      await sleep(15);
    }
  }

  close(): void {
    this.#agent.destroy();
  }
}

/** What a Status says, or the beginning of anything else. */
export function messageOf(text: string): string {
  try {
    return (JSON.parse(text) as { message?: string }).message ?? text.slice(0, 200);
  } catch {
    return text.slice(0, 200);
  }
}

/** The local cluster of a state directory, as its administrator. */
export function localTarget(paths: StatePaths): ApiTarget {
  const settings = readSettings(paths);
  if (!settings) throw new CliError(`no cluster in ${paths.dir}; start one with: tiffin up --state-dir ${paths.dir}`);
  const pki = pkiFiles(paths.pki);
  try {
    return {
      url: `https://127.0.0.1:${settings.port}`,
      token: fs.readFileSync(pki.adminToken, 'utf8').trim(),
      ca: fs.readFileSync(pki.caCertificate, 'utf8'),
    };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new CliError(
      code === 'ENOENT'
        ? `the cluster in ${paths.dir} was never started; run tiffin up`
        : `cannot read ${paths.pki}: ${code}; only the user who started the cluster may`,
    );
  }
}

export interface TargetOptions {
  stateDir: string;
  url?: string;
  token?: string;
  caFile?: string;
}

/** --url with its token, or the local cluster. */
export function targetOf(options: TargetOptions): ApiTarget {
  if (!options.url) return localTarget(statePaths(options.stateDir));
  return {
    url: checkUrl(options.url),
    token: tokenFor(options),
    ca: options.caFile ? readFile(options.caFile) : undefined,
  };
}

/** --token, or the administrator's token that a state directory holds. */
export function tokenFor(options: TargetOptions): string {
  if (options.token) return options.token;
  const file = pkiFiles(statePaths(options.stateDir).pki).adminToken;
  if (!fs.existsSync(file)) throw new CliError('a token is needed: give --token or set TIFFIN_TOKEN');
  return fs.readFileSync(file, 'utf8').trim();
}

export function checkUrl(text: string): string {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new CliError(`not a URL: ${text} (expected https://host[:port])`);
  }
  if (url.protocol !== 'https:') throw new CliError(`${text}: the control plane is reached over https only`);
  return url.origin;
}

export function readFile(file: string): string {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    throw new CliError(`cannot read ${file}: ${inWords[code] ?? code}`);
  }
}

const inWords: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EISDIR: 'it is a directory',
  EACCES: 'permission denied',
};
