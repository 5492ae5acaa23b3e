// What a signed token must claim to count, and for how long it does.

import { createHmac } from 'node:crypto';
import { expect, test } from 'vitest';
import { openSql } from '../../../../test/harness/sql.ts';
import { readConfiguration } from '../../../configuration/configuration.ts';
import { encoded, type Forger, forger, issuer } from '../testing.ts';

const minute = 60;
const refused = (why: string) => `[invalid bearer token, ${why}]`;
const me = 'system:serviceaccount:default:a';

/** Changes of good claims, and what a TokenReview says of them; '' of those which are not even ours. */
const cases: [string, (f: Forger) => Record<string, unknown>, string][] = [
  ['as it should be', () => ({}), me],
  ['one audience, not in a list', () => ({ aud: issuer }), me],
  ['another audience beside ours', () => ({ aud: ['x', issuer] }), me],
  ['no audience is ours', () => ({ aud: undefined }), me],
  [
    'another audience',
    () => ({ aud: ['x'] }),
    refused(`token audiences ["x"] is invalid for the target audiences ["${issuer}"]`),
  ],
  ['an audience that is no text', () => ({ aud: [issuer, 7] }), ''],
  ['a while ago', ({ claims }) => ({ exp: (claims.iat ?? 0) - minute }), me],
  [
    'too long ago',
    ({ claims }) => ({ exp: (claims.iat ?? 0) - minute - 1 }),
    refused('service account token has expired'),
  ],
  ['no end', () => ({ exp: undefined }), ''],
  ['an end that is a text', () => ({ exp: '99999999999' }), ''],
  ['soon', ({ claims }) => ({ nbf: (claims.iat ?? 0) + minute }), me],
  [
    'not yet',
    ({ claims }) => ({ nbf: (claims.iat ?? 0) + minute + 1 }),
    refused('service account token is not valid yet'),
  ],
  [
    'from the future',
    ({ claims }) => ({ iat: (claims.iat ?? 0) + minute + 1 }),
    refused('service account token is issued in the future'),
  ],
  ['another issuer', () => ({ iss: 'https://elsewhere' }), ''],
  ['no issuer', () => ({ iss: undefined }), ''],
  ['nothing of Kubernetes', () => ({ 'kubernetes.io': undefined }), ''],
  ['null of Kubernetes', () => ({ 'kubernetes.io': null }), ''],
  [
    'another uid',
    ({ claims }) => own(claims, { serviceaccount: { name: 'a', uid: 'u' } }),
    /service account UID \(.*\) does not match claim \(u\)/.source,
  ],
  [
    'an account that is not there',
    ({ claims }) => own(claims, { serviceaccount: { name: 'b', uid: 'u' } }),
    refused('serviceaccounts "b" not found'),
  ],
  [
    'a way through the keys',
    ({ claims }) => own(claims, { namespace: 'default/a/..', serviceaccount: { name: '../x', uid: 'u' } }),
    '',
  ],
  ['an account that is a list', ({ claims }) => own(claims, { serviceaccount: ['a'] }), ''],
  [
    'a pod that is not there',
    ({ claims }) => own(claims, { pod: { name: 'p', uid: 'u' } }),
    refused('service account token has been invalidated'),
  ],
  ['a pod that is a text', ({ claims }) => own(claims, { pod: 'p' }), ''],
  [
    'a Secret that is not there',
    ({ claims }) => own(claims, { secret: { name: 'p', uid: 'u' } }),
    refused('service account token has been invalidated'),
  ],
  [
    'a node that is not there',
    ({ claims }) => own(claims, { node: { name: 'p', uid: 'u' } }),
    refused('service account token has been invalidated'),
  ],
];

const own = (claims: Forger['claims'], changed: object) => ({
  'kubernetes.io': { ...claims['kubernetes.io'], ...changed },
});

test.each(cases)('%s', async (_name, change, expected) => {
  const f = await forger(openSql());
  const token = await f.sign(change(f));
  const said = await f.review(token);
  if (expected.startsWith('service account UID')) expect(said).toMatch(new RegExp(expected));
  else expect(said).toBe(expected === '' ? 'invalid bearer token' : expected);
  expect(await f.knock(token)).toBe(expected === me ? 200 : 401);
  // What is remembered says the same.
  expect(await f.review(token)).toBe(said);
  expect(await f.knock(token)).toBe(expected === me ? 200 : 401);
});

