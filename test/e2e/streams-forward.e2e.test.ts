// Connections into pods with real kubectl: port-forward to pods, services and deployments with many connections, halves that close
// and ports that are closed; the proxies of pods, services and nodes, directly and through `kubectl proxy`, HTTP and WebSocket.
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { beforeAll, expect, inject, test } from 'vitest';
import WebSocket from 'ws';
import type { Pod } from '../../src/generated/schemas/core-v1.ts';
import { apply, background, cluster, deployment, kubeconfig, kubectl, sleep, tryKubectl, until } from './lib.ts';
import { forever, pod, sh, www } from './pods.ts';

/** What it is asked, it answers with: one connection after the other, each until both halves have ended. */
const echo = 'while :; do nc -l -p 7007 -e cat; done &';
/** Answers a handshake by hand, then sends one text message and closes. */
const socketServer = [
  'cat > /tmp/ws <<"E"',
  'key=; while read -r line; do line=$(printf %s "$line" | tr -d "\\r"); [ -z "$line" ] && break;',
  'case "$line" in [Ss]ec-[Ww]eb[Ss]ocket-[Kk]ey:*) key=$(echo "$line" | cut -d " " -f 2);; esac; done',
  'accept=$(printf "%s258EAFA5-E914-47DA-95CA-C5AB0DC85B11" "$key" | sha1sum | cut -c 1-40 | sed "s/../\\\\\\\\x&/g")',
  'accept=$(printf "%b" "$accept" | base64)',
  'printf "HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\nSec-WebSocket-Accept: %s\\r\\n\\r\\n" "$accept"',
  'printf "\\201\\005hello"; printf "\\210\\002\\003\\350"; sleep 1',
  'E',
  'while :; do nc -l -p 7008 -e sh /tmp/ws; done &',
].join('\n');
/** A body in chunks, with pauses in between. */
const chunked = [
  'cat > /tmp/chunks <<"E"',
  'while read -r line; do case $line in ?|"") break;; esac; done',
  'printf "HTTP/1.1 200 OK\\r\\nTransfer-Encoding: chunked\\r\\nConnection: close\\r\\n\\r\\n"',
  'for i in 1 2 3; do printf "2\\r\\n$i\\n\\r\\n"; sleep 0.5; done; printf "0\\r\\n\\r\\n"',
  'E',
  'while :; do nc -l -p 7009 -e sh /tmp/chunks; done &',
].join('\n');
/** Sends elsewhere. */
const redirects = [
  'cat > /tmp/away <<"E"',
  'while read -r line; do case $line in ?|"") break;; esac; done',
  'printf "HTTP/1.1 302 Found\\r\\nLocation: https://127.0.0.1:1/elsewhere\\r\\nContent-Length: 0\\r\\nConnection: close\\r\\n\\r\\n"',
  'E',
  'while :; do nc -l -p 7010 -e sh /tmp/away; done &',
].join('\n');

