import { expect, test } from 'vitest';
import { openSql } from '../../../test/harness/sql.ts';
import { forger, issuer } from '../authn/testing.ts';

const path = '/api/v1/namespaces/default/serviceaccounts/a/token';
const claimsOf = (token: string) =>
  JSON.parse(atob((token.split('.')[1] ?? '').replaceAll('-', '+').replaceAll('_', '/')));
const pod = (name: string, spec: object = {}) => ({
  metadata: { name },
  spec: { serviceAccountName: 'a', containers: [{ name: 'c', image: 'i' }], ...spec },
});
const bind = (kind: string, { name, uid }: { name: string; uid?: string }, apiVersion = 'v1') => ({
  boundObjectRef: { kind, apiVersion, name, ...(uid ? { uid } : {}) },
});

test('what is answered', async () => {
  const { call, claims, clock } = await forger(openSql());
  const { code, json } = await call('POST', path, { metadata: { labels: { x: 'y' } }, spec: {} });
  expect(code).toBe(201);
  expect(json).toMatchObject({
    kind: 'TokenRequest',
    apiVersion: 'authentication.k8s.io/v1',
    metadata: { name: 'a', namespace: 'default', creationTimestamp: '2026-01-02T03:04:05Z', labels: { x: 'y' } },
    spec: { audiences: [issuer], expirationSeconds: 3600, boundObjectRef: null },
    status: { expirationTimestamp: '2026-01-02T04:04:05Z' },
  });
  const now = clock.now() / 1000;
  expect(claimsOf(json.status.token)).toEqual({
    ...claims,
    jti: expect.any(String),
    iat: now,
    nbf: now,
    exp: now + 3600,
  });
});

test.each<[string, object, number, string]>([
  [
    'too short',
    { spec: { expirationSeconds: 599 } },
    422,
    'spec.expirationSeconds: Invalid value: 599: may not specify a duration less than 10 minutes',
  ],
  [
    'too long',
    { spec: { expirationSeconds: 2 ** 32 + 1 } },
    422,
    'may not specify a duration larger than 2^32 seconds',
  ],
  [
    'another name',
    { metadata: { name: 'b' }, spec: {} },
    422,
    'TokenRequest.authentication.k8s.io "a" is invalid: metadata.name: Invalid value: "b": must match the service account name if specified',
  ],
  [
    'another namespace',
    { metadata: { namespace: 'b' }, spec: {} },
    422,
    'metadata.namespace: Invalid value: "b": must match the service account namespace if specified',
  ],
  [
    'for far too many',
    { spec: { audiences: Array.from({ length: 2000 }, (_, i) => `audience-${i}`) } },
    400,
    'the token would be longer than 16000 characters',
  ],
  ['a pod that is not there', { spec: bind('Pod', { name: 'x' }) }, 404, 'pods "x" not found'],
  ['a pod of no group', { spec: bind('Pod', { name: 'x' }, 'a/b/c') }, 404, 'pods "x" not found'],
  ['a Secret that is not there', { spec: bind('Secret', { name: 'x' }) }, 404, 'secrets "x" not found'],
  ['a node that is not there', { spec: bind('Node', { name: 'x' }) }, 404, 'nodes "x" not found'],
  [
    'something else',
    { spec: bind('ConfigMap', { name: 'x' }) },
    400,
    'cannot bind token to object of type /v1, Kind=ConfigMap',
  ],
  [
    'something of another group',
    { spec: bind('Pod', { name: 'x' }, 'apps/v1') },
    400,
    'cannot bind token to object of type apps/v1, Kind=Pod',
  ],
  [
    'a Secret of another uid',
    { spec: bind('Secret', { name: 's', uid: 'u' }) },
    409,
    'Operation cannot be fulfilled on Secret "s": the UID in the bound object reference (u) does not match the UID in record. The object might have been deleted and then recreated',
  ],
  [
    'a pod of another account',
    { spec: bind('Pod', { name: 'other' }) },
    400,
    'cannot bind token for serviceaccount "a" to pod running with different serviceaccount name.',
  ],
])('%s', async (_name, body, expected, message) => {
  const f = await forger(openSql());
  await f.make('secrets', { metadata: { name: 's' } });
  await f.make('serviceaccounts', { metadata: { name: 'default' } });
  await f.make('pods', pod('other', { serviceAccountName: 'default' }));
  const { code, json } = await f.call('POST', path, body);
  expect(json.message).toContain(message);
  expect(code).toBe(expected);
});

