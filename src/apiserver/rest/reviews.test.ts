import { expect, test } from 'vitest';
import { openSql } from '../../../test/harness/sql.ts';
import { adminToken, testServer } from '../testing.ts';

const access = '/apis/authorization.k8s.io/v1';
const local = `${access}/namespaces/default/localsubjectaccessreviews`;
const pods = { verb: 'get', resource: 'pods', namespace: 'default' };
const either = 'exactly one of nonResourceAttributes or resourceAttributes must be specified';

test.each<[string, object, string[]]>([
  ['selfsubjectaccessreviews', {}, [`spec.resourceAttributes: Invalid value: "null": ${either}`]],
  [
    'selfsubjectaccessreviews',
    { spec: { resourceAttributes: pods, nonResourceAttributes: { path: '/a' } } },
    [
      'spec.nonResourceAttributes: Invalid value: {"Path":"/a","Verb":""}: cannot be specified in combination with resourceAttributes',
    ],
  ],
  [
    'subjectaccessreviews',
    { spec: { resourceAttributes: pods }, metadata: { name: 'x', namespace: 'dropped' } },
    [
      'spec.user: Invalid value: "": at least one of user or group must be specified',
      'metadata: Invalid value: {"name":"x","managedFields":[{"manager":"unknown",',
    ],
  ],
  [
    'subjectaccessreviews',
    {
      spec: {
        user: 'u',
        resourceAttributes: {
          ...pods,
          fieldSelector: {},
          labelSelector: { rawSelector: 'a', requirements: [{ key: '', operator: 'In' }] },
        },
      },
    },
    [
      'spec.resourceAttributes.fieldSelector.requirements: Required value: when spec.resourceAttributes.fieldSelector is specified, requirements or rawSelector is required',
      'spec.resourceAttributes.labelSelector.rawSelector: Invalid value: "a": may not specified at the same time as requirements',
      "spec.resourceAttributes.labelSelector.requirements[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
      'spec.resourceAttributes.labelSelector.requirements[0].key: Invalid value: "": name part must be non-empty',
    ],
  ],
])('%s: what is wrong', async (plural, body, problems) => {
  const { call } = await testServer(openSql());
  const { code, json } = await call('POST', `${access}/${plural}`, body);
  expect(code).toBe(422);
  for (const problem of problems) expect(json.message).toContain(problem);
});

test('a review is no row of a table', async () => {
  const { call } = await testServer(openSql());
  const review = { spec: { nonResourceAttributes: { path: '/', verb: 'get' } } };
  const asked = (accept: string) => call('POST', `${access}/selfsubjectaccessreviews`, review, { accept });
  const form = (as: string) => `application/json;as=${as};g=meta.k8s.io;v=v1`;
  expect((await asked(form('Table'))).json).toMatchObject({ code: 406, reason: 'NotAcceptable' });
  expect((await asked(form('PartialObjectMetadataList'))).code).toBe(406);
  expect((await asked(`${form('Table')},application/json`)).json).toMatchObject({ kind: 'SelfSubjectAccessReview' });
  expect((await asked(form('PartialObjectMetadata'))).json).toMatchObject({ kind: 'PartialObjectMetadata' });
});

test('a review has no name', async () => {
  const { call } = await testServer(openSql());
  const path = '/apis/authentication.k8s.io/v1/tokenreviews';
  expect((await call('POST', `${path}/x`, { spec: {} })).json).toMatchObject({ code: 404, reason: 'NotFound' });
  expect((await call('GET', path)).json).toMatchObject({ code: 405, reason: 'MethodNotAllowed' });
});

test('access in a namespace', async () => {
  const { call } = await testServer(openSql());
  const review = (spec: object, metadata: object = {}) =>
    call('POST', local, { metadata, spec: { user: 'u', ...spec } });
  expect((await review({ resourceAttributes: pods })).json).toMatchObject({
    kind: 'LocalSubjectAccessReview',
    metadata: { namespace: 'default' },
    status: { allowed: false },
  });
  expect((await review({ groups: ['system:masters'], resourceAttributes: pods })).json.status.allowed).toBe(true);
  expect((await review({ resourceAttributes: { ...pods, namespace: 'other' } })).json.details.causes).toEqual([
    {
      field: 'spec.resourceAttributes.namespace',
      message: 'Invalid value: "other": must match metadata.namespace',
      reason: 'FieldValueInvalid',
    },
  ]);
  expect((await review({ nonResourceAttributes: { path: '/' } })).json.message).toContain(
    'disallowed on this kind of request',
  );
  expect((await review({ resourceAttributes: pods }, { namespace: 'other' })).code).toBe(400);
  expect((await call('POST', `${access}/localsubjectaccessreviews`, {})).code).toBe(404);
});

