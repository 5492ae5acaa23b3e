// Keys that sign service account tokens, changed on a control plane of its own (no nodes) while tokens are issued and used; what the
// files of its state directory show of them; and keys that somebody else made.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Api, localTarget } from '../../src/cli/api.ts';
import { statePaths } from '../../src/cli/paths.ts';
import { type Outcome, root, run } from './lib.ts';

const stateDir = fs.mkdtempSync(path.join(os.tmpdir(), 'tiffin-keys-'));
const paths = statePaths(stateDir);
const account = '/api/v1/namespaces/default/serviceaccounts/default';
const secret = '/api/v1/namespaces/default/secrets/held';

const tiffin = (...args: string[]): Promise<Outcome> =>
  run(path.join(root, 'tiffin'), [...args, '--state-dir', stateDir], { timeoutMs: 120_000 });
async function well(outcome: Promise<Outcome>): Promise<string> {
  const { code, stdout, stderr } = await outcome;
  if (code !== 0) throw new Error(stderr + stdout);
  return stdout;
}
const rotate = (...args: string[]) => tiffin('keys', 'rotate', 'service-account', ...args);
const api = () => new Api(localTarget(paths));
const issue = async (client = api()) =>
  (await client.json<{ status: { token: string } }>('POST', `${account}/token`, { spec: {} })).status.token;
const headerOf = (token: string): { alg: string; kid: string } =>
  JSON.parse(Buffer.from(token.split('.')[0] as string, 'base64url').toString());
/** What somebody with this token meets. */
const knock = async (token: string): Promise<number> => {
  const client = new Api({ ...localTarget(paths), token });
  try {
    return (await client.request('GET', '/api')).status;
  } finally {
    client.close();
  }
};
const published = async () =>
  (await api().json<{ keys: { kid: string; alg: string }[] }>('GET', '/openid/v1/jwks')).keys;

describe('keys of service account tokens', () => {
  beforeAll(async () => {
    await well(tiffin('up', '--nodes', '0'));
    for (const deadline = Date.now() + 30_000; (await api().request('GET', account)).status !== 200; )
      if (Date.now() > deadline) throw new Error('no default ServiceAccount');
  });
  afterAll(async () => {
    await tiffin('down', '--purge');
    fs.rmSync(stateDir, { recursive: true, force: true });
  });

  test('they rotate under load, and no request fails', async () => {
    const old = await issue();
    const codes = new Map<number | string, number>();
    const kids = new Set<string>();
    let stop = false;
    const load = Array.from({ length: 6 }, async () => {
      const client = api();
      while (!stop)
        try {
          const fresh = await issue(client);
          kids.add(headerOf(fresh).kid);
          for (const code of [await knock(fresh), await knock(old)]) codes.set(code, (codes.get(code) ?? 0) + 1);
        } catch (error) {
          codes.set(String(error), 1);
        }
      client.close();
    });
    for (let round = 0; round < 3; round++) await well(rotate('--sign-after', '0'));
    const { code, stderr } = await rotate('--finish');
    expect(code).not.toBe(0);
    expect(stderr).toContain('tokens that it signed count until');
    stop = true;
    await Promise.all(load);
    expect([...codes.keys()]).toEqual([200]);
    expect(codes.get(200)).toBeGreaterThan(50);
    expect(kids.size).toBe(4);
    expect(new Set((await published()).map(({ kid }) => kid))).toEqual(kids);
  });

  test('a new key is published before it signs; both outlive a restart, and neither is in a file', async () => {
    const before = headerOf(await issue()).kid;
    expect(await well(rotate())).toContain('signs from');
    const [first] = await published();
    expect(first?.kid).not.toBe(before);
    await well(tiffin('down'));
    await well(tiffin('up'));
    expect((await published())[0]).toEqual(first);
    expect(headerOf(await issue()).kid).toBe(before);
    expect(await well(tiffin('keys', 'status'))).toMatch(new RegExp(`${first?.kid}  ES256  made +signs from 20`));
    await well(rotate('--sign-after', '0'));
    expect(headerOf(await issue()).kid).toBe(first?.kid);
    const pkcs8OfP256 = Buffer.from('301306072a8648ce3d020106082a8648ce3d030107046d306b0201010420', 'hex');
    for (const name of fs.readdirSync(paths.ledger, { recursive: true, encoding: 'utf8' })) {
      const file = path.join(paths.ledger, name);
      if (!fs.statSync(file).isFile()) continue;
      const bytes = fs.readFileSync(file);
      expect(bytes.includes(pkcs8OfP256), name).toBe(false);
      expect(bytes.includes(pkcs8OfP256.toString('base64').slice(0, 36)), name).toBe(false);
    }
  });

  test('the token in a Secret keeps its key until somebody insists; then it ends, as do the others', async () => {
    const client = api();
    await client.json('POST', path.dirname(secret), {
      metadata: { name: 'held', annotations: { 'kubernetes.io/service-account.name': 'default' } },
      type: 'kubernetes.io/service-account-token',
    });
    let token = '';
    for (const deadline = Date.now() + 30_000; token === '' && Date.now() < deadline; )
      token = Buffer.from(
        (await client.json<{ data?: { token?: string } }>('GET', secret)).data?.token ?? '',
        'base64',
      ).toString();
    const other = await issue();
    expect([await knock(token), await knock(other)]).toEqual([200, 200]);
    await well(rotate('--sign-after', '0'));
    expect((await rotate('--finish')).stderr).toContain('default/held');
    expect([await knock(token), await knock(other)]).toEqual([200, 200]);
    await well(rotate('--finish', '--force'));
    expect([await knock(token), await knock(other)]).toEqual([401, 401]);
    expect(await knock(await issue())).toBe(200);
    expect((await published()).length).toBe(1);
  });

  test('keys of other kinds and forms, several in one file: the first signs, all verify', async () => {
    const openssl = (...args: string[]) =>
      execFileSync('openssl', args, { stdio: ['pipe', 'pipe', 'ignore'] }).toString();
    const rsa = openssl('genrsa', '-traditional', '2048');
    const p384 = openssl('ecparam', '-name', 'secp384r1', '-genkey');
    const file = path.join(paths.pki, 'service-account.key');
    const made = await published();
    const first = fs.readFileSync(file, 'utf8');
    fs.writeFileSync(file, rsa + p384 + first);
    await well(tiffin('up'));
    // What rotation made was sealed by the key that is no longer the first: it verifies, and signs no more.
    const token = await issue();
    expect(headerOf(token).alg).toBe('RS256');
    expect(await knock(token)).toBe(200);
    const keys = await published();
    expect(keys.map(({ alg }) => alg).sort()).toEqual(['ES256', 'ES384', 'RS256']);
    expect(keys).toContainEqual(made[0]);
    const { id_token_signing_alg_values_supported: algorithms } = await api().json<Record<string, unknown>>(
      'GET',
      '/.well-known/openid-configuration',
    );
    expect(algorithms).toEqual(['ES256', 'ES384', 'RS256']);
  });
});
