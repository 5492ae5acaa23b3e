// What has gone wrong in clusters before, as classes: each holds here by a test of its own, at what this project has in the place
// of what was broken. Those of streams are in src/node-link/cve.test.ts, of calls to others in ../outgoing.test.ts.
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openSql } from '../../../test/harness/sql.ts';
import { issueCredential } from '../nodes/credentials.ts';
import { type Answer, type TestServer, testServer } from '../testing.ts';

const core = '/api/v1/namespaces/default';
let server: TestServer;
let nodeUid: string;
let own: string;

const asNode = (method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> =>
  server.call(method, path, body, { authorization: `Bearer ${own}`, ...headers });
const make = async (path: string, object: object): Promise<Answer> => {
  const answer = await server.call('POST', path, object);
  expect(answer.code, answer.text).toBe(201);
  return answer;
};
const container = { name: 'c', image: 'i' };

async function setUp(): Promise<void> {
  server = await testServer(openSql());
  own = await issueCredential(server.server.core, 'n1');
  nodeUid = (await make('/api/v1/nodes', { metadata: { name: 'n1' } })).json.metadata.uid;
  await make('/api/v1/nodes', { metadata: { name: 'n2' } });
  await make(`${core}/serviceaccounts`, { metadata: { name: 'default' } });
  for (const nodeName of ['n1', 'n2'])
    await make(`${core}/pods`, { metadata: { name: `on-${nodeName}` }, spec: { nodeName, containers: [container] } });
}
beforeAll(setUp);

describe('CVE-2018-1002105: an upgrade that fails leaves no connection with more rights than its request had', () => {
  it.each([
    ['GET', `${core}/pods/on-n2/exec?command=sh`],
    ['POST', `${core}/pods/on-n2/exec?command=sh`],
    ['GET', `${core}/pods/on-n2/attach`],
    ['GET', `${core}/pods/on-n2/portforward`],
    ['GET', `${core}/pods/on-n2/proxy/`],
    ['GET', '/api/v1/nodes/n2/proxy/exec/default/p/c'],
    ['GET', '/apis/metrics.k8s.io/v1beta1/nodes'],
    ['GET', `${core}/secrets`],
  ])('%s %s is judged as any other request', async (method, path) => {
    const upgrade = { connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13' };
    for (const headers of [{}, upgrade]) {
      const answer = await asNode(method, path, undefined, headers);
      expect([403, 404, 405]).toContain(answer.code);
      expect(answer.headers.has('upgrade')).toBe(false);
    }
  });

  it('and what an administrator cannot upgrade is answered, not passed on', async () => {
    const answer = await server.call('GET', `${core}/pods/on-n2/exec?command=sh`, undefined, {
      connection: 'Upgrade',
      upgrade: 'SPDY/3.1',
    });
    expect(answer.code).toBeGreaterThanOrEqual(400);
    expect(answer.headers.has('upgrade')).toBe(false);
  });
});

describe('CVE-2022-3172: nobody whom the server asks sends its clients elsewhere', () => {
  it.each([
    '//elsewhere.test/api',
    '/api/v1/..//elsewhere.test',
    '/apis/metrics.k8s.io/v1beta1/nodes',
    '/apis/metrics.k8s.io/v1beta1//elsewhere.test/',
    '/api/v1/nodes/n1/proxy/..%2f..%2felsewhere',
    `${core}/services/https:x:443/proxy/`,
    '/api/',
    '/healthz/',
    '/\\elsewhere.test',
  ])('%s is answered, with no other address', async (path) => {
    const answer = await server.call('GET', path);
    expect(answer.code < 300 || answer.code >= 400, String(answer.code)).toBe(true);
    expect(answer.headers.has('location')).toBe(false);
  });
});

describe('CVE-2023-2727, CVE-2023-2728: ephemeral containers are held to what containers are', () => {
  const debug = (env: object) => ({ spec: { ephemeralContainers: [{ name: 'debug', image: 'i', ...env }] } });
  const patch = (body: object) =>
    server.call('PATCH', `${core}/pods/strict/ephemeralcontainers`, body, {
      'content-type': 'application/strategic-merge-patch+json',
    });

  it('a service account that lists its secrets lends none of the others to a container that comes later', async () => {
    await make(`${core}/serviceaccounts`, {
      metadata: { name: 'strict', annotations: { 'kubernetes.io/enforce-mountable-secrets': 'true' } },
      secrets: [{ name: 'lent' }],
    });
    for (const name of ['lent', 'kept']) await make(`${core}/secrets`, { metadata: { name } });
    await make(`${core}/pods`, {
      metadata: { name: 'strict' },
      spec: { serviceAccountName: 'strict', containers: [container] },
    });
    const ref = (name: string) => ({ valueFrom: { secretKeyRef: { name, key: 'k' } } });
    for (const [what, why] of [
      [{ env: [{ name: 'E', ...ref('kept') }] }, 'ephemeral container debug with envVar E referencing secret'],
      [{ envFrom: [{ secretRef: { name: 'kept' } }] }, 'ephemeral container debug with envFrom referencing secret'],
    ] as const) {
      const refused = await patch(debug(what));
      expect(refused.code).toBe(403);
      expect(refused.json.message).toContain(why);
      expect(refused.json.message).toContain('service account strict does not reference that secret');
    }
    expect((await patch(debug({ env: [{ name: 'E', ...ref('lent') }] }))).code).toBe(200);
  });
});

/** A mirror pod as a kubelet makes it. */
const mirror = (spec: object = {}, owner: object = {}, metadata: object = {}) => ({
  metadata: {
    name: 'static',
    annotations: { 'kubernetes.io/config.mirror': 'hash' },
    ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: 'n1', uid: nodeUid, controller: true, ...owner }],
    ...metadata,
  },
  spec: { nodeName: 'n1', containers: [container], ...spec },
});