test('tokens', async () => {
  const { call } = await testServer(openSql());
  const review = (spec: object) => call('POST', '/apis/authentication.k8s.io/v1/tokenreviews', { spec });
  expect((await review({})).json.message).toBe('token is required for TokenReview in authentication');
  expect((await review({ token: 'x' })).json.status).toEqual({ error: 'invalid bearer token', user: {} });
  await call('POST', '/api/v1/namespaces/default/serviceaccounts', { metadata: { name: 'a' } });
  const { token } = (await call('POST', '/api/v1/namespaces/default/serviceaccounts/a/token', { spec: {} })).json
    .status;
  expect((await review({ token })).json.status).toMatchObject({
    authenticated: true,
    user: { username: 'system:serviceaccount:default:a' },
  });
});

test('tokens are of those for whom they are', async () => {
  const { call } = await testServer(openSql());
  await call('POST', '/api/v1/namespaces/default/serviceaccounts', { metadata: { name: 'a' } });
  const own = 'https://kubernetes.default.svc.cluster.local';
  const tokenFor = async (audiences: string[]) =>
    (await call('POST', '/api/v1/namespaces/default/serviceaccounts/a/token', { spec: { audiences } })).json.status
      .token;
  const review = async (token: string, audiences?: string[]) => {
    const { code, json } = await call('POST', '/apis/authentication.k8s.io/v1/tokenreviews', {
      spec: { token, audiences },
    });
    return [code, json.status.authenticated, json.status.error ?? json.status.audiences];
  };
  const refusal = (is: string, wanted: string) =>
    `[invalid bearer token, token audiences [${is}] is invalid for the target audiences [${wanted}]]`;
  const plain = await tokenFor([]);
  expect(await review(plain)).toEqual([201, true, [own]]);
  expect(await review(plain, ['x', own])).toEqual([201, true, [own]]);
  expect(await review(plain, ['x', 'z'])).toEqual([201, undefined, refusal(`"${own}"`, '"x" "z"')]);
  const others = await tokenFor(['x', 'y']);
  expect(await review(others)).toEqual([201, undefined, refusal('"x" "y"', `"${own}"`)]);
  expect(await review(others, ['y', 'q', 'x'])).toEqual([201, true, ['x', 'y']]);
  // A token that says nothing of audiences is for the API server.
  expect(await review(adminToken, ['x'])).toEqual([201, undefined, 'invalid bearer token']);
  expect(await review(adminToken, ['x', own])).toEqual([201, true, [own]]);
  // Whoever it is for, it does not get in here with it.
  expect((await call('GET', '/version', undefined, { authorization: `Bearer ${others}` })).code).toBe(401);
});

test('what is answered and not stored says who wrote it', async () => {
  const { call, clock } = await testServer(openSql());
  const as = { 'user-agent': 'me/1' };
  const spec = { nonResourceAttributes: { path: '/x', verb: 'get' } };
  const wrote = (group: string, fieldsV1: object) => ({
    manager: 'me',
    operation: 'Update',
    apiVersion: `${group}.k8s.io/v1`,
    time: '2026-01-02T03:04:05Z',
    fieldsType: 'FieldsV1',
    fieldsV1,
  });
  const fields = { 'f:spec': { 'f:nonResourceAttributes': { '.': {}, 'f:path': {}, 'f:verb': {} } } };
  const selfReviews = `${access}/selfsubjectaccessreviews`;
  expect((await call('POST', selfReviews, { spec }, as)).json.metadata).toEqual({
    managedFields: [wrote('authorization', fields)],
  });
  const sent = { ...wrote('authorization', { 'f:spec': {} }), manager: 'z', time: '2020-01-01T00:00:00Z' };
  const status = { allowed: true };
  expect(
    (await call('POST', selfReviews, { metadata: { managedFields: [sent] }, spec, status }, as)).json.metadata,
  ).toEqual({
    managedFields: [sent, wrote('authorization', { ...fields, 'f:status': { 'f:allowed': {} } })],
  });
  await call('POST', '/api/v1/namespaces/default/serviceaccounts', { metadata: { name: 'a' } });
  const token = await call('POST', '/api/v1/namespaces/default/serviceaccounts/a/token', { spec: {} }, as);
  expect(token.json.metadata.managedFields).toEqual([
    wrote('authentication', { 'f:spec': { 'f:expirationSeconds': {} } }),
  ]);
  // What is made anew knows nothing of what was sent.
  clock.advance(1000);
  const labels = { a: 'b' };
  expect(
    (await call('POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', { metadata: { labels } }, as)).json,
  ).toEqual({
    kind: 'SelfSubjectReview',
    apiVersion: 'authentication.k8s.io/v1',
    metadata: { creationTimestamp: '2026-01-02T03:04:06Z' },
    status: { userInfo: { username: 'kubernetes-admin', groups: ['system:masters', 'system:authenticated'] } },
  });
  const rules = await call('POST', `${access}/selfsubjectrulesreviews`, { spec: { namespace: 'default' } }, as);
  expect(rules.json).toMatchObject({ metadata: {}, spec: {} });
  expect([rules.json.metadata, rules.json.spec]).toEqual([{}, {}]);
});
