// All ways to say who one is, valid and nearly so, mixed in one request: whatever comes is answered, never with 5xx, and nobody
// ever counts as somebody whose credential is not in it. Seeded: a failure prints its seed and the request.
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { beforeAll, expect, test } from 'vitest';
import { openSql } from '../../../test/harness/sql.ts';
import { readConfiguration } from '../../configuration/configuration.ts';
import type { PeerCertificate } from '../../machinery/http.ts';
import { TestRandom, type TestServer, testServer } from '../testing.ts';
import { TestIssuer } from './jwt/testing.ts';

const seed = Number(process.env.FUZZ_SEED ?? 20261123);
const rounds = Number(process.env.FUZZ_ROUNDS ?? 1500);
const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

let own: TestServer;
let oidc: TestIssuer;
let access: TestIssuer;
let peer: PeerCertificate;
let serviceAccount: string;
/** Whether calls out fail at the moment. */
let outage = false;

beforeAll(async () => {
  const keys = (await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as CryptoKeyPair;
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=clients',
    keys,
    signingAlgorithm: algorithm,
    extensions: [await x509.SubjectKeyIdentifierExtension.create(keys.publicKey)],
  });
  const issuerKeyId = certificate.getExtension(x509.SubjectKeyIdentifierExtension)?.keyId ?? '';
  peer = { verified: true, subject: 'CN=holder,O=dev', issuer: 'CN=clients', issuerKeyId, fingerprint: 'ab' };
  oidc = await (await new TestIssuer('https://issuer.test').addKey('one')).addKey('two', 'ES256');
  access = await new TestIssuer('https://team.cloudflareaccess.com').addKey('one');
  const documents = [
    {
      apiVersion: 'apiserver.config.k8s.io/v1',
      kind: 'AuthenticationConfiguration',
      jwt: [
        {
          issuer: { url: oidc.url, audiences: ['cluster'] },
          claimMappings: { username: { claim: 'sub', prefix: 'oidc:' }, groups: { claim: 'groups', prefix: 'oidc:' } },
        },
      ],
    },
    {
      apiVersion: 'tiffin.dev/v1',
      kind: 'RequestAuthentication',
      cloudflareAccess: { teamDomain: 'team.cloudflareaccess.com', audiences: ['tag'], usernamePrefix: 'access:' },
      clientCertificates: { certificateAuthority: certificate.toString('pem') },
      tokenWebhook: { server: 'https://hook.test/' },
    },
  ];
  const fetch = async (request: Request) => {
    if (outage) throw new Error('no route');
    if (request.url.startsWith(oidc.url)) return oidc.fetch(request);
    if (request.url.startsWith(access.url)) return access.fetch(request);
    const { spec, kind, apiVersion } = (await request.json()) as {
      spec: { token: string };
      kind: string;
      apiVersion: string;
    };
    const known = spec.token === 'hook-token';
    return Response.json({
      kind,
      apiVersion,
      status: { authenticated: known, user: { username: known ? 'hooked' : '' } },
    });
  };
  own = await testServer(openSql(), { configuration: readConfiguration(documents), fetch });
  const { call } = own;
  await call('POST', '/api/v1/namespaces/default/serviceaccounts', { metadata: { name: 'sa' } });
  const issued = await call('POST', '/api/v1/namespaces/default/serviceaccounts/sa/token', { spec: {} });
  serviceAccount = issued.json.status.token;
  const rbac = '/apis/rbac.authorization.k8s.io/v1';
  await call('POST', `${rbac}/clusterroles`, {
    metadata: { name: 'acts-as-target' },
    rules: [
      { apiGroups: [''], resources: ['users'], verbs: ['impersonate'], resourceNames: ['target'] },
      { apiGroups: [''], resources: ['groups'], verbs: ['impersonate'], resourceNames: ['team'] },
    ],
  });
  await call('POST', `${rbac}/clusterrolebindings`, {
    metadata: { name: 'acts-as-target' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'acts-as-target' },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'holder' }],
  });
});

const odd = [
  '\u0000',
  '\u00ad',
  'ſ',
  '\u212a',
  ' ',
  '\t',
  ',',
  ', ',
  '.',
  '=',
  '%',
  '%00',
  '%2f',
  '\\',
  '"',
  '{',
  '🙂',
  'é',
  '~',
];
/** What Go and Fetch let through in a header. */
const headerText = (text: string): string =>
  [...new TextEncoder().encode(text)]
    .map((byte) => String.fromCharCode(byte))
    .join('')
    .replace(/[\0\r\n]/g, '');

