// All controllers over the real API server and a ledger in memory, with pods that a stand-in for nodes brings up.
import { beforeEach, describe, expect, it } from 'vitest';
import { openSql } from '../../test/harness/sql.ts';
import { secretToken as signedFor } from '../apiserver/authn/service-account/secret-token.ts';
import { type Answer, TestRandom, type TestServer, testServer } from '../apiserver/testing.ts';
import { controllers } from '../generated/controllers.ts';
import type { Node, Pod } from '../generated/schemas/core-v1.ts';
import { nodes, pods } from '../generated/schemas/index.ts';
import { formatTime } from '../machinery/time.ts';
import { defaultClusterConfig } from '../ports/index.ts';
import { createRunner, type Runner } from '../reconcile/runner.ts';
import type { Client } from '../reconcile/types.ts';

const caCertificate = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n';

class Cluster {
  readonly contacts = new Map<string, number>();
  readonly clock: TestServer['clock'];
  readonly client: Client;
  readonly runner: Runner;
  readonly #server: TestServer;
  #alarmMs: number | undefined;
  #address = 1;
  /** Node names that pods are bound to in turn; empty: pods stay pending. */
  nodes: string[] = [];

  constructor(server: TestServer) {
    this.#server = server;
    this.clock = server.clock;
    this.client = server.server.client('system:admin');
    const options = {
      contacts: { lastContact: async (node: string) => this.contacts.get(node) },
      caCertificate,
      secretToken: (namespace: string, secret: string): Promise<string> =>
        signedFor(server.server.issuer?.signer, server.ledger, namespace, secret),
    };
    this.runner = createRunner({
      sql: openSql(),
      clock: this.clock,
      random: new TestRandom(2),
      config: defaultClusterConfig,
      log: server.log,
      client: this.client,
      feed: server.server.feed,
      controllers: controllers.map((create) => create(options)),
      alarm: {
        set: (atMs) => {
          this.#alarmMs = atMs;
        },
      },
    });
  }

  call(method: string, path: string, body?: unknown, type = 'application/json'): Promise<Answer> {
    return this.#server.call(method, path, body, { 'content-type': type });
  }

  async make(path: string, body: unknown): Promise<Answer> {
    const answer = await this.call('POST', path, body);
    expect(answer.code, answer.text).toBe(201);
    return answer;
  }

  async node(name: string): Promise<void> {
    this.contacts.set(name, this.clock.now());
    this.nodes.push(name);
    await this.make('/api/v1/nodes', { apiVersion: 'v1', kind: 'Node', metadata: { name } });
    await this.ready(name);
  }

  async ready(name: string): Promise<void> {
    const node = (await this.client.get(nodes, undefined, name)) as Node;
    const now = formatTime(this.clock.now());
    const conditions = ['MemoryPressure', 'DiskPressure', 'PIDPressure', 'Ready'].map((type) => ({
      type,
      status: type === 'Ready' ? 'True' : 'False',
      reason: 'Kubelet',
      message: '',
      lastHeartbeatTime: now,
      lastTransitionTime: now,
    }));
    const [outcome] = await this.client.write([
      {
        verb: 'update',
        resource: nodes,
        subresource: 'status',
        object: { ...node, status: { ...node.status, conditions } } as Node,
      },
    ]);
    expect(outcome?.ok).toBe(true);
  }

  /** Runs controllers and nodes until nothing changes any more. */
  async settle(): Promise<void> {
    for (let round = 0; round < 100; round++) {
      const before = this.#server.ledger.revision;
      await this.runner.poke(before);
      for (let i = 0; this.#alarmMs !== undefined && this.#alarmMs <= this.clock.now(); i++) {
        if (i > 100) throw new Error('the alarm rings without end');
        this.clock.ms++;
        await this.#ring();
      }
      await this.#runPods();
      if (this.#server.ledger.revision === before) return;
    }
    throw new Error('the cluster does not come to rest');
  }

  get alarmMs(): number | undefined {
    return this.#alarmMs;
  }

  /** An alarm that fires is no longer set. */
  async #ring(): Promise<void> {
    this.#alarmMs = undefined;
    await this.runner.alarm();
  }

