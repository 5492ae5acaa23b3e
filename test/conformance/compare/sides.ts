// The two API servers: one that peer.sh started, and ours in this process over an empty database.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import https from 'node:https';
import path from 'node:path';
import { parse } from 'yaml';
import { adminToken, testServer } from '../../../src/apiserver/testing.ts';
import { openSql } from '../../harness/sql.ts';

export interface Sent {
  method: string;
  path: string;
  headers: Record<string, string>;
  body?: string;
}

export interface Answer {
  code: number;
  headers: Record<string, string[]>;
  text: string;
}

export interface Side {
  send(request: Sent): Promise<Answer>;
  close(): void;
}

/** How long a watch is read. */
const watchMs = 400;
const isWatch = (path: string): boolean => /[?&]watch=(1|true)|\/watch\//.test(path);

/** The server that `peer.sh up DIR` started. Its controllers and its scheduler are ended: nothing may write but we. */
export function peer(dir: string): Side {
  for (const name of ['kube-controller-manager', 'kube-scheduler']) end(path.join(dir, `${name}.pid`));
  const config = parse(fs.readFileSync(path.join(dir, 'kubeconfig'), 'utf8')) as {
    clusters: { cluster: { server: string } }[];
  };
  const server = new URL(config.clusters[0]?.cluster.server ?? '');
  const agent = new https.Agent({ keepAlive: true, ca: fs.readFileSync(path.join(dir, 'ca.crt')) });
  const token = fs.readFileSync(path.join(dir, 'token'), 'utf8').trim();
  return {
    close: () => agent.destroy(),
    send: (sent) =>
      new Promise((resolve) => {
        const request = https.request({
          agent,
          host: server.hostname,
          port: server.port,
          method: sent.method,
          path: sent.path,
          headers: {
            authorization: `Bearer ${token}`,
            ...sent.headers,
            ...(sent.body === undefined ? {} : { 'content-length': Buffer.byteLength(sent.body) }),
          },
        });
        // A real API server ends the connection where a handler panics.
        request.on('error', () => resolve({ code: 0, headers: {}, text: 'the connection was closed' }));
        request.on('response', (response) => {
          let text = '';
          const headers: Record<string, string[]> = {};
          response.rawHeaders.forEach((name, i, all) => {
            if (i % 2 === 1) return;
            const key = name.toLowerCase();
            headers[key] = [...(headers[key] ?? []), all[i + 1] as string];
          });
          const done = () => resolve({ code: response.statusCode ?? 0, headers, text });
          response.setEncoding('utf8');
          response.on('data', (chunk: string) => {
            text += chunk;
          });
          response.on('end', done);
          response.on('close', done);
          if (isWatch(sent.path) && response.statusCode === 200) setTimeout(() => response.destroy(), watchMs);
        });
        request.end(sent.body);
      }),
  };
}

export async function ours(): Promise<Side> {
  const { server } = await testServer(openSql());
  return {
    close: () => undefined,
    async send(sent) {
      const bodyless = sent.method === 'GET' || sent.method === 'HEAD';
      const answer = await server.fetch(
        new Request(`https://cluster.test${sent.path}`, {
          method: sent.method,
          headers: { authorization: `Bearer ${adminToken}`, ...sent.headers },
          // As bytes: fetch would add a content type to a text.
          ...(sent.body === undefined || bodyless ? {} : { body: new TextEncoder().encode(sent.body) }),
        }),
      );
      const headers: Record<string, string[]> = {};
      for (const [name, value] of answer.headers)
        headers[name] = name === 'warning' ? value.split(/, (?=299 )/) : [value];
      return { code: answer.status, headers, text: await read(answer, isWatch(sent.path) && answer.ok) };
    },
  };
}

async function read(answer: Response, endless: boolean): Promise<string> {
  if (!endless || !answer.body) return answer.text();
  const reader = answer.body.getReader();
  const decoder = new TextDecoder();
  let text = '';
  const timer = setTimeout(() => void reader.cancel(), watchMs);
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    text += decoder.decode(value, { stream: true });
  }
  clearTimeout(timer);
  return text;
}

function end(pidFile: string): void {
  if (!fs.existsSync(pidFile)) return;
  try {
    process.kill(Number(fs.readFileSync(pidFile, 'utf8')));
  } catch {}
  fs.rmSync(pidFile);
}

/** Starts a peer of its own; `down` ends it. */
export function startPeer(kit: string, bin: string, dir: string, port: string): { down(): void } {
  const script = path.join(kit, 'peer.sh');
  execFileSync(script, ['up', dir, '--bin', bin, '--port', port], { stdio: ['ignore', 'ignore', 'inherit'] });
  return { down: () => execFileSync(script, ['down', dir]) };
}
