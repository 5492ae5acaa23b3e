// Default classes, claims that grow, subjects of certificate requests, and the secrets of an account.
import { describe, expect, test } from 'vitest';
import { openSql } from '../../../test/harness/sql.ts';
import { testServer } from '../testing.ts';

const base = '/api/v1/namespaces/default';
const server = async () => (await testServer(openSql())).call;

describe('default classes', () => {
  const storage = '/apis/storage.k8s.io/v1/storageclasses';
  const claim = (name: string, parts: object = {}, metadata: object = {}) => ({
    metadata: { name, ...metadata },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, ...parts },
  });
  const storageClass = (name: string, isDefault: boolean, parts: object = {}) => ({
    metadata: { name, annotations: { 'storageclass.kubernetes.io/is-default-class': String(isDefault) } },
    provisioner: 'x.example/p',
    ...parts,
  });

  test('the newest default is given to claims that name none', async () => {
    const { call, clock } = await testServer(openSql());
    const classOf = async (body: object) =>
      (await call('POST', `${base}/persistentvolumeclaims`, body)).json.spec.storageClassName;
    expect(await classOf(claim('none'))).toBeUndefined();
    for (const [name, isDefault] of [
      ['old', true],
      ['b', true],
      ['a', true],
      ['other', false],
    ] as const) {
      expect((await call('POST', storage, storageClass(name, isDefault))).code).toBe(201);
      if (name === 'old') clock.advance(5_000);
    }
    expect(await classOf(claim('c'))).toBe('a');
    expect(await classOf(claim('named', { storageClassName: '' }))).toBe('');
    const annotations = { 'volume.beta.kubernetes.io/storage-class': 'other' };
    expect(await classOf(claim('annotated', {}, { annotations }))).toBeUndefined();
  });

  test('ingresses too', async () => {
    const call = await server();
    const annotations = { 'ingressclass.kubernetes.io/is-default-class': 'true' };
    const classes = '/apis/networking.k8s.io/v1/ingressclasses';
    await call('POST', classes, { metadata: { name: 'i', annotations }, spec: { controller: 'x.example/c' } });
    const service = { name: 's', port: { number: 80 } };
    const create = async (name: string, metadata: object = {}) =>
      (
        await call('POST', '/apis/networking.k8s.io/v1/namespaces/default/ingresses', {
          metadata: { name, ...metadata },
          spec: { defaultBackend: { service } },
        })
      ).json.spec.ingressClassName;
    expect(await create('a')).toBe('i');
    expect(await create('b', { annotations: { 'kubernetes.io/ingress.class': 'nginx' } })).toBeUndefined();
  });

  test.each([
    [true, 200],
    [false, 403],
  ])('a claim grows when its class allows it (%s)', async (allowVolumeExpansion, code) => {
    const call = await server();
    await call('POST', storage, storageClass('c', false, { allowVolumeExpansion }));
    const claims = `${base}/persistentvolumeclaims`;
    await call('POST', claims, claim('a', { storageClassName: 'c', volumeName: 'v' }));
    await call('PATCH', `${claims}/a/status`, { status: { phase: 'Bound' } });
    const resize = (storageSize: string) =>
      call('PATCH', `${claims}/a`, { spec: { resources: { requests: { storage: storageSize } } } });
    const answer = await resize('2Gi');
    expect(answer.code).toBe(code);
    if (code === 403)
      expect(answer.json.message).toBe(
        'persistentvolumeclaims "a" is forbidden: only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize',
      );
  });
});

describe('certificate requests', () => {
  /** DER of an element. */
  const der = (tag: number, ...parts: (number[] | string)[]): number[] => {
    const bytes = parts.flatMap((part) => (typeof part === 'string' ? [...new TextEncoder().encode(part)] : part));
    const length = bytes.length < 128 ? [bytes.length] : [0x81, bytes.length];
    return [tag, ...length, ...bytes];
  };
  const attribute = (oid: number[], value: string) => der(0x31, der(0x30, der(0x06, oid), der(0x0c, value)));
  const requestOf = (group: string): string => {
    const subject = der(0x30, attribute([0x55, 4, 10], group), attribute([0x55, 4, 3], 'jane'));
    const info = der(0x30, der(0x02, [0]), subject, der(0x30, der(0x30), der(0x03, [0])));
    const signed = Uint8Array.from(der(0x30, info, der(0x30, der(0x06, [1])), der(0x03, [0])));
    const body = btoa(String.fromCharCode(...signed));
    return btoa(`-----BEGIN CERTIFICATE REQUEST-----\n${body}\n-----END CERTIFICATE REQUEST-----\n`);
  };
  test.each([
    ['system:masters', 'kubernetes.io/kube-apiserver-client', 403],
    ['developers', 'kubernetes.io/kube-apiserver-client', 201],
    ['system:masters', 'example.com/own', 201],
  ])('%s of %s', async (group, signerName, code) => {
    const call = await server();
    const answer = await call('POST', '/apis/certificates.k8s.io/v1/certificatesigningrequests', {
      metadata: { name: 'r' },
      spec: { request: requestOf(group), signerName, usages: ['client auth'] },
    });
    expect(answer.code, answer.text).toBe(code);
    if (code === 403)
      expect(answer.json.message).toBe(
        'certificatesigningrequests.certificates.k8s.io "r" is forbidden: use of kubernetes.io/kube-apiserver-client signer with system:masters group is not allowed',
      );
  });
});

describe('accounts that list their secrets', () => {
  const env = (name: string) => [{ name: 'E', valueFrom: { secretKeyRef: { name, key: 'k' } } }];
  const beyond = 'is not allowed because service account strict does not reference that';
  test.each<[object, string | undefined]>([
    [{ containers: [{ name: 'c', image: 'i', env: env('known') }] }, undefined],
    [
      { containers: [{ name: 'c', image: 'i', env: env('other') }] },
      `container c with envVar E referencing secret.secretName="other" ${beyond} secret`,
    ],
    [
      { initContainers: [{ name: 'd', image: 'i', envFrom: [{ secretRef: { name: 'other' } }] }] },
      `init container d with envFrom referencing secret.secretName="other" ${beyond} secret`,
    ],
    [
      { volumes: [{ name: 'v', secret: { secretName: 'other' } }] },
      `volume with secret.secretName="other" ${beyond} secret`,
    ],
    [{ imagePullSecrets: [{ name: 'other' }] }, `imagePullSecrets[0].name="other" ${beyond} imagePullSecret`],
  ])('%#', async (spec, why) => {
    const call = await server();
    const annotations = { 'kubernetes.io/enforce-mountable-secrets': 'true' };
    await call('POST', `${base}/serviceaccounts`, {
      metadata: { name: 'strict', annotations },
      secrets: [{ name: 'known' }],
    });
    const containers = [{ name: 'c', image: 'i' }];
    const { code, json } = await call('POST', `${base}/pods`, {
      metadata: { name: 'p' },
      spec: { serviceAccountName: 'strict', containers, ...spec },
    });
    if (why === undefined) expect(code).toBe(201);
    else expect(json.message).toBe(`pods "p" is forbidden: ${why}`);
  });
});