  async advance(ms: number): Promise<void> {
    const until = this.clock.ms + ms;
    for (let i = 0; ; i++) {
      await this.settle();
      const next = this.#alarmMs;
      if (next === undefined || next > until) break;
      if (i > 1000) throw new Error('alarms without end');
      this.clock.ms = Math.max(this.clock.ms, next);
      await this.#ring();
    }
    this.clock.ms = until;
    await this.settle();
  }

  /** What scheduler and nodes would do: bind, run, and let go of what is to end. Silent nodes do nothing. */
  async #runPods(): Promise<void> {
    for (const pod of await this.client.list(pods)) {
      const { namespace, name, uid } = pod.metadata;
      const node = pod.spec.nodeName;
      if (!node) {
        const target = this.nodes[this.#address % Math.max(1, this.nodes.length)];
        if (target === undefined) continue;
        const object = { metadata: { name, namespace }, target: { kind: 'Node', name: target } };
        await this.client.write([{ verb: 'create', resource: pods, namespace, name, subresource: 'binding', object }]);
        this.#address++;
      } else if (!this.nodes.includes(node)) continue;
      else if (pod.metadata.deletionTimestamp) {
        await this.client.write([{ verb: 'delete', resource: pods, namespace, name, uid, gracePeriodSeconds: 0 }]);
      } else if (pod.status.phase === 'Pending' && !pod.spec.containers[0]?.image?.includes('bad')) {
        const podIP = `10.244.0.${this.#address++}`;
        const conditions = [{ type: 'Ready', status: 'True', lastTransitionTime: formatTime(this.clock.now()) }];
        const status = { ...pod.status, phase: 'Running', podIP, podIPs: [{ ip: podIP }], conditions };
        await this.client.write([
          { verb: 'update', resource: pods, subresource: 'status', object: { ...pod, status } as Pod },
        ]);
      }
    }
  }

  // biome-ignore lint/suspicious/noExplicitAny: tests look into objects of every kind
  async list(path: string): Promise<any[]> {
    return (await this.call('GET', path)).json.items;
  }
}

const deployment = (replicas: number, image = 'v1', more: Record<string, unknown> = {}): unknown => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web' },
  spec: {
    replicas,
    selector: { matchLabels: { app: 'web' } },
    template: {
      metadata: { labels: { app: 'web' } },
      spec: { containers: [{ name: 'c', image, ports: [{ name: 'http', containerPort: 8080 }] }] },
    },
    ...more,
  },
});
const deployments = '/apis/apps/v1/namespaces/default/deployments';
const replicaSets = '/apis/apps/v1/namespaces/default/replicasets';
const podsPath = '/api/v1/namespaces/default/pods';

let cluster: Cluster;
beforeEach(async () => {
  cluster = new Cluster(await testServer(openSql()));
  await cluster.node('n1');
  await cluster.node('n2');
  await cluster.settle();
});

describe('a new cluster', () => {
  it('gives namespaces their account and CA, nodes their ranges and no taints', async () => {
    expect((await cluster.call('GET', '/api/v1/namespaces/default/serviceaccounts/default')).code).toBe(200);
    const map = await cluster.call('GET', '/api/v1/namespaces/default/configmaps/kube-root-ca.crt');
    expect(map.json.data['ca.crt']).toBe(caCertificate);
    const all = await cluster.list('/api/v1/nodes');
    expect(all.map((node) => [node.spec.podCIDR, node.spec.taints])).toEqual([
      ['10.244.0.0/24', undefined],
      ['10.244.1.0/24', undefined],
    ]);
  });
});

describe('cluster roles that aggregate others', () => {
  it('have their rules from the controller, and lose them with the last role that they select', async () => {
    const roles = '/apis/rbac.authorization.k8s.io/v1/clusterroles';
    const rule = { apiGroups: [''], resources: ['pods'], verbs: ['get'] };
    const made = (name: string, parts: object, labels: object = {}) =>
      cluster.call('POST', roles, {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'ClusterRole',
        metadata: { name, labels },
        ...parts,
      });
    await made('all', { aggregationRule: { clusterRoleSelectors: [{ matchLabels: { to: 'all' } }] } });
    await made('one', { rules: [rule] }, { to: 'all' });
    await cluster.settle();
    const { rules, metadata } = (await cluster.call('GET', `${roles}/all`)).json;
    expect(rules).toEqual([rule]);
    expect(metadata.managedFields).toContainEqual(
      expect.objectContaining({
        manager: 'clusterrole-aggregation-controller',
        operation: 'Apply',
        fieldsV1: { 'f:rules': {} },
      }),
    );
    await cluster.call('DELETE', `${roles}/one`);
    await cluster.settle();
    expect((await cluster.call('GET', `${roles}/all`)).json.rules).toBe(null);
  });
});

