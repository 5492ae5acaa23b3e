import { beforeEach, describe, expect, it } from 'vitest';
import { openSql } from '../../../test/harness/sql.ts';
import { createLedger } from '../../ledger/ledger.ts';
import type { Ledger } from '../../ledger/types.ts';
import { defaultClusterConfig } from '../../ports/index.ts';
import type { Attributes, Authorizer } from './authorizer.ts';
import { nodeAuthorizer } from './node.ts';

let ledger: Ledger;
let authorizer: Authorizer;

beforeEach(() => {
  ledger = createLedger({ sql: openSql(), clock: { now: () => 0 }, config: defaultClusterConfig });
  authorizer = nodeAuthorizer(ledger);
});

const put = (key: string, object: object, metadata: object = {}): Promise<unknown> => {
  const [, first = '', second] = key.split('/');
  const name = second === undefined ? { name: first } : { name: second, namespace: first };
  const value = `"metadata":${JSON.stringify({ ...name, uid: 'u', ...metadata })},${JSON.stringify(object).slice(1)}`;
  return ledger.commit((tx) => tx.put(key, () => ({ value, side: '', tags: [] })));
};
const remove = (key: string): Promise<unknown> =>
  ledger.commit((tx) => tx.delete(key, (_revision, { value }) => ({ value, side: '' })));
const pod = (name: string, spec: object, status: object = {}, metadata: object = {}): Promise<unknown> =>
  put(`pods/a/${name}`, { spec: { containers: [], ...spec }, status }, metadata);

const user = { name: 'system:node:n1', groups: ['system:nodes'] };
const resource = {
  user,
  isResource: true,
  path: '',
  version: 'v1',
  group: '',
  namespace: '',
  subresource: '',
  name: '',
} as const;
const ask = (of: Partial<Attributes>) => authorizer.authorize({ ...resource, verb: 'get', resource: '', ...of });
const allowed = { allowed: true, reason: '' };
const no = (reason: string) => ({ allowed: undefined, reason });
const unrelated = no("no relationship found between node 'n1' and this object");
const secret = (name: string, of: Partial<Attributes> = {}) =>
  ask({ resource: 'secrets', namespace: 'a', name, ...of });

describe('who is a node', () => {
  it.each([
    [{ name: 'system:node:n1', groups: [] }, undefined],
    [{ name: 'n1', groups: ['system:nodes'] }, undefined],
    [{ name: 'System:node:n1', groups: ['system:nodes'] }, undefined],
    [{ name: 'system:node', groups: ['system:nodes'] }, undefined],
    [{ name: 'system:node:', groups: ['system:nodes'] }, no('unknown node for user "system:node:"')],
  ])('%j', (who, answer) => {
    expect(ask({ user: who, resource: 'nodes', name: 'n1' })).toEqual(answer);
  });

  it('what is no resource is for others to judge', () => {
    expect(ask({ isResource: false, path: '/metrics' })).toBeUndefined();
  });
});

