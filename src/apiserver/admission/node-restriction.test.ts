// NodeRestriction beyond what cve.test.ts tries: claims, slices, certificates, tokens, and roles that let a node in where the node
// authorizer does not.
import { beforeAll, describe, expect, it } from 'vitest';
import { openSql } from '../../../test/harness/sql.ts';
import { issueCredential } from '../nodes/credentials.ts';
import { type Answer, type TestServer, testServer } from '../testing.ts';

const core = '/api/v1/namespaces/default';
let server: TestServer;
let token: string;
const asNode = (method: string, path: string, body?: unknown): Promise<Answer> =>
  server.call(method, path, body, { authorization: `Bearer ${token}` });
const make = async (path: string, object: object): Promise<Answer> => {
  const answer = await server.call('POST', path, object);
  expect(answer.code, answer.text).toBe(201);
  return answer;
};

beforeAll(async () => {
  server = await testServer(openSql());
  token = await issueCredential(server.server.core, 'n1');
  await make('/api/v1/nodes', { metadata: { name: 'n1' } });
  await make(`${core}/serviceaccounts`, { metadata: { name: 'default' } });
});

describe('a claim', () => {
  const claim = `${core}/persistentvolumeclaims/c`;
  beforeAll(async () => {
    await make(`${core}/persistentvolumeclaims`, {
      metadata: { name: 'c' },
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '2Gi' } } },
    });
    await make(`${core}/pods`, {
      metadata: { name: 'uses' },
      spec: {
        nodeName: 'n1',
        containers: [{ name: 'c', image: 'i' }],
        volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'c' } }],
      },
    });
  });

  it('is told what resizing found out, and nothing else', async () => {
    const patch = (status: object, metadata: object = {}) => asNode('PATCH', `${claim}/status`, { metadata, status });
    expect((await patch({ capacity: { storage: '2Gi' } })).code).toBe(200);
    const conditions = [{ type: 'FileSystemResizePending', status: 'True' }];
    expect((await patch({ conditions })).code).toBe(200);
    expect((await patch({ allocatedResourceStatuses: { storage: 'NodeResizeInProgress' } })).code).toBe(200);
    for (const [status, metadata] of [
      [{ phase: 'Lost' }, {}],
      [{}, { labels: { a: 'b' } }],
      [{}, { finalizers: ['a/b'] }],
      [{ accessModes: ['ReadOnlyMany'] }, {}],
    ] as const) {
      const refused = await patch(status, metadata);
      expect(refused.code, refused.text).toBe(403);
      expect(refused.json.message).toContain('not allowed to update fields other than status.quantity');
    }
    expect((await asNode('PATCH', claim, { metadata: { labels: { a: 'b' } } })).code).toBe(403);
  });
});

describe('a slice', () => {
  const slices = '/apis/resource.k8s.io/v1/resourceslices';
  const slice = (name: string, nodeName: string) => ({
    metadata: { name },
    spec: {
      driver: 'd.example',
      pool: { name: nodeName, generation: 1, resourceSliceCount: 1 },
      nodeName,
      devices: [],
    },
  });

  it('is of the node that makes it; a collection loses those of the node alone', async () => {
    const foreign = await asNode('POST', slices, slice('a', 'n2'));
    expect(foreign.json.message).toContain(
      'can only create ResourceSlice with the same NodeName as the requesting node',
    );
    expect((await asNode('POST', slices, slice('own', 'n1'))).code).toBe(201);
    await make(slices, slice('theirs', 'n2'));
    expect((await asNode('DELETE', slices)).code).toBe(403);
    expect((await asNode('DELETE', `${slices}?fieldSelector=spec.nodeName%3Dn2`)).code).toBe(403);
    expect((await asNode('DELETE', `${slices}?fieldSelector=spec.nodeName%3Dn1`)).code).toBe(200);
    const left = (await server.call('GET', slices)).json.items.map(
      (one: { metadata: { name: string } }) => one.metadata.name,
    );
    expect(left).toEqual(['theirs']);
  });
});