describe('a cluster at rest', () => {
  it('books no alarm', async () => {
    await cluster.make(deployments, deployment(2));
    await cluster.advance(1200_000);
    expect(cluster.alarmMs).toBeUndefined();
  });
});

describe('Secrets for service account tokens', () => {
  const secrets = '/api/v1/namespaces/default/secrets';
  const secret = (account: string): unknown => ({
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'kubernetes.io/service-account-token',
    metadata: { name: 'mine', annotations: { 'kubernetes.io/service-account.name': account } },
  });
  it('are filled, or deleted without their account', async () => {
    await cluster.make(secrets, secret('default'));
    await cluster.settle();
    const { data } = (await cluster.call('GET', `${secrets}/mine`)).json;
    expect(Object.keys(data ?? {}).sort()).toEqual(['ca.crt', 'namespace', 'token']);
    const token = atob(data.token);
    expect(JSON.parse(atob(token.split('.')[1] as string))).toEqual({
      iss: 'kubernetes/serviceaccount',
      'kubernetes.io/serviceaccount/namespace': 'default',
      'kubernetes.io/serviceaccount/secret.name': 'mine',
      'kubernetes.io/serviceaccount/service-account.name': 'default',
      'kubernetes.io/serviceaccount/service-account.uid': expect.any(String),
      sub: 'system:serviceaccount:default:default',
    });
    await cluster.call('DELETE', `${secrets}/mine`);
    await cluster.make(secrets, secret('nobody'));
    await cluster.settle();
    expect((await cluster.call('GET', `${secrets}/mine`)).code).toBe(404);
  });
});

describe('Deployments', () => {
  it('bring up pods, roll, undo, scale and go', async () => {
    await cluster.make(deployments, deployment(3));
    await cluster.settle();
    const first = (await cluster.call('GET', `${deployments}/web`)).json;
    expect(first.status).toMatchObject({
      observedGeneration: 1,
      replicas: 3,
      updatedReplicas: 3,
      readyReplicas: 3,
      availableReplicas: 3,
    });
    expect(first.metadata.annotations['deployment.kubernetes.io/revision']).toBe('1');

    await cluster.call(
      'PATCH',
      `${deployments}/web`,
      { spec: { template: { spec: { containers: [{ name: 'c', image: 'v2' }] } } } },
      'application/strategic-merge-patch+json',
    );
    await cluster.settle();
    const rolled = await cluster.list(podsPath);
    expect(rolled.map((pod) => pod.spec.containers[0].image)).toEqual(['v2', 'v2', 'v2']);
    expect((await cluster.list(replicaSets)).map((set) => set.spec.replicas).sort()).toEqual([0, 3]);

    await cluster.call(
      'PATCH',
      `${deployments}/web`,
      { spec: { template: { spec: { containers: [{ name: 'c', image: 'v1' }] } } } },
      'application/strategic-merge-patch+json',
    );
    await cluster.settle();
    const undone = (await cluster.call('GET', `${deployments}/web`)).json;
    expect(undone.metadata.annotations['deployment.kubernetes.io/revision']).toBe('3');
    expect((await cluster.list(podsPath)).map((pod) => pod.spec.containers[0].image)).toEqual(['v1', 'v1', 'v1']);

    await cluster.call('PATCH', `${deployments}/web`, { spec: { replicas: 1 } }, 'application/merge-patch+json');
    await cluster.settle();
    expect(await cluster.list(podsPath)).toHaveLength(1);

    await cluster.call('DELETE', `${deployments}/web`);
    await cluster.settle();
    expect(await cluster.list(replicaSets)).toEqual([]);
    expect(await cluster.list(podsPath)).toEqual([]);
  });

  it('tell what they did in events', async () => {
    await cluster.make(deployments, deployment(2));
    await cluster.settle();
    const events = await cluster.list('/api/v1/namespaces/default/events');
    const [set] = await cluster.list(replicaSets);
    expect(events.map((event) => `${event.reason} ${event.message}`)).toContain(
      `ScalingReplicaSet Scaled up replica set ${set.metadata.name} from 0 to 2`,
    );
    expect(events.filter((event) => event.reason === 'SuccessfulCreate')).toHaveLength(2);
  });

  it('replace a deleted pod', async () => {
    await cluster.make(deployments, deployment(2));
    await cluster.settle();
    const [victim] = await cluster.list(podsPath);
    await cluster.call('DELETE', `${podsPath}/${victim.metadata.name}`);
    await cluster.settle();
    const left = await cluster.list(podsPath);
    expect(left).toHaveLength(2);
    expect(left.map((pod) => pod.metadata.uid)).not.toContain(victim.metadata.uid);
  });

  it('report a missed deadline', async () => {
    await cluster.make(deployments, deployment(1, 'bad', { progressDeadlineSeconds: 30 }));
    await cluster.advance(40_000);
    const { status } = (await cluster.call('GET', `${deployments}/web`)).json;
    expect(status.conditions.find((c: { type: string }) => c.type === 'Progressing')).toMatchObject({
      status: 'False',
      reason: 'ProgressDeadlineExceeded',
    });
  });

  it('count a pod as available only after minReadySeconds', async () => {
    await cluster.make(deployments, deployment(1, 'v1', { minReadySeconds: 10 }));
    await cluster.settle();
    expect((await cluster.call('GET', `${deployments}/web`)).json.status.availableReplicas).toBeUndefined();
    await cluster.advance(11_000);
    expect((await cluster.call('GET', `${deployments}/web`)).json.status.availableReplicas).toBe(1);
  });
});

