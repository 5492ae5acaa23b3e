// OpenID Connect: whose token counts as whose, when, and how often the issuer is asked.
import { beforeEach, expect, test } from 'vitest';
import { TestLog, TestTimers } from '../../testing.ts';
import type { JwtConfiguration } from './claims.ts';
import { oidcAuthenticator } from './oidc.ts';
import { TestIssuer } from './testing.ts';

const clock = new TestTimers();
const nowSeconds = () => Math.floor(clock.now() / 1000);
let issuer: TestIssuer;

beforeEach(async () => {
  issuer = await new TestIssuer('https://issuer.test').addKey('one');
});

const configuration = (change: Partial<JwtConfiguration> = {}): JwtConfiguration => ({
  issuer: { url: issuer.url, audiences: ['cluster'] },
  username: { claim: 'sub', prefix: 'oidc:' },
  groups: { claim: 'groups', prefix: 'oidc:' },
  required: new Map(),
  ...change,
});
const authenticator = (change: Partial<JwtConfiguration> = {}) =>
  oidcAuthenticator([configuration(change)], { fetch: issuer.fetch, timers: clock, log: new TestLog() }, ['api']);
const claims = (more: Record<string, unknown> = {}) => ({
  aud: 'cluster',
  exp: nowSeconds() + 60,
  sub: 'jane',
  ...more,
});

test.each(['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512'])('%s', async (alg) => {
  issuer = await new TestIssuer('https://issuer.test').addKey('k', alg);
  const token = await issuer.token(claims({ jti: 'id', groups: ['a', 'b'] }));
  expect(await authenticator().authenticate(token)).toEqual({
    name: 'oidc:jane',
    groups: ['oidc:a', 'oidc:b', 'system:authenticated'],
    extra: { 'authentication.kubernetes.io/credential-id': ['JTI=id'] },
  });
});

const longAgo = { exp: 1 };
test.each<[string, Record<string, unknown>, Partial<JwtConfiguration>, string | undefined]>([
  ['several audiences', { aud: ['x', 'cluster'] }, {}, 'oidc:jane'],
  ['for others', { aud: 'x' }, {}, undefined],
  ['for nobody', { aud: undefined }, {}, undefined],
  ['an audience that is an object', { aud: { cluster: 1 } }, {}, undefined],
  ['over', longAgo, {}, undefined],
  ['without an end', { exp: undefined }, {}, undefined],
  ['an end that is a text', { exp: '9999999999' }, {}, undefined],
  ['begins in four minutes', { nbf: Math.floor(Date.UTC(2026, 0, 2, 3, 4, 5) / 1000) + 240 }, {}, 'oidc:jane'],
  ['begins in six minutes', { nbf: Math.floor(Date.UTC(2026, 0, 2, 3, 4, 5) / 1000) + 360 }, {}, undefined],
  ['of another issuer', { iss: 'https://other.test' }, {}, undefined],
  ['of an issuer with a slash', { iss: 'https://issuer.test/' }, {}, undefined],
  ['without a name', { sub: undefined }, {}, undefined],
  ['an empty name', { sub: '' }, {}, undefined],
  ['a name that is a number', { sub: 7 }, {}, undefined],
  ['a verified address', { email: 'j@x', email_verified: true }, { username: { claim: 'email', prefix: '' } }, 'j@x'],
  ['an address', { email: 'j@x' }, { username: { claim: 'email', prefix: '' } }, 'j@x'],
  [
    'an address not verified',
    { email: 'j@x', email_verified: false },
    { username: { claim: 'email', prefix: '' } },
    undefined,
  ],
  [
    '"true" is not true',
    { email: 'j@x', email_verified: 'true' },
    { username: { claim: 'email', prefix: '' } },
    undefined,
  ],
  ['a required claim', { hd: 'x' }, { required: new Map([['hd', 'x']]) }, 'oidc:jane'],
  ['another value', { hd: 'X' }, { required: new Map([['hd', 'x']]) }, undefined],
  ['a list of it', { hd: ['x'] }, { required: new Map([['hd', 'x']]) }, undefined],
  ['none', {}, { required: new Map([['hd', 'x']]) }, undefined],
  ['what every object has', {}, { required: new Map([['toString', '']]) }, undefined],
  ['a name that every object has', {}, { username: { claim: 'constructor', prefix: '' } }, undefined],
  ['groups of numbers', { groups: [1] }, {}, undefined],
  ['groups in groups', { groups: [['a']] }, {}, undefined],
  ['groups that are an object', { groups: { a: 1 } }, {}, undefined],
  ['a uid that is no text', { oid: 7 }, { uid: 'oid' }, undefined],
  ['no uid', {}, { uid: 'oid' }, undefined],
  ['a letter that looks like another', { sub: 'jаne' }, {}, 'oidc:jаne'],
  ['control characters', { sub: 'jane\n\u0000' }, {}, 'oidc:jane\n\u0000'],
])('%s', async (_what, more, change, name) => {
  expect((await authenticator(change).authenticate(await issuer.token(claims(more))))?.name).toBe(name);
});

