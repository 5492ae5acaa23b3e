// AuthenticationConfiguration, AuthorizationConfiguration and RequestAuthentication: what they mean, and what is refused in
// upstream's words.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { certificateAuthorities } from './certificate-authorities.ts';
import { ConfigurationError, readConfiguration } from './configuration.ts';

/** CN=ca1, with a subject key identifier. */
const pem = `-----BEGIN CERTIFICATE-----
MIIBcTCCARegAwIBAgIUef4s7kzhIX7m4MEu76RPyVLOgeAwCgYIKoZIzj0EAwIw
DjEMMAoGA1UEAwwDY2ExMB4XDTI2MTEyMzAwMjcxM1oXDTI2MTIyMzAwMjcxM1ow
DjEMMAoGA1UEAwwDY2ExMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEH4otJ5x5
jCQw3pnKJGcIfQ1lfLU+98SqOJqzMiG0/oRWbZDUxiAWJY9LnvDgpAOJ6VnE4ywh
P+tw8210pOZc3KNTMFEwHQYDVR0OBBYEFC80aPrm5yQiJeH9jV0OShS8mGAuMB8G
A1UdIwQYMBaAFC80aPrm5yQiJeH9jV0OShS8mGAuMA8GA1UdEwEB/wQFMAMBAf8w
CgYIKoZIzj0EAwIDSAAwRQIhAPqunHSOOx+6wue0wpWsFhjnbACE6MZb8sc8lDYW
BxDXAiBuxK/xYkbUpMEA74jPLrc0uruvdmd49qEEm8x2GF/wFQ==
-----END CERTIFICATE-----
`;
const authentication = (rest: object) => ({
  apiVersion: 'apiserver.config.k8s.io/v1',
  kind: 'AuthenticationConfiguration',
  ...rest,
});
const authorization = (rest: object) => ({
  apiVersion: 'apiserver.config.k8s.io/v1',
  kind: 'AuthorizationConfiguration',
  ...rest,
});
const requests = (rest: object) => ({ apiVersion: 'tiffin.dev/v1', kind: 'RequestAuthentication', ...rest });
const jwt = (issuer: object = {}, rest: object = {}) => ({
  issuer: { url: 'https://issuer.test', audiences: ['a'], ...issuer },
  claimMappings: { username: { claim: 'sub', prefix: '' } },
  ...rest,
});

function problems(...documents: unknown[]): string[] {
  try {
    readConfiguration(documents);
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return error.message.split('\n').map((line) => line.replace(/^document \d+ \(\w+\): /, ''));
  }
  return [];
}

test('issuers of tokens', () => {
  const document = authentication({
    jwt: [
      jwt(
        {
          discoveryURL: 'https://other.test/x',
          certificateAuthority: pem,
          audiences: ['a', 'b'],
          audienceMatchPolicy: 'MatchAny',
        },
        {
          claimValidationRules: [{ claim: 'hd', requiredValue: 'example.com' }],
          claimMappings: {
            username: { claim: 'email', prefix: 'oidc:' },
            groups: { claim: 'groups', prefix: '' },
            uid: { claim: 'sub' },
          },
        },
      ),
    ],
    anonymous: { enabled: true, conditions: [{ path: '/livez' }] },
  });
  const configuration = readConfiguration([document]);
  expect(configuration.authentication).toEqual({
    jwt: [
      {
        issuer: {
          url: 'https://issuer.test',
          discoveryURL: 'https://other.test/x',
          certificateAuthority: pem,
          audiences: ['a', 'b'],
        },
        username: { claim: 'email', prefix: 'oidc:' },
        groups: { claim: 'groups', prefix: '' },
        uid: 'sub',
        required: new Map([['hd', 'example.com']]),
      },
    ],
    anonymous: { enabled: true, paths: ['/livez'] },
  });
  expect(certificateAuthorities(configuration)).toEqual([pem]);
});