describe('ReplicaSets', () => {
  it('adopt orphans and release what no longer matches', async () => {
    await cluster.make(deployments, deployment(2));
    await cluster.settle();
    const [set] = await cluster.list(replicaSets);
    const [pod] = await cluster.list(podsPath);
    await cluster.call(
      'PATCH',
      `${podsPath}/${pod.metadata.name}`,
      { metadata: { labels: { app: 'other' } } },
      'application/merge-patch+json',
    );
    await cluster.settle();
    const released = (await cluster.call('GET', `${podsPath}/${pod.metadata.name}`)).json;
    expect(released.metadata.ownerReferences ?? []).toEqual([]);
    expect(await cluster.list(podsPath)).toHaveLength(3);
    await cluster.call(
      'PATCH',
      `${podsPath}/${pod.metadata.name}`,
      { metadata: { labels: { app: 'web' } } },
      'application/merge-patch+json',
    );
    await cluster.settle();
    const left = await cluster.list(podsPath);
    expect(left).toHaveLength(2);
    expect(left.every((p) => p.metadata.ownerReferences[0].uid === set.metadata.uid)).toBe(true);
  });
});

describe('ReplicationControllers', () => {
  const path = '/api/v1/namespaces/default/replicationcontrollers';
  const controller = (replicas: number): unknown => ({
    apiVersion: 'v1',
    kind: 'ReplicationController',
    metadata: { name: 'web' },
    spec: {
      replicas,
      selector: { app: 'web' },
      template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image: 'v1' }] } },
    },
  });
  it('keep their pods, take in those that match and let go of those that do not', async () => {
    await cluster.make(podsPath, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'orphan', labels: { app: 'web' } },
      spec: { containers: [{ name: 'c', image: 'v1' }] },
    });
    const made = await cluster.make(path, controller(2));
    await cluster.settle();
    const reference = {
      apiVersion: 'v1',
      kind: 'ReplicationController',
      name: 'web',
      uid: made.json.metadata.uid,
      controller: true,
      blockOwnerDeletion: true,
    };
    const owned = await cluster.list(podsPath);
    expect(owned.map((pod) => pod.metadata.name)).toContain('orphan');
    expect(owned.map((pod) => pod.metadata.ownerReferences)).toEqual([[reference], [reference]]);
    expect((await cluster.call('GET', `${path}/web`)).json.status).toEqual({
      replicas: 2,
      fullyLabeledReplicas: 2,
      readyReplicas: 2,
      availableReplicas: 2,
      observedGeneration: 1,
    });
    const events = await cluster.list('/api/v1/namespaces/default/events');
    expect(events.filter((event) => event.source.component === 'replication-controller')).toMatchObject([
      { reason: 'SuccessfulCreate', involvedObject: { apiVersion: 'v1', kind: 'ReplicationController', name: 'web' } },
    ]);

    const labels = { metadata: { labels: { app: 'other' } } };
    await cluster.call('PATCH', `${podsPath}/orphan`, labels, 'application/merge-patch+json');
    await cluster.settle();
    expect((await cluster.call('GET', `${podsPath}/orphan`)).json.metadata.ownerReferences).toBeUndefined();
    expect(await cluster.list(`${podsPath}?labelSelector=app=web`)).toHaveLength(2);

    await cluster.call('PATCH', `${path}/web/scale`, { spec: { replicas: 1 } }, 'application/merge-patch+json');
    await cluster.settle();
    expect(await cluster.list(`${podsPath}?labelSelector=app=web`)).toHaveLength(1);
    expect((await cluster.call('GET', `${path}/web`)).json.status).toMatchObject({
      replicas: 1,
      observedGeneration: 2,
    });
  });
});

