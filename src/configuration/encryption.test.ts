import { expect, test } from 'vitest';
import { type ConfigurationError, readConfiguration } from './configuration.ts';

const document = (resources: unknown) => ({
  apiVersion: 'apiserver.config.k8s.io/v1',
  kind: 'EncryptionConfiguration',
  resources,
});
const read = (resources: unknown) => readConfiguration([document(resources)]).encryption;
function problems(resources: unknown): string[] {
  try {
    read(resources);
  } catch (error) {
    return (error as ConfigurationError).message
      .split('\n')
      .map((line) => line.replace('document 1 (EncryptionConfiguration): ', ''));
  }
  return [];
}
const identity = [{ identity: {} }];
const secret = (bytes: number) => btoa('k'.repeat(bytes));
const aesgcm = (...keys: unknown[]) => [{ resources: ['secrets'], providers: [{ aesgcm: { keys } }] }];
const kms = (fields: object) => [{ resources: ['secrets'], providers: [{ kms: fields }] }];

test('reads resources and providers', () => {
  expect(
    read([
      {
        resources: ['secrets', '*.apps'],
        providers: [
          { aesgcm: { keys: [{ name: 'k1', secret: secret(32) }] } },
          { kms: { apiVersion: 'v2', name: 'cluster', endpoint: 'secret://ENCRYPTION_KEYS', timeout: '3s' } },
          { identity: {} },
        ],
      },
      { resources: ['*.*'], providers: identity },
    ]),
  ).toEqual([
    {
      resources: ['secrets', '*.apps'],
      providers: [
        { type: 'aesgcm', keys: [{ name: 'k1', secret: secret(32) }] },
        { type: 'kms' },
        { type: 'identity' },
      ],
    },
    { resources: ['*.*'], providers: [{ type: 'identity' }] },
  ]);
});

const masked =
  "resources[0].resources: Invalid value: RESOURCES: using overlapping resources such as 'secrets' and '*.' in the same resource list is not allowed as they will be masked";
const twice = 'resources[0].resources: Invalid value: RESOURCES: the same resource cannot be specified multiple times';

test.each<[string[], string[]]>([
  [['secrets', 'configmaps', 'deployments.apps', '*.batch'], []],
  [['*.*'], []],
  [['secrets', 'secrets'], [twice]],
  [['secrets', '*.'], [masked]],
  [['*.apps', 'deployments.apps'], [masked]],
  [
    ['*.apps', '*.apps'],
    [twice, masked],
  ],
  [['*.*', 'secrets'], [masked]],
  [
    ['Secrets', '*', 'serviceipallocations'],
    [
      'resources[0].resources[0]: Invalid value: "Secrets": resource name should not contain capital letters',
      `resources[0].resources[1]: Invalid value: "*": use '*.' to encrypt all the resources from core API group or *.* to encrypt all resources`,
      'resources[0].resources[2]: Invalid value: "serviceipallocations": resources which do not have REST API/s cannot be encrypted',
      masked,
    ],
  ],
  [
    ['pods.*', 'events.events.k8s.io', 'ingresses.extensions'],
    [
      'resources[0].resources[0]: Invalid value: "pods.*": encrypting the same resource across groups is not supported',
      `resources[0].resources[1]: Invalid value: "events.events.k8s.io": '*.events.k8s.io' objects are stored using the 'events' API group in etcd. Use 'events' instead in the config file`,
      `resources[0].resources[2]: Invalid value: "ingresses.extensions": 'extensions' group has been removed and cannot be used for encryption`,
    ],
  ],
])('resources %j', (resources, expected) => {
  const found = problems([{ resources, providers: identity }]).map((line) =>
    line.replace(/\[".*?"\]|\[\]string\{.*?\}/, 'RESOURCES'),
  );
  expect(found.sort()).toEqual(expected.toSorted());
});

test.each<[unknown, string[]]>([
  [[], ['resources: Required value: at least one resources is required']],
  [
    [{}],
    [
      'resources[0].resources: Required value: at least one resources[0].resources is required',
      'resources[0].providers: Required value: at least one resources[0].providers is required',
    ],
  ],
  [
    [{ resources: ['secrets'], providers: [{}, { identity: {}, aesgcm: { keys: [] } }] }],
    [
      'resources[0].providers[0]: Invalid value: "REDACTED": provider does not contain any of the expected providers: KMS, AESGCM, AESCBC, Secretbox, Identity',
      'resources[0].providers[1]: Invalid value: "REDACTED": more than one provider specified in a single element, should split into different list elements',
    ],
  ],
  [aesgcm(), ['resources[0].providers[0].aesgcm.keys: Required value: at least one keys is required']],
  [
    aesgcm({}, { name: 'b', secret: '*' }, { name: 'c', secret: secret(20) }, { name: 'd', secret: 7 }),
    [
      'resources[0].providers[0].aesgcm.keys[0].name: Required value: name is a mandatory field for a key',
      'resources[0].providers[0].aesgcm.keys[0].secret: Required value: secret is a mandatory field for a key',
      'resources[0].providers[0].aesgcm.keys[1].secret: Invalid value: "REDACTED": secrets must be base64 encoded',
      'resources[0].providers[0].aesgcm.keys[2].secret: Invalid value: "REDACTED": secret is not of the expected length, got 20, expected one of [16 24 32]',
      'resources[0].providers[0].aesgcm.keys[3].secret: Invalid value: "REDACTED": secrets must be base64 encoded',
    ],
  ],
  [
    kms({ apiVersion: 'v1', name: 'a:b', endpoint: 'unix:///tmp/kms.sock', cachesize: 7, timeout: '0s' }),
    [
      `resources[0].providers[0].kms.name: Invalid value: "a:b": invalid KMS provider name a:b, must not contain ':'`,
      'resources[0].providers[0].kms.apiVersion: Invalid value: "v1": unsupported apiVersion apiVersion for KMS provider, only v2 is supported',
      'resources[0].providers[0].kms.cachesize: Invalid value: "REDACTED": cachesize is not supported in v2',
      'resources[0].providers[0].kms.timeout: Invalid value: "0s": timeout should be a positive value',
      'resources[0].providers[0].kms.endpoint: Invalid value: "unix:///tmp/kms.sock": unsupported endpoint for KMS provider, only "secret://ENCRYPTION_KEYS" is supported',
    ],
  ],
  [
    [
      {
        resources: ['secrets'],
        providers: [{ aescbc: { keys: [{ name: 'k', secret: secret(32) }] } }, { secretbox: {} }],
      },
    ],
    [
      'resources[0].providers[0].aescbc: Invalid value: "REDACTED": the provider aescbc is not supported: it encrypts without authenticating; use aesgcm or kms',
      'resources[0].providers[1].secretbox: Invalid value: "REDACTED": the provider secretbox is not supported: no runtime of the control plane has its cipher; use aesgcm or kms',
    ],
  ],
])('%j', (resources, expected) => {
  expect(problems(resources)).toEqual(expected);
});

test('whatever somebody writes is a problem, and no accident', () => {
  for (const wrong of [
    null,
    'x',
    7,
    [null],
    ['x'],
    [[]],
    [{ resources: {}, providers: {} }],
    [{ resources: [1], providers: [null, []] }],
  ])
    expect(problems(wrong).length, JSON.stringify(wrong)).toBeGreaterThan(0);
});
