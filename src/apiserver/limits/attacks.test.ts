// One client who takes all that he can, and another who still gets his answers.
import { describe, expect, it } from 'vitest';
import { openSql } from '../../../test/harness/sql.ts';
import { readConfiguration } from '../../configuration/configuration.ts';
import type { HttpRequest } from '../../machinery/http.ts';
import type { Authenticator } from '../authn/authenticator.ts';
import { type TestServer, testServer } from '../testing.ts';

const authenticated = 'system:authenticated';
/** A token `NAME` is the user's; what begins with `bad` is nobody's. */
function users() {
  let asked = 0;
  const authenticator: Authenticator = {
    async authenticate(token) {
      asked++;
      if (token.startsWith('bad')) return undefined;
      const groups = [authenticated, ...(token === 'admin-token-of-the-tests' ? ['system:masters'] : [])];
      return { name: token, groups };
    },
  };
  return { authenticator, asked: () => asked };
}
const authorizer = { authorize: () => ({ allowed: true as const, reason: 'test' }) };

function start(limits?: object, more: object = {}) {
  const { authenticator, asked } = users();
  const document = { apiVersion: 'tiffin.dev/v1', kind: 'RequestLimits', ...limits };
  const configuration = readConfiguration(limits ? [document] : []);
  return testServer(openSql(), { authenticator, authorizer, configuration, ...more }).then((server) => ({
    ...server,
    asked,
  }));
}

function send(
  { server }: Pick<TestServer, 'server'>,
  path: string,
  token: string | undefined,
  clientAddress?: string,
  init: RequestInit = {},
) {
  const headers = { ...init.headers, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) };
  const request = new Request(`https://cluster.test${path}`, { ...init, headers });
  return server.answer(Object.assign(request, { clientAddress }) as unknown as HttpRequest);
}
const turn = () => new Promise((resolve) => setTimeout(resolve, 0));
const codesOf = (answers: readonly { status: number }[]) => {
  const counts: Record<number, number> = {};
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
};

describe('ten thousand watches of one user', () => {
  it('are two thousand; others watch and read on, and so does he once he ends some', async () => {
    const one = await start();
    const path = '/api/v1/namespaces/default/configmaps';
    const open = (token: string) => send(one, `${path}?watch=1&resourceVersion=${one.ledger.revision}`, token);
    const answers = [];
    for (let i = 0; i < 10_000; i++) answers.push(await open('eve'));
    expect(codesOf(answers)).toEqual({ 200: 2000, 429: 8000 });
    const refused = answers.at(-1);
    expect(refused?.header('Retry-After')).toBe('1');
    expect(JSON.parse(refused?.body as string)).toMatchObject({ kind: 'Status', reason: 'TooManyRequests', code: 429 });
    expect((await open('ann')).status).toBe(200);
    expect((await send(one, path, 'eve')).status).toBe(200);
    expect(one.server.watches).toBe(2001);
    await (answers[0] as unknown as { body: ReadableStream }).body.cancel();
    expect((await open('eve')).status).toBe(200);
    expect((await open('eve')).status).toBe(429);
  }, 60_000);
  it('of many users end at the total, but an administrator has room', async () => {
    const one = await start({ watches: { perUser: 3, total: 10 } });
    const open = (token: string) => send(one, '/api/v1/pods?watch=1', token);
    const answers = [];
    for (let user = 0; user < 5; user++) for (let i = 0; i < 4; i++) answers.push(await open(`user-${user}`));
    expect(codesOf(answers)).toEqual({ 200: 10, 429: 10 });
    for (let i = 0; i < 5; i++) expect((await open('admin-token-of-the-tests')).status).toBe(200);
  });
});