describe('what a pod refers to', () => {
  it('may be read while it does, and by its node alone; never all at once', async () => {
    await pod('p', { nodeName: 'n1', volumes: [{ name: 'v', secret: { secretName: 's' } }] });
    await pod('q', { nodeName: 'n2', volumes: [{ name: 'v', secret: { secretName: 't' } }] });
    await pod('r', { volumes: [{ name: 'v', secret: { secretName: 'u' } }] });
    for (const verb of ['get', 'list', 'watch']) expect(secret('s', { verb })).toEqual(allowed);
    for (const name of ['t', 'u', 'x', '__proto__']) expect(secret(name)).toEqual(unrelated);
    expect(secret('s', { namespace: 'b' })).toEqual(unrelated);
    expect(secret('s', { namespace: '' })).toEqual(no('can only read namespaced object of this type'));
    expect(secret('', { verb: 'list' })).toEqual(no('No Object name found'));
    expect(secret('s', { verb: 'update' })).toEqual(no('can only read resources of this type'));
    expect(secret('s', { subresource: 'x' })).toEqual(no('cannot read subresource'));
    // Bound now; another refers to it, too; and the last one goes.
    await pod('r', { nodeName: 'n1', volumes: [{ name: 'v', secret: { secretName: 'u' } }] });
    expect(secret('u')).toEqual(allowed);
    await pod('p2', { nodeName: 'n1', imagePullSecrets: [{ name: 's' }] });
    await remove('pods/a/p');
    expect(secret('s')).toEqual(allowed);
    await remove('pods/a/p2');
    expect(secret('s')).toEqual(unrelated);
  });

  it('is every way in which a secret can be named', async () => {
    const env = (name: string) => [{ name: 'c', envFrom: [{ secretRef: { name } }] }];
    await pod('p', {
      nodeName: 'n1',
      containers: env('s1'),
      initContainers: env('s2'),
      ephemeralContainers: env('s3'),
      imagePullSecrets: [{ name: 's4' }],
      volumes: [
        { name: 'a', azureFile: { secretName: 's5' } },
        { name: 'b', csi: { driver: 'd', nodePublishSecretRef: { name: 's6' } } },
        { name: 'c', flexVolume: { driver: 'd', secretRef: { name: 's7' } } },
        { name: 'd', projected: { sources: [{ secret: { name: 's8' } }] } },
        { name: 'e', iscsi: { secretRef: { name: 's9' } } },
      ],
    });
    for (let i = 1; i <= 9; i++) expect(secret(`s${i}`), `s${i}`).toEqual(allowed);
  });

  it('leads on to claims, their volumes, and the secrets of those', async () => {
    const volumes = [
      { name: 'v', persistentVolumeClaim: { claimName: 'c' } },
      { name: 'w', ephemeral: { volumeClaimTemplate: {} } },
    ];
    await pod('p', { nodeName: 'n1', volumes });
    const claim = (name: string, of: Partial<Attributes> = {}) =>
      ask({ resource: 'persistentvolumeclaims', namespace: 'a', name, ...of });
    expect(claim('c')).toEqual(allowed);
    expect(claim('p-w')).toEqual(allowed);
    expect(claim('d')).toEqual(unrelated);
    expect(claim('c', { verb: 'list' })).toEqual(no('can only get individual resources of this type'));
    for (const verb of ['update', 'patch']) expect(claim('c', { subresource: 'status', verb })).toEqual(allowed);
    expect(claim('d', { subresource: 'status', verb: 'patch' })).toEqual(unrelated);
    expect(claim('c', { subresource: 'status' })).toEqual(no('can only get/update/patch this type'));

    const volume = (name: string) => ask({ resource: 'persistentvolumes', name });
    const csi = {
      driver: 'd',
      nodeStageSecretRef: { namespace: 'b', name: 'stage' },
      controllerPublishSecretRef: { namespace: 'b', name: 'controller' },
    };
    const inB = { namespace: 'b' };
    expect(secret('stage', inB)).toEqual(unrelated);
    await put('persistentvolumes/v1', { spec: { claimRef: { namespace: 'a', name: 'c' }, csi } });
    await put('persistentvolumes/v2', { spec: { claimRef: { namespace: 'a', name: 'd' }, csi } });
    await put('persistentvolumes/v3', { spec: { csi } });
    expect(volume('v1')).toEqual(allowed);
    for (const name of ['v2', 'v3', 'v4']) expect(volume(name)).toEqual(unrelated);
    expect(secret('stage', inB)).toEqual(allowed);
    expect(secret('controller', inB)).toEqual(unrelated);
    await remove('persistentvolumes/v1');
    expect(secret('stage', inB)).toEqual(unrelated);
    await put('persistentvolumes/v1', { spec: { claimRef: { namespace: 'a', name: 'c' }, csi } });
    expect(secret('stage', inB)).toEqual(allowed);
    await remove('pods/a/p');
    expect(secret('stage', inB)).toEqual(unrelated);
  });

  it('leads on to device claims, as they are named or were made', async () => {
    const resourceClaims = [
      { name: 'x', resourceClaimName: 'given' },
      { name: 'y', resourceClaimTemplateName: 't' },
      { name: 'z', resourceClaimTemplateName: 't' },
    ];
    const status = {
      resourceClaimStatuses: [{ name: 'y', resourceClaimName: 'made' }, { name: 'z' }],
      extendedResourceClaimStatus: { resourceClaimName: 'extended' },
    };
    await pod('p', { nodeName: 'n1', resourceClaims }, status);
    const claim = (name: string) => ask({ group: 'resource.k8s.io', resource: 'resourceclaims', namespace: 'a', name });
    for (const name of ['given', 'made', 'extended']) expect(claim(name)).toEqual(allowed);
    for (const name of ['t', 'y', 'z', 'undefined']) expect(claim(name)).toEqual(unrelated);
  });

  it('is nothing, of a pod that a node made', async () => {
    const annotations = { 'kubernetes.io/config.mirror': '' };
    const volumes = [{ name: 'v', secret: { secretName: 's' } }];
    await pod('p', { nodeName: 'n1', serviceAccountName: 'default', volumes }, {}, { annotations });
    expect(secret('s')).toEqual(unrelated);
    expect(ask({ resource: 'serviceaccounts', namespace: 'a', name: 'default' })).toEqual(unrelated);
    expect(ask({ resource: 'pods', namespace: 'a', name: 'p' })).toEqual(allowed);
  });
});