test('only one form of a token, one algorithm of a key and one key of a name count', async () => {
  const f = await forger(openSql());
  const token = await f.sign();
  const [head = '', body = '', tail = ''] = token.split('.');
  const header = (changed: object) => encoded({ alg: 'ES256', kid: f.kid, ...changed });
  const hmac = (head: string) =>
    `${head}.${body}.${createHmac('sha256', f.pem).update(`${head}.${body}`).digest('base64url')}`;
  const last = tail.slice(-1);
  const stray = String.fromCharCode(last.charCodeAt(0) + 1);
  const wrong = [
    `${header({ alg: 'none' })}.${body}.`,
    `${header({ alg: 'none' })}.${body}.${tail}`,
    `${header({ alg: 'None' })}.${body}.`,
    hmac(header({ alg: 'HS256' })),
    `${header({ alg: 'ES384' })}.${body}.${tail}`,
    `${header({ alg: 'RS256' })}.${body}.${tail}`,
    `${header({ kid: 'x' })}.${body}.${tail}`,
    `${header({ kid: 7 })}.${body}.${tail}`,
    `${head}.${body}.${tail.slice(0, -1)}${stray}`,
    `${head}.${body}.${tail}=`,
    `${head}.${body}.${tail.slice(0, 20)}\n${tail.slice(20)}`,
    `${head}.${body}.${tail.replaceAll('-', '+').replaceAll('_', '/')}==`,
    `${head}.${body}.${'A'.repeat(86)}`,
    `${head}.${body}`,
    `${head}.${body}.${tail}.`,
    `.${token}`,
    `{"payload":"${body}","signatures":[{"protected":"${head}","signature":"${tail}"}]}`,
    await f.sign({}, { crit: ['x'], x: 1 }),
    await f.sign({ pad: 'x'.repeat(20_000) }),
  ];
  for (const one of wrong) expect(await f.review(one), one).toBe('invalid bearer token');
  expect(await f.knock(await f.sign({}, { kid: undefined }))).toBe(200);
  expect(await f.knock(await f.sign({}, { typ: 'JWT' }))).toBe(200);
  expect(await f.knock(token)).toBe(200);
});

const pod = (name: string, extra: object = {}) => ({
  metadata: { name, ...extra },
  spec: { serviceAccountName: 'a', nodeName: 'n', containers: [{ name: 'c', image: 'i' }] },
});

test('a token dies with its pod, in the turn of the deletion', async () => {
  const f = await forger(openSql());
  const bound = await f.make('pods', pod('p'));
  const token = await f.sign(own(f.claims, { pod: bound }));
  expect(await f.knock(token)).toBe(200);
  const asked = f.knock(token);
  await f.call('DELETE', '/api/v1/namespaces/default/pods/p', { gracePeriodSeconds: 0 });
  expect([200, 401]).toContain(await asked);
  expect(await f.knock(token)).toBe(401);
  expect(await f.review(token)).toBe(refused('service account token has been invalidated'));
  // One of the same name is another one.
  await f.make('pods', pod('p'));
  expect(await f.review(token)).toMatch(/pod UID \(.*\) does not match service account pod ref claim/);
});

test('what is being deleted holds a token for a minute more', async () => {
  const f = await forger(openSql());
  const bound = await f.make('pods', pod('p', { finalizers: ['example.com/wait'] }));
  const token = await f.sign(own(f.claims, { pod: bound }));
  await f.call('DELETE', '/api/v1/namespaces/default/pods/p', { gracePeriodSeconds: 0 });
  expect((await f.call('GET', '/api/v1/namespaces/default/pods/p')).json.metadata.deletionTimestamp).toBeDefined();
  expect(await f.knock(token)).toBe(200);
  f.clock.advance(61_000);
  expect(await f.knock(token)).toBe(401);
});

test('an annotation that looks like the end of the object is none', async () => {
  const f = await forger(openSql());
  const bound = await f.make(
    'pods',
    pod('p', { annotations: { deletionTimestamp: '2000-01-01T00:00:00Z', uid: 'x' } }),
  );
  expect(await f.knock(await f.sign(own(f.claims, { pod: bound })))).toBe(200);
});

