// Keys that rotate while tokens are issued and used: nothing that counts is refused on the way, and what was retired is.
import { expect, test, vi } from 'vitest';
import { openSql } from '../../../../test/harness/sql.ts';
import { createLedger } from '../../../ledger/ledger.ts';
import { defaultClusterConfig } from '../../../ports/index.ts';
import { TestLog, TestRandom, testServer } from '../../testing.ts';
import { type Forger, forger } from '../testing.ts';
import { generateKey } from './keys/key.ts';
import { KeyRing } from './keys/ring.ts';
import { secretToken } from './secret-token.ts';

const path = '/tiffin.dev/v1/keys/service-account';
const hour = 3600_000;

async function issue(f: Forger, spec: object = {}): Promise<string> {
  const { json } = await f.call('POST', '/api/v1/namespaces/default/serviceaccounts/a/token', { spec });
  return json.status.token;
}
const kidOf = (token: string): string => JSON.parse(atob(token.split('.')[0] as string)).kid;
const published = async (f: Forger): Promise<string[]> =>
  (await f.call('GET', '/openid/v1/jwks')).json.keys.map(({ kid }: { kid: string }) => kid);
const states = async (f: Forger): Promise<string[]> =>
  (await f.call('GET', path)).json.keys.map(({ state }: { state: string }) => state);

test('a key is published, signs an hour later by itself, and the old one goes when nobody needs it', async () => {
  const f = await forger(openSql());
  const first = await issue(f);
  const { made } = (await f.call('POST', `${path}/rotate`, {})).json;
  expect(await published(f)).toEqual([made, f.kid]);
  expect(await states(f)).toEqual(['published', 'signs']);
  const second = await issue(f);
  expect(kidOf(second)).toBe(f.kid);
  expect(await Promise.all([first, second].map(f.knock))).toEqual([200, 200]);
  // Asked again, it is still the same one.
  expect((await f.call('POST', `${path}/rotate`, {})).json.made).toBe(made);
  f.clock.advance(hour);
  const third = await issue(f, { expirationSeconds: 7200 });
  expect(kidOf(third)).toBe(made);
  expect(await states(f)).toEqual(['signs', 'verifies']);
  const early = await f.call('POST', `${path}/retire`, {});
  expect(early.json.retired).toEqual([]);
  expect(early.json.kept).toMatchObject([{ kid: f.kid }]);
  expect(early.json.kept[0].because).toContain('tokens that it signed count until');
  expect(await f.knock(third)).toBe(200);
  f.clock.advance(hour);
  expect((await f.call('POST', `${path}/retire`, {})).json).toMatchObject({ retired: [f.kid], kept: [] });
  expect(await published(f)).toEqual([made]);
  expect(await f.knock(third)).toBe(200);
  expect(await f.knock(await f.sign({ exp: (f.claims.exp ?? 0) + 10 * 3600 }))).toBe(401);
  // Another one takes its place as well, and the one that was made goes for good.
  const next = (await f.call('POST', `${path}/rotate`, { signAfterSeconds: 0 })).json.made;
  expect(kidOf(await issue(f))).toBe(next);
  expect((await f.call('POST', `${path}/retire`, { force: true })).json.retired).toEqual([made]);
  expect(await published(f)).toEqual([next]);
  expect(await f.knock(third)).toBe(401);
});

test('what is remembered of a token ends with its key', async () => {
  const f = await forger(openSql());
  const token = await issue(f);
  expect(await f.knock(token)).toBe(200);
  await f.call('POST', `${path}/rotate`, { signAfterSeconds: 0 });
  expect(await f.knock(token)).toBe(200);
  await f.call('POST', `${path}/retire`, { force: true });
  expect(await f.knock(token)).toBe(401);
});