describe('where a role lets nodes do more', () => {
  beforeAll(async () => {
    const rbac = '/apis/rbac.authorization.k8s.io/v1';
    await make(`${rbac}/clusterroles`, {
      metadata: { name: 'generous' },
      rules: [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }],
    });
    await make(`${rbac}/clusterrolebindings`, {
      metadata: { name: 'generous' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'generous' },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'system:nodes' }],
    });
    return () => server.call('DELETE', `${rbac}/clusterrolebindings/generous`);
  });

  it('it may read, since the node authorizer has no opinion', async () => {
    expect((await asNode('GET', '/api/v1/secrets')).code).toBe(200);
    expect((await asNode('GET', '/api/v1/nodes')).code).toBe(200);
  });

  it('its restrictions stay', async () => {
    await make('/api/v1/nodes', { metadata: { name: 'n2' } });
    const pod = { metadata: { name: 'p' }, spec: { nodeName: 'n2', containers: [{ name: 'c', image: 'i' }] } };
    await make(`${core}/pods`, pod);
    const refused = async (method: string, path: string, body: object, why: string) => {
      const answer = await asNode(method, path, body);
      expect(answer.code, answer.text).toBe(403);
      expect(answer.json.message).toContain(why);
    };
    const labels = { metadata: { labels: { a: 'b' } } };
    await refused('PATCH', '/api/v1/nodes/n2', labels, 'node "n1" is not allowed to modify node "n2"');
    await refused('DELETE', '/api/v1/nodes/n2', {}, 'node "n1" is not allowed to modify node "n2"');
    await refused(
      'PATCH',
      `${core}/pods/p`,
      labels,
      'unexpected operation "UPDATE", node "n1" can only create and delete',
    );
    await refused('DELETE', `${core}/pods/p`, {}, 'can only delete pods with spec.nodeName set to itself');
    await refused('PATCH', `${core}/pods/p/status`, labels, 'can only update pod status for pods with spec.nodeName');
    await refused(
      'POST',
      `${core}/pods/p/eviction`,
      { metadata: { name: 'p' } },
      'node n1 can only evict pods with spec.nodeName set to itself',
    );
    await refused(
      'PATCH',
      `${core}/pods/p/ephemeralcontainers`,
      { spec: { ephemeralContainers: [] } },
      `unexpected pod subresource "ephemeralcontainers", only 'status' and 'eviction' are allowed`,
    );
    await refused('POST', `${core}/persistentvolumeclaims`, { metadata: { name: 'x' } }, 'may only update PVC status');
    const leases = '/apis/coordination.k8s.io/v1/namespaces/default/leases';
    await refused('POST', leases, { metadata: { name: 'n1' } }, 'can only access leases in the "kube-node-lease"');
  });
});

