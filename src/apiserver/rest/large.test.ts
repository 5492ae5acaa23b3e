// What is large in one dimension takes time in proportion to it. The limit is far above what each takes (some hundred
// milliseconds) and far below what it would take if it were compared with itself item by item.
import { expect, test } from 'vitest';
import { openSql } from '../../../test/harness/sql.ts';
import { testServer } from '../testing.ts';

const limitMs = 10_000;
const many = <T>(length: number, item: (n: number) => T): T[] => Array.from({ length }, (_, n) => item(n));
const owner = { apiVersion: 'v1', kind: 'Pod' };
const configMaps = '/api/v1/namespaces/default/configmaps';
const pods = '/api/v1/namespaces/default/pods';
const pod = (name: string, container: object) => ({
  metadata: { name },
  spec: { containers: [{ name: 'c', image: 'i', ...container }] },
});

const jobs = '/apis/batch/v1/namespaces/default/jobs';
const template = { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'i' }] } };
const spread = { maxSkew: 1, whenUnsatisfiable: 'DoNotSchedule', labelSelector: {} };
const withSpec = (name: string, spec: object) => ({ metadata: { name }, spec: { ...template.spec, ...spec } });

const cases: Record<string, [path: string, body: object | string, contentType?: string | undefined, code?: number]> = {
  'owners of one uid': [
    configMaps,
    { metadata: { name: 'a', ownerReferences: many(20_000, (n) => ({ ...owner, name: `p${n}`, uid: 'u' })) } },
  ],
  'owners that are the same': [
    configMaps,
    { metadata: { name: 'b', ownerReferences: many(20_000, () => ({ ...owner, name: 'p', uid: 'u' })) } },
  ],
  'owners of many uids': [
    configMaps,
    { metadata: { name: 'c', ownerReferences: many(20_000, (n) => ({ ...owner, name: 'p', uid: `u${n}` })) } },
  ],
  'variables of one name': [pods, pod('d', { env: many(20_000, () => ({ name: 'E', value: 'x' })) })],
  'variables of many names': [pods, pod('e', { env: many(20_000, (n) => ({ name: `E${n}`, value: 'x' })) })],
  'keys of YAML that come again': [
    configMaps,
    `metadata: {name: f}\n${'immutable: false\n'.repeat(20_000)}`,
    'application/yaml',
  ],
  finalizers: [configMaps, { metadata: { name: 'g', finalizers: many(40_000, (n) => `a.b/${n}`) } }],
  'unknown fields': [configMaps, { metadata: { name: 'h' }, ...Object.fromEntries(many(50_000, (n) => [`k${n}`, 1])) }],
  'secrets to pull images with': [pods, withSpec('i', { imagePullSecrets: many(60_000, (n) => ({ name: `s${n}` })) })],
  'aliases of the host': [
    pods,
    withSpec('j', { hostAliases: many(30_000, (n) => ({ ip: `10.0.${n >> 8}.${n & 255}` })) }),
  ],
  'topologies to spread over': [
    pods,
    withSpec('k', { topologySpreadConstraints: many(12_000, (n) => ({ ...spread, topologyKey: `t${n}` })) }),
  ],
  'claims of a container': [
    pods,
    {
      metadata: { name: 'l' },
      spec: {
        containers: [
          { name: 'c', image: 'i', resources: { claims: many(20_000, (n) => ({ name: 'r', request: `q${n}` })) } },
        ],
        resourceClaims: [{ name: 'r', resourceClaimName: 'x' }],
      },
    },
  ],
  'exit codes': [
    jobs,
    {
      metadata: { name: 'm' },
      spec: {
        template,
        podFailurePolicy: {
          rules: [{ action: 'Count', onExitCodes: { operator: 'In', values: many(150_000, (n) => n + 1) } }],
        },
      },
    },
    undefined,
    422,
  ],
  'files of a volume at one path': [
    pods,
    withSpec('o', {
      volumes: [{ name: 'v', secret: { secretName: 's', items: many(40_000, () => ({ key: 'k', path: 'p' })) } }],
    }),
  ],
  'files of a volume': [
    pods,
    withSpec('p', {
      volumes: [
        {
          name: 'v',
          secret: { secretName: 's', items: many(20_000, (n) => ({ key: 'k', path: `${'/'.repeat(n % 9)}p${n}/x/` })) },
        },
      ],
    }),
    undefined,
    422,
  ],
  'mounts and devices': [
    pods,
    pod('q', {
      volumeMounts: many(12_000, (n) => ({ name: `v${n}`, mountPath: `/a${n}` })),
      volumeDevices: many(12_000, (n) => ({ name: `w${n}`, devicePath: `/b${n}` })),
    }),
    undefined,
    422,
  ],
  'keys of an affinity': [
    pods,
    {
      metadata: { name: 'r', labels: Object.fromEntries(many(8_000, (n) => [`l${n}`, 'v'])) },
      spec: {
        ...template.spec,
        affinity: {
          podAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: [
              { topologyKey: 'k', labelSelector: {}, matchLabelKeys: many(20_000, (n) => `l${n}`) },
            ],
          },
        },
      },
    },
  ],
  'topologies that are the same': [
    '/apis/storage.k8s.io/v1/storageclasses',
    { metadata: { name: 's' }, provisioner: 'a.b/c', allowedTopologies: many(100_000, () => ({})) },
    undefined,
    422,
  ],
  'topologies of a class': [
    '/apis/storage.k8s.io/v1/storageclasses',
    {
      metadata: { name: 't' },
      provisioner: 'a.b/c',
      allowedTopologies: many(15_000, (n) => ({ matchLabelExpressions: [{ key: 'k', values: [`v${n}`] }] })),
    },
  ],
  'a name of iSCSI': [
    pods,
    withSpec('u', {
      volumes: [{ name: 'v', iscsi: { targetPortal: 'a', iqn: 'iqn.2000-01.'.repeat(100_000), lun: 0 } }],
    }),
    undefined,
    422,
  ],
  'drivers of a node': [
    '/apis/storage.k8s.io/v1/csinodes',
    { metadata: { name: 'n' }, spec: { drivers: many(20_000, (n) => ({ name: `d${n}`, nodeID: 'x' })) } },
  ],
  'a long name': [configMaps, { metadata: { name: 'a.'.repeat(1_000_000) } }, undefined, 422],
};

