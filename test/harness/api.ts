// A bare client of a running cluster, for benchmarks: requests and watches over one kept connection each, nothing cached.
import fs from 'node:fs';
import https from 'node:https';
import { parse } from 'yaml';

export interface ApiClient {
  request<T>(method: string, path: string, body?: unknown): Promise<T>;
  /** Calls `seen` for every event until it returns true; resolves then. Rejects when the stream ends before. */
  watch<T>(path: string, seen: (type: string, object: T) => boolean): { done: Promise<void>; opened: Promise<void> };
  close(): void;
}

interface Kubeconfig {
  clusters: { cluster: { server: string; 'certificate-authority-data': string } }[];
  users: { user: { token: string } }[];
}

export function apiClient(kubeconfig: string): ApiClient {
  const config = parse(fs.readFileSync(kubeconfig, 'utf8')) as Kubeconfig;
  const cluster = config.clusters[0]?.cluster;
  const token = config.users[0]?.user.token;
  if (!cluster || !token) throw new Error(`${kubeconfig} names no cluster or no token`);
  const server = new URL(cluster.server);
  const agent = new https.Agent({ keepAlive: true, ca: Buffer.from(cluster['certificate-authority-data'], 'base64') });
  const open = (method: string, path: string, type = 'application/json') =>
    https.request({
      agent,
      host: server.hostname,
      port: server.port,
      method,
      path,
      headers: { authorization: `Bearer ${token}`, 'content-type': type, accept: 'application/json' },
    });
  return {
    request: <T>(method: string, path: string, body?: unknown) =>
      new Promise<T>((resolve, reject) => {
        const request = open(method, path, method === 'PATCH' ? 'application/merge-patch+json' : undefined);
        request.on('error', reject);
        request.on('response', (response) => {
          let text = '';
          response.setEncoding('utf8');
          response.on('data', (chunk: string) => {
            text += chunk;
          });
          response.on('end', () =>
            (response.statusCode ?? 500) < 300
              ? resolve(JSON.parse(text) as T)
              : reject(new Error(`${method} ${path}: ${response.statusCode} ${text}`)),
          );
        });
        request.end(body === undefined ? undefined : JSON.stringify(body));
      }),
    watch: <T>(path: string, seen: (type: string, object: T) => boolean) => {
      let opened = (): void => {};
      const isOpen = new Promise<void>((resolve) => {
        opened = resolve;
      });
      const done = new Promise<void>((resolve, reject) => {
        const request = open('GET', path);
        request.on('error', reject);
        request.on('response', (response) => {
          opened();
          let rest = '';
          response.setEncoding('utf8');
          response.on('data', (chunk: string) => {
            const lines = (rest + chunk).split('\n');
            rest = lines.pop() ?? '';
            for (const line of lines) {
              if (line === '') continue;
              const event = JSON.parse(line) as { type: string; object: T };
              if (!seen(event.type, event.object)) continue;
              resolve();
              request.destroy();
              return;
            }
          });
          response.on('close', () => reject(new Error(`the watch of ${path} ended`)));
        });
        request.end();
      });
      return { done, opened: isOpen };
    },
    close: () => agent.destroy(),
  };
}