describe('a flood of bad credentials', () => {
  const version = '/version';
  it('is not looked at after two hundred; who was there before, or is elsewhere, is served', async () => {
    const one = await start();
    expect((await send(one, version, 'ann', '192.0.2.1')).status).toBe(200);
    const before = one.asked();
    const answers = [];
    for (let i = 0; i < 1000; i++) answers.push(await send(one, version, `bad-${i}`, '192.0.2.1'));
    expect(codesOf(answers)).toEqual({ 401: 200, 429: 800 });
    expect(one.asked() - before).toBe(200);
    expect(answers.at(-1)?.header('Retry-After')).toBe('1');
    expect((await send(one, version, 'ann', '192.0.2.1')).status).toBe(200);
    expect((await send(one, version, undefined, '192.0.2.1')).status).toBe(200);
    expect((await send(one, version, 'bob', '192.0.2.2')).status).toBe(200);
    // A newcomer gets in as time passes.
    expect((await send(one, version, 'new', '192.0.2.1')).status).toBe(429);
    one.clock.advance(1000);
    expect((await send(one, version, 'new', '192.0.2.1')).status).toBe(200);
    expect((await one.call('GET', '/metrics')).text).toContain(
      'tiffin_apiserver_limited_requests_total{limit="failedAuthentication"} 801',
    );
  });
  it('from a network of IPv6 is one flood', async () => {
    const one = await start({ failedAuthentication: { qps: 1, burst: 5 } });
    const answers = [];
    for (let i = 0; i < 20; i++) answers.push(await send(one, version, `bad-${i}`, `2001:db8:0:7::${i.toString(16)}`));
    expect(codesOf(answers)).toEqual({ 401: 5, 429: 15 });
    expect((await send(one, version, 'bad', '2001:db8:0:8::1')).status).toBe(401);
    expect((await send(one, version, 'bad', '2001:0db8::7:0:0:0:1')).status).toBe(429);
  });
  it('from twenty thousand addresses takes bounded memory, and the next good one gets in', async () => {
    const one = await start({ failedAuthentication: { qps: 1, burst: 1 } });
    for (let i = 0; i < 20_000; i++) await send(one, version, 'bad', `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`);
    expect((await send(one, version, 'ann', '192.0.2.1')).status).toBe(200);
  });
});

describe('requests of one user', () => {
  it('are as many as the cluster allows, where it says so', async () => {
    const one = await start({ perUser: { qps: 10, burst: 20 } });
    const many = async (token: string) => {
      const answers = [];
      for (let i = 0; i < 50; i++) answers.push(await send(one, '/version', token));
      return codesOf(answers);
    };
    expect(await many('eve')).toEqual({ 200: 20, 429: 30 });
    expect(await many('ann')).toEqual({ 200: 20, 429: 30 });
    expect(await many('admin-token-of-the-tests')).toEqual({ 200: 50 });
    one.clock.advance(1000);
    expect(await many('eve')).toEqual({ 200: 10, 429: 40 });
  });
});

describe('what is slow or large', () => {
  const path = '/api/v1/namespaces/default/configmaps';
  const trickle = (one: Pick<TestServer, 'server'>, token: string, headers: Record<string, string> = {}) =>
    send(one, path, token, undefined, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: new ReadableStream({ start: (controller) => controller.enqueue(new TextEncoder().encode('{"kind":')) }),
      duplex: 'half',
    } as RequestInit);

  it.each<[string, Record<string, string>]>([
    ['of unknown length', {}],
    ['that announce little', { 'content-length': '100' }],
    ['that announce much', { 'content-length': '3000000' }],
  ])('a thousand bodies %s that never come: everybody else is answered at once', async (_how, headers) => {
    const one = await start();
    const pending = Array.from({ length: 1000 }, () => trickle(one, 'eve', headers));
    await turn();
    expect((await send(one, path, 'ann')).status).toBe(200);
    const body = JSON.stringify({ metadata: { name: 'of-ann' } });
    const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body };
    expect((await send(one, path, 'ann', undefined, init)).status).toBe(201);
    for (let i = 0; i < 62; i++) {
      one.clock.advance(1_000);
      await turn();
    }
    const codes = codesOf(await Promise.all(pending));
    expect((codes[504] ?? 0) + (codes[429] ?? 0)).toBe(1000);
    expect(codes[504]).toBeGreaterThan(0);
    // Nothing of it is left.
    const again = trickle(one, 'eve', headers);
    await turn();
    expect((await send(one, path, 'eve')).status).toBe(200);
    for (let i = 0; i < 62; i++) {
      one.clock.advance(1_000);
      await turn();
    }
    expect((await again).status).toBe(504);
  });
  it('bodies of one user that are here hold no more memory than he may take', async () => {
    const open = Promise.withResolvers<{ allowed: true; reason: string }>();
    const later = () => open.promise;
    const one = await start(undefined, {
      authorizer: { authorize: () => ({ allowed: undefined, reason: '', later }) },
    });
    const body = `{"kind":"${'x'.repeat(2 * 1024 * 1024)}"}`;
    const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body };
    const answers = Array.from({ length: 30 }, () => send(one, path, 'eve', undefined, init));
    for (let i = 0; i < 50; i++) await turn();
    open.resolve({ allowed: true, reason: '' });
    const codes = codesOf(await Promise.all(answers));
    expect(codes[429]).toBeGreaterThanOrEqual(22);
    expect((codes[429] ?? 0) + (codes[400] ?? 0)).toBe(30);
    expect((await send(one, path, 'eve', undefined, init)).status).toBe(400);
  });
  it('bodies of many users that never come hold no more than seats, and an administrator is served', async () => {
    const one = await start();
    for (let user = 0; user < 20; user++) for (let i = 0; i < 20; i++) void trickle(one, `user-${user}`);
    await turn();
    expect((await send(one, path, 'admin-token-of-the-tests')).status).toBe(200);
  });
  it.each([
    ['deep JSON', 'POST', 'application/json', `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`, 400],
    ['a deep list', 'POST', 'application/json', '['.repeat(1_000_000), 400],
    [
      'a deep merge patch',
      'PATCH',
      'application/merge-patch+json',
      `${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}`,
      400,
    ],
    [
      'a JSON patch of many steps',
      'PATCH',
      'application/json-patch+json',
      JSON.stringify(Array(20_000).fill({ op: 'test', path: '/kind', value: 'ConfigMap' })),
      413,
    ],
    ['a body without end', 'POST', 'application/json', `{"kind":"${'x'.repeat(4 * 1024 * 1024)}"}`, 413],
    [
      'YAML of a billion laughs',
      'PATCH',
      'application/apply-patch+yaml',
      `a: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefghijk'
        .split('')
        .map((name, i) => `${name}: &${name} [${Array(9).fill(`*${'abcdefghij'[i]}`).join()}]\n`)
        .join('')}`,
      400,
    ],
  ])('%s is refused in little time', async (_what, method, type, body, code) => {
    const one = await start();
    const path = '/api/v1/namespaces/default/configmaps';
    await one.call('POST', path, { metadata: { name: 'a' } });
    const begun = performance.now();
    const answer = await one.call(method, method === 'POST' ? path : `${path}/a?fieldManager=m`, body, {
      'content-type': type,
    });
    expect(answer.code).toBe(code);
    expect(performance.now() - begun).toBeLessThan(10_000);
    expect(one.log.errors).toEqual([]);
  });
});

