// A node's credential tried against everything: every resource and subresource there is, each verb, an object of its own and one of
// another node's, through the server. What is to come out is the table of docs/node-access.md.
import { readFileSync } from 'node:fs';
import { beforeAll, expect, test } from 'vitest';
import { openSql } from '../../../test/harness/sql.ts';
import { groupResource } from '../../machinery/meta.ts';
import { issueCredential } from '../nodes/credentials.ts';
import { verbsOf } from '../registry.ts';
import { type Answer, type TestServer, testServer } from '../testing.ts';

type Which = 'own' | 'other' | 'all';

/** `resource which verb`, of the page's table. */
function expected(): Set<string> {
  const page = readFileSync(new URL('../../../docs/node-access.md', import.meta.url), 'utf8');
  const may = new Set<string>();
  for (const line of page.split('\n')) {
    const [, resource = '', own = '', other = '', all = ''] = /^\| ([a-z][^|]*) \|(.*)\|(.*)\|(.*)\|$/.exec(line) ?? [];
    for (const [which, verbs] of Object.entries({ own, other, all }))
      for (const verb of verbs.trim().split(' ').filter(Boolean)) may.add(`${resource} ${which} ${verb}`);
  }
  return may;
}

let server: TestServer;
let token: string;
const names: Record<string, [own: string, other: string]> = {
  nodes: ['n1', 'n2'],
  'leases.coordination.k8s.io': ['n1', 'n2'],
  'csinodes.storage.k8s.io': ['n1', 'n2'],
};
const namespaceOf = (resource: string): string =>
  resource === 'leases.coordination.k8s.io' ? 'kube-node-lease' : 'default';
const bySpec = ['pods', 'resourceslices.resource.k8s.io'];

beforeAll(async () => {
  server = await testServer(openSql());
  token = await issueCredential(server.server.core, 'n1');
  const make = async (path: string, object: object): Promise<Answer> => {
    const answer = await server.call('POST', path, object);
    expect(answer.code, `${path} ${answer.text}`).toBe(201);
    return answer;
  };
  const core = '/api/v1/namespaces/default';
  for (const [name, node] of [
    ['own', 'n1'],
    ['other', 'n2'],
  ]) {
    const metadata = { name };
    await make('/api/v1/nodes', { metadata: { name: node } });
    await make('/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases', {
      metadata: { name: node },
      spec: {},
    });
    await make('/apis/storage.k8s.io/v1/csinodes', { metadata: { name: node }, spec: { drivers: [] } });
    await make(`${core}/serviceaccounts`, { metadata });
    await make(`${core}/secrets`, { metadata });
    await make(`${core}/configmaps`, { metadata });
    const size = { storage: '1Gi' };
    await make(`${core}/persistentvolumeclaims`, {
      metadata,
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: size }, volumeName: name },
    });
    await make('/api/v1/persistentvolumes', {
      metadata,
      spec: {
        accessModes: ['ReadWriteOnce'],
        capacity: size,
        claimRef: { namespace: 'default', name },
        csi: { driver: 'd.example', volumeHandle: 'h' },
      },
    });
    await make('/apis/storage.k8s.io/v1/volumeattachments', {
      metadata,
      spec: { attacher: 'd.example', nodeName: node, source: { persistentVolumeName: name } },
    });
    await make('/apis/resource.k8s.io/v1/resourceslices', {
      metadata,
      spec: {
        driver: 'd.example',
        pool: { name: node, generation: 1, resourceSliceCount: 1 },
        nodeName: node,
        devices: [],
      },
    });
    await make('/apis/resource.k8s.io/v1/namespaces/default/resourceclaims', {
      metadata,
      spec: { devices: { requests: [{ name: 'r', exactly: { deviceClassName: 'c' } }] } },
    });
    await make(`${core}/pods`, {
      metadata,
      spec: {
        nodeName: node,
        serviceAccountName: name,
        containers: [{ name: 'c', image: 'i' }],
        resourceClaims: [{ name: 'd', resourceClaimName: name }],
        volumes: [
          { name: 's', secret: { secretName: name } },
          { name: 'm', configMap: { name } },
          { name: 'p', persistentVolumeClaim: { claimName: name } },
        ],
      },
    });
    await make(`${core}/services`, { metadata, spec: { ports: [{ port: 80 }] } });
  }
});