test('bound to a pod, a Secret, a node; a pod brings its node along', async () => {
  const f = await forger(openSql());
  const made = {
    node: await f.make('nodes', { metadata: { name: 'n' } }),
    secret: await f.make('secrets', { metadata: { name: 's' } }),
    there: await f.make('pods', pod('p', { nodeName: 'n' })),
    gone: await f.make('pods', pod('q', { nodeName: 'gone' })),
    nowhere: await f.make('pods', pod('r')),
  };
  const bound = async (spec: object) => {
    const { token } = (await f.call('POST', path, { spec })).json.status;
    const { namespace: _namespace, serviceaccount: _account, ...rest } = claimsOf(token)['kubernetes.io'];
    return rest;
  };
  expect(await bound(bind('Pod', made.there))).toEqual({ pod: made.there, node: made.node });
  expect(await bound(bind('Pod', made.gone))).toEqual({ pod: made.gone, node: { name: 'gone' } });
  expect(await bound(bind('Pod', { name: 'r' }))).toEqual({ pod: made.nowhere });
  expect(await bound(bind('Secret', made.secret))).toEqual({ secret: made.secret });
  expect(await bound(bind('Node', made.node))).toEqual({ node: made.node });
});

test('the tokens that pods mount count for a year, and say when they should have been renewed', async () => {
  const f = await forger(openSql());
  const held = await f.make('pods', pod('p'));
  const now = f.clock.now() / 1000;
  const times = async (spec: object) => {
    const { json } = await f.call('POST', path, { spec });
    const { exp, 'kubernetes.io': own } = claimsOf(json.status.token);
    return [exp - now, own.warnafter && own.warnafter - now, Date.parse(json.status.expirationTimestamp) / 1000 - now];
  };
  const year = 365 * 86_400;
  const mounted = { expirationSeconds: 3607, ...bind('Pod', held) };
  expect(await times(mounted)).toEqual([year, 3607, 3607]);
  expect(await times({ ...mounted, audiences: [issuer] })).toEqual([year, 3607, 3607]);
  expect(await times({ ...mounted, audiences: [issuer, 'x'] })).toEqual([3607, undefined, 3607]);
  expect(await times({ ...mounted, expirationSeconds: 3608 })).toEqual([3608, undefined, 3608]);
  expect(await times({ expirationSeconds: 3607 })).toEqual([3607, undefined, 3607]);
  const off = await forger(openSql(), { configuration: { serviceAccountTokens: { extendTokenExpiration: false } } });
  const { json } = await off.call('POST', path, {
    spec: { expirationSeconds: 3607, ...bind('Pod', await off.make('pods', pod('p'))) },
  });
  expect(claimsOf(json.status.token).exp).toBe(now + 3607);
});

test('lifetimes are bounded by what is configured', async () => {
  const f = await forger(openSql(), { configuration: { serviceAccountTokens: { maxTokenExpirationSeconds: 7200 } } });
  const { json, headers } = await f.call('POST', path, { spec: { expirationSeconds: 86_400 } });
  expect(headers.get('warning')).toContain('requested expiration of 86400 seconds shortened to 7200 seconds');
  expect(json.spec.expirationSeconds).toBe(7200);
  expect(claimsOf(json.status.token).exp - claimsOf(json.status.token).iat).toBe(7200);
  expect((await f.call('POST', path, { spec: { expirationSeconds: 7200 } })).headers.get('warning')).toBeNull();
});

test('what others verify tokens with', async () => {
  const f = await forger(openSql());
  const configuration = await f.call('GET', '/.well-known/openid-configuration');
  expect(configuration.headers.get('content-type')).toBe('application/json');
  expect(configuration.headers.get('cache-control')).toBe('public, max-age=3600');
  expect(configuration.json).toEqual({
    issuer,
    jwks_uri: `${issuer}/openid/v1/jwks`,
    response_types_supported: ['id_token'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['ES256'],
  });
  const jwks = await f.call('GET', '/openid/v1/jwks');
  expect(jwks.headers.get('content-type')).toBe('application/jwk-set+json');
  expect(jwks.headers.get('cache-control')).toBe('public, max-age=3600');
  expect(jwks.json).toEqual({
    keys: [
      { use: 'sig', kty: 'EC', kid: f.kid, crv: 'P-256', alg: 'ES256', x: expect.any(String), y: expect.any(String) },
    ],
  });
  expect((await f.call('POST', '/openid/v1/jwks', {})).code).toBe(405);
  // RBAC lets service accounts read them, and nobody else.
  for (const page of ['/openid/v1/jwks', '/.well-known/openid-configuration']) {
    expect((await f.call('GET', page, undefined, { authorization: `Bearer ${await f.sign()}` })).code).toBe(200);
    expect((await f.call('GET', page, undefined, { authorization: '' })).code).toBe(403);
  }
  const serviceAccountTokens = { issuers: ['https://keys.example/a/'], jwksURI: 'https://cdn.example/jwks' };
  const other = await forger(openSql(), { configuration: { serviceAccountTokens } });
  expect((await other.call('GET', '/.well-known/openid-configuration')).json).toMatchObject({
    issuer: 'https://keys.example/a/',
    jwks_uri: 'https://cdn.example/jwks',
  });
  const plain = await forger(openSql(), { configuration: { serviceAccountTokens: { issuers: ['me'] } } });
  expect((await plain.call('GET', '/.well-known/openid-configuration')).code).toBe(404);
  expect((await plain.call('GET', '/openid/v1/jwks')).code).toBe(404);
});