function mutate(random: TestRandom, text: string): string {
  const at = random.int(text.length + 1);
  const other = odd[random.int(odd.length)] as string;
  switch (random.int(9)) {
    case 0:
      return text.slice(0, at);
    case 1:
      return text.slice(0, at) + other + text.slice(at);
    case 2:
      return text.slice(0, at) + other + text.slice(at + 1);
    case 3:
      return text.slice(at) + text.slice(0, at);
    case 4:
      return text.slice(0, at) + text.slice(at + 1 + random.int(8));
    case 5:
      return text.slice(0, at) + text;
    case 6:
      return random.int(2) === 0 ? text.toUpperCase() : text.toLowerCase();
    case 7:
      return Array.from({ length: random.int(300) }, () => String.fromCharCode(1 + random.int(255))).join('');
    default:
      return text.repeat(1 + random.int(40));
  }
}

/** A token with one of its parts changed, or of another one's. */
function mutateToken(random: TestRandom, token: string, others: readonly string[]): string {
  const parts = token.split('.');
  const other = (others[random.int(others.length)] as string).split('.');
  const part = random.int(3);
  const encode = (value: unknown) => btoa(JSON.stringify(value)).replaceAll('=', '');
  const decoded = (text: string | undefined) => {
    try {
      return JSON.parse(atob((text ?? '').replaceAll('-', '+').replaceAll('_', '/'))) as Record<string, unknown>;
    } catch {
      return {};
    }
  };
  switch (random.int(5)) {
    case 0:
      return mutate(random, token);
    case 1:
      parts[part] = mutate(random, parts[part] ?? '');
      return parts.join('.');
    case 2:
      parts[part] = other[part] ?? '';
      return parts.join('.');
    case 3: {
      const algs = ['none', 'HS256', 'ES256', 'RS512', 'PS256', 'EdDSA', '', null, {}, ['RS256']];
      parts[0] = encode({ ...decoded(parts[0]), alg: algs[random.int(algs.length)] });
      return parts.join('.');
    }
    default: {
      const values = [
        'oidc:root',
        'system:masters',
        null,
        {},
        [],
        1e308,
        -1,
        true,
        ['cluster', 'tag'],
        JSON.parse('{"__proto__":{}}'),
      ];
      const claims = ['sub', 'aud', 'exp', 'nbf', 'iss', 'groups', 'email', 'type', 'common_name', 'jti', '__proto__'];
      const claim = claims[random.int(claims.length)] as string;
      parts[1] = encode(
        Object.fromEntries([...Object.entries(decoded(parts[1])), [claim, values[random.int(values.length)]]]),
      );
      return parts.join('.');
    }
  }
}

interface Sent {
  headers: [string, string][];
  peerCertificate?: PeerCertificate;
  /** Who one may be by it. */
  users: Set<string>;
}