test.each<[object, string[]]>([
  [{ issuer: { url: '' } }, ['jwt[0].issuer.url: Required value']],
  [
    { issuer: { url: 'http://u:p@h/?q#f' } },
    [
      'jwt[0].issuer.url: Invalid value: "http://u:p@h/?q#f": URL scheme must be https',
      'jwt[0].issuer.url: Invalid value: "http://u:p@h/?q#f": URL must not contain a username or password',
      'jwt[0].issuer.url: Invalid value: "http://u:p@h/?q#f": URL must not contain a query',
      'jwt[0].issuer.url: Invalid value: "http://u:p@h/?q#f": URL must not contain a fragment',
    ],
  ],
  [
    { issuer: { discoveryURL: 'https://issuer.test/' } },
    ['jwt[0].issuer.discoveryURL: Invalid value: "https://issuer.test/": discoveryURL must be different from URL'],
  ],
  [
    { issuer: { audiences: [] } },
    ['jwt[0].issuer.audiences: Required value: at least one jwt[0].issuer.audiences is required'],
  ],
  [
    { issuer: { audiences: ['a', '', 'a'], audienceMatchPolicy: 'MatchAll' } },
    [
      'jwt[0].issuer.audiences[1]: Required value',
      'jwt[0].issuer.audiences[2]: Duplicate value: "a"',
      'jwt[0].issuer.audienceMatchPolicy: Invalid value: "MatchAll": audienceMatchPolicy must be MatchAny for multiple audiences',
    ],
  ],
  [
    { issuer: { certificateAuthority: 'x' } },
    [
      'jwt[0].issuer.certificateAuthority: Invalid value: "<omitted>": data does not contain any valid RSA or ECDSA certificates',
    ],
  ],
  [{ claimMappings: {} }, ['jwt[0].claimMappings.username: Required value: claim or expression is required']],
  [
    { claimMappings: { username: { claim: 'sub' } } },
    [
      'jwt[0].claimMappings.username.prefix: Required value: prefix is required when claim is set. It can be set to an empty string to disable prefixing',
    ],
  ],
  [
    { claimMappings: { username: { claim: 'a', expression: 'b' } } },
    ['jwt[0].claimMappings.username: Invalid value: "": claim and expression can\'t both be set'],
  ],
  [
    { claimMappings: { username: { expression: 'claims.sub' } } },
    ['jwt[0].claimMappings.username.expression: Forbidden: CEL expressions are not supported yet'],
  ],
  [
    {
      claimMappings: {
        username: { claim: 'sub', prefix: '' },
        uid: { expression: 'x' },
        groups: { expression: 'y' },
        extra: [{ key: 'a/b', valueExpression: 'z' }],
      },
    },
    [
      'jwt[0].claimMappings.groups.expression: Forbidden: CEL expressions are not supported yet',
      'jwt[0].claimMappings.uid.expression: Forbidden: CEL expressions are not supported yet',
      'jwt[0].claimMappings.extra[0].valueExpression: Forbidden: CEL expressions are not supported yet',
    ],
  ],
  [
    { claimValidationRules: [{}, { claim: 'a', message: 'm' }, { claim: 'a' }, { expression: 'e' }] },
    [
      'jwt[0].claimValidationRules[0]: Required value: claim or expression is required',
      'jwt[0].claimValidationRules[1].message: Invalid value: "m": may not be specified when claim is set',
      'jwt[0].claimValidationRules[2].claim: Duplicate value: "a"',
      'jwt[0].claimValidationRules[3].expression: Forbidden: CEL expressions are not supported yet',
    ],
  ],
  [
    { userValidationRules: [{ expression: 'x' }] },
    ['jwt[0].userValidationRules[0].expression: Forbidden: CEL expressions are not supported yet'],
  ],
  [{ claims: {} }, ['jwt[0].claims: Forbidden: unknown field']],
])('an issuer with %j', (change, expected) => {
  const { issuer, ...rest } = change as { issuer?: object };
  expect(problems(authentication({ jwt: [jwt(issuer, rest)] }))).toEqual(expected);
});

test('issuers that come twice, too many of them, and conditions without anonymous', () => {
  expect(problems(authentication({ jwt: [jwt(), jwt()] }))).toEqual([
    'jwt[1].issuer.url: Duplicate value: "https://issuer.test"',
  ]);
  expect(problems(authentication({ jwt: Array(65).fill(jwt()) }))).toEqual([
    'jwt: Too many: 65: must have at most 64 items',
  ]);
  expect(problems(authentication({ anonymous: { enabled: false, conditions: [{ path: '/x' }] } }))).toEqual([
    'anonymous.conditions: Invalid value: [{"path":"/x"}]: enabled should be set to true when conditions are defined',
  ]);
});

