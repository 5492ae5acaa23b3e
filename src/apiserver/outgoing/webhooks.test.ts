// Webhooks that know tokens, and webhooks that decide: what they are asked and how often, and what happens when they fail.
import { describe, expect, test } from 'vitest';
import { openSql } from '../../../test/harness/sql.ts';
import { tokenWebhook } from '../authn/token-webhook.ts';
import { type Attributes, authorizeBy, decided } from '../authz/authorizer.ts';
import { webhookAuthorizer } from '../authz/webhook.ts';
import { TestLog, TestRandom, TestTimers, testServer } from '../testing.ts';

type Answer = (body: never) => unknown;

/** A webhook that answers each question's status; a Response or an Error is the answer itself. */
function hook(answer: Answer) {
  const asked: { url: string; headers: Headers; body: Record<string, never> }[] = [];
  const timers = new TestTimers();
  const fetch = async (request: Request) => {
    const body = (await request.json()) as Record<string, never>;
    asked.push({ url: request.url, headers: request.headers, body });
    const status = await answer(body as never);
    if (status instanceof Response) return status;
    if (status instanceof Error) throw status;
    return Response.json({ apiVersion: body.apiVersion, kind: body.kind, status });
  };
  return { asked, timers, outside: { fetch, timers, log: new TestLog() } };
}

const server = { url: 'https://hook.test/x?y=z', token: 'secret' };
const turns = () => new Promise((resolve) => setTimeout(resolve, 5));