async function compose(random: TestRandom): Promise<Sent> {
  const oidcToken = await oidc.token(
    { aud: 'cluster', exp: 4e9, sub: 'jane', groups: ['dev'] },
    random.int(2) ? 'one' : 'two',
  );
  const accessToken = await access.token({ aud: ['tag'], exp: 4e9, type: 'app', email: 'jane@x', sub: 'u' });
  const tokens: [string, string][] = [
    ['oidc:jane', oidcToken],
    ['system:serviceaccount:default:sa', serviceAccount],
    ['hooked', 'hook-token'],
  ];
  const jwts = [oidcToken, accessToken, serviceAccount];
  const sent: Sent = { headers: [], users: new Set() };
  const broken = () => random.int(10) < 7;
  if (random.int(3) > 0) {
    const [user, token] = tokens[random.int(tokens.length)] as [string, string];
    sent.users.add(user);
    const scheme = random.int(20) === 0 ? mutate(random, 'Bearer') : 'Bearer';
    const text = broken() ? mutateToken(random, token, jwts) : token;
    if (jwts.includes(text)) for (const [name, known] of tokens) if (known === text) sent.users.add(name);
    sent.headers.push(['authorization', `${scheme} ${text}`]);
    if (random.int(10) === 0) sent.headers.push(['authorization', `Bearer ${mutateToken(random, oidcToken, jwts)}`]);
  }
  if (random.int(3) === 0) {
    sent.users.add('access:jane@x');
    sent.headers.push(['cf-access-jwt-assertion', broken() ? mutateToken(random, accessToken, jwts) : accessToken]);
  }
  if (random.int(3) === 0) {
    sent.users.add('holder');
    const fields = ['issuer', 'issuerKeyId'] as const;
    const field = fields[random.int(2)] as 'issuer' | 'issuerKeyId';
    sent.peerCertificate = broken()
      ? random.int(4) === 0
        ? { ...peer, verified: false }
        : { ...peer, [field]: mutate(random, peer[field]) }
      : peer;
  }
  if (random.int(10) === 0)
    sent.headers.push(
      ['sec-websocket-protocol', `base64url.bearer.authorization.k8s.io.${mutate(random, btoa(oidcToken))}, v4`],
      ['connection', 'upgrade'],
      ['upgrade', 'websocket'],
    );
  for (const [name, value] of [
    ['impersonate-user', 'target'],
    ['impersonate-group', 'team'],
    ['impersonate-uid', 'u'],
    ['impersonate-extra-acme.com%2fx', 'v'],
    ['x-remote-user', 'root'],
    ['impersonate_user', 'root'],
  ] as const)
    if (random.int(8) === 0) {
      const text = random.int(2) === 0 ? value : mutate(random, random.int(3) === 0 ? 'system:masters' : value);
      sent.headers.push([random.int(10) === 0 ? mutate(random, name) : name, text]);
    }
  if (sent.headers.some(([name]) => name.toLowerCase().startsWith('impersonate-user'))) sent.users.add('target');
  return sent;
}

test(`${rounds} requests of seed ${seed}`, async () => {
  const random = new TestRandom(seed);
  const seen = new Map<string, number>();
  for (let round = 0; round < rounds; round++) {
    if (random.int(200) === 0) outage = !outage;
    if (random.int(20) === 0) own.clock.advance(10_000);
    const sent = await compose(random);
    const headers = new Headers({ 'content-type': 'application/json' });
    for (const [name, value] of sent.headers) {
      try {
        headers.append(name, headerText(value));
      } catch {
        // Nobody can send that.
      }
    }
    const request = new Request('https://cluster.test/apis/authentication.k8s.io/v1/selfsubjectreviews', {
      method: 'POST',
      headers,
      body: '{"kind":"SelfSubjectReview","apiVersion":"authentication.k8s.io/v1"}',
    });
    const { peerCertificate } = sent;
    const response = await own.server.fetch(peerCertificate ? Object.assign(request, { peerCertificate }) : request);
    const body = (await response.json()) as { status: { userInfo: { username: string; groups: string[] } } };
    const what = `round ${round}: ${JSON.stringify({ ...sent, users: [...sent.users] })}\n${JSON.stringify(body)}`;
    expect([201, 400, 401, 403], what).toContain(response.status);
    seen.set(`${response.status}`, (seen.get(`${response.status}`) ?? 0) + 1);
    if (response.status !== 201) continue;
    const { username, groups } = body.status.userInfo;
    expect(sent.users, what).toContain(username);
    expect(groups, what).not.toContain('system:masters');
    expect(groups, what).not.toContain('oidc:system:masters');
    seen.set(username, (seen.get(username) ?? 0) + 1);
  }
  // It reached them all.
  for (const kind of [
    '201',
    '400',
    '401',
    '403',
    'oidc:jane',
    'access:jane@x',
    'holder',
    'hooked',
    'system:serviceaccount:default:sa',
    'target',
  ])
    expect(seen.get(kind) ?? 0, kind).toBeGreaterThan(rounds / 1000);
  expect(own.log.errors).toEqual([]);
}, 120_000);

test('whatever a certificate is said to say', async () => {
  const random = new TestRandom(seed + 1);
  for (let round = 0; round < 1000; round++) {
    const subject = mutate(random, 'CN=holder,O=dev,1.3.6.1.4.1.57683.2=#0C0161');
    const request = new Request('https://cluster.test/api', {});
    const fields = { ...peer, subject };
    const response = await own.server.fetch(Object.assign(request, { peerCertificate: fields }));
    await response.text();
    expect([200, 401, 403], JSON.stringify(subject)).toContain(response.status);
  }
  expect(own.log.errors).toEqual([]);
});