describe('what the reasons say', () => {
  const lease = (of: Partial<Attributes>) =>
    ask({ group: 'coordination.k8s.io', resource: 'leases', namespace: 'kube-node-lease', name: 'n1', ...of });
  const slice = (of: Partial<Attributes>) => ask({ group: 'resource.k8s.io', resource: 'resourceslices', ...of });
  const csi = (of: Partial<Attributes>) => ask({ group: 'storage.k8s.io', resource: 'csinodes', name: 'n1', ...of });
  const account = (of: Partial<Attributes>) => ask({ resource: 'serviceaccounts', namespace: 'a', ...of });
  const selecting = (field: string, value: string, operator: '=' | '!=' = '=') => ({
    fieldSelector: { requirements: [{ field, operator, value }] },
  });

  it('of nodes and pods', async () => {
    const node = (of: Partial<Attributes>) => ask({ resource: 'nodes', ...of });
    expect(node({ name: 'n1' })).toEqual(allowed);
    expect(node({ verb: 'list' })).toEqual(no("node 'n1' cannot read all nodes, only its own Node object"));
    expect(node({ name: 'n2' })).toEqual(no("node 'n1' cannot read 'n2', only its own Node object"));
    expect(node({ verb: 'delete', name: 'n1' })).toBeUndefined();
    expect(node({ subresource: 'proxy', name: 'n1' })).toBeUndefined();
    expect(node({ subresource: 'status', name: 'n1' })).toBeUndefined();
    const pods = (of: Partial<Attributes>) => ask({ resource: 'pods', verb: 'list', ...of });
    const wide = no('can only list/watch pods with spec.nodeName field selector');
    expect(pods(selecting('spec.nodeName', 'n1'))).toEqual(allowed);
    for (const selected of [
      {},
      selecting('spec.nodeName', 'n2'),
      selecting('spec.nodeName', 'n1', '!='),
      selecting('metadata.name', 'n1'),
    ])
      expect(pods(selected)).toEqual(wide);
    expect(pods({ namespace: 'a', name: 'p' })).toEqual(unrelated);
    expect(pods({ subresource: 'exec', verb: 'create', namespace: 'a', name: 'p' })).toBeUndefined();
    expect(pods({ verb: 'deletecollection', ...selecting('spec.nodeName', 'n1') })).toBeUndefined();
  });

  it('of leases, CSINodes, slices and service accounts', () => {
    expect(lease({ verb: 'list' })).toEqual(no('can only get, create, update, patch, or delete a node lease'));
    expect(lease({ namespace: 'a' })).toEqual(no('can only access leases in the "kube-node-lease" system namespace'));
    expect(lease({ name: 'n2' })).toEqual(no('can only access node lease with the same name as the requesting node'));
    expect(lease({ verb: 'create', name: '' })).toEqual(allowed);
    expect(csi({ verb: 'watch' })).toEqual(no('can only get, create, update, patch, or delete a CSINode'));
    expect(csi({ subresource: 'status' })).toEqual(no('cannot authorize CSINode subresources'));
    expect(csi({ name: 'n2' })).toEqual(no('can only access CSINode with the same name as the requesting node'));
    expect(slice({ verb: 'deletecollection', ...selecting('spec.nodeName', 'n1') })).toEqual(allowed);
    expect(slice({ verb: 'list' })).toEqual(
      no('can only list/watch/deletecollection resourceslices with nodeName field selector'),
    );
    expect(slice({ subresource: 'x' })).toEqual(no('cannot authorize ResourceSlice subresources'));
    expect(slice({ verb: 'bind' })?.reason).toContain('only the following verbs are allowed for a ResourceSlice');
    expect(account({ verb: 'create' })).toEqual(no('can only create tokens for individual service accounts'));
    expect(account({ verb: 'create', name: 's' })).toEqual(no('can only create token subresource of serviceaccount'));
    expect(account({ verb: 'list' })).toEqual(no('can only create tokens for individual service accounts'));
    expect(account({ verb: 'get', name: 's' })).toEqual(unrelated);
  });

  it('of names that objects have by birth', () => {
    for (const name of ['__proto__', 'constructor', 'toString']) {
      expect(ask({ resource: name })).toBeUndefined();
      expect(ask({ resource: 'services', subresource: name })).toBeUndefined();
      expect(ask({ resource: 'services', verb: name })).toBeUndefined();
    }
  });
});

it('a question costs the same with ten thousand pods of one service account', async () => {
  await ledger.commit((tx) => {
    for (let i = 0; i < 10_000; i++) {
      const nodeName = `n${i % 100}`;
      const value = `"metadata":{"name":"p${i}","namespace":"a","uid":"u"},"spec":{"nodeName":"${nodeName}","serviceAccountName":"default","containers":[]}}`;
      tx.put(`pods/a/p${i}`, () => ({ value, side: '', tags: [`node=${nodeName}`] }));
    }
  });
  const question = () => ask({ resource: 'serviceaccounts', namespace: 'a', name: 'default' });
  expect(question()).toEqual(allowed);
  const began = performance.now();
  for (let i = 0; i < 10_000; i++) question();
  // A look at each pod would be a hundred million of them.
  expect(performance.now() - began).toBeLessThan(4000);
});