test("the cluster's own issuer is nobody else", () => {
  const url = 'https://kubernetes.default.svc.cluster.local';
  const text = (issuers: string) =>
    `AuthenticationConfiguration: jwt[0].issuer.url: Invalid value: "${issuers.split(' ')[0]}": URL must not overlap with disallowed issuers: [${issuers}]`;
  expect(problems(authentication({ jwt: [jwt({ url })] }))).toEqual([text(url)]);
  const own = { apiVersion: 'tiffin.dev/v1', kind: 'ServiceAccountTokenConfiguration', issuers: ['https://own.test'] };
  expect(problems(own, authentication({ jwt: [jwt({ url })] }))).toEqual([]);
  expect(problems(own, authentication({ jwt: [jwt({ url: 'https://own.test' })] }))).toEqual([
    text('https://own.test'),
  ]);
});

const webhook = (rest: object = {}) => ({
  timeout: '3s',
  subjectAccessReviewVersion: 'v1',
  failurePolicy: 'Deny',
  connectionInfo: { type: 'Server', server: 'https://hook.test/authorize?x=1', token: 't' },
  ...rest,
});

test('who decides, in order', () => {
  const authorizers = [
    { type: 'Node', name: 'node' },
    { type: 'Webhook', name: 'hook', webhook: webhook({ cacheUnauthorizedRequests: false }) },
    { type: 'RBAC', name: 'rbac' },
  ];
  expect(readConfiguration([authorization({ authorizers })]).authorization?.authorizers).toEqual([
    { type: 'Node', name: 'node' },
    {
      type: 'Webhook',
      name: 'hook',
      webhook: {
        authorizedTtlMs: 300_000,
        unauthorizedTtlMs: 0,
        timeoutMs: 3000,
        version: 'v1',
        failurePolicy: 'Deny',
        server: { url: 'https://hook.test/authorize?x=1', token: 't' },
      },
    },
    { type: 'RBAC', name: 'rbac' },
  ]);
});

test.each<[unknown, string[]]>([
  [[], ['authorizers: Required value: at least one authorization mode must be defined']],
  [[{}], ['authorizers[0].type: Required value']],
  [
    [{ type: 'ABAC', name: 'x' }],
    ['authorizers[0].type: Unsupported value: "ABAC": supported values: "Node", "RBAC", "Webhook"'],
  ],
  [
    [
      { type: 'RBAC', name: 'a' },
      { type: 'RBAC', name: 'b' },
    ],
    ['authorizers[1].type: Duplicate value: "RBAC"'],
  ],
  [[{ type: 'RBAC' }], ['authorizers[0].name: Required value']],
  [
    [
      { type: 'RBAC', name: 'a' },
      { type: 'Node', name: 'a' },
    ],
    ['authorizers[1].name: Duplicate value: "a"'],
  ],
  [
    [{ type: 'RBAC', name: 'a', webhook: {} }],
    ['authorizers[0].webhook: Invalid value: "non-null": may only be specified when type=Webhook'],
  ],
  [[{ type: 'Webhook', name: 'a' }], ['authorizers[0].webhook: Required value: required when type=Webhook']],
  [
    [
      {
        type: 'Webhook',
        name: 'a',
        webhook: webhook({ timeout: '31s', failurePolicy: 'x', subjectAccessReviewVersion: '' }),
      },
    ],
    [
      'authorizers[0].timeout: Invalid value: "31s": must be > 0s and <= 30s',
      'authorizers[0].subjectAccessReviewVersion: Required value',
      'authorizers[0].failurePolicy: Unsupported value: "x": supported values: "NoOpinion", "Deny"',
    ],
  ],
  [
    [{ type: 'Webhook', name: 'a', webhook: webhook({ matchConditions: [{ expression: 'true' }] }) }],
    [
      'authorizers[0].matchConditionSubjectAccessReviewVersion: Required value: required if match conditions are specified',
      'authorizers[0].matchConditions[0].expression: Forbidden: CEL expressions are not supported yet',
    ],
  ],
  [
    [
      {
        type: 'Webhook',
        name: 'a',
        webhook: webhook({ connectionInfo: { type: 'KubeConfigFile', kubeConfigFile: '/x' } }),
      },
    ],
    [
      'authorizers[0].connectionInfo.type: Forbidden: there are no files beside a Worker: use type Server, with server, certificateAuthority and token',
    ],
  ],
  [
    [{ type: 'Webhook', name: 'a', webhook: webhook({ connectionInfo: { type: 'Server', server: 'http://x.test' } }) }],
    ['authorizers[0].connectionInfo.server: Invalid value: "http://x.test": URL scheme must be https'],
  ],
])('authorizers %j', (authorizers, expected) => {
  expect(problems(authorization({ authorizers }))).toEqual(expected);
});

