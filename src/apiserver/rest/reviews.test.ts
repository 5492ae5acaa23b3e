import { expect, test } from 'vitest';
import { openSql } from '../../../test/harness/sql.ts';
import { testServer } from '../testing.ts';

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
      'metadata: Invalid value: {"name":"x"}: must be empty',
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
  expect((await review({ token, audiences: ['elsewhere'] })).json.status).toEqual({
    error: 'error validating audiences',
    user: {},
  });
});