describe('tokens', () => {
  const ttls = { authorizedTtlMs: 120_000, unauthorizedTtlMs: 30_000, timeoutMs: 10_000 };
  const authenticator = ({ outside }: ReturnType<typeof hook>) =>
    tokenWebhook({ server, ...ttls }, { ...outside, random: new TestRandom() }, ['api']);
  const jane = { authenticated: true, user: { username: 'jane', uid: 'u', groups: ['g'], extra: { k: ['v'] } } };

  test('the question, the answer, and how long it holds', async () => {
    const own = hook(({ spec }: { spec: { token: string } }) =>
      spec.token === 'good' ? jane : { authenticated: false },
    );
    const webhook = authenticator(own);
    const user = { name: 'jane', uid: 'u', groups: ['g', 'system:authenticated'], extra: { k: ['v'] } };
    expect(await Promise.all(Array.from({ length: 9 }, () => webhook.authenticate('good')))).toEqual(
      Array(9).fill(user),
    );
    expect(own.asked).toHaveLength(1);
    expect(own.asked[0]?.url).toBe(server.url);
    expect(own.asked[0]?.headers.get('authorization')).toBe('Bearer secret');
    expect(own.asked[0]?.body).toEqual({
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenReview',
      metadata: { creationTimestamp: null },
      spec: { token: 'good', audiences: ['api'] },
      status: {},
    });
    own.timers.advance(119_999);
    expect(await webhook.authenticate('good')).toEqual(user);
    expect(own.asked).toHaveLength(1);
    own.timers.advance(1);
    expect(await webhook.authenticate('good')).toEqual(user);
    expect(own.asked).toHaveLength(2);
    for (let i = 0; i < 3; i++) expect(await webhook.authenticate('bad')).toBeUndefined();
    expect(own.asked).toHaveLength(3);
    own.timers.advance(30_000);
    await webhook.authenticate('bad');
    expect(own.asked).toHaveLength(4);
    expect(await webhook.authenticate('x'.repeat(70_000))).toBeUndefined();
    expect(own.asked).toHaveLength(4);
  });

  test('audiences', async () => {
    const named = authenticator(hook(() => ({ ...jane, audiences: ['other'] })));
    expect(await named.authenticate('t')).toBeUndefined();
    expect(await named.review?.('t', ['other', 'more'])).toMatchObject({ audiences: ['other'] });
    const unnamed = authenticator(hook(() => jane));
    expect(await unnamed.review?.('t', ['other'])).toBeUndefined();
    expect(await unnamed.review?.('t', ['other', 'api'])).toMatchObject({ audiences: ['api'] });
    const refused = authenticator(hook(() => ({ authenticated: false, error: 'expired' })));
    expect(await refused.review?.('t', ['api'])).toEqual({ refusal: 'expired' });
  });

  test.each<[string, unknown]>([
    ['no route', new Error('no route')],
    ['403', new Response('no', { status: 403 })],
    ['a redirect', new Response(null, { status: 307, headers: { location: 'https://evil.test/' } })],
    ['no JSON', new Response('hello')],
    ['null', Response.json(null)],
    ['another kind', Response.json({ apiVersion: 'v1', kind: 'Pod', status: jane })],
    [
      'another version',
      Response.json({ apiVersion: 'authentication.k8s.io/v1beta1', kind: 'TokenReview', status: jane }),
    ],
    ['too much', new Response('x'.repeat(300_000))],
    ['a status that is a text', 'authenticated'],
    ['nobody', { authenticated: true }],
    ['an empty name', { authenticated: true, user: { username: '' } }],
    ['a number', { authenticated: true, user: { username: 7 } }],
    ['groups of numbers', { authenticated: true, user: { username: 'j', groups: [1] } }],
    ['groups that are a text', { authenticated: true, user: { username: 'j', groups: 'system:masters' } }],
    ['extra that is a list', { authenticated: true, user: { username: 'j', extra: ['a'] } }],
    ['extra of texts', { authenticated: true, user: { username: 'j', extra: { a: 'b' } } }],
    ['a text for true', { authenticated: 'true', user: { username: 'j' } }],
  ])('%s is nobody', async (_what, answer) => {
    const own = hook(() => (answer instanceof Response ? answer.clone() : answer));
    expect(await authenticator(own).authenticate('t')).toBeUndefined();
    expect(own.asked).toHaveLength(1);
  });

  test('names that objects have by nature are names', async () => {
    const extra = JSON.parse('{"__proto__": ["a"], "constructor": ["b"]}') as object;
    const own = authenticator(hook(() => ({ authenticated: true, user: { username: '__proto__', extra } })));
    const user = await own.authenticate('t');
    expect(user?.name).toBe('__proto__');
    expect(Object.keys(user?.extra ?? {})).toEqual(['__proto__', 'constructor']);
  });

  test('what passes is repeated; a webhook that hangs is waited for so long; one that keeps failing is left alone', async () => {
    let fails: unknown = new Response('busy', { status: 500 });
    const own = hook(() => (fails instanceof Response ? fails.clone() : fails));
    const webhook = authenticator(own);
    const first = webhook.authenticate('1');
    for (let i = 0; i < 5; i++) {
      await turns();
      own.timers.advance(800);
    }
    expect(await first).toBeUndefined();
    expect(own.asked).toHaveLength(3);
    fails = new Promise(() => {});
    const hanging = webhook.authenticate('2');
    await turns();
    own.timers.advance(10_000);
    expect(await hanging).toBeUndefined();
    fails = new Error('no route');
    for (let i = 3; i < 6; i++) expect(await webhook.authenticate(`${i}`)).toBeUndefined();
    const { length } = own.asked;
    fails = jane;
    for (let i = 6; i < 16; i++) expect(await webhook.authenticate(`${i}`)).toBeUndefined();
    expect(own.asked).toHaveLength(length);
    own.timers.advance(5_000);
    // One tries for all.
    const probe = Promise.withResolvers<unknown>();
    fails = probe.promise;
    const probing = ['a', 'b', 'c'].map((token) => webhook.authenticate(token));
    await turns();
    probe.resolve(jane);
    fails = jane;
    const probes = await Promise.all(probing);
    expect(probes.filter(Boolean)).toHaveLength(1);
    expect((await webhook.authenticate('d'))?.name).toBe('jane');
  });

  test('what is held takes only so much room', async () => {
    const groups = ['x'.repeat(200_000)];
    const own = hook(() => ({ authenticated: true, user: { username: 'j', groups } }));
    const webhook = authenticator(own);
    for (let i = 0; i < 30; i++) await webhook.authenticate(`${i}`);
    await webhook.authenticate('29');
    expect(own.asked).toHaveLength(30);
    await webhook.authenticate('0');
    expect(own.asked).toHaveLength(31);
  });

  test('only so many calls at a time', async () => {
    let open = () => {};
    let most = 0;
    let now = 0;
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const own = hook(async () => {
      most = Math.max(most, ++now);
      await gate;
      now--;
      return jane;
    });
    const webhook = authenticator(own);
    const all = Array.from({ length: 200 }, (_, i) => webhook.authenticate(`t${i}`));
    await turns();
    expect(most).toBe(64);
    open();
    expect((await Promise.all(all)).every((user) => user?.name === 'jane')).toBe(true);
    expect(most).toBe(64);
  });
});

