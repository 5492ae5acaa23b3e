// Encryption at rest in workerd: what SQLite of the API server's object holds, and a change of keys that is evicted in between.
import { evictDurableObject, reset, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env, exports } from 'cloudflare:workers';
import { afterEach, expect, it } from 'vitest';
import type { Env } from '../../workers/env.ts';

const { API_SERVER } = env as unknown as Env;
const worker = (exports as unknown as { default: Fetcher }).default;
const apiServer = () => API_SERVER.get(API_SERVER.idFromName('main'));
const secrets = '/api/v1/namespaces/default/secrets';
const keysPage = '/tiffin.dev/v1/keys/encryption';
const marker = 'Zq7xMarker';

async function call(method: string, path: string, body?: unknown) {
  const response = await worker.fetch(`https://tiffin.test${path}`, {
    method,
    headers: { authorization: 'Bearer test-admin', 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  // biome-ignore lint/suspicious/noExplicitAny: answers of any shape, looked at field by field
  return { status: response.status, body: JSON.parse(await response.text()) as any };
}

/** Everything that lies in the object's tables, as text. */
const stored = () =>
  runInDurableObject(apiServer(), (_object, state) => {
    const names = state.storage.sql
      .exec<{ name: string }>(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf%' ESCAPE '\\'",
      )
      .toArray();
    const text = (cell: unknown) =>
      cell instanceof ArrayBuffer ? String.fromCharCode(...new Uint8Array(cell)) : String(cell);
    return names
      .flatMap(({ name }) => state.storage.sql.exec(`SELECT * FROM ${name}`).toArray())
      .map((row) => Object.values(row).map(text).join('|'))
      .join('\n');
  });

afterEach(() => reset());

it('stores Secrets sealed, and under a new key while it goes on, evicted or not', async () => {
  for (let n = 0; n < 20; n++) {
    const name = `${marker}-${n}`.toLowerCase();
    const created = await call('POST', secrets, {
      metadata: { name, labels: { l: marker } },
      stringData: { value: `${marker} value`, [`${marker}.key`]: 'x' },
      type: `${marker}/type`,
    });
    expect(created.status).toBe(201);
  }
  expect(await stored()).toContain(`secrets/default/${marker.toLowerCase()}-1`);
  expect(await stored()).not.toMatch(new RegExp(`${marker}|${btoa(`${marker} value`)}`));
  const before = (await call('GET', secrets)).body;
  expect(before.items).toHaveLength(20);

  const key = { name: 'next', secret: btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(32)))) };
  expect((await call('POST', `${keysPage}/add`, key)).body).toMatchObject({ state: 'resealing' });
  expect((await call('GET', secrets)).body).toEqual(before);
  for (let i = 0; i < 600 && (await call('GET', keysPage)).body.state !== 'settled'; i++)
    if (!(await runDurableObjectAlarm(apiServer()))) await new Promise((resolve) => setTimeout(resolve, 50));
  const { state, keys } = (await call('GET', keysPage)).body;
  expect(state).toBe('settled');
  expect(keys).toMatchObject([
    { name: 'cluster:next', state: 'writes', rows: expect.any(Number) },
    { name: 'cluster:of-tests', state: 'reads', rows: 0 },
  ]);
  expect((await call('GET', secrets)).body).toEqual(before);

  // This life alone had the new key: the next says what is missing, and goes on with everything else.
  await evictDurableObject(apiServer());
  const lost = await call('GET', secrets);
  expect(lost.status).toBe(500);
  expect(lost.body.message).toMatch(/unable to transform key "secrets\/default\/zq7xmarker-0": .* cluster:next#/);
  expect((await call('GET', '/api/v1/namespaces')).status).toBe(200);
  expect((await call('GET', keysPage)).body.keys).toContainEqual(
    expect.objectContaining({ name: 'cluster:next', state: 'missing' }),
  );
  expect((await call('POST', `${keysPage}/add`, key)).status).toBe(200);
  expect((await call('GET', secrets)).body.items).toEqual(before.items);
});
