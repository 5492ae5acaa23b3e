// Tokens that are nearly right, in every place where a token may stand: none is let in, and none makes the server fail.

import { expect, test } from 'vitest';
import { openSql } from '../../../test/harness/sql.ts';
import { TestRandom } from '../testing.ts';
import { type Forger, forger } from './testing.ts';

const random = new TestRandom(20261123);
const pick = <T>(from: readonly T[]): T => from[random.int(from.length)] as T;
const alphabet = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'];
const odd = [
  '.',
  '..',
  '=',
  '+',
  '/',
  ' ',
  '\t',
  '\n',
  '\0',
  '%2e',
  'é',
  'А',
  '𝟎',
  '\u200b',
  '\ufeff',
  '\ud800',
  '"',
  '{}',
  ',',
];

const mutations: ((token: string, at: number) => string)[] = [
  (token, at) => token.slice(0, at) + pick(alphabet) + token.slice(at + 1),
  (token, at) => token.slice(0, at) + pick(alphabet) + token.slice(at),
  (token, at) => token.slice(0, at) + token.slice(at + 1),
  (token, at) => token.slice(0, at),
  (token, at) => token.slice(at),
  (token, at) => token.slice(0, at) + pick(odd) + token.slice(at),
  (token, at) => token.slice(0, at) + pick(odd),
  (token) => token + pick([...alphabet, ...odd]),
  (token, at) => token.slice(0, at) + (token[at] ?? '').toUpperCase() + token.slice(at + 1),
  (token, at) => token.slice(0, at) + token.slice(at).toLowerCase(),
  (token) => token.split('.').reverse().join('.'),
  (token, at) =>
    token
      .split('.')
      .toSpliced(at % 3, 1, '')
      .join('.'),
  (token, at) =>
    token
      .split('.')
      .toSpliced(at % 3, 0, pick(['', 'e30', 'bnVsbA', 'W10']))
      .join('.'),
  (token, at) =>
    token
      .split('.')
      .toSpliced(
        at % 3,
        1,
        pick(['e30', 'bnVsbA', 'W10', 'MQ', 'eyJhbGciOiJub25lIn0', 'eyJhbGciOm51bGx9', 'eyJfX3Byb3RvX18iOnt9fQ']),
      )
      .join('.'),
  (token) => token.repeat(2),
  (token) => token.padEnd(100_000, 'A'),
  (token) => token + token.slice(-86).repeat(1 + random.int(400)),
];

const bootstrap = 'abcdef.0123456789abcdef';

async function prepared(): Promise<Forger & { token: string }> {
  const f = await forger(openSql());
  const token = await f.sign();
  await makeBootstrapToken(f, {});
  return { ...f, token };
}

async function makeBootstrapToken(f: Forger, data: Record<string, string>): Promise<void> {
  const { code, text } = await f.call('POST', '/api/v1/namespaces/kube-system/secrets', {
    metadata: { name: 'bootstrap-token-abcdef' },
    type: 'bootstrap.kubernetes.io/token',
    stringData: {
      'token-id': 'abcdef',
      'token-secret': '0123456789abcdef',
      'usage-bootstrap-authentication': 'true',
      ...data,
    },
  });
  expect(code, text).toBe(201);
}

test('mutated', async () => {
  const f = await prepared();
  const credential = `tiffin-node.${'A'.repeat(43)}`;
  for (let round = 0; round < 20_000; round++) {
    const of = pick([f.token, f.token, f.token, bootstrap, 'admin-token-of-the-tests', credential]);
    const token = pick(mutations)(of, random.int(of.length));
    if ([f.token, bootstrap, 'admin-token-of-the-tests'].includes(token)) continue;
    expect(await f.server.authenticate(token), JSON.stringify(token)).toBeUndefined();
  }
  expect((await f.server.authenticate(f.token))?.name).toBe('system:serviceaccount:default:a');
  expect((await f.server.authenticate(bootstrap))?.name).toBe('system:bootstrap:abcdef');
  expect(f.log.errors).toEqual([]);
});

test('in a header, in a review, in a subprotocol', async () => {
  const f = await prepared();
  const socket = { connection: 'Upgrade', upgrade: 'websocket' };
  for (let round = 0; round < 400; round++) {
    const of = pick([f.token, bootstrap]);
    const token = pick(mutations)(of, random.int(of.length));
    if (token === of) continue;
    expect(await f.review(token)).toMatch(/invalid bearer token|token is required/);
    if (!/^[\x21-\x7e]+$/.test(token) || token.length > 10_000) continue;
    expect(await f.knock(token), token).toBe(401);
    const offered = `v4.channel.k8s.io, base64url.bearer.authorization.k8s.io.${btoa(token).replaceAll('=', '')}`;
    const { code } = await f.call('GET', '/api', undefined, {
      ...socket,
      authorization: '',
      'sec-websocket-protocol': offered,
    });
    expect(code, token).toBe(401);
  }
  expect(f.log.errors).toEqual([]);
});