test('no request fails while keys rotate under load', async () => {
  const f = await forger(openSql());
  const old = await issue(f);
  const codes = new Map<number, number>();
  const kids = new Set<string>();
  let over = false;
  const load = Array.from({ length: 8 }, async () => {
    while (!over) {
      const fresh = await issue(f);
      kids.add(kidOf(fresh));
      // One that nobody has seen yet, and one that everybody has.
      for (const code of await Promise.all([f.knock(fresh), f.knock(old)])) codes.set(code, (codes.get(code) ?? 0) + 1);
    }
  });
  for (let round = 0; round < 5; round++) {
    await f.call('POST', `${path}/rotate`, { signAfterSeconds: 0 });
    for (let use = 0; use < 20; use++) await f.call('GET', '/api');
    expect((await f.call('POST', `${path}/retire`, {})).json.retired).toEqual([]);
  }
  over = true;
  await Promise.all(load);
  expect([...codes.keys()]).toEqual([200]);
  expect(kids.size).toBeGreaterThan(3);
});

test('the tokens in Secrets keep their key, until somebody insists', async () => {
  const f = await forger(openSql());
  const annotations = { 'kubernetes.io/service-account.name': 'a' };
  await f.make('secrets', { metadata: { name: 's', annotations }, type: 'kubernetes.io/service-account-token' });
  const token = await secretToken(f.server.issuer?.signer, f.ledger, 'default', 's');
  expect(await f.review(token)).toBe("[invalid bearer token, service account token does not match server's copy]");
  const secret = '/api/v1/namespaces/default/secrets/s';
  await f.call('PATCH', secret, { data: { token: btoa(token) } });
  expect(await f.knock(token)).toBe(200);
  const day = async () => (await f.call('GET', secret)).json.metadata.labels['kubernetes.io/legacy-token-last-used'];
  await vi.waitFor(async () => expect(await day()).toBe('2026-01-02'));
  const revision = f.ledger.revision;
  expect(await f.knock(token)).toBe(200);
  await f.call('POST', `${path}/rotate`, { signAfterSeconds: 0 });
  f.clock.advance(100 * hour);
  // Once a day is enough.
  expect(f.ledger.revision).toBe(revision + 1);
  const { retired, kept } = (await f.call('POST', `${path}/retire`, {})).json;
  expect(retired).toEqual([]);
  expect(kept[0]).toMatchObject({ kid: f.kid });
  expect(kept[0].because).toContain('default/s');
  expect(await f.knock(token)).toBe(200);
  const label = { metadata: { labels: { 'kubernetes.io/legacy-token-invalid-since': '2026-01-01' } } };
  await f.call('PATCH', secret, label);
  expect(await f.review(token)).toContain('has been marked invalid. Use tokens from the TokenRequest API');
  await f.call('DELETE', secret);
  expect(await f.review(token)).toBe('[invalid bearer token, service account token has been invalidated]');
  expect((await f.call('POST', `${path}/retire`, {})).json.retired).toEqual([f.kid]);
});

test('only administrators see keys and rotate them, and only so', async () => {
  const f = await forger(openSql());
  const bearer = { authorization: `Bearer ${await issue(f)}` };
  expect((await f.call('GET', path, undefined, bearer)).code).toBe(403);
  expect((await f.call('POST', `${path}/rotate`, {}, bearer)).code).toBe(403);
  expect((await f.call('GET', path, undefined, { authorization: '' })).code).toBe(403);
  expect((await f.call('GET', `${path}/rotate`)).code).toBe(405);
  expect((await f.call('POST', path, {})).code).toBe(405);
  expect((await f.call('POST', `${path}/constructor`, {})).code).toBe(404);
  expect((await f.call('GET', '/tiffin.dev/v1/keys/__proto__')).code).toBe(404);
  expect((await f.call('GET', '/tiffin.dev/v1/keysx')).code).toBe(404);
  for (const body of [
    '',
    '[]',
    'null',
    '7',
    '{"signAfterSeconds":-1}',
    '{"signAfterSeconds":"0"}',
    '{"signAfterSeconds":1e99}',
  ])
    expect((await f.call('POST', `${path}/rotate`, body)).code, body).toBe(400);
  expect((await f.call('POST', `${path}/retire`, { force: 'yes' })).code).toBe(400);
  const { text } = await f.call('GET', '/tiffin.dev/v1/keys');
  expect(Object.keys(JSON.parse(text))).toContain('service-account');
  expect(text).not.toMatch(/"d"|PRIVATE|sealed/);
});

