// What workerd makes of its configuration on the wire: https with today's versions and ciphers, and nothing in the clear.
import { type ChildProcess, spawn } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import tls from 'node:tls';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { workerdBinary } from './control-plane.ts';
import { ensurePki } from './pki.ts';
import { classes, streamClass, workerdConfig } from './workerd-config.ts';

const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'tiffin-workerd-'));
const host = '127.0.0.1';
let port = 0;
let ca = '';
let workerd: ChildProcess;

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = net.createServer().listen(0, host, () => {
      const { port: free } = server.address() as net.AddressInfo;
      server.close(() => resolve(free));
    });
  });

/** The protocol and cipher that were agreed on; rejects where none was. */
const handshake = (options: tls.ConnectionOptions): Promise<{ protocol: string | null; cipher: string }> =>
  new Promise((resolve, reject) => {
    const socket = tls.connect({ host, port, ca, ...options }, () => {
      resolve({ protocol: socket.getProtocol(), cipher: socket.getCipher().name });
      socket.destroy();
    });
    socket.on('error', reject);
  });

beforeAll(async () => {
  port = await freePort();
  const pki = await ensurePki(path.join(dir, 'pki'), [host], Date.now());
  ca = fs.readFileSync(pki.caCertificate, 'utf8');
  const bundle = path.join(dir, 'main.js');
  const objects = [...classes.map(([, name]) => name), streamClass].map((name) => `export class ${name} {}\n`).join('');
  fs.writeFileSync(bundle, `${objects}export default { fetch: (request) => new Response(request.url) };\n`);
  const ledger = path.join(dir, 'ledger');
  fs.mkdirSync(ledger);
  const configuration = path.join(dir, 'configuration.json');
  fs.writeFileSync(configuration, '[]');
  const file = path.join(dir, 'config.capnp');
  fs.writeFileSync(
    file,
    workerdConfig({
      ...{ dir, bundle, ledger, pki, port, configuration },
      addresses: [host],
      certificateAuthorities: [],
      clusterConfig: {},
    }),
  );
  workerd = spawn(workerdBinary(), ['serve', file, 'config'], { stdio: 'ignore' });
  const deadline = Date.now() + 15_000;
  while (!(await handshake({}).catch(() => undefined))) {
    if (Date.now() > deadline) throw new Error('workerd does not listen');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}, 20_000);

afterAll(async () => {
  const ended = new Promise((resolve) => workerd.once('exit', resolve));
  workerd.kill('SIGKILL');
  await ended;
  fs.rmSync(dir, { recursive: true, force: true });
});

const get = (client: typeof http | typeof https, protocol: string, headers = {}): Promise<string> =>
  new Promise((resolve, reject) => {
    const options = { host, port, path: '/api', ca, headers: { authorization: 'Bearer secret', ...headers } };
    const request = client.get(`${protocol}://${host}:${port}/api`, options, (response) => {
      let text = '';
      response.on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () => resolve(text));
    });
    request.on('error', reject);
  });

test('over https the Worker is asked, and knows that it was', async () => {
  expect(await get(https, 'https')).toBe(`https://${host}:${port}/api`);
  // Nobody can say otherwise of a request.
  expect(await get(https, 'https', { 'x-forwarded-proto': 'http' })).toMatch(/^https:/);
});

test('in the clear nobody answers', async () => {
  await expect(get(http, 'http')).rejects.toThrow();
});

test('a certificate of another authority is none', async () => {
  await expect(handshake({ ca: undefined })).rejects.toThrow(/certificate/);
});

test('TLS 1.2 and 1.3', async () => {
  expect((await handshake({})).protocol).toBe('TLSv1.3');
  expect((await handshake({ maxVersion: 'TLSv1.2' })).protocol).toBe('TLSv1.2');
});

test('no version before', async () => {
  const old = { minVersion: 'TLSv1' as const, ciphers: 'ALL:@SECLEVEL=0' };
  await expect(handshake({ ...old, maxVersion: 'TLSv1.1' })).rejects.toThrow();
  await expect(handshake({ ...old, maxVersion: 'TLSv1' })).rejects.toThrow();
});

test('no cipher without forward secrecy or without authentication of what it hides', async () => {
  const maxVersion = 'TLSv1.2' as const;
  for (const ciphers of ['AES128-GCM-SHA256', 'AES256-SHA', 'ECDHE-ECDSA-AES128-SHA'])
    await expect(handshake({ maxVersion, ciphers: `${ciphers}:@SECLEVEL=0` }), ciphers).rejects.toThrow();
  const { cipher } = await handshake({ maxVersion, ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' });
  expect(cipher).toBe('ECDHE-ECDSA-AES128-GCM-SHA256');
});