describe('EventRateLimit', () => {
  const event = (name: string, about: string) => ({
    metadata: { name },
    source: { component: 'c' },
    involvedObject: { kind: 'Pod', namespace: 'default', name: about },
  });
  it('holds back whoever makes too many events, by source and object, user, namespace or all', async () => {
    const limits = [
      { type: 'SourceAndObject', qps: 1, burst: 2 },
      { type: 'User', qps: 1, burst: 5 },
    ];
    const { authenticator } = users();
    const configuration = readConfiguration([
      { apiVersion: 'eventratelimit.admission.k8s.io/v1alpha1', kind: 'Configuration', limits },
    ]);
    const { call, clock } = await testServer(openSql(), { authenticator, authorizer, configuration });
    const make = async (name: string, about: string, token = 'ann', query = '') =>
      call('POST', `/api/v1/namespaces/default/events${query}`, event(name, about), {
        authorization: `Bearer ${token}`,
      });
    expect((await make('a', 'p')).code).toBe(201);
    expect((await make('b', 'p')).code).toBe(201);
    for (let i = 0; i < 5; i++) expect((await make(`dry${i}`, 'p', 'ann', '?dryRun=All')).code).toBe(201);
    const refused = await make('c', 'p');
    expect([refused.code, refused.json.message]).toEqual([
      429,
      'Too many requests: limit reached on type SourceAndObject for key cPoddefaultp',
    ]);
    expect(refused.headers.get('retry-after')).toBe('1');
    for (const name of ['d', 'e']) expect((await make(name, name)).code).toBe(201);
    expect((await make('f', 'f')).json.message).toBe('Too many requests: limit reached on type User for key ann');
    expect((await make('g', 'g', 'bob')).code).toBe(201);
    clock.advance(1000);
    expect((await make('h', 'h')).code).toBe(201);
  });
  it.each([
    [[], 'limits: Invalid value: []: must not be empty'],
    [
      [{ type: 'Pod', qps: 1, burst: 1 }],
      'limits[0].type: Unsupported value: "Pod": supported values: "Namespace", "Server", "SourceAndObject", "User"',
    ],
    [[{ type: 'User' }], 'limits[0].burst: Invalid value: 0: must be positive'],
    [
      [{ type: 'User', qps: 1, burst: 1, cacheSize: -1 }],
      'limits[0].cacheSize: Invalid value: -1: must not be negative',
    ],
  ])('%j is refused', (limits, message) => {
    const document = { apiVersion: 'eventratelimit.admission.k8s.io/v1alpha1', kind: 'Configuration', limits };
    expect(() => readConfiguration([document])).toThrow(message);
  });
});