test('made keys outlive the server, and lie sealed', async () => {
  const f = await forger(openSql());
  const { made } = (await f.call('POST', `${path}/rotate`, { signAfterSeconds: 0 })).json;
  const [row] = f.ledger.range({
    start: 'tiffin.dev/service-account-keys/',
    end: 'tiffin.dev/service-account-keys0',
  }).entries;
  const { sealed } = JSON.parse(row?.value ?? '');
  expect(atob(sealed)).not.toContain('\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07');
  const ringOf = (pem: string) => new KeyRing({ pem, ledger: f.ledger, clock: f.clock, random: new TestRandom(3) });
  const summary = async (ring: KeyRing) => ({
    keys: (await ring.keys()).map(({ key }) => [key.kid, key.privateKey !== undefined]),
    signs: (await ring.signing()).key.kid,
  });
  expect(await summary(ringOf(f.pem))).toEqual({
    keys: [
      [made, true],
      [f.kid, true],
    ],
    signs: made,
  });
  // With another key configured, what was sealed stays closed; with both, the new one signs and the made one verifies.
  const { der } = await generateKey();
  const other = `-----BEGIN PRIVATE KEY-----\n${btoa(String.fromCharCode(...der))}\n-----END PRIVATE KEY-----\n`;
  const alone = await summary(ringOf(other));
  expect(alone.keys).toEqual([[alone.signs, true]]);
  expect(await summary(ringOf(other + f.pem))).toEqual({
    keys: [
      [made, false],
      [alone.signs, true],
      [f.kid, true],
    ],
    signs: alone.signs,
  });
});

test('public keys verify and do not sign; without any key there are no tokens, and no failures', async () => {
  const { pem } = await forger(openSql());
  const { subtle } = crypto;
  const der = Uint8Array.from(atob(pem.replace(/-----[^-]+-----|\s/g, '')), (char) => char.charCodeAt(0));
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256' };
  const {
    d: _d,
    key_ops: _ops,
    ...jwk
  } = (await subtle.exportKey('jwk', await subtle.importKey('pkcs8', der, algorithm, true, ['sign']))) as Record<
    string,
    unknown
  >;
  const spki = await subtle.exportKey('spki', await subtle.importKey('jwk', jwk as never, algorithm, true, ['verify']));
  const publicPem = `-----BEGIN PUBLIC KEY-----\n${btoa(String.fromCharCode(...new Uint8Array(spki as ArrayBuffer)))}\n-----END PUBLIC KEY-----\n`;
  for (const serviceAccountKey of [publicPem, 'nonsense']) {
    const { call, log } = await testServer(openSql(), { serviceAccountKey });
    await call('POST', '/api/v1/namespaces/default/serviceaccounts', { metadata: { name: 'a' } });
    const issued = await call('POST', '/api/v1/namespaces/default/serviceaccounts/a/token', { spec: {} });
    expect(issued.code).toBe(500);
    expect(issued.text).not.toContain('nonsense');
    expect(log.errors.length).toBeGreaterThan(0);
  }
  const ledger = createLedger({ sql: openSql(), clock: { now: () => 0 }, config: defaultClusterConfig });
  const ring = new KeyRing({ pem: publicPem, ledger, clock: { now: () => 0 }, random: new TestRandom() });
  expect((await ring.keys()).length).toBe(1);
  await expect(ring.signing()).rejects.toThrow('no private key');
  expect(new TestLog().errors).toEqual([]);
});
