import { describe, expect, test } from 'vitest';
import { cellsOf, contextOf, createOf, objectOf, updateOf } from '../../testing.ts';
import requests from './definition.ts';

// An EC key's request for system:node:n1, and a certificate of its own making.
const request = [
  '-----BEGIN CERTIFICATE REQUEST-----',
  'MIHsMIGSAgEAMDAxFTATBgNVBAoMDHN5c3RlbTpub2RlczEXMBUGA1UEAwwOc3lz',
  'dGVtOm5vZGU6bjEwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQ8Ve2DSl11H3fX',
  'zWuQ8UpsnMyURTiI1GLMpwrs9WyuJl9YnheoPj9RPdbZ7RaMu6HlXkCqLbuag5WI',
  'pB54lXp8oAAwCgYIKoZIzj0EAwIDSQAwRgIhAIMeuwX5GSKZmr6FX3hu92In7DcE',
  '0DLYTUzywQolKP5mAiEAkb+nBNob9xSM7vF80Z59KTFMk7CUGSbfYYKwqY1mnbk=',
  '-----END CERTIFICATE REQUEST-----',
  '',
].join('\n');
const certificate = [
  '-----BEGIN CERTIFICATE-----',
  'MIIBtjCCAV2gAwIBAgIUVzIoc3kX+eBUNRGg16w6/zxDcW4wCgYIKoZIzj0EAwIw',
  'MDEVMBMGA1UECgwMc3lzdGVtOm5vZGVzMRcwFQYDVQQDDA5zeXN0ZW06bm9kZTpu',
  'MTAgFw0yNjExMjIxODA4MDNaGA8yMTI2MTAyOTE4MDgwM1owMDEVMBMGA1UECgwM',
  'c3lzdGVtOm5vZGVzMRcwFQYDVQQDDA5zeXN0ZW06bm9kZTpuMTBZMBMGByqGSM49',
  'AgEGCCqGSM49AwEHA0IABDxV7YNKXXUfd9fNa5DxSmyczJRFOIjUYsynCuz1bK4m',
  'X1ieF6g+P1E91tntFoy7oeVeQKotu5qDlYikHniVenyjUzBRMB0GA1UdDgQWBBRW',
  'KJTROZm6/wE1ikdKo9d4IAtLpDAfBgNVHSMEGDAWgBRWKJTROZm6/wE1ikdKo9d4',
  'IAtLpDAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0cAMEQCICtVuIr+DR16',
  'WFpCscN2d9ce2QT2wVvmyXL1Y8vIVLOHAiAZqAO9bpswgiaotG8Ge3hRSJlx/cXM',
  'A4ZUwSJXqm9Z2g==',
  '-----END CERTIFICATE-----',
  '',
].join('\n');
const base64 = (text: string): string => btoa(text);

const spec = { request: base64(request), signerName: 'example.com/a', usages: ['client auth'] };
const approved = { type: 'Approved', status: 'True' };
const now = '2026-01-02T03:04:05Z';

const partOf = (name: string) => {
  const behaviour = requests.subresources?.find((one) => one.name === name)?.behaviour;
  if (behaviour?.type !== 'part') throw new Error(`${name} is a part`);
  return (old: object, parts: object) => {
    const before = objectOf(requests, old);
    const object = objectOf(requests, parts);
    behaviour.prepareForUpdate(object, before, contextOf());
    return { object, problems: behaviour.validateUpdate?.(object, before, contextOf()) ?? [] };
  };
};

test('who asks is what the server saw', () => {
  const { object, problems } = createOf(requests, {
    spec: { ...spec, username: 'root', groups: ['system:masters'], uid: 'u', extra: { a: ['b'] } },
    status: { conditions: [approved] },
  });
  expect(problems).toEqual([]);
  expect(object.spec).toEqual({ ...spec, username: 'test' });
  expect(object.status).toEqual({});

  const other = objectOf(requests, { spec });
  const user = { name: 'ann', uid: '7', groups: ['dev'], extra: { scopes: ['x'] } };
  requests.strategy.prepareForCreate?.(other, { ...contextOf(), user });
  expect(other.spec).toEqual({ ...spec, username: 'ann', uid: '7', groups: ['dev'], extra: { scopes: ['x'] } });
});