test('groups: a text is one, null is none, some thousands are that many', async () => {
  const groups = async (value: unknown) =>
    (await authenticator().authenticate(await issuer.token(claims({ groups: value }))))?.groups;
  expect(await groups('a')).toEqual(['oidc:a', 'system:authenticated']);
  expect(await groups(null)).toEqual(['system:authenticated']);
  expect(await groups(Array.from({ length: 5000 }, (_, i) => `g${i}`))).toHaveLength(5001);
  expect(await groups(Array.from({ length: 50_000 }, (_, i) => `g${i}`))).toBeUndefined();
  const raw = JSON.parse('{"__proto__": {"groups": ["a"], "sub": "eve"}}') as Record<string, unknown>;
  expect(await authenticator().authenticate(await issuer.token(claims(raw)))).toMatchObject({ name: 'oidc:jane' });
});

test('a signature of nobody, of another, of a secret, of none', async () => {
  const own = authenticator();
  const token = await issuer.token(claims());
  const [head = '', body = '', tail = ''] = token.split('.');
  const part = (value: object) =>
    btoa(JSON.stringify(value)).replace(/=+$/, '').replaceAll('+', '-').replaceAll('/', '_');
  const stranger = await new TestIssuer(issuer.url).addKey('one');
  const forged = [
    `${head}.${body}.${tail.slice(0, -4)}AAAA`,
    `${head}.${part({ iss: issuer.url, ...claims({ sub: 'eve' }) })}.${tail}`,
    `${part({ alg: 'none' })}.${body}.`,
    `${part({ alg: 'none', kid: 'one' })}.${body}.${tail}`,
    `${part({ alg: 'HS256', kid: 'one' })}.${body}.${tail}`,
    `${part({ alg: 'ES256', kid: 'one' })}.${body}.${tail}`,
    `${part({ alg: 'RS512', kid: 'one' })}.${body}.${tail}`,
    `${part({ alg: 'RS256', kid: 'one', crit: ['exp'] })}.${body}.${tail}`,
    `${part({ alg: 'toString', kid: 'one' })}.${body}.${tail}`,
    `${head}.${body}`,
    `${token}.`,
    ` ${token}`,
    await stranger.token(claims()),
    'x'.repeat(200_000),
    '',
  ];
  for (const one of forged) expect(await own.authenticate(one), one.slice(0, 60)).toBeUndefined();
  expect(await own.authenticate(token)).toBeDefined();
});

test('keys are asked for once, however many wait; again for a key not known, but not again and again', async () => {
  const own = authenticator();
  const token = await issuer.token(claims());
  expect(issuer.asked).toEqual([]);
  const all = await Promise.all(Array.from({ length: 20 }, () => own.authenticate(token)));
  expect(all.every((user) => user?.name === 'oidc:jane')).toBe(true);
  expect(issuer.asked).toEqual([`${issuer.url}/.well-known/openid-configuration`, `${issuer.url}/keys`]);
  await issuer.addKey('two');
  const rotated = await issuer.token(claims({ exp: nowSeconds() + 3600 }), 'two');
  // Too soon after the last call.
  expect(await own.authenticate(rotated)).toBeUndefined();
  expect(issuer.asked).toHaveLength(2);
  clock.advance(10_000);
  expect(await own.authenticate(rotated)).toBeDefined();
  expect(issuer.asked).toHaveLength(3);
  const stranger = await new TestIssuer(issuer.url).addKey('nobody');
  const storm = await Promise.all(
    Array.from({ length: 50 }, async () => own.authenticate(await stranger.token(claims()))),
  );
  expect(storm.every((user) => user === undefined)).toBe(true);
  expect(issuer.asked).toHaveLength(3);
  // A token of a known key does not wait for a call, and one that was withdrawn ends.
  clock.advance(600_000);
  issuer.removeKey('two');
  expect(await own.authenticate(rotated)).toBeDefined();
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(await own.authenticate(rotated)).toBeUndefined();
  // A token without a kid is tried with every key.
  const { header, ...rest } = { header: { kid: '' }, ...claims() };
  expect(await own.authenticate(await issuer.token(rest, 'one', header))).toBeDefined();
});