test('a token of a Secret, of a node, of an account ends with it; one of a pod does not end with its node', async () => {
  const f = await forger(openSql());
  const [secret, node, held] = [
    await f.make('secrets', { metadata: { name: 's' } }),
    await f.make('nodes', { metadata: { name: 'n' } }),
    await f.make('pods', pod('p')),
  ];
  const tokens = {
    secret: await f.sign(own(f.claims, { secret })),
    node: await f.sign(own(f.claims, { node })),
    pod: await f.sign(own(f.claims, { pod: held, node })),
  };
  const knocks = async () => Promise.all(Object.values(tokens).map(f.knock));
  expect(await knocks()).toEqual([200, 200, 200]);
  await f.call('DELETE', '/api/v1/namespaces/default/secrets/s');
  expect(await knocks()).toEqual([401, 200, 200]);
  await f.call('DELETE', '/api/v1/nodes/n');
  expect(await knocks()).toEqual([401, 401, 200]);
  await f.call('DELETE', '/api/v1/namespaces/default/serviceaccounts/a');
  expect(await knocks()).toEqual([401, 401, 401]);
});

test('several issuers count, and several audiences', async () => {
  const serviceAccountTokens = { issuers: ['https://new.example', issuer], audiences: ['api', 'https://new.example'] };
  const f = await forger(openSql(), { configuration: { serviceAccountTokens } });
  expect(await f.knock(await f.sign({ aud: ['api'] }))).toBe(200);
  expect(await f.knock(await f.sign({ iss: 'https://new.example', aud: ['api'] }))).toBe(200);
  expect(await f.knock(await f.sign({ iss: 'https://other.example', aud: ['api'] }))).toBe(401);
  expect(await f.knock(await f.sign())).toBe(401);
  const issued = await f.call('POST', '/api/v1/namespaces/default/serviceaccounts/a/token', { spec: {} });
  expect(issued.json.spec.audiences).toEqual(['api', 'https://new.example']);
  expect(JSON.parse(atob(issued.json.status.token.split('.')[1])).iss).toBe('https://new.example');
});

test('tokens that should have been renewed are counted', async () => {
  const f = await forger(openSql());
  const now = f.claims.iat ?? 0;
  const metrics = async () => (await f.call('GET', '/metrics')).text.match(/^serviceaccount_\w+ \d+$/gm);
  const token = await f.sign({ exp: now + 86_400, ...own(f.claims, { warnafter: now + 60 }) });
  await f.knock(token);
  f.clock.advance(61_000);
  await f.knock(token);
  await f.knock(token);
  expect(await metrics()).toEqual(['serviceaccount_stale_tokens_total 2', 'serviceaccount_valid_tokens_total 1']);
  expect((await f.server.authenticate(token))?.notes).toEqual({
    'authentication.k8s.io/stale-token': `subject: ${me}, seconds after warning threshold: 1`,
  });
  expect((await f.server.authenticate(await f.sign({ aud: undefined })))?.notes).toEqual({
    'authentication.k8s.io/legacy-token': me,
  });
  expect((await f.server.authenticate(await f.sign()))?.notes).toBeUndefined();
});

test('the audit log tells which token was issued, and which were old-fashioned', async () => {
  const events: { annotations?: Record<string, string>; objectRef?: { subresource?: string } }[] = [];
  const policy = { apiVersion: 'audit.k8s.io/v1', kind: 'Policy', omitStages: ['RequestReceived'] };
  const f = await forger(openSql(), {
    configuration: readConfiguration([{ ...policy, rules: [{ level: 'Metadata' }] }]),
    audit: { line: (event) => events.push(JSON.parse(event)), waitUntil() {} },
  });
  const { json } = await f.call('POST', '/api/v1/namespaces/default/serviceaccounts/a/token', { spec: {} });
  const { jti } = JSON.parse(atob(json.status.token.split('.')[1]));
  expect(events.at(-1)?.annotations?.['authentication.kubernetes.io/issued-credential-id']).toBe(`JTI=${jti}`);
  await f.knock(await f.sign({ aud: undefined }));
  expect(events.at(-1)?.annotations?.['authentication.k8s.io/legacy-token']).toBe(me);
  expect(JSON.stringify(events)).not.toContain(json.status.token);
});