test.each<[string, object, string[]]>([
  [
    'no request',
    { ...spec, request: undefined },
    ['spec.request: Invalid value: null: PEM block type must be CERTIFICATE REQUEST'],
  ],
  [
    'nothing',
    { request: '', signerName: '' },
    [
      'spec.request: Invalid value: "": PEM block type must be CERTIFICATE REQUEST',
      'spec.usages: Required value: usages must be provided',
      'spec.signerName: Required value: signerName must be provided',
    ],
  ],
  [
    'a certificate is no request',
    { ...spec, request: base64(certificate) },
    [`spec.request: Invalid value: "${base64(certificate)}": PEM block type must be CERTIFICATE REQUEST`],
  ],
  ['text around the request', { ...spec, request: base64(`about\n${request}more`) }, []],
  [
    'nonsense in a block',
    { ...spec, request: base64('-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n') },
    [expect.stringContaining('": asn1: syntax error: sequence truncated')],
  ],
  [
    'usages',
    { ...spec, usages: ['signing', 'signing', 'sleeping'] },
    [
      expect.stringContaining('spec.usages[2]: Unsupported value: "sleeping": supported values: "any", "cert sign", '),
      'spec.usages[1]: Duplicate value: "signing"',
    ],
  ],
  [
    'the signer of old',
    { ...spec, signerName: 'kubernetes.io/legacy-unknown' },
    [
      'spec.signerName: Invalid value: "kubernetes.io/legacy-unknown": the legacy signerName is not allowed via this API version',
    ],
  ],
  [
    'signers',
    { ...spec, signerName: 'a.b' },
    [
      'spec.signerName: Invalid value: "a.b": must be a fully qualified domain and path of the form \'example.com/signer-name\'',
    ],
  ],
  [
    'parts of a signer',
    { ...spec, signerName: 'A/B' },
    [
      expect.stringContaining('spec.signerName: Invalid value: "A": validating label "A": a lowercase RFC 1123 label'),
      'spec.signerName: Invalid value: "A": should be a domain with at least two segments separated by dots',
      expect.stringContaining(
        'spec.signerName: Invalid value: "B": validating label "B": a lowercase RFC 1123 subdomain',
      ),
    ],
  ],
  [
    'a short life',
    { ...spec, expirationSeconds: 599 },
    ['spec.expirationSeconds: Invalid value: 599: may not specify a duration less than 600 seconds (10 minutes)'],
  ],
])('%s', (_name, parts, problems) => {
  expect(createOf(requests, { spec: parts }).problems).toEqual(problems);
});

test('neither spec nor status change by an update', () => {
  const { object: old } = createOf(requests, { spec });
  const { object, problems } = updateOf(requests, old, { spec: {}, status: { conditions: [approved] } });
  expect(problems).toEqual([]);
  expect([object.spec, object.status]).toEqual([old.spec, old.status]);
});