describe('CVE-2025-4563: a pod that a node makes brings the node no access', () => {
  it.each([
    ['a service account', { serviceAccountName: 'default' }],
    ['a pull secret', { imagePullSecrets: [{ name: 's' }] }],
    ['a secret in the environment', { containers: [{ ...container, envFrom: [{ secretRef: { name: 's' } }] }] }],
    [
      'a config map of an init container',
      {
        initContainers: [
          { ...container, name: 'i', env: [{ name: 'E', valueFrom: { configMapKeyRef: { name: 'm', key: 'k' } } }] },
        ],
      },
    ],
    ['a device claim', { resourceClaims: [{ name: 'd', resourceClaimName: 'foreign' }] }],
    ['a device claim of a template', { resourceClaims: [{ name: 'd', resourceClaimTemplateName: 't' }] }],
    ['a secret volume', { volumes: [{ name: 'v', secret: { secretName: 's' } }] }],
    ['a config map volume', { volumes: [{ name: 'v', configMap: { name: 'm' } }] }],
    ['a claim', { volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'p' } }] }],
    [
      'an ephemeral claim',
      {
        volumes: [
          {
            name: 'v',
            ephemeral: {
              volumeClaimTemplate: {
                spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1' } } },
              },
            },
          },
        ],
      },
    ],
    ['a CSI volume', { volumes: [{ name: 'v', csi: { driver: 'd.example' } }] }],
    ['a token', { volumes: [{ name: 'v', projected: { sources: [{ serviceAccountToken: { path: 't' } }] } }] }],
    ['a projected secret', { volumes: [{ name: 'v', projected: { sources: [{ secret: { name: 's' } }] } }] }],
  ])('not by %s', async (_what, spec) => {
    const answer = await asNode('POST', `${core}/pods`, mirror(spec));
    expect(answer.code, answer.text).toBe(403);
    expect(answer.json.message).toMatch(/reference|ServiceAccountToken/);
  });

  it('it is bound to the node and owned by it', async () => {
    const refused = async (pod: object, why: string) => {
      const answer = await asNode('POST', `${core}/pods`, pod);
      expect(answer.code, answer.text).toBe(403);
      expect(answer.json.message).toContain(why);
    };
    await refused(mirror({ nodeName: 'n2' }), 'node "n1" can only create pods with spec.nodeName set to itself');
    await refused(mirror({}, {}, { annotations: {} }), 'node "n1" can only create mirror pods');
    await refused(
      mirror({}, {}, { ownerReferences: [] }),
      'can only create pods with an owner reference set to itself',
    );
    await refused(mirror({}, { name: 'n2' }), 'can only create pods with an owner reference set to itself');
    await refused(mirror({}, { kind: 'Pod' }), 'can only create pods with an owner reference set to itself');
    await refused(mirror({}, { controller: false }), 'a controller owner reference set to itself');
    await refused(mirror({}, { blockOwnerDeletion: true }), 'must not set blockOwnerDeletion');
    await refused(mirror({}, { uid: 'x' }), 'node n1 UID mismatch: expected x got');
    const { ownerReferences } = mirror().metadata;
    const two = [...ownerReferences, { ...ownerReferences[0], name: 'n2', uid: 'u', controller: false }];
    await refused(mirror({}, {}, { ownerReferences: two }), 'a single owner reference set to itself');
    expect((await asNode('POST', `${core}/pods`, mirror())).code).toBe(201);
  });

  it('nor by what the node says in the status of a pod', async () => {
    await make(`${core}/secrets`, { metadata: { name: 'foreign' } });
    const claims = { resourceClaimStatuses: [{ name: 'd', resourceClaimName: 'foreign' }] };
    const path = `${core}/pods/on-n1/status`;
    const refused = await asNode('PATCH', path, { status: claims });
    expect(refused.code, refused.text).toBe(403);
    const extended = { extendedResourceClaimStatus: { resourceClaimName: 'foreign', requestMappings: [] } };
    expect((await asNode('PATCH', path, { status: extended })).code).toBe(403);
    const labelled = await asNode('PATCH', path, { metadata: { labels: { a: 'b' } } });
    expect(labelled.json.message).toContain('node "n1" cannot update labels through pod status');
    expect((await asNode('PATCH', path, { status: { phase: 'Running' } })).code).toBe(200);
    expect((await asNode('PATCH', `${core}/pods/on-n2/status`, { status: { phase: 'Running' } })).code).toBe(403);
    const claim = '/apis/resource.k8s.io/v1/namespaces/default/resourceclaims/foreign';
    expect((await asNode('GET', claim)).json.message).toContain('no relationship found');
  });
});