cluster('streams forward', (ns) => {
  const base = `/api/v1/namespaces/${ns}`;
  const forward = async (to: string, ...ports: string[]) => {
    const program = background(inject('kubectl'), [
      ...['--kubeconfig', kubeconfig, '-n', ns, 'port-forward', to],
      ...ports,
    ]);
    const local = await until('it listens', () => {
      const found = [...program.output().matchAll(/127\.0\.0\.1:(\d+) ->/g)].map(([, port]) => Number(port));
      return found.length === ports.length && found;
    });
    return { ...program, local };
  };
  const fetched = (port: number): Promise<string> =>
    fetch(`http://127.0.0.1:${port}/ok`, { headers: { connection: 'close' } }).then((answer) => answer.text());

  beforeAll(async () => {
    const serve = [www, echo, socketServer, chunked, redirects, forever].join('\n');
    await apply(
      ns,
      pod('shell', { containers: [sh('web', serve)] }, { labels: { app: 'shell' } }),
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'shell' },
        spec: { selector: { app: 'shell' }, ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
      }),
      deployment('served', { image: 'tiffin.dev/busybox:1', command: ['sh', '-c', `${www} ${forever}`] }),
    );
    await kubectl(['wait', 'pod/shell', '--for=condition=Ready', '--timeout=60s', '-n', ns]);
    await kubectl(['rollout', 'status', 'deployment/served', '--timeout=60s', '-n', ns]);
  });

  test.each([
    ['pod/shell', ':8080'],
    ['service/shell', ':80'],
    ['deployment/served', ':8080'],
  ])('port-forward to %s: many connections', async (to, port) => {
    const { local, stop } = await forward(to, port);
    const answers = await Promise.all(Array.from({ length: 20 }, () => fetched(local[0] ?? 0)));
    expect(new Set(answers)).toEqual(new Set(['ok\n']));
    stop();
  });

  test('port-forward: a port that is closed is said, and spoils nothing else', async () => {
    const { local, output, stop } = await forward('pod/shell', ':9', ':8080');
    await new Promise((resolve) =>
      net
        .connect(local[0] ?? 0, '127.0.0.1')
        .on('close', resolve)
        .on('error', resolve)
        .resume(),
    );
    await until('the error is told', () => /connection refused/i.test(output()));
    const again = await forward('pod/shell', ':8080');
    expect(await fetched(again.local[0] ?? 0)).toBe('ok\n');
    stop();
    again.stop();
  });

  test('port-forward: one half may close before the other', async () => {
    const { local, stop } = await forward('pod/shell', ':7007');
    const sent = Buffer.alloc(3_000_000, 'half-close ');
    const got = await new Promise<Buffer>((resolve, reject) => {
      const parts: Buffer[] = [];
      const socket = net.connect({ port: local[0] ?? 0, host: '127.0.0.1', allowHalfOpen: true });
      socket.on('data', (part: Buffer) => parts.push(part));
      socket.on('end', () => resolve(Buffer.concat(parts)));
      socket.on('error', reject);
      socket.end(sent);
    });
    expect(got.equals(sent)).toBe(true);
    stop();
  });

  test('port-forward: addresses to listen on, a port of a Service by name, one that it does not have', async () => {
    const program = background(inject('kubectl'), [
      ...['--kubeconfig', kubeconfig, '-n', ns, 'port-forward', 'service/shell', ':http'],
      '--address=127.0.0.2,127.0.0.1',
    ]);
    for (const host of ['127.0.0.1', '127.0.0.2']) {
      const listens = new RegExp(`from ${host.replaceAll('.', '\\.')}:(\\d+) -> 8080`);
      const [, port] = (await until(host, () => listens.exec(program.output()))) ?? [];
      expect(await (await fetch(`http://${host}:${port}/ok`, { headers: { connection: 'close' } })).text()).toBe(
        'ok\n',
      );
    }
    program.stop();
    expect(await tryKubectl(['port-forward', 'service/shell', ':81', '-n', ns])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('Service shell does not have a service port 81'),
    });
  });

  test('port-forward: to what is not there', async () => {
    const gone = await tryKubectl(['port-forward', 'pod/absent', ':80', '-n', ns]);
    expect(gone).toMatchObject({ code: 1, stderr: expect.stringContaining('pods "absent" not found') });
  });

  test('proxies of pods and services, and of the node', async () => {
    expect(await kubectl(['get', '--raw', `${base}/pods/shell:8080/proxy/ok`])).toBe('ok\n');
    expect(await kubectl(['get', '--raw', `${base}/pods/http:shell:8080/proxy/ok`])).toBe('ok\n');
    expect(await kubectl(['get', '--raw', `${base}/services/shell:http/proxy/ok`])).toBe('ok\n');
    expect(await kubectl(['get', '--raw', `${base}/services/shell:80/proxy/ok`])).toBe('ok\n');
    const closed = await tryKubectl(['get', '--raw', `${base}/pods/shell:9/proxy/ok`]);
    expect(closed).toMatchObject({ code: 1, stderr: expect.stringMatching(/connection refused/) });
    expect((await tryKubectl(['get', '--raw', `${base}/pods/shell:8080/proxy/absent`])).code).toBe(1);
    const node = await kubectl(['get', 'pod', 'shell', '-n', ns, '-o', 'jsonpath={.spec.nodeName}']);
    const ofNode = (path: string): Promise<string> => kubectl(['get', '--raw', `/api/v1/nodes/${node}/proxy/${path}`]);
    expect(await ofNode('healthz')).toBe('ok');
    expect(await ofNode(`containerLogs/${ns}/shell/web?tailLines=0`)).toBe('');
    expect(JSON.parse(await ofNode('pods')).items.map((p: Pod) => p.metadata.name)).toContain('shell');
    expect(await ofNode('logs/')).toMatch(/^<!doctype html>/);
    expect(await ofNode('metrics/cadvisor')).toContain('container_memory_working_set_bytes');
    expect(await ofNode('metrics/resource')).toContain('node_cpu_usage_seconds_total');
    expect(JSON.parse(await ofNode('stats/summary'))).toMatchObject({ node: { nodeName: node } });
    expect(JSON.parse(await ofNode('configz'))).toMatchObject({ kubeletconfig: {} });
  });

  test('kubectl proxy: chunks as they come, redirects that are not followed, all verbs, a WebSocket', async () => {
    const program = background(inject('kubectl'), ['--kubeconfig', kubeconfig, 'proxy', '--port=0']);
    const [, port = ''] = (await until('it listens', () => /127\.0\.0\.1:(\d+)/.exec(program.output()))) ?? [];
    const at = (of: string, path = ''): string => `http://127.0.0.1:${port}${base}/pods/shell:${of}/proxy/${path}`;
    expect(await (await fetch(at('8080', 'ok'))).text()).toBe('ok\n');

    const started = performance.now();
    const times: number[] = [];
    let text = '';
    await new Promise<void>((resolve, reject) =>
      http.get(at('7009'), (answer) => {
        answer.on('data', (part: Buffer) => {
          text += part.toString();
          times.push(performance.now() - started);
        });
        answer.on('end', resolve).on('error', reject);
      }),
    );
    expect(text).toBe('1\n2\n3\n');
    expect((times.at(-1) ?? 0) - (times[0] ?? 0)).toBeGreaterThan(500);

    const away = await fetch(at('7010'), { redirect: 'manual' });
    expect(away.status).toBe(302);
    // What httpd says to them: the request has been there.
    const answers = { HEAD: 200, OPTIONS: 501, POST: 501, PUT: 501, PATCH: 501, DELETE: 501 };
    for (const [method, status] of Object.entries(answers))
      expect(
        (await fetch(at('8080', 'ok'), { method, ...(method[0] === 'P' ? { body: 'x' } : {}) })).status,
        method,
      ).toBe(status);

    const socket = new WebSocket(at('7008').replace('http:', 'ws:'));
    const message = await new Promise<string>((resolve, reject) => {
      socket.on('message', (data: Buffer) => resolve(data.toString()));
      socket.on('error', reject);
      void sleep(10_000).then(() => reject(new Error('no message')));
    });
    expect(message).toBe('hello');
    socket.close();
    program.stop();
  });

  test('kubectl proxy: files beside the API, the API below a path, a socket of Unix, what it lets through', async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tiffin-proxy-'));
    fs.writeFileSync(path.join(folder, 'page'), 'a file');
    const proxy = async (...flags: string[]): Promise<string> => {
      const { output } = background(inject('kubectl'), ['--kubeconfig', kubeconfig, 'proxy', '--port=0', ...flags]);
      return `http://${(await until('it listens', () => /127\.0\.0\.1:\d+/.exec(output())))?.[0]}`;
    };
    const at = await proxy(`--www=${folder}`, '--www-prefix=/files/', '--api-prefix=/k8s', '--reject-methods=DELETE');
    expect(await (await fetch(`${at}/files/page`)).text()).toBe('a file');
    expect(await (await fetch(`${at}/k8s${base}/pods/shell:8080/proxy/ok`)).text()).toBe('ok\n');
    expect((await fetch(`${at}${base}/pods`)).status).toBe(404);
    expect((await fetch(`${at}/k8s${base}/pods/shell`, { method: 'DELETE' })).status).toBe(403);
    // Commands are what it lets nobody run unless it is told to.
    expect((await fetch(`${at}/k8s${base}/pods/shell/exec?command=id`)).status).toBe(403);
    const socket = path.join(folder, 'socket');
    background(inject('kubectl'), ['--kubeconfig', kubeconfig, 'proxy', `--unix-socket=${socket}`]);
    await until('its socket', () => fs.existsSync(socket));
    const text = await new Promise<string>((resolve, reject) =>
      http
        .get(
          { socketPath: socket, path: `${base}/pods/shell:8080/proxy/ok`, headers: { host: 'localhost' } },
          (answer) => {
            answer.on('data', (part: Buffer) => resolve(part.toString()));
          },
        )
        .on('error', reject),
    );
    expect(text).toBe('ok\n');
    fs.rmSync(folder, { recursive: true });
  });
});