describe('approval', () => {
  const approve = partOf('approval');

  test('writes conditions only, and when they came', () => {
    const status = {
      certificate: base64(certificate),
      conditions: [{ ...approved, lastTransitionTime: '2020-01-01T00:00:00Z' }],
    };
    const { object, problems } = approve(
      { spec, status },
      { spec: {}, status: { conditions: [approved, { type: 'x', status: 'Unknown' }] } },
    );
    expect(problems).toEqual([]);
    expect(object.spec).toEqual(spec);
    expect(object.status).toEqual({
      certificate: status.certificate,
      conditions: [
        { ...approved, lastUpdateTime: now, lastTransitionTime: '2020-01-01T00:00:00Z' },
        { type: 'x', status: 'Unknown', lastUpdateTime: now, lastTransitionTime: now },
      ],
    });
  });

  test.each<[string, object[], object[], object[]]>([
    [
      'a decision is final',
      [approved],
      [],
      [
        {
          type: 'Forbidden',
          field: 'status.conditions',
          detail: 'updates may not remove a condition of type "Approved"',
        },
      ],
    ],
    [
      'and one',
      [],
      [approved, { type: 'Denied', status: 'True' }],
      [
        {
          type: 'Invalid',
          field: 'status.conditions[1].type',
          badValue: 'Denied',
          detail: 'Approved and Denied conditions are mutually exclusive',
        },
      ],
    ],
    [
      'and true',
      [],
      [
        { type: 'Failed', status: 'False' },
        { type: 'x', status: 'Maybe' },
        { type: '', status: '' },
      ],
      [
        {
          type: 'NotSupported',
          field: 'status.conditions[0].status',
          badValue: 'False',
          detail: 'supported values: "True"',
        },
        {
          type: 'NotSupported',
          field: 'status.conditions[1].status',
          badValue: 'Maybe',
          detail: 'supported values: "False", "True", "Unknown"',
        },
        { type: 'Required', field: 'status.conditions[2].type', detail: '' },
        { type: 'Required', field: 'status.conditions[2].status', detail: '' },
      ],
    ],
    [
      'given once',
      [],
      [approved, approved],
      [{ type: 'Duplicate', field: 'status.conditions[1].type', badValue: 'Approved' }],
    ],
  ])('%s', (_name, before, after, problems) => {
    expect(approve({ spec, status: { conditions: before } }, { status: { conditions: after } }).problems).toEqual(
      problems,
    );
  });
});

describe('status', () => {
  const write = partOf('status');
  const issued = { certificate: base64(certificate) };

  test('takes a certificate once', () => {
    expect(write({ spec, status: {} }, { status: issued }).problems).toEqual([]);
    expect(
      write({ spec, status: issued }, { status: { certificate: base64(certificate + certificate) } }).problems,
    ).toEqual([
      { type: 'Forbidden', field: 'status.certificate', detail: 'updates may not modify existing certificate content' },
    ]);
  });

  test.each([
    ['no block', 'x', 'must contain at least one CERTIFICATE PEM block'],
    ['another block', request, 'only CERTIFICATE PEM blocks are allowed, found "CERTIFICATE REQUEST"'],
    ['headers', certificate.replace('-----\n', '-----\nA: b\n\n'), 'no PEM block headers are permitted'],
    ['nonsense', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n', 'x509: malformed certificate'],
  ])('%s', (_name, text, detail) => {
    expect(write({ spec, status: {} }, { status: { certificate: base64(text) } }).problems).toEqual([
      { type: 'Invalid', field: 'status.certificate', badValue: '<certificate data>', detail },
    ]);
  });

  test('decides nothing', () => {
    expect(write({ spec, status: {} }, { status: { conditions: [approved] } }).problems).toEqual([
      { type: 'Forbidden', field: 'status.conditions', detail: 'updates may not add a condition of type "Approved"' },
    ]);
    const kept = write(
      { spec, status: { conditions: [approved] } },
      { status: { conditions: [{ ...approved, reason: 'r' }] } },
    );
    expect(kept.problems).toEqual([]);
    expect(kept.object.status.conditions?.[0]?.reason).toBeUndefined();
  });
});

test.each<[object, string, string]>([
  [{}, 'Pending', '<none>'],
  [{ conditions: [approved], certificate: 'eA==' }, 'Approved,Issued', '<none>'],
  [{ conditions: [approved, { type: 'Denied' }, { type: 'Failed' }] }, 'Denied,Failed', '<none>'],
])('columns of %j', (status, condition, duration) => {
  const object = objectOf(requests, { spec: { ...spec, username: 'ann' }, status });
  expect(cellsOf(requests, object)).toMatchObject({
    SignerName: 'example.com/a',
    Requestor: 'ann',
    RequestedDuration: duration,
    Condition: condition,
  });
  const timed = objectOf(requests, { spec: { ...spec, expirationSeconds: 86400 }, status });
  expect(cellsOf(requests, timed).RequestedDuration).toBe('24h');
});