describe('storage in use', () => {
  const claims = '/api/v1/namespaces/default/persistentvolumeclaims';
  const volumes = '/api/v1/persistentvolumes';
  const finalizers = async (path: string): Promise<unknown> =>
    (await cluster.call('GET', path)).json.metadata?.finalizers;
  const claim = {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: 'a' },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
  };

  it('keeps a claim until the last pod on a node that names it is gone', async () => {
    await cluster.make(claims, claim);
    expect(await finalizers(`${claims}/a`)).toEqual(['kubernetes.io/pvc-protection']);
    await cluster.make(podsPath, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'user' },
      spec: {
        containers: [{ name: 'c', image: 'v1' }],
        volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'a' } }],
      },
    });
    await cluster.settle();
    await cluster.call('DELETE', `${claims}/a`);
    await cluster.settle();
    expect(await finalizers(`${claims}/a`)).toEqual(['kubernetes.io/pvc-protection']);
    await cluster.call('DELETE', `${podsPath}/user`);
    await cluster.settle();
    expect((await cluster.call('GET', `${claims}/a`)).code).toBe(404);
  });

  it('lets go of what nobody uses, and gives the finalizer back to what lost it', async () => {
    await cluster.make(claims, claim);
    await cluster.call('PATCH', `${claims}/a`, { metadata: { finalizers: null } }, 'application/merge-patch+json');
    await cluster.settle();
    expect(await finalizers(`${claims}/a`)).toEqual(['kubernetes.io/pvc-protection']);
    await cluster.call('DELETE', claims);
    await cluster.settle();
    expect(await cluster.list(claims)).toEqual([]);
  });

  it('keeps a volume while it is bound', async () => {
    await cluster.make(volumes, {
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name: 'v' },
      spec: { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], hostPath: { path: '/x' } },
    });
    const phase = async (phase: string): Promise<void> => {
      await cluster.call('PATCH', `${volumes}/v/status`, { status: { phase } }, 'application/merge-patch+json');
      await cluster.settle();
    };
    await phase('Bound');
    await cluster.call('DELETE', `${volumes}/v`);
    await cluster.settle();
    expect(await finalizers(`${volumes}/v`)).toEqual(['kubernetes.io/pv-protection']);
    await phase('Released');
    expect((await cluster.call('GET', `${volumes}/v`)).code).toBe(404);
  });
});