test.each(Object.entries(cases))('%s', async (_name, [path, body, contentType, code = 201]) => {
  const { call } = await testServer(openSql());
  await call('POST', '/api/v1/namespaces/default/serviceaccounts', { metadata: { name: 'default' } });
  const begunMs = performance.now();
  const answer = await call('POST', path, body, contentType ? { 'content-type': contentType } : undefined);
  expect(performance.now() - begunMs).toBeLessThan(limitMs);
  expect(answer.code).toBe(code);
  // Clients read headers into small buffers.
  expect((answer.headers.get('warning') ?? '').length).toBeLessThan(8192);
});

test('patches with as many directives as there are elements', async () => {
  const { call } = await testServer(openSql());
  await call('POST', '/api/v1/namespaces/default/serviceaccounts', { metadata: { name: 'default' } });
  const names = many(20_000, (n) => `E${n}`);
  await call('POST', pods, pod('a', { env: names.map((name) => ({ name, value: 'x' })) }));
  await call('POST', configMaps, {
    metadata: { name: 'a' },
    data: Object.fromEntries(names.map((name) => [name, ''])),
  });
  const patch = async (path: string, body: object) => {
    const begunMs = performance.now();
    const { code } = await call('PATCH', path, body, { 'content-type': 'application/strategic-merge-patch+json' });
    expect(performance.now() - begunMs).toBeLessThan(limitMs);
    return code;
  };
  const env = (of: object) => ({ spec: { containers: [{ name: 'c', env: names.map((name) => ({ name, ...of })) }] } });
  expect(await patch(`${pods}/a`, env({ $patch: 'delete' }))).toBe(422);
  expect(await patch(`${pods}/a`, env({ value: 'y' }))).toBe(422);
  expect(
    await patch(`${configMaps}/a`, { data: { $retainKeys: [...names, ...names.map((name) => `${name}.`)] } }),
  ).toBe(200);
});

test('tolerations that were there are found again', async () => {
  const { call } = await testServer(openSql());
  await call('POST', '/api/v1/namespaces/default/serviceaccounts', { metadata: { name: 'default' } });
  const tolerations = many(20_000, (n) => ({ key: `k${n}`, operator: 'Exists' }));
  const { json } = await call('POST', pods, withSpec('a', { tolerations }));
  const begunMs = performance.now();
  expect((await call('PUT', `${pods}/a`, json)).code).toBe(200);
  json.spec.tolerations[0].key = 'other';
  expect((await call('PUT', `${pods}/a`, json)).json.details.causes[0].field).toBe('spec.tolerations');
  expect(performance.now() - begunMs).toBeLessThan(limitMs);
});

test('a Secret is measured as it is stored, its data in base64', async () => {
  const { call } = await testServer(openSql());
  const data = { a: Buffer.alloc(1024 * 1024).toString('base64') };
  const create = async (name: string, annotationBytes: number) => {
    const metadata = { name, annotations: { a: 'x'.repeat(annotationBytes) } };
    return (await call('POST', '/api/v1/namespaces/default/secrets', { metadata, data })).code;
  };
  expect(await create('a', 170 * 1024)).toBe(201);
  expect(await create('b', 255 * 1024)).toBe(413);
});