test('who sends a request', () => {
  const document = requests({
    cloudflareAccess: { teamDomain: 'team.cloudflareaccess.com', audiences: ['tag'], usernamePrefix: 'access:' },
    clientCertificates: { certificateAuthority: pem },
    tokenWebhook: { server: 'http://127.0.0.1:1/', timeout: '2s', unauthorizedTTL: '0s' },
  });
  expect(readConfiguration([document]).requestAuthentication).toEqual({
    cloudflareAccess: {
      issuer: 'https://team.cloudflareaccess.com',
      audiences: ['tag'],
      usernamePrefix: 'access:',
      groupsPrefix: '',
    },
    clientCertificates: { certificateAuthority: pem },
    tokenWebhook: {
      server: { url: 'http://127.0.0.1:1/' },
      timeoutMs: 2000,
      authorizedTtlMs: 120_000,
      unauthorizedTtlMs: 0,
    },
  });
  expect(
    problems(
      requests({
        cloudflareAccess: { teamDomain: 'https://x' },
        clientCertificates: { certificateAuthority: 'x' },
        tokenWebhook: { timeout: '1h', token: 'a b' },
      }),
    ),
  ).toEqual([
    'cloudflareAccess.teamDomain: Invalid value: "https://x": must be a domain such as team.cloudflareaccess.com',
    "cloudflareAccess.audiences: Required value: at least one application's audience tag",
    'cloudflareAccess.usernamePrefix: Required value: it can be set to an empty string to disable prefixing',
    'clientCertificates.certificateAuthority: Invalid value: "<omitted>": must be a certificate in PEM with a name and a subject key identifier',
    'tokenWebhook.server: Required value',
    'tokenWebhook.token: Invalid value: "<omitted>": must be visible ASCII characters alone',
    'tokenWebhook.timeout: Invalid value: "1h": must be at most 30s',
  ]);
});

test('whatever is written, it is a configuration or it is said what is wrong', () => {
  const odd = fc.oneof(
    fc.constantFrom(null, '', 'x', 0, true, [], {}, [null], [{}], { __proto__: null }, { constructor: 1 }),
    fc.jsonValue(),
  );
  const valid = [
    authentication({ jwt: [jwt()], anonymous: { enabled: true } }),
    authorization({ authorizers: [{ type: 'Webhook', name: 'a', webhook: webhook() }] }),
    requests({ cloudflareAccess: {}, clientCertificates: {}, tokenWebhook: {} }),
  ];
  const paths = (value: unknown, at: (string | number)[] = []): (string | number)[][] =>
    typeof value === 'object' && value !== null
      ? Object.entries(value).flatMap(([key, one]) => [[...at, key], ...paths(one, [...at, key])])
      : [];
  for (const document of valid) {
    const places = paths(document).filter(([first]) => first !== 'kind' && first !== 'apiVersion');
    fc.assert(
      fc.property(fc.constantFrom(...places), odd, (place, value) => {
        const changed = structuredClone(document) as never;
        const last = place.at(-1) as never;
        const parent = place.slice(0, -1).reduce<never>((object, key) => object[key as never], changed);
        (parent as Record<string, unknown>)[last] = value;
        problems(changed);
      }),
      { seed: 7, numRuns: 300 },
    );
  }
});