describe('a token', () => {
  const ask = async (spec: object): Promise<Answer> =>
    asNode('POST', `${core}/serviceaccounts/default/token`, { spec });
  const bound = async (name: string, spec: object) => {
    const { metadata } = (
      await make(`${core}/pods`, {
        metadata: { name },
        spec: { nodeName: 'n1', containers: [{ name: 'c', image: 'i' }], ...spec },
      })
    ).json;
    return { boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, uid: metadata.uid } };
  };

  it('is for an audience that a volume of the pod or its driver asks for', async () => {
    await make('/apis/storage.k8s.io/v1/csidrivers', {
      metadata: { name: 'd.example' },
      spec: { tokenRequests: [{ audience: 'vault' }], volumeLifecycleModes: ['Ephemeral'] },
    });
    const plain = await bound('plain', {});
    expect((await ask(plain)).code).toBe(201);
    expect((await ask({ ...plain, audiences: ['vault'] })).json.message).toContain(
      'audience "vault" not found in pod spec volume, system:node:n1 is not authorized to request tokens for this audience',
    );
    expect((await ask({ ...plain, audiences: ['a', 'b'] })).json.message).toContain(
      'node may only request 0 or 1 audiences',
    );
    const driven = await bound('driven', {
      automountServiceAccountToken: false,
      volumes: [
        { name: 'v', csi: { driver: 'd.example' } },
        { name: 'w', projected: { sources: [{ serviceAccountToken: { path: 't', audience: 'own' } }] } },
      ],
    });
    for (const audience of ['vault', 'own']) expect((await ask({ ...driven, audiences: [audience] })).code).toBe(201);
    // None mounts one for the API server.
    expect((await ask(driven)).code).toBe(403);
    const rbac = '/apis/rbac.authorization.k8s.io/v1/namespaces/default';
    await make(`${rbac}/roles`, {
      metadata: { name: 'audiences' },
      rules: [
        {
          apiGroups: [''],
          resources: ['other'],
          resourceNames: ['default'],
          verbs: ['request-serviceaccounts-token-audience'],
        },
      ],
    });
    await make(`${rbac}/rolebindings`, {
      metadata: { name: 'audiences' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'audiences' },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'system:nodes' }],
    });
    expect((await ask({ ...plain, audiences: ['other'] })).code).toBe(201);
    expect((await ask({ ...plain, audiences: ['others'] })).code).toBe(403);
  });

  it('is bound to a pod that is there, by its uid', async () => {
    const { boundObjectRef } = await bound('there', {});
    for (const [reference, code] of [
      [undefined, 403],
      [{ ...boundObjectRef, kind: 'Secret' }, 403],
      [{ ...boundObjectRef, apiVersion: 'v2' }, 403],
      [{ ...boundObjectRef, uid: '' }, 403],
      [{ ...boundObjectRef, uid: 'x' }, 403],
      [{ ...boundObjectRef, name: 'gone' }, 404],
      [boundObjectRef, 201],
    ] as const)
      expect((await ask(reference ? { boundObjectRef: reference } : {})).code, JSON.stringify(reference)).toBe(code);
  });
});

describe('a certificate request', () => {
  const csrs = '/apis/certificates.k8s.io/v1/certificatesigningrequests';
  const usages = ['digital signature', 'client auth'];
  const request = async (commonName: string): Promise<string> => {
    await import('reflect-metadata');
    const x509 = await import('@peculiar/x509');
    const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
    const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
    const made = await x509.Pkcs10CertificateRequestGenerator.create({
      name: `O=system:nodes, CN=${commonName}`,
      keys: keys as never,
      signingAlgorithm: algorithm,
    });
    return btoa(made.toString('pem'));
  };
  const create = async (name: string, signerName: string, commonName: string) =>
    asNode('POST', csrs, { metadata: { name }, spec: { request: await request(commonName), signerName, usages } });

  it.each(['kubernetes.io/kube-apiserver-client-kubelet', 'kubernetes.io/kubelet-serving'])(
    'for %s is of the node itself',
    async (signer) => {
      for (const other of ['system:node:n2', 'system:node:n1x', 'n1', 'system:node:N1']) {
        const refused = await create('other', signer, other);
        expect(refused.code, refused.text).toBe(403);
        expect(refused.json.message).toContain('can only create a node CSR with CN=system:node:n1');
      }
      const own = await create(`own-${signer.length}`, signer, 'system:node:n1');
      expect([201, 422], own.text).toContain(own.code);
      expect(own.text).not.toContain('CN=');
    },
  );

  it('for others is as anybody makes it', async () => {
    expect((await create('else', 'example.com/signer', 'anything')).code).toBe(201);
  });

  it('that is none is refused', async () => {
    const spec = { request: btoa('x'), signerName: 'kubernetes.io/kubelet-serving', usages };
    expect((await asNode('POST', csrs, { metadata: { name: 'x' }, spec })).code).toBe(403);
    expect([400, 403, 422]).toContain((await asNode('POST', csrs, { metadata: { name: 'x' } })).code);
  });
});
