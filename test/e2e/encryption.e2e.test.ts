// Secrets at rest: what a cluster of its own (one simulated node) leaves in the files of its state directory, while keys change
// under load, processes die, and the key is taken away.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Api, localTarget } from '../../src/cli/api.ts';
import { newEncryptionKey, readEncryptionKeys, writeEncryptionKeys } from '../../src/cli/encryption-keys.ts';
import { statePaths } from '../../src/cli/paths.ts';
import { find } from '../../src/cli/processes.ts';
import { type Outcome, root, run } from './lib.ts';

const stateDir = fs.mkdtempSync(path.join(os.tmpdir(), 'tiffin-encryption-'));
const paths = statePaths(stateDir);
const keysFile = path.join(paths.pki, 'encryption-keys');
const secrets = '/api/v1/namespaces/default/secrets';
const marker = 'Zq7xMarker';

const tiffin = (...args: string[]): Promise<Outcome> =>
  run(path.join(root, 'tiffin'), [...args, '--state-dir', stateDir], { timeoutMs: 120_000 });
async function up(...args: string[]): Promise<Outcome> {
  return tiffin('up', '--nodes', '0', '--simulated-nodes', '1', ...args);
}
async function well(outcome: Promise<Outcome>): Promise<string> {
  const { code, stdout, stderr } = await outcome;
  if (code !== 0) throw new Error(stderr + stdout);
  return stdout;
}
const api = () => new Api(localTarget(paths));
const status = () =>
  api().json<{ state: string; wasPlain: boolean; keys: { name: string; rows: number; state: string }[] }>(
    'GET',
    '/tiffin.dev/v1/keys/encryption',
  );
