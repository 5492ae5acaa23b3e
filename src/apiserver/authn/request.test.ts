// Everything that may come with a request together: certificates, tokens, assertions of Cloudflare Access, and nothing.
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { beforeAll, expect, test } from 'vitest';
import { openSql } from '../../../test/harness/sql.ts';
import type { Configuration } from '../../configuration/configuration.ts';
import { readConfiguration } from '../../configuration/configuration.ts';
import type { PeerCertificate } from '../../machinery/http.ts';
import { adminToken, type TestServer, testServer } from '../testing.ts';
import { bearerToken } from './authenticator.ts';
import { TestIssuer } from './jwt/testing.ts';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
let authority: string;
let peer: PeerCertificate;
let access: TestIssuer;

beforeAll(async () => {
  const keys = (await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as CryptoKeyPair;
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=clients,O=Example\\, Inc.,C=DE',
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  authority = certificate.toString('pem');
  const keyId = certificate.getExtension(x509.SubjectKeyIdentifierExtension)?.keyId ?? '';
  peer = {
    verified: true,
    subject: 'CN=jane,O=dev,O=ops',
    issuer: 'C=DE,O=Example\\, Inc.,CN=clients',
    issuerKeyId: keyId.toUpperCase(),
    fingerprint: 'AB12',
  };
  access = await new TestIssuer('https://team.cloudflareaccess.com').addKey('one');
});

const documents = () => [
  {
    apiVersion: 'tiffin.dev/v1',
    kind: 'RequestAuthentication',
    clientCertificates: { certificateAuthority: authority },
    cloudflareAccess: {
      teamDomain: 'team.cloudflareaccess.com',
      audiences: ['tag'],
      usernamePrefix: 'access:',
      groupsClaim: 'groups',
      groupsPrefix: 'access:',
    },
  },
];
const server = (configuration: Configuration = readConfiguration(documents())) =>
  testServer(openSql(), { configuration, fetch: access.fetch });

/** Who the server says one is, or its refusal. */
async function ask(of: TestServer, headers: Record<string, string>, peerCertificate?: PeerCertificate) {
  const request = new Request('https://cluster.test/apis/authentication.k8s.io/v1/selfsubjectreviews', {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: '{"kind":"SelfSubjectReview","apiVersion":"authentication.k8s.io/v1"}',
  });
  const response = await of.server.fetch(peerCertificate ? Object.assign(request, { peerCertificate }) : request);
  const body = (await response.json()) as { message?: string; status: { userInfo: unknown } };
  return response.status === 201 ? body.status.userInfo : `${response.status} ${body.message}`;
}

const jane = {
  username: 'jane',
  groups: ['ops', 'dev', 'system:authenticated'],
  extra: { 'authentication.kubernetes.io/credential-id': ['X509SHA256=ab12'] },
};
const unauthorized = '401 Unauthorized';
const anonymous = expect.stringContaining(
  '403 selfsubjectreviews.authentication.k8s.io is forbidden: User "system:anonymous"',
);
const assertion = async (claims: Record<string, unknown>, of = access) => ({
  'cf-access-jwt-assertion': await of.token({ aud: ['tag'], exp: 4e9, type: 'app', ...claims }),
});

test('a certificate: CN is the user, each O a group', async () => {
  const own = await server();
  expect(await ask(own, {}, peer)).toEqual(jane);
  const named = async (subject: string) => ask(own, {}, { ...peer, subject });
  expect(await named('CN=a\\, O=system:masters')).toMatchObject({ username: 'a, O=system:masters' });
  expect(await named('CN=j\\C3\\A4ne,O=\\"x\\+y\\"')).toMatchObject({
    username: 'jäne',
    groups: ['"x+y"', 'system:authenticated'],
  });
  expect(await named('CN=last,CN=first')).toMatchObject({ username: 'last' });
  expect(await named('1.3.6.1.4.1.57683.2=#0C0375696E,CN=j')).toMatchObject({ uid: 'uin' });
  expect(await named('CN=j+O=g')).toMatchObject({ username: 'j', groups: ['g', 'system:authenticated'] });
  for (const subject of [
    '',
    'O=dev',
    'CN=',
    'CN=a,',
    'CN=a"b',
    'CN=a;O=b',
    'CN=a\\',
    'CN=a\\00',
    'CN=a\\FF',
    '/CN=jane/O=dev',
    'CN=#0CFF61',
    '1.3.6.1.4.1.57683.2=#0C0161,1.3.6.1.4.1.57683.2=#0C0162,CN=j',
    '1.3.6.1.4.1.57683.2=#0C00,CN=j',
  ])
    expect(await named(subject), subject).toBe(unauthorized);
});

test('a certificate that is not verified, or of another authority', async () => {
  const own = await server();
  for (const change of [
    { verified: false },
    { issuer: 'C=DE,O=Example\\, Inc.,CN=others' },
    { issuer: 'CN=clients,O=Example\\, Inc.,C=DE' },
    { issuer: '' },
    { issuerKeyId: 'AABB' },
    { issuerKeyId: '' },
  ])
    expect(await ask(own, {}, { ...peer, ...change }), JSON.stringify(change)).toBe(unauthorized);
  // Unless it is configured nobody looks.
  expect(await ask(await testServer(openSql()), {}, peer)).toEqual(anonymous);
});

test('no header says that there was a certificate, or who anybody is', async () => {
  const own = await server();
  const headers = {
    'x-remote-user': 'jane',
    'x-remote-group': 'system:masters',
    'x-forwarded-client-cert': 'Hash=1;Subject="CN=jane"',
    'x-ssl-client-verify': 'SUCCESS',
    'cf-access-authenticated-user-email': 'jane@example.com',
    'cf-client-cert-der-base64': 'AA==',
    'peer-certificate': JSON.stringify(peer),
    cf: JSON.stringify({ tlsClientAuth: { certPresented: '1', certVerified: 'SUCCESS' } }),
  };
  expect(await ask(own, headers)).toEqual(anonymous);
});

test('Cloudflare Access: people and service tokens', async () => {
  const own = await server();
  expect(
    await ask(own, await assertion({ email: 'jane@example.com', sub: 'id', custom: { groups: ['dev'] } })),
  ).toEqual({ username: 'access:jane@example.com', uid: 'id', groups: ['access:dev', 'system:authenticated'] });
  expect(await ask(own, await assertion({ common_name: 'abc.access', sub: '' }))).toEqual({
    username: 'access:service-token:abc.access',
    groups: ['system:authenticated'],
  });
  const stranger = await new TestIssuer(access.url).addKey('one');
  const other = await new TestIssuer('https://evil.cloudflareaccess.com').addKey('one');
  for (const headers of [
    await assertion({ email: 'jane@example.com', aud: ['other'] }),
    await assertion({ email: 'jane@example.com', exp: 1 }),
    await assertion({ email: 'jane@example.com', type: 'org' }),
    await assertion({ email: 'jane' }),
    await assertion({ email: 'jane', common_name: 'abc' }),
    await assertion({}),
    await assertion({ email: 'jane@example.com', custom: { groups: [{}] } }),
    await assertion({ email: 'jane@example.com' }, stranger),
    await assertion({ email: 'jane@example.com' }, other),
    { 'cf-access-jwt-assertion': 'x' },
  ])
    expect(await ask(own, headers)).toBe(unauthorized);
  const unconfigured = await testServer(openSql(), { fetch: access.fetch });
  expect(await ask(unconfigured, await assertion({ email: 'jane@example.com' }))).toEqual(anonymous);
});

test('several at once: the first that is good counts, whatever comes with it', async () => {
  const own = await server();
  const admin = { authorization: `Bearer ${adminToken}` };
  const bad = { authorization: 'Bearer bad' };
  const good = await assertion({ email: 'jane@example.com' });
  expect(await ask(own, bad, peer)).toEqual(jane);
  expect(await ask(own, admin, peer)).toEqual(jane);
  expect(await ask(own, admin, { ...peer, verified: false })).toMatchObject({ username: 'kubernetes-admin' });
  expect(await ask(own, { ...admin, ...good })).toMatchObject({ username: 'kubernetes-admin' });
  expect(await ask(own, { ...bad, ...good })).toMatchObject({ username: 'access:jane@example.com' });
  expect(await ask(own, { ...admin, 'cf-access-jwt-assertion': 'x' })).toMatchObject({ username: 'kubernetes-admin' });
  expect(await ask(own, bad)).toBe(unauthorized);
  expect(await ask(own, { authorization: 'Basic eDp5' })).toEqual(anonymous);
});

test('a refusal has no hint', async () => {
  const own = await server();
  const answer = await own.call('GET', '/api/v1/pods', undefined, { authorization: 'Bearer bad' });
  expect(answer.json).toEqual({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: 'Unauthorized',
    reason: 'Unauthorized',
    code: 401,
  });
  expect(answer.headers.get('www-authenticate')).toBeNull();
});

test.each([
  ['Bearer x', 'x'],
  ['bearer x', 'x'],
  ['BEARER x', 'x'],
  ['  Bearer x  ', 'x'],
  ['Bearer x y', 'x'],
  ['Bearer x, Basic y', 'x,'],
  ['Bearer  x', undefined],
  ['Bearer', undefined],
  ['Bearer ', undefined],
  ['Bearerx', undefined],
  ['Basic x', undefined],
  ['Bearer\tx', undefined],
  ['', undefined],
])('the token of %j', (authorization, token) => {
  expect(bearerToken({ headers: new Headers({ authorization }) })).toBe(token);
});

test('anonymous where it is configured, and nowhere else', async () => {
  const anonymously = (rest: object) =>
    server(
      readConfiguration([
        { apiVersion: 'apiserver.config.k8s.io/v1', kind: 'AuthenticationConfiguration', anonymous: rest },
      ]),
    );
  const codes = async (own: TestServer) => {
    const code = async (path: string) => (await own.call('GET', path, undefined, { authorization: '' })).code;
    return [await code('/livez'), await code('/version'), await code('/livez/ping'), await code('/api')];
  };
  expect(await codes(await server())).toEqual([200, 200, 403, 403]);
  expect(await codes(await anonymously({ enabled: true, conditions: [{ path: '/livez' }] }))).toEqual([
    200, 401, 401, 401,
  ]);
  expect(await codes(await anonymously({ enabled: false }))).toEqual([401, 401, 401, 401]);
});