describe('CVE-2025-5187: a node does not have itself or others deleted, nor leaves its restraints behind', () => {
  beforeEach(setUp);
  const owner = { apiVersion: 'v1', kind: 'Namespace', name: 'gone', uid: 'gone' };

  it('by an owner that does not exist', async () => {
    const ownerReferences = [owner];
    for (const [method, path] of [
      ['PATCH', '/api/v1/nodes/n1'],
      ['PATCH', '/api/v1/nodes/n1/status'],
    ] as const) {
      const answer = await asNode(method, path, { metadata: { ownerReferences } });
      if (answer.code !== 200)
        expect(answer.json.message).toContain('node "n1" is not allowed to modify ownerReferences');
      expect((await server.call('GET', '/api/v1/nodes/n1')).json.metadata.ownerReferences, path).toBeUndefined();
    }
    const whole = (await asNode('GET', '/api/v1/nodes/n1')).json;
    whole.metadata.ownerReferences = ownerReferences;
    expect((await asNode('PUT', '/api/v1/nodes/n1', whole)).code).toBe(403);
    expect((await asNode('PATCH', '/api/v1/nodes/n2', { metadata: { ownerReferences } })).code).toBe(403);
    await server.call('DELETE', '/api/v1/nodes/n1');
    expect((await asNode('POST', '/api/v1/nodes', { metadata: { name: 'n1', ownerReferences } })).code).toBe(403);
    expect((await asNode('POST', '/api/v1/nodes', { metadata: { name: 'n1' } })).code).toBe(201);
  });

  it('by taking away the owner that an administrator gave', async () => {
    const given = await server.call('PATCH', '/api/v1/nodes/n1', { metadata: { ownerReferences: [owner] } });
    expect(given.code).toBe(200);
    expect((await asNode('PATCH', '/api/v1/nodes/n1', { metadata: { ownerReferences: null } })).code).toBe(403);
  });

  it('or directly, or by its labels and taints', async () => {
    expect((await asNode('DELETE', '/api/v1/nodes/n1')).code).toBe(403);
    expect((await asNode('DELETE', '/api/v1/nodes/n2')).code).toBe(403);
    expect((await asNode('DELETE', `${core}/pods/on-n2`)).code).toBe(403);
    const patch = (body: object) => asNode('PATCH', '/api/v1/nodes/n1', body);
    expect((await patch({ spec: { taints: [] } })).json.message).toContain('is not allowed to modify taints');
    for (const label of [
      'node-role.kubernetes.io/control-plane',
      'node-restriction.kubernetes.io/tier',
      'a.node-restriction.kubernetes.io/tier',
      'x.k8s.io/y',
    ]) {
      const answer = await patch({ metadata: { labels: { [label]: 'x' } } });
      expect(answer.code, label).toBe(403);
      expect(answer.json.message).toContain(`is not allowed to modify labels: ${label}`);
    }
    await server.call('PATCH', '/api/v1/nodes/n1', {
      metadata: { labels: { 'node-restriction.kubernetes.io/tier': 'low' } },
    });
    expect((await patch({ metadata: { labels: { 'node-restriction.kubernetes.io/tier': null } } })).code).toBe(403);
    for (const label of ['example.com/a', 'topology.kubernetes.io/zone', 'node.kubernetes.io/b'])
      expect((await patch({ metadata: { labels: { [label]: 'x' } } })).code, label).toBe(200);
  });
});

describe('what else a node writes is its own', () => {
  it.each([
    ['/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases', { metadata: { name: 'n2' }, spec: {} }],
    ['/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases', { metadata: { generateName: 'n' }, spec: {} }],
    ['/apis/coordination.k8s.io/v1/namespaces/kube-system/leases', { metadata: { name: 'n1' }, spec: {} }],
    ['/apis/storage.k8s.io/v1/csinodes', { metadata: { name: 'n2' }, spec: { drivers: [] } }],
    ['/api/v1/nodes', { metadata: { generateName: 'n' } }],
    ['/api/v1/nodes', { metadata: { name: 'N1' } }],
    ['/api/v1/nodes', { metadata: { name: 'n1', labels: { 'node-role.kubernetes.io/x': '' } } }],
    ['/api/v1/namespaces/default/pods/on-n2/eviction', { metadata: { name: 'on-n2' } }],
    ['/api/v1/namespaces/default/pods/on-n1/binding', { target: { name: 'n1' } }],
  ])('%s %j is refused', async (path, body) => {
    expect((await asNode('POST', path, body)).code).toBe(403);
  });
});