async function settled(): Promise<void> {
  for (const deadline = Date.now() + 30_000; (await status()).state !== 'settled'; ) {
    if (Date.now() > deadline) throw new Error('rows are still being stored again');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function running(name: string): Promise<void> {
  for (const deadline = Date.now() + 30_000; ; ) {
    const pod = await api().json<{ status?: { phase?: string } }>('GET', `/api/v1/namespaces/default/pods/${name}`);
    if (pod.status?.phase === 'Running') return;
    if (Date.now() > deadline) throw new Error(`${name} does not run: ${JSON.stringify(pod.status)}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Files below the state directory that hold a text, as it is or in base64 at any offset. */
function filesWith(text: string): string[] {
  const encoded = [0, 1, 2].map((shift) =>
    Buffer.from(' '.repeat(shift) + text)
      .toString('base64')
      .slice(shift === 0 ? 0 : shift + 1, -4),
  );
  const found: string[] = [];
  for (const name of fs.readdirSync(stateDir, { recursive: true, encoding: 'utf8' })) {
    const file = path.join(stateDir, name);
    if (!fs.statSync(file).isFile()) continue;
    const bytes = fs.readFileSync(file);
    if ([text, ...encoded].some((one) => bytes.includes(one))) found.push(name);
  }
  return found;
}
const named = (name: string, value: string) => ({ metadata: { name }, stringData: { value } });

describe('encryption at rest', () => {
  beforeAll(async () => {
    await well(up());
  });
  afterAll(async () => {
    await tiffin('down', '--purge');
    fs.rmSync(stateDir, { recursive: true, force: true });
  });

  test('nothing of a Secret reaches a file: values, labels, annotations, managers, types, what was deleted', async () => {
    const client = api();
    await client.json('POST', `${secrets}?fieldManager=${marker}-manager`, {
      metadata: {
        name: 'everywhere',
        labels: { l: `${marker}-label` },
        annotations: { 'kubectl.kubernetes.io/last-applied-configuration': `{"data":"${marker}-annotation"}` },
      },
      type: `${marker}/type`,
      stringData: { value: `${marker}-value`, [`${marker}-key`]: 'x' },
      data: { bytes: Buffer.from(`${marker}-data`).toString('base64') },
    });
    for (let n = 0; n < 5; n++)
      await client.json('PUT', `${secrets}/everywhere`, {
        ...named('everywhere', `${marker}-${n}`),
        type: `${marker}/type`,
      });
    await client.json('POST', secrets, named('gone', `${marker}-gone`));
    await client.json('DELETE', `${secrets}/gone`);
    expect((await client.request('GET', secrets)).text).toContain(`${marker}/type`);
    await client.json('POST', '/api/v1/namespaces/default/pods', {
      metadata: { name: 'reader' },
      spec: {
        containers: [{ name: 'c', image: 'tiffin.dev/pause:1', envFrom: [{ secretRef: { name: 'everywhere' } }] }],
        volumes: [{ name: 'v', secret: { secretName: 'everywhere' } }],
      },
    });
    await running('reader');
    // The node has been told, and keeps it.
    await expect
      .poll(() => filesWith('"sealed":'), { timeout: 20_000 })
      .toEqual([expect.stringContaining('snapshot.json')]);
    await client.json('POST', '/api/v1/namespaces/default/configmaps', {
      metadata: { name: 'c' },
      data: { a: 'PlainMarker' },
    });
    expect(filesWith('PlainMarker').length).toBeGreaterThan(0);
    expect(filesWith(marker)).toEqual([]);
    // The same on a restart, and once the log was written into the database.
    await well(tiffin('down'));
    expect(filesWith(marker)).toEqual([]);
    await well(up());
    expect(filesWith(marker)).toEqual([]);
    expect((await api().request('GET', `${secrets}/everywhere`)).text).toContain(
      Buffer.from(`${marker}-4`).toString('base64'),
    );
    expect(fs.statSync(keysFile).mode & 0o777).toBe(0o600);
  });

  test('keys are changed under load, and no request fails', async () => {
    const client = api();
    for (let n = 0; n < 600; n++) await client.json('POST', secrets, named(`s${n}`, `${marker}-${n}`));
    const failures: string[] = [];
    let [stop, requests] = [false, 0];
    const load = async (worker: number): Promise<void> => {
      for (let n = worker; !stop; n = (n + 7) % 600) {
        const one = `${secrets}/s${n}`;
        for (const [method, url, body] of [
          ['GET', one, undefined],
          ['PUT', one, named(`s${n}`, `${marker}-${requests}`)],
          ['GET', `${secrets}?limit=50`, undefined],
        ] as const) {
          requests++;
          const answer = await client.request(method, url, body).catch((error) => ({ status: 0, text: String(error) }));
          if (answer.status !== 200) failures.push(`${method} ${url}: ${answer.status} ${answer.text}`);
        }
      }
    };
    const workers = [1, 2, 3].map(load);
    const before = (await status()).keys.find(({ state }) => state === 'writes')?.name;
    expect(await well(tiffin('keys', 'rotate', 'encryption'))).toContain('from now on');
    await settled();
    expect(await well(tiffin('keys', 'rotate', 'encryption', '--finish'))).toContain('dropped');
    stop = true;
    await Promise.all(workers);
    expect(failures).toEqual([]);
    expect(requests).toBeGreaterThan(100);
    const { keys } = await status();
    expect(keys).toHaveLength(1);
    expect(keys[0]?.name).not.toBe(before);
    expect(keys[0]?.rows).toBeGreaterThan(600);
    expect(JSON.parse(fs.readFileSync(keysFile, 'utf8'))).toHaveLength(1);
    expect(filesWith(marker)).toEqual([]);
  });

  test('a change of keys that is killed goes on', async () => {
    const key = newEncryptionKey(Date.now());
    writeEncryptionKeys(keysFile, [key, ...readEncryptionKeys(keysFile)]);
    // As the command does it, but killed at once.
    await api().json('POST', '/tiffin.dev/v1/keys/encryption/add', key);
    process.kill(find(paths, 'workerd')?.pid ?? 0, 'SIGKILL');
    await new Promise((resolve) => setTimeout(resolve, 500));
    await api().waitReady(30_000);
    await settled();
    expect((await status()).keys).toMatchObject([
      { name: `cluster:${key.name}`, state: 'writes' },
      { state: 'reads', rows: 0 },
    ]);
    expect(await well(tiffin('keys', 'rotate', 'encryption', '--finish'))).toContain('dropped');
    expect(await well(tiffin('keys', 'status'))).not.toContain('reads');
    const list = await api().json<{ items: unknown[] }>('GET', secrets);
    expect(list.items).toHaveLength(601);
  });

  test('without its key nothing is started, and with it all is there', async () => {
    await well(tiffin('down'));
    fs.renameSync(keysFile, `${keysFile}.away`);
    const refused = await up();
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toContain('encryption-keys does not hold');
    expect(find(paths, 'workerd')).toBeUndefined();
    expect(fs.existsSync(keysFile)).toBe(false);
    fs.renameSync(`${keysFile}.away`, keysFile);
    await well(up());
    const list = await api().json<{ items: unknown[] }>('GET', secrets);
    expect(list.items).toHaveLength(601);
  });

  test('a key of a configuration is not taken away while rows need it', async () => {
    const file = `${stateDir}.yaml`;
    const configured = (...names: string[]) =>
      fs.writeFileSync(
        file,
        JSON.stringify({
          apiVersion: 'apiserver.config.k8s.io/v1',
          kind: 'EncryptionConfiguration',
          resources: [
            {
              resources: ['configmaps'],
              providers: [
                {
                  aesgcm: { keys: names.map((name) => ({ name, secret: Buffer.alloc(32, name).toString('base64') })) },
                },
              ],
            },
          ],
        }),
      );
    configured('a');
    await well(up('--config', file));
    await settled();
    configured('b');
    const refused = await up('--config', file);
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toContain('aesgcm:a, which the configuration does not name any more');
    fs.writeFileSync(file, fs.readFileSync(file, 'utf8').replace('"name":"b"', '"name":"a"'));
    expect((await up('--config', file)).stderr).toContain('aesgcm:a with another secret');
    // The key may be nowhere but in what is kept: a refused file does not replace that.
    await well(up());
    configured('b', 'a');
    await well(up('--config', file));
    await settled();
    configured('b');
    await well(up('--config', file));
    await settled();
    expect((await api().json<{ items: unknown[] }>('GET', '/api/v1/configmaps')).items.length).toBeGreaterThan(0);
    fs.rmSync(file);
  });

  test('what was once plain is stored again, and is gone from the files after the next start', async () => {
    const file = `${stateDir}.yaml`;
    fs.writeFileSync(
      file,
      `apiVersion: apiserver.config.k8s.io/v1
kind: EncryptionConfiguration
resources:
- resources: [secrets]
  providers: [{ identity: {} }]
- resources: [configmaps]
  providers: [{ identity: {} }, { aesgcm: { keys: [{ name: b, secret: ${Buffer.alloc(32, 'b').toString('base64')} }] } }]
`,
    );
    await well(up('--config', file));
    await settled();
    expect((await status()).keys.every(({ rows }) => rows === 0)).toBe(true);
    await api().json('POST', secrets, named('plain', `${marker}-plain`));
    expect(filesWith(marker).length).toBeGreaterThan(0);
    fs.writeFileSync(file, '');
    await well(up('--config', file));
    await settled();
    expect(await status()).toMatchObject({ wasPlain: true });
    await well(tiffin('down'));
    expect(await well(up())).toContain('written anew');
    expect(filesWith(marker)).toEqual([]);
    expect(await status()).toMatchObject({ wasPlain: false });
    expect((await api().request('GET', `${secrets}/plain`)).text).toContain(
      Buffer.from(`${marker}-plain`).toString('base64'),
    );
    fs.rmSync(file);
  });
});
