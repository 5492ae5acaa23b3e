import { describe, expect, it } from 'vitest';
import { cipher, encryptionKeys, keyNamed } from '../../../test/harness/cipher.ts';
import { openSql, type TestSql } from '../../../test/harness/sql.ts';
import { type Configuration, readConfiguration } from '../../configuration/configuration.ts';
import { defaultClusterConfig } from '../../ports/index.ts';
import { ServerObject } from '../object/object.ts';
import { adminToken, TestLog, TestRandom, TestTimers } from '../testing.ts';
import { clusterKeys, sealingOf } from './policy.ts';

const secrets = '/api/v1/namespaces/default/secrets';
const keysPage = '/tiffin.dev/v1/keys/encryption';

function configured(...resources: { resources: string[]; providers: unknown[] }[]): Configuration {
  return readConfiguration([{ apiVersion: 'apiserver.config.k8s.io/v1', kind: 'EncryptionConfiguration', resources }]);
}

/** One life of the API server's object; `ring` is its alarm. */
async function life(sql: TestSql, keys: string, configuration?: Configuration, timers = new TestTimers()) {
  let alarmMs: number | undefined;
  const log = new TestLog();
  const object = new ServerObject({
    sql,
    alarm: {
      set: (atMs) => {
        alarmMs = atMs;
      },
    },
    timers,
    random: new TestRandom(),
    config: defaultClusterConfig,
    ...(configuration ? { configuration } : {}),
    log,
    epoch: 'e',
    adminToken,
    encryption: { cipher, keys },
    peers: {
      controllerManager: { poke: async (revision) => revision },
      scheduler: { poke: async (revision) => revision },
      link: () => ({ poke: async () => ({ serviceRevision: 0 }), credentialChanged: async () => undefined }),
    },
    signer: {
      ca: '',
      sign: () => Promise.reject(new Error('not here')),
      agree: () => Promise.reject(new Error('not here')),
    },
    waitUntil: () => undefined,
  });
  await object.start();
  const call = async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
    const response = await object.fetch(
      new Request(`http://x${path}`, {
        method,
        headers: { authorization: `Bearer ${adminToken}`, 'content-type': 'application/json', ...headers },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
    );
    const text = await response.text();
    return { code: response.status, text, json: text.startsWith('{') ? JSON.parse(text) : undefined };
  };
  const ring = async () => {
    timers.ms = Math.max(timers.ms, alarmMs ?? 0);
    await object.alarm();
  };
  const settle = async () => {
    while (object.ledger.sealed.due) await ring();
  };
  return { object, call, ring, settle, log };
}

const create = (server: Awaited<ReturnType<typeof life>>, name: string, path = secrets) =>
  server.call('POST', path, {
    metadata: { name },
    [path === secrets ? 'stringData' : 'data']: { a: `value of ${name}` },
  });
const typesOf = (sql: TestSql, collection: string) =>
  sql
    .exec<{ type: string }>('SELECT DISTINCT typeof(value) AS type FROM ledger_log WHERE key LIKE ?', `${collection}/%`)
    .map(({ type }) => type);

describe('which rows are sealed', () => {
  const keyOf = (encryption: Configuration['encryption'], collection: string) =>
    sealingOf({ cipher, clusterKeys: clusterKeys(encryptionKeys('k', 'old')), encryption })?.keyOf(collection)?.name;
  const own = { aesgcm: { keys: [{ name: 'mine', secret: btoa('m'.repeat(16)) }] } };
  const kms = { kms: { apiVersion: 'v2', name: 'cluster', endpoint: 'secret://ENCRYPTION_KEYS' } };

  it('Secrets under the keys of the cluster, where nothing is said', () => {
    expect(['secrets', 'configmaps', 'secrets.example.com'].map((one) => keyOf(undefined, one))).toEqual([
      'cluster:k',
      undefined,
      undefined,
    ]);
    const { encryption } = configured({ resources: ['configmaps'], providers: [own] });
    expect(['secrets', 'configmaps'].map((one) => keyOf(encryption, one))).toEqual(['cluster:k', 'aesgcm:mine']);
  });

  it('as the first entry says that names them', () => {
    const { encryption } = configured(
      { resources: ['secrets'], providers: [{ identity: {} }, kms] },
      { resources: ['*.apps'], providers: [own] },
      { resources: ['*.'], providers: [kms] },
      { resources: ['*.*'], providers: [own, { identity: {} }] },
    );
    const collections = ['secrets', 'deployments.apps', 'pods', 'leases.coordination.k8s.io'];
    expect(collections.map((one) => keyOf(encryption, one))).toEqual([
      undefined,
      'aesgcm:mine',
      'cluster:k',
      'aesgcm:mine',
    ]);
  });

  it('refuses keys that are none', () => {
    for (const text of ['{', '{}', '[{}]', '[{"name":"k","secret":"c2hvcnQ="}]', '[{"name":"K!","secret":""}]'])
      expect(() => clusterKeys(text), text).toThrow('ENCRYPTION_KEYS');
    const { encryption } = configured({ resources: ['pods'], providers: [kms] });
    expect(() => sealingOf({ cipher, clusterKeys: [], encryption })).toThrow('ENCRYPTION_KEYS holds no key');
    expect(sealingOf({ cipher, clusterKeys: [], encryption: undefined })).toBeUndefined();
  });
});

describe('encryption at rest', () => {
  it('seals Secrets and leaves the rest, and every form of reading is as without', async () => {
    const [sealedSql, plainSql] = [openSql(), openSql()];
    const [sealed, plain] = [await life(sealedSql, encryptionKeys('k')), await life(plainSql, '')];
    for (const server of [sealed, plain]) {
      for (const name of ['a', 'b', 'c']) await create(server, name);
      await server.call('DELETE', `${secrets}/b`);
      await create(server, 'm', '/api/v1/namespaces/default/configmaps');
    }
    expect([typesOf(sealedSql, 'secrets'), typesOf(plainSql, 'secrets')]).toEqual([['blob'], ['text']]);
    expect(typesOf(sealedSql, 'configmaps')).toEqual(['text']);
    const table = { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' };
    for (const [path, headers] of [
      [`${secrets}/a`, {}],
      [secrets, {}],
      [`${secrets}?limit=1`, {}],
      [`${secrets}?fieldSelector=type%3DOpaque`, {}],
      [secrets, table],
      [secrets, { accept: 'application/vnd.kubernetes.protobuf' }],
      ['/api/v1/secrets', { accept: 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io' }],
    ] as const) {
      const [one, other] = [
        await sealed.call('GET', path, undefined, headers),
        await plain.call('GET', path, undefined, headers),
      ];
      const tokens = (text: string) => text.replace(/"continue":"[^"]*"/, '');
      expect(tokens(one.text), path).toBe(tokens(other.text));
      expect(one.code).toBe(200);
    }
  });

  it('names the object that cannot be opened, and serves everything else', async () => {
    const sql = openSql();
    const first = await life(sql, encryptionKeys('k'));
    for (const name of ['a', 'b']) await create(first, name);
    await create(first, 'm', '/api/v1/namespaces/default/configmaps');
    const [row] = sql.exec<{ value: Uint8Array }>("SELECT value FROM ledger_log WHERE key = 'secrets/default/b'");
    const changed = Uint8Array.from(row!.value, (byte, at) => (at === 40 ? byte ^ 1 : byte));
    sql.exec("UPDATE ledger_log SET value = ? WHERE key = 'secrets/default/b'", changed);
    const damaged = await life(sql, encryptionKeys('k'));
    for (const [method, path, body] of [
      ['GET', `${secrets}/b`, undefined],
      ['GET', secrets, undefined],
      ['GET', '/api/v1/secrets?limit=500', undefined],
      ['PUT', `${secrets}/b`, { metadata: { name: 'b' } }],
      ['DELETE', `${secrets}/b`, undefined],
    ] as const) {
      const { code, json } = await damaged.call(method, path, body);
      expect([code, json.kind, json.reason], `${method} ${path}`).toEqual([500, 'Status', 'InternalError']);
      expect(json.message).toMatch(/^Internal error occurred: unable to transform key "secrets\/default\/b": /);
    }
    expect((await damaged.call('GET', `${secrets}/a`)).code).toBe(200);
    expect((await damaged.call('GET', '/api/v1/namespaces/default/configmaps')).code).toBe(200);
    expect((await create(damaged, 'c')).code).toBe(201);
  });

  it('is not ready without a key that rows need, and takes nothing for absent', async () => {
    const sql = openSql();
    await create(await life(sql, encryptionKeys('lost')), 'a');
    for (const keys of ['', encryptionKeys('other')]) {
      const server = await life(sql, keys);
      expect((await server.call('GET', '/readyz')).text).toMatch(/encryption failed/);
      expect((await server.call('GET', `${secrets}/a`)).json.message).toMatch(/cluster:lost#[0-9a-f]{8}, which is not/);
      expect((await create(server, 'a')).code).toBe(500);
      await server.settle();
    }
    const again = await life(sql, encryptionKeys('other', 'lost'));
    expect((await again.call('GET', '/readyz')).code).toBe(200);
    expect((await again.call('GET', `${secrets}/a`)).code).toBe(200);
  });

  it('takes a new key while it runs, and lets the old one go when no row needs it', async () => {
    const sql = openSql();
    let server = await life(sql, encryptionKeys('old'));
    for (let n = 0; n < 30; n++) await create(server, `s${n}`);
    const before = (await server.call('GET', secrets)).text;
    const key = { name: 'new', secret: Buffer.from(keyNamed('new').secret).toString('base64') };
    const watch = server.object.ledger.revision;
    expect((await server.call('POST', `${keysPage}/add`, key)).json).toMatchObject({ state: 'resealing' });
    const drop = (name: unknown) => server.call('POST', `${keysPage}/drop`, { name });
    expect((await drop('old')).json).toMatchObject({ code: 409, message: expect.stringContaining('rows need it') });
    expect((await drop('new')).json.message).toContain('the one that writes');
    expect((await drop('who')).code).toBe(404);
    for (const wrong of [{}, { name: 'x' }, { ...key, secret: 7 }, { ...key, name: '../x' }, { ...key, name: 'old' }])
      expect((await server.call('POST', `${keysPage}/add`, wrong)).code, JSON.stringify(wrong)).toBe(400);
    // It is lost in the middle, and comes back with both keys.
    server.object.ledger.sealed.reseal({ rows: 7 });
    server = await life(sql, encryptionKeys('new', 'old'));
    expect((await server.call('GET', keysPage)).json.keys).toMatchObject([
      { name: 'cluster:new' },
      { rows: expect.any(Number) },
    ]);
    await server.settle();
    expect((await server.call('GET', secrets)).text).toBe(before);
    expect(server.object.ledger.revision).toBe(watch);
    expect((await drop('old')).code).toBe(200);
    const metrics = (await server.call('GET', '/metrics')).text;
    expect(metrics).toMatch(/tiffin_encryption_rows\{key="cluster:new#[0-9a-f]{8}"\} 30\n/);
    expect(metrics).toContain('tiffin_encryption_resealing 0');
    const without = await life(sql, encryptionKeys('new'));
    expect((await without.call('GET', '/readyz')).code).toBe(200);
    expect((await without.call('GET', secrets)).text).toBe(before);
  });

  it('seals what is there when encryption is configured, and opens it when it no longer is', async () => {
    const sql = openSql();
    const all = configured({
      resources: ['*.*'],
      providers: [{ aesgcm: { keys: [{ name: 'k', secret: btoa('k'.repeat(32)) }] } }],
    });
    const first = await life(sql, '');
    for (let n = 0; n < 5; n++) await create(first, `m${n}`, '/api/v1/namespaces/default/configmaps');
    const path = '/api/v1/namespaces/default/configmaps';
    const before = (await first.call('GET', path)).json.items;
    const sealed = await life(sql, '', all);
    await sealed.settle();
    expect(typesOf(sql, '%')).toEqual(['blob']);
    const keys = (await sealed.call('GET', '/tiffin.dev/v1/keys/encryption')).json.keys as {
      name: string;
      state: string;
    }[];
    expect(keys.map(({ name, state }) => [name, state])).toEqual([['aesgcm:k', 'writes']]);
    expect((await sealed.call('GET', path)).json.items).toEqual(before);
    expect((await sealed.call('GET', '/api/v1/namespaces')).json.items.length).toBeGreaterThan(2);
    const none = configured({
      resources: ['*.*'],
      providers: [{ identity: {} }, { aesgcm: { keys: [{ name: 'k', secret: btoa('k'.repeat(32)) }] } }],
    });
    const opened = await life(sql, '', none);
    await opened.settle();
    expect(typesOf(sql, '%')).toEqual(['text']);
    expect((await opened.call('GET', path)).json.items).toEqual(before);
  });
});