test('an issuer that fails lets nobody in, is logged, and is asked again after a while', async () => {
  const log = new TestLog();
  const warned: string[] = [];
  Object.assign(log, {
    warn: (_message: string, fields?: Record<string, unknown>) => warned.push(String(fields?.error)),
  });
  const own = oidcAuthenticator([configuration()], { fetch: issuer.fetch, timers: clock, log }, ['api']);
  const token = () => issuer.token(claims());
  const failures: [() => Promise<Response>, RegExp][] = [
    [() => Promise.reject(new Error('no route')), /no route/],
    [async () => new Response('oops', { status: 500 }), /answered 500/],
    [async () => new Response('not json'), /SyntaxError/],
    [async () => Response.json(null), /no JSON object/],
    [
      async () => Response.json({ issuer: 'https://evil.test', jwks_uri: 'https://evil.test/' }),
      /issuer did not match/,
    ],
    [async () => Response.json({ issuer: issuer.url }), /did not return JWKS URL/],
    [async () => Response.json({ issuer: issuer.url, jwks_uri: 'http://issuer.test/keys' }), /is not https/],
    [async () => new Response(null, { status: 302, headers: { location: 'https://evil.test/' } }), /redirects/],
    [async () => new Response('x'.repeat(600_000)), /more than 524288 bytes/],
  ];
  for (const [fails, why] of failures) {
    issuer.fails = fails;
    expect(await own.authenticate(await token())).toBeUndefined();
    expect(warned.at(-1)).toMatch(why);
    const { length } = issuer.asked;
    expect(await own.authenticate(await token())).toBeUndefined();
    expect(issuer.asked).toHaveLength(length);
    clock.advance(10_000);
  }
  // One that never answers.
  issuer.fails = () => new Promise(() => {});
  const hanging = own.authenticate(await token());
  while (issuer.asked.length === failures.length) await new Promise((resolve) => setTimeout(resolve, 1));
  clock.advance(10_000);
  expect(await hanging).toBeUndefined();
  issuer.fails = undefined;
  clock.advance(10_000);
  expect(await own.authenticate(await token())).toBeDefined();
});

test('odd keys are no keys, and do not stand before good ones', async () => {
  const token = await issuer.token(claims());
  const good = (await (await issuer.fetch(new Request(`${issuer.url}/keys`))).json()) as { keys: object[] };
  const odd = [
    null,
    1,
    [],
    {},
    { kty: 'RSA', kid: 'one' },
    { kty: 'oct', kid: 'one', k: 'AA' },
    { ...good.keys[0], n: '!' },
  ];
  const fetch = async (request: Request) =>
    request.url.endsWith('/keys')
      ? Response.json({ keys: [...odd, ...good.keys, { ...good.keys[0], use: 'enc', kid: 'two' }] })
      : issuer.fetch(request);
  const own = oidcAuthenticator([configuration()], { fetch, timers: clock, log: new TestLog() }, ['api']);
  expect(await own.authenticate(token)).toBeDefined();
  expect(await own.authenticate(await issuer.token(claims(), 'one', { kid: 'two' }))).toBeUndefined();
});

test('discovery elsewhere, with an authority of its own', async () => {
  const asked: [string, unknown][] = [];
  const fetch = async (request: Request, options: unknown) => {
    asked.push([request.url, options]);
    return issuer.fetch(
      request.url === 'https://inside.test/x' ? new Request(`${issuer.url}/.well-known/openid-configuration`) : request,
    );
  };
  const change = {
    issuer: { ...configuration().issuer, discoveryURL: 'https://inside.test/x', certificateAuthority: 'PEM' },
  };
  const own = oidcAuthenticator([configuration(change)], { fetch, timers: clock, log: new TestLog() }, ['api']);
  expect(await own.authenticate(await issuer.token(claims()))).toBeDefined();
  const options = { certificateAuthority: 'PEM' };
  expect(asked).toEqual([
    ['https://inside.test/x', options],
    [`${issuer.url}/keys`, options],
  ]);
});

test('a review says why a token is refused, and for whom it is', async () => {
  const own = authenticator();
  const good = await issuer.token(claims());
  expect(await own.review?.(good, ['api', 'other'])).toMatchObject({ user: { name: 'oidc:jane' }, audiences: ['api'] });
  expect(await own.review?.(good, ['other'])).toBeUndefined();
  expect(await own.review?.('x', ['api'])).toBeUndefined();
  expect(await own.review?.(await issuer.token(claims({ exp: 1 })), ['api'])).toEqual({
    refusal: 'oidc: verify token: token is expired',
  });
});

test('several issuers: each has his own keys, audiences and prefixes', async () => {
  const second = await new TestIssuer('https://second.test').addKey('one');
  const fetch = (request: Request) => (request.url.startsWith(second.url) ? second : issuer).fetch(request);
  const both = [
    configuration(),
    configuration({ issuer: { url: second.url, audiences: ['b'] }, username: { claim: 'sub', prefix: 'two:' } }),
  ];
  const own = oidcAuthenticator(both, { fetch, timers: clock, log: new TestLog() }, ['api']);
  const name = async (token: Promise<string>) => (await own.authenticate(await token))?.name;
  expect(await name(issuer.token(claims()))).toBe('oidc:jane');
  expect(await name(second.token(claims({ aud: 'b' })))).toBe('two:jane');
  expect(await name(second.token(claims()))).toBeUndefined();
  expect(await name(second.token(claims({ iss: issuer.url })))).toBeUndefined();
  expect(await name(issuer.token(claims({ aud: 'b', iss: second.url })))).toBeUndefined();
});