test('a token as a subprotocol', async () => {
  const f = await prepared();
  const prefix = 'base64url.bearer.authorization.k8s.io.';
  const base64 = (text: string) => btoa(text).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
  const ask = async (offered: string, headers: Record<string, string> = {}) => {
    const all = { authorization: '', connection: 'keep-alive, Upgrade', upgrade: 'WebSocket', ...headers };
    return (await f.call('GET', '/api', undefined, { ...all, 'sec-websocket-protocol': offered })).code;
  };
  const good = prefix + base64(f.token);
  expect(await ask(`${good}, v4.channel.k8s.io`)).toBe(200);
  expect(await ask(`v5.channel.k8s.io,${good},v4.channel.k8s.io`)).toBe(200);
  expect(await ask(`a, ${prefix}${base64(bootstrap)}`)).toBe(200);
  // Whoever shows a token in its place may show a wrong one here, and the other way round.
  expect(await ask(`a, ${prefix}AAAA`, { authorization: `Bearer ${f.token}` })).toBe(200);
  expect(await ask(`a, ${good}`, { authorization: 'Bearer wrong' })).toBe(200);
  for (const wrong of [
    good,
    `${good}, ${good}`,
    `a, ${good}, ${good}`,
    `a, ${good}=`,
    `a, ${good}!`,
    `a, ${prefix}${base64('wrong')}`,
    `a, ${prefix}gA`,
  ])
    expect(await ask(wrong), wrong).toBe(401);
  // Nothing that counts as one: nobody.
  for (const none of [`a, ${prefix}`, `a, x${good}`, `a, ${good.replace('base64url', 'base64URL')}`])
    expect(await ask(none), none).toBe(403);
  expect(await ask(`a, ${good}`, { upgrade: 'h2c' })).toBe(403);
  expect(await ask(`a, ${good}`, { connection: 'close' })).toBe(403);
  expect(await ask(`a, ${good}`, { connection: 'upgraded' })).toBe(403);
});

test.each<[string, Record<string, string>, string[] | undefined]>([
  ['as it is made', {}, ['system:bootstrappers', 'system:authenticated']],
  [
    'with groups',
    { 'auth-extra-groups': 'system:bootstrappers:b,system:bootstrappers:a:x' },
    ['system:bootstrappers', 'system:bootstrappers:a:x', 'system:bootstrappers:b', 'system:authenticated'],
  ],
  ['with a group that is none of its own', { 'auth-extra-groups': 'system:bootstrappers:b,system:masters' }, undefined],
  ['with a group and a blank', { 'auth-extra-groups': 'system:bootstrappers:b, system:bootstrappers:c' }, undefined],
  ['with a group on two lines', { 'auth-extra-groups': 'system:bootstrappers:b\n' }, undefined],
  ['with an end to come', { expiration: '2026-01-02T04:04:05+01:00' }, undefined],
  [
    'with an end in time',
    { expiration: '2026-01-02T05:04:05+01:00' },
    ['system:bootstrappers', 'system:authenticated'],
  ],
  ['at its end', { expiration: '2026-01-02T03:04:05Z' }, undefined],
  ['with an end that nobody can read', { expiration: 'Jan 2 2099' }, undefined],
  ['for signing alone', { 'usage-bootstrap-authentication': 'false', 'usage-bootstrap-signing': 'true' }, undefined],
  ['with a usage that is nearly so', { 'usage-bootstrap-authentication': 'True' }, undefined],
  ['of another name', { 'token-id': 'abcdeg' }, undefined],
  ['of another secret', { 'token-secret': '0123456789abcdeg' }, undefined],
  ['of a longer secret', { 'token-secret': '0123456789abcdef0' }, undefined],
])('a bootstrap token %s', async (_name, data, groups) => {
  const f = await forger(openSql());
  await makeBootstrapToken(f, data);
  expect((await f.server.authenticate(bootstrap))?.groups).toEqual(groups);
});

test('a bootstrap token of another type, or that is being deleted, lets nobody in', async () => {
  const f = await forger(openSql());
  await f.call('POST', '/api/v1/namespaces/kube-system/secrets', {
    metadata: { name: 'bootstrap-token-abcdef' },
    stringData: { 'token-id': 'abcdef', 'token-secret': '0123456789abcdef', 'usage-bootstrap-authentication': 'true' },
  });
  expect(await f.server.authenticate(bootstrap)).toBeUndefined();
  await f.call('DELETE', '/api/v1/namespaces/kube-system/secrets/bootstrap-token-abcdef');
  await makeBootstrapToken(f, {});
  expect(await f.server.authenticate(bootstrap)).toBeDefined();
  const path = '/api/v1/namespaces/kube-system/secrets/bootstrap-token-abcdef';
  await f.call('PATCH', path, { metadata: { finalizers: ['example.com/wait'] } });
  await f.call('DELETE', path);
  expect((await f.call('GET', path)).json.metadata.deletionTimestamp).toBeDefined();
  expect(await f.server.authenticate(bootstrap)).toBeUndefined();
});