describe('deletion of owners', () => {
  const remove = (policy: string): Promise<Answer> =>
    cluster.call('DELETE', `${deployments}/web`, {
      apiVersion: 'v1',
      kind: 'DeleteOptions',
      propagationPolicy: policy,
    });

  it('orphans dependents', async () => {
    await cluster.make(deployments, deployment(2));
    await cluster.settle();
    await remove('Orphan');
    await cluster.settle();
    expect((await cluster.call('GET', `${deployments}/web`)).code).toBe(404);
    const [set] = await cluster.list(replicaSets);
    expect(set.metadata.ownerReferences ?? []).toEqual([]);
    expect(await cluster.list(podsPath)).toHaveLength(2);
    // A Deployment of the same shape takes them over again.
    await cluster.make(deployments, deployment(2));
    await cluster.settle();
    expect(await cluster.list(replicaSets)).toHaveLength(1);
    expect(await cluster.list(podsPath)).toHaveLength(2);
  });

  it('in the foreground waits for dependents', async () => {
    await cluster.make(deployments, deployment(2));
    await cluster.settle();
    cluster.nodes = [];
    await remove('Foreground');
    await cluster.settle();
    expect((await cluster.call('GET', `${deployments}/web`)).json.metadata.finalizers).toEqual(['foregroundDeletion']);
    cluster.nodes = ['n1', 'n2'];
    await cluster.settle();
    expect((await cluster.call('GET', `${deployments}/web`)).code).toBe(404);
    expect(await cluster.list(podsPath)).toEqual([]);
  });

  it('in the foreground ends circles too', async () => {
    const path = '/api/v1/namespaces/default/configmaps';
    const names = ['a', 'b', 'c'];
    const uids = [];
    for (const name of names) {
      const made = await cluster.make(path, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name } });
      uids.push(made.json.metadata.uid);
    }
    for (const [i, name] of names.entries()) {
      const owner = (i + 2) % 3;
      const ownerReferences = [
        { apiVersion: 'v1', kind: 'ConfigMap', name: names[owner], uid: uids[owner], blockOwnerDeletion: true },
      ];
      await cluster.call('PATCH', `${path}/${name}`, { metadata: { ownerReferences } }, 'application/merge-patch+json');
    }
    await cluster.call('DELETE', `${path}/a?propagationPolicy=Foreground`);
    await cluster.settle();
    expect((await cluster.list(path)).map((map) => map.metadata.name)).toEqual(['kube-root-ca.crt']);
  });

  it('collects what refers to an owner that never was', async () => {
    const ownerReferences = [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'ghost', uid: 'no-such-uid' }];
    await cluster.make('/api/v1/namespaces/default/configmaps', {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'child', ownerReferences },
    });
    await cluster.settle();
    expect((await cluster.call('GET', '/api/v1/namespaces/default/configmaps/child')).code).toBe(404);
  });
});

describe('Services', () => {
  it('get endpoints of their pods in both forms', async () => {
    const spec = { selector: { app: 'web' }, ports: [{ name: 'http', port: 80, targetPort: 'http' }] };
    await cluster.make('/api/v1/namespaces/default/services', {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'web' },
      spec,
    });
    await cluster.make(deployments, deployment(2));
    await cluster.settle();
    const [slice, ...more] = await cluster.list('/apis/discovery.k8s.io/v1/namespaces/default/endpointslices');
    expect(more).toEqual([]);
    expect(slice.ports).toEqual([{ name: 'http', port: 8080, protocol: 'TCP' }]);
    expect(slice.endpoints).toHaveLength(2);
    expect(slice.endpoints[0].conditions).toEqual({ ready: true, serving: true, terminating: false });
    expect(slice.metadata.labels['kubernetes.io/service-name']).toBe('web');
    const endpoints = (await cluster.call('GET', '/api/v1/namespaces/default/endpoints/web')).json;
    expect(endpoints.subsets).toHaveLength(1);
    expect(endpoints.subsets[0].addresses).toHaveLength(2);

    await cluster.call('DELETE', '/api/v1/namespaces/default/services/web');
    await cluster.settle();
    expect(await cluster.list('/apis/discovery.k8s.io/v1/namespaces/default/endpointslices')).toEqual([]);
    expect(await cluster.list('/api/v1/namespaces/default/endpoints')).toEqual([]);
  });
  it('are not missed by endpoints that somebody else keeps', async () => {
    const path = '/api/v1/namespaces/default/endpoints';
    const metadata = { name: 'theirs' };
    await cluster.make(path, { apiVersion: 'v1', kind: 'Endpoints', metadata });
    await cluster.settle();
    const subsets = [{ addresses: [{ ip: '10.0.0.24' }], ports: [{ port: 80 }] }];
    await cluster.call('PATCH', `${path}/theirs`, { subsets }, 'application/merge-patch+json');
    await cluster.settle();
    expect((await cluster.call('GET', `${path}/theirs`)).json.subsets).toMatchObject(subsets);
  });
});