/** As the node; a watch is opened and given up. */
async function asNode(method: string, path: string, body?: object, type = 'application/json'): Promise<number> {
  const answer = await server.server.fetch(
    new Request(`https://cluster.test${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, ...(body ? { 'content-type': type } : {}) },
      ...(body ? { body: JSON.stringify(body) } : {}),
    }),
  );
  await answer.body?.cancel();
  return answer.status;
}

interface Target {
  /** `pods/status`, `leases.coordination.k8s.io`. */
  key: string;
  group: string;
  version: string;
  plural: string;
  kind: string;
  namespaced: boolean;
  subresource: string;
}

const mirror = (uid: string) => ({
  annotations: { 'kubernetes.io/config.mirror': 'x' },
  ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: 'n1', uid, controller: true }],
});

/** What a create sends: a body that would do, so that a refusal is about who sends it. */
async function bodyOf(target: Target, which: Which, name: string): Promise<object> {
  const node = which === 'own' ? 'n1' : 'n2';
  const nodeUid = (await server.call('GET', '/api/v1/nodes/n1')).json.metadata.uid;
  const podUid = (await server.call('GET', `/api/v1/namespaces/default/pods/${which}`)).json.metadata?.uid;
  const fresh = { metadata: { name: which === 'own' ? name : `${name}-new` } };
  switch (target.key) {
    case 'pods':
      return {
        metadata: { name: `mirror-${which}`, ...mirror(nodeUid) },
        spec: { nodeName: node, containers: [{ name: 'c', image: 'i' }] },
      };
    case 'serviceaccounts/token':
      return { spec: { boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: which, uid: podUid } } };
    case 'pods/eviction':
      return { metadata: { name, namespace: 'default' } };
    case 'resourceslices.resource.k8s.io':
      return {
        metadata: { name: `${which}-new` },
        spec: { driver: 'd.example', nodeName: node, pool: { name: node } },
      };
    case 'nodes':
    case 'csinodes.storage.k8s.io':
    case 'leases.coordination.k8s.io':
      return { metadata: { name } };
    default:
      return fresh;
  }
}

async function attempt(target: Target, which: Which, verb: string): Promise<number> {
  const { key, group, version, plural, namespaced, subresource } = target;
  const resource = group === '' ? plural : `${plural}.${group}`;
  const [own, other] = names[resource] ?? ['own', 'other'];
  const name = which === 'own' ? own : other;
  const base = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  const collection = `${base}${namespaced ? `/namespaces/${namespaceOf(resource)}` : ''}/${plural}`;
  const object = `${collection}/${name}${subresource === '' ? '' : `/${subresource}`}`;
  const selector = bySpec.includes(resource)
    ? `spec.nodeName=${which === 'own' ? 'n1' : 'n2'}`
    : `metadata.name=${name}`;
  const selected = which === 'all' ? '' : `&fieldSelector=${encodeURIComponent(selector)}`;
  const admin = async () =>
    (await server.call('GET', subresource === '' ? object : object.replace(/\/[^/]*$/, ''))).json;
  const stored = async () => {
    const found = await admin();
    return found?.kind === 'Status' ? { metadata: { name } } : found;
  };
  switch (verb) {
    case 'list':
      return asNode('GET', `${collection}?x=1${selected}`);
    case 'watch':
      return asNode('GET', `${collection}?watch=1&timeoutSeconds=1${selected}`);
    case 'deletecollection':
      return asNode('DELETE', `${collection}?dryRun=All`);
    case 'create': {
      const body = await bodyOf(target, which, name);
      // What answers tokens keeps nothing, and knows no dry run.
      return asNode('POST', subresource === '' ? `${collection}?dryRun=All` : `${object}?dryRun=All`, body);
    }
    case 'get':
      return asNode('GET', object);
    case 'update':
      return asNode('PUT', `${object}?dryRun=All`, await stored());
    case 'patch':
      return asNode('PATCH', `${object}?dryRun=All`, {}, 'application/merge-patch+json');
    default:
      expect(verb, key).toBe('delete');
      return asNode('DELETE', `${object}?dryRun=All`);
  }
}

test('a node may do what the table says, and nothing else', { timeout: 120_000 }, async () => {
  const { registry } = server.server.core;
  const targets: (Target & { verbs: readonly string[] })[] = registry.definitions.flatMap((definition) => {
    const { group, version, plural, kind, namespaced } = definition;
    const of = { group, version, plural, kind, namespaced };
    const key = groupResource(definition);
    const subresources = (definition.subresources ?? []).map(({ name, verbs }) => {
      const whole = `${plural}/${name}${group === '' ? '' : `.${group}`}`;
      return { ...of, key: whole, subresource: name, verbs };
    });
    return [{ ...of, key, subresource: '', verbs: verbsOf(definition) }, ...subresources];
  });
  const reviews: [string, string, boolean][] = [
    ['tokenreviews', 'authentication.k8s.io', false],
    ['selfsubjectreviews', 'authentication.k8s.io', false],
    ['subjectaccessreviews', 'authorization.k8s.io', false],
    ['localsubjectaccessreviews', 'authorization.k8s.io', true],
    ['selfsubjectaccessreviews', 'authorization.k8s.io', false],
    ['selfsubjectrulesreviews', 'authorization.k8s.io', false],
  ];
  for (const [plural, group, namespaced] of reviews)
    targets.push({
      key: `${plural}.${group}`,
      ...{ group, version: 'v1', plural, kind: '', namespaced, subresource: '', verbs: ['create'] },
    });
  const letIn = new Set<string>();
  let questions = 0;
  for (const target of targets)
    for (const verb of target.verbs)
      for (const which of ['own', 'other', 'all'] as const) {
        const ofCollection = verb === 'list' || verb === 'watch' || verb === 'deletecollection';
        if (which === 'all' ? !ofCollection : verb === 'deletecollection') continue;
        if (target.subresource !== '' && which === 'all') continue;
        questions++;
        const code = await attempt(target, which, verb);
        expect(code, `${target.key} ${which} ${verb}`).toBeLessThan(500);
        if (code !== 403 && code !== 405) letIn.add(`${target.key} ${which} ${verb}`);
      }
  expect(questions).toBeGreaterThan(900);
  expect([...letIn].sort()).toEqual([...expected()].sort());
});

test('the same questions of a node that has nothing: no pods, no Node', async () => {
  const other = await issueCredential(server.server.core, 'n3');
  for (const path of [
    '/api/v1/namespaces/default/secrets/own',
    '/api/v1/namespaces/default/configmaps/own',
    '/api/v1/namespaces/default/pods/own',
    '/api/v1/namespaces/default/serviceaccounts/own',
    '/api/v1/persistentvolumes/own',
    '/api/v1/nodes/n1',
    '/api/v1/nodes',
    '/api/v1/secrets',
    '/api/v1/pods',
    '/api/v1/pods?fieldSelector=spec.nodeName%3Dn1',
    '/api/v1/pods?fieldSelector=spec.nodeName!%3Dn3',
    '/api/v1/pods?fieldSelector=spec.nodeName%3Dn3%2Cspec.nodeName%3Dn1%26',
  ]) {
    const answer = await server.call('GET', path, undefined, { authorization: `Bearer ${other}` });
    expect(answer.code, path).not.toBe(500);
    if (!path.endsWith('%26')) expect(answer.code, path).toBe(403);
  }
  expect((await server.call('GET', '/api/v1/nodes/n3', undefined, { authorization: `Bearer ${other}` })).code).toBe(
    404,
  );
});