describe('decisions', () => {
  const webhook = (change: object = {}) => ({
    type: 'Webhook' as const,
    name: 'hook',
    webhook: {
      authorizedTtlMs: 300_000,
      unauthorizedTtlMs: 30_000,
      timeoutMs: 3000,
      version: 'v1' as const,
      failurePolicy: 'NoOpinion' as const,
      server,
      ...change,
    },
  });
  const attributes: Attributes = {
    user: { name: 'jane', groups: ['g'], uid: 'u', extra: { k: ['v'] } },
    verb: 'list',
    isResource: true,
    path: '',
    group: 'apps',
    version: 'v1',
    namespace: 'ns',
    resource: 'deployments',
    subresource: '',
    name: '',
    fieldSelector: { requirements: [{ field: 'metadata.name', operator: '!=', value: 'x' }] },
    labelSelector: {
      requirements: [
        { key: 'a', operator: 'exists', values: [] },
        { key: 'b', operator: 'gt', values: ['1'] },
      ],
    },
  };

  test('the question, in both versions', async () => {
    const own = hook(() => ({ allowed: true, reason: 'because' }));
    expect(await decided(webhookAuthorizer(webhook(), own.outside).authorize(attributes))).toEqual({
      allowed: true,
      reason: 'because',
    });
    const resourceAttributes = {
      namespace: 'ns',
      verb: 'list',
      group: 'apps',
      version: 'v1',
      resource: 'deployments',
      fieldSelector: { requirements: [{ key: 'metadata.name', operator: 'NotIn', values: ['x'] }] },
      labelSelector: { requirements: [{ key: 'a', operator: 'Exists' }] },
    };
    expect(own.asked[0]?.body).toMatchObject({
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SubjectAccessReview',
      spec: { resourceAttributes, user: 'jane', groups: ['g'], uid: 'u', extra: { k: ['v'] } },
    });
    const old = webhookAuthorizer(webhook({ version: 'v1beta1' }), own.outside);
    await decided(old.authorize({ ...attributes, isResource: false, path: '/x' }));
    expect(own.asked[1]?.body.spec).toEqual({
      nonResourceAttributes: { path: '/x', verb: 'list' },
      user: 'jane',
      group: ['g'],
      uid: 'u',
      extra: { k: ['v'] },
    });
  });

  test.each<[object, boolean | undefined]>([
    [{ allowed: true }, true],
    [{ allowed: false }, undefined],
    [{ denied: true }, false],
    [{ allowed: true, denied: true }, false],
    [{ allowed: 'true' }, undefined],
    [{}, undefined],
  ])('%j', async (status, allowed) => {
    const own = webhookAuthorizer(webhook(), hook(() => status).outside);
    expect((await decided(own.authorize(attributes)))?.allowed).toBe(allowed);
  });

  test('who fails is decided by the policy, and asked again', async () => {
    const own = hook(() => new Error('no route'));
    const open = webhookAuthorizer(webhook(), own.outside);
    const closed = webhookAuthorizer(webhook({ failurePolicy: 'Deny' }), own.outside);
    expect((await decided(open.authorize(attributes)))?.allowed).toBeUndefined();
    expect((await decided(closed.authorize(attributes)))?.allowed).toBe(false);
    await decided(open.authorize(attributes));
    expect(own.asked).toHaveLength(3);
  });

  test('answers hold as long as they may; then a known one comes at once', async () => {
    const own = hook(({ spec }: { spec: { user: string } }) => ({ allowed: spec.user === 'jane' }));
    const authorizer = webhookAuthorizer(webhook(), own.outside);
    const other = { ...attributes, user: { name: 'eve', groups: [] } };
    await decided(authorizer.authorize(attributes));
    await decided(authorizer.authorize(other));
    expect(authorizer.authorize(attributes)).toEqual({ allowed: true, reason: '' });
    own.timers.advance(30_000);
    expect(authorizer.authorize(attributes)?.later).toBeUndefined();
    expect(authorizer.authorize(other)?.later).toBeDefined();
    own.timers.advance(270_000);
    expect(authorizer.authorize(attributes)?.later).toBeDefined();
    // What is large is not kept.
    const large = { ...attributes, name: 'x'.repeat(10_000) };
    await decided(authorizer.authorize(large));
    expect(authorizer.authorize(large)?.later).toBeDefined();
  });

  test('in a chain: nobody is asked whose turn does not come, and who cannot wait is not allowed', async () => {
    const own = hook(() => ({ allowed: false, reason: 'the hook knows nothing' }));
    const by = (allowed: boolean | undefined, reason: string) => ({ authorize: () => ({ allowed, reason }) });
    const remote = webhookAuthorizer(webhook({ unauthorizedTtlMs: 0 }), own.outside);
    const before = authorizeBy([by(true, 'first'), remote]);
    expect(before.authorize(attributes)).toEqual({ allowed: true, reason: 'first' });
    expect(own.asked).toHaveLength(0);
    const behind = authorizeBy([by(undefined, 'before'), remote, remote, by(undefined, 'behind')]);
    const pending = behind.authorize(attributes);
    expect(pending?.allowed).toBeUndefined();
    expect(await decided(pending)).toEqual({
      allowed: undefined,
      reason: 'before\nthe hook knows nothing\nthe hook knows nothing\nbehind',
    });
    expect(await decided(authorizeBy([remote, by(true, 'last')]).authorize(attributes))).toEqual({
      allowed: true,
      reason: 'last',
    });
  });

  test('a server asks it: requests, reviews, rules, and updates that create', async () => {
    const own = hook(({ spec }: { spec: { user: string; resourceAttributes?: { verb: string } } }) =>
      spec.user === 'jane' && spec.resourceAttributes?.verb !== 'create'
        ? { allowed: true }
        : { denied: spec.user === 'eve', reason: 'the hook says so' },
    );
    const { call } = await testServer(openSql(), {
      fetch: own.outside.fetch,
      configuration: { authorization: { authorizers: [webhook(), { type: 'RBAC', name: 'rbac' }] } },
    });
    const as = (user: string) => ({ 'impersonate-user': user });
    expect((await call('GET', '/api/v1/secrets', undefined, as('jane'))).code).toBe(200);
    expect((await call('GET', '/api/v1/secrets', undefined, as('joe'))).json.message).toContain(
      'secrets is forbidden: User "joe" cannot list resource "secrets" in API group "" at the cluster scope: the hook says so',
    );
    // Those whom nobody has to ask are not asked about.
    own.asked.length = 0;
    expect((await call('GET', '/api/v1/secrets')).code).toBe(200);
    expect(own.asked).toHaveLength(0);
    const config = (verb: string, body: object) =>
      call(
        verb,
        '/api/v1/namespaces/default/configmaps/c',
        { metadata: { name: 'c' }, ...body },
        {
          ...as('jane'),
          ...(verb === 'PATCH' ? { 'content-type': 'application/apply-patch+yaml' } : {}),
        },
      );
    const apply = { apiVersion: 'v1', kind: 'ConfigMap', data: { a: 'b' } };
    const patched = await call(
      'PATCH',
      '/api/v1/namespaces/default/configmaps/c?fieldManager=t',
      { metadata: { name: 'c' }, ...apply },
      {
        ...as('jane'),
        'content-type': 'application/apply-patch+yaml',
      },
    );
    expect(patched.json.message).toContain('cannot create resource "configmaps"');
    expect((await config('PUT', apply)).code).toBe(404);
    const review = (user: string) =>
      call('POST', '/apis/authorization.k8s.io/v1/subjectaccessreviews', {
        spec: { user, resourceAttributes: { verb: 'get', resource: 'pods' } },
      });
    expect((await review('jane')).json.status).toEqual({ allowed: true });
    expect((await review('eve')).json.status).toEqual({ allowed: false, denied: true, reason: 'the hook says so' });
    const rules = await call(
      'POST',
      '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews',
      { spec: { namespace: 'default' } },
      as('jane'),
    );
    expect(rules.json.status).toMatchObject({
      incomplete: true,
      evaluationError: expect.stringContaining('webhook authorizer does not support user rule resolution'),
    });
  });
});