describe('namespaces', () => {
  it('end with everything in them, pods first', async () => {
    const path = '/api/v1/namespaces/team';
    const inTeam = (url: string): string => url.replace('/default/', '/team/');
    await cluster.make('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'team' } });
    await cluster.make(inTeam(deployments), deployment(2));
    await cluster.advance(5000);
    expect(await cluster.list(inTeam(podsPath))).toHaveLength(2);
    cluster.nodes = [];
    await cluster.call('DELETE', path);
    await cluster.settle();
    const ending = (await cluster.call('GET', path)).json;
    expect(ending.status.phase).toBe('Terminating');
    const remaining = ending.status.conditions.find((c: { type: string }) => c.type === 'NamespaceContentRemaining');
    expect(remaining?.message).toBe('Some resources are remaining: pods. has 2 resource instances');
    expect((await cluster.call('GET', inTeam(`${deployments}/web`))).code).toBe(200);
    cluster.nodes = ['n1', 'n2'];
    await cluster.settle();
    expect((await cluster.call('GET', path)).code).toBe(404);
  });
});

describe('nodes', () => {
  it('that fall silent lose their pods after the tolerations, and their taints on return', async () => {
    await cluster.make(deployments, deployment(4));
    await cluster.settle();
    cluster.nodes = ['n1'];
    cluster.clock.ms += 20_000;
    cluster.contacts.set('n1', cluster.clock.now());
    await cluster.runner.enqueue('node-controller', 'n2');
    await cluster.settle();
    const lost = (await cluster.call('GET', '/api/v1/nodes/n2')).json;
    expect(lost.status.conditions.map((c: { status: string; reason: string }) => `${c.status} ${c.reason}`)).toEqual(
      Array(4).fill('Unknown NodeStatusUnknown'),
    );
    expect(lost.spec.taints).toMatchObject([{ key: 'node.kubernetes.io/unreachable', effect: 'NoSchedule' }]);
    const there = (await cluster.list(podsPath)).filter((pod) => pod.spec.nodeName === 'n2');
    expect(there).toHaveLength(2);
    expect(
      there.every((pod) => pod.status.conditions.find((c: { type: string }) => c.type === 'Ready').status === 'False'),
    ).toBe(true);

    await cluster.advance(20_000);
    expect((await cluster.call('GET', '/api/v1/nodes/n2')).json.spec.taints).toHaveLength(2);
    await cluster.advance(320_000);
    const after = await cluster.list(podsPath);
    expect(after.filter((pod) => pod.spec.nodeName === 'n1' && !pod.metadata.deletionTimestamp)).toHaveLength(4);
    expect(after.filter((pod) => pod.spec.nodeName === 'n2').every((pod) => pod.metadata.deletionTimestamp)).toBe(true);

    cluster.contacts.set('n2', cluster.clock.now());
    cluster.nodes = ['n1', 'n2'];
    await cluster.ready('n2');
    await cluster.settle();
    expect((await cluster.call('GET', '/api/v1/nodes/n2')).json.spec.taints ?? []).toEqual([]);
    expect(await cluster.list(podsPath)).toHaveLength(4);
  });

  it('that all fall silent together keep their pods', async () => {
    await cluster.make(deployments, deployment(2));
    await cluster.settle();
    cluster.nodes = [];
    cluster.clock.ms += 20_000;
    await cluster.runner.enqueue('node-controller', 'n1');
    await cluster.runner.enqueue('node-controller', 'n2');
    await cluster.advance(900_000);
    const left = await cluster.list(podsPath);
    expect(left.every((pod) => pod.metadata.deletionTimestamp === undefined)).toBe(true);
    expect(left).toHaveLength(2);
  });

  it('that are deleted leave their pods to the collector', async () => {
    await cluster.make(deployments, deployment(2));
    await cluster.settle();
    cluster.nodes = ['n1'];
    await cluster.call('DELETE', '/api/v1/nodes/n2');
    await cluster.advance(60_000);
    const left = await cluster.list(podsPath);
    expect(left.map((pod) => pod.spec.nodeName)).toEqual(['n1', 'n1']);
  });

  it('that are cordoned wear the taint', async () => {
    await cluster.call('PATCH', '/api/v1/nodes/n1', { spec: { unschedulable: true } }, 'application/merge-patch+json');
    await cluster.settle();
    expect((await cluster.call('GET', '/api/v1/nodes/n1')).json.spec.taints).toMatchObject([
      { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' },
    ]);
  });
});
