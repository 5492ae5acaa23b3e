// The life of an object of each kind that has no controller here to disturb it, as upstream's conformance asks for it: made
// under a generated name, read, listed, patched, replaced, its status patched and replaced, deleted alone and with others.
// In JSON and in protobuf. What kinds validate and default is tested beside them.
import { expect, test } from 'vitest';
import { openSql } from '../../test/harness/sql.ts';
import { protobuf } from '../generated/schemas/protobuf.ts';
import { decodeProtobuf, encodeProtobuf } from '../machinery/schema/index.ts';
import { adminToken, testServer } from './testing.ts';

// biome-ignore lint/suspicious/noExplicitAny: objects of every kind
type Json = any;
interface Kind {
  group?: string;
  version?: string;
  kind: string;
  plural: string;
  cluster?: true;
  body: Json;
  /** What is patched into the status. */
  status?: Json;
  /** Deleted, it waits for a controller: it is protected, or orphans by default. */
  stays?: true;
}

const template = { metadata: { labels: { app: 'x' } }, spec: { containers: [{ name: 'c', image: 'i' }] } };
const workload = { replicas: 0, selector: { matchLabels: { app: 'x' } }, template };
const conditions = [{ type: 'Patched', status: 'True', reason: 'Test', message: 'set by a test' }];
const loadBalancer = { ingress: [{ ip: '203.0.113.1' }] };
const devices = { requests: [{ name: 'r', exactly: { deviceClassName: 'c' } }] };
const time = '2026-01-02T03:04:05Z';
const onFailure = { template: { spec: { ...template.spec, restartPolicy: 'OnFailure' } } };
const claim = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } };
const pool = { name: 'p', resourceSliceCount: 1, generation: 1 };
const result = { request: 'r', driver: 'd.example.com', pool: 'p', device: 'd0' };
const flow = { group: 'flowcontrol.apiserver.k8s.io', cluster: true as const };
const network = { group: 'networking.k8s.io' };
const storage = { group: 'storage.k8s.io', cluster: true as const };
const level = { type: 'Limited', limited: { nominalConcurrencyShares: 2, limitResponse: { type: 'Reject' } } };
const backend = { service: { name: 'b', port: { number: 80 } } };
const attachment = { attacher: 'a.example.com', nodeName: 'n', source: { persistentVolumeName: 'v' } };
const scaled = { maxReplicas: 3, scaleTargetRef: { kind: 'Deployment', name: 'x', apiVersion: 'apps/v1' } };
const quota = { hard: { cpu: '1', memory: '500Mi' } };

const kinds: Kind[] = [
  { kind: 'Namespace', plural: 'namespaces', cluster: true, body: {}, status: { conditions } },
  { kind: 'Node', plural: 'nodes', cluster: true, body: {}, status: { conditions } },
  {
    kind: 'PersistentVolumeClaim',
    stays: true,
    plural: 'persistentvolumeclaims',
    body: { spec: claim },
    status: { conditions },
  },
  { kind: 'PodTemplate', plural: 'podtemplates', body: { template } },
  {
    kind: 'ReplicationController',
    stays: true,
    plural: 'replicationcontrollers',
    body: { spec: { template } },
    status: { conditions },
  },
  { kind: 'ResourceQuota', plural: 'resourcequotas', body: { spec: quota }, status: { hard: { cpu: '2' } } },
  {
    kind: 'Service',
    plural: 'services',
    body: { spec: { type: 'LoadBalancer', ports: [{ port: 80 }] } },
    status: { loadBalancer },
  },
  {
    group: 'apps',
    kind: 'DaemonSet',
    plural: 'daemonsets',
    body: { spec: { ...workload, replicas: undefined } },
    status: { conditions },
  },
  { group: 'apps', kind: 'Deployment', plural: 'deployments', body: { spec: workload }, status: { conditions } },
  { group: 'apps', kind: 'ReplicaSet', plural: 'replicasets', body: { spec: workload }, status: { conditions } },
  { group: 'apps', kind: 'StatefulSet', plural: 'statefulsets', body: { spec: workload }, status: { conditions } },
  {
    group: 'apps',
    kind: 'ControllerRevision',
    plural: 'controllerrevisions',
    body: { data: { a: { b: [1] } }, revision: 2 },
  },
  {
    group: 'autoscaling',
    version: 'v2',
    kind: 'HorizontalPodAutoscaler',
    plural: 'horizontalpodautoscalers',
    body: { spec: scaled },
  },
  {
    group: 'batch',
    kind: 'CronJob',
    plural: 'cronjobs',
    body: { spec: { schedule: '* * * * *', jobTemplate: { spec: onFailure } } },
    status: { lastScheduleTime: time },
  },
  {
    group: 'batch',
    kind: 'Job',
    stays: true,
    plural: 'jobs',
    body: { spec: { ...onFailure, suspend: true } },
    status: { conditions },
  },
  {
    group: 'coordination.k8s.io',
    kind: 'Lease',
    plural: 'leases',
    body: { spec: { holderIdentity: 'h', leaseDurationSeconds: 30 } },
  },
  {
    group: 'discovery.k8s.io',
    kind: 'EndpointSlice',
    plural: 'endpointslices',
    body: { addressType: 'IPv4', endpoints: [{ addresses: ['1.2.3.4'] }] },
  },
  {
    ...flow,
    kind: 'FlowSchema',
    plural: 'flowschemas',
    body: { spec: { matchingPrecedence: 9000, priorityLevelConfiguration: { name: 'global-default' } } },
    status: { conditions },
  },
  {
    ...flow,
    kind: 'PriorityLevelConfiguration',
    plural: 'prioritylevelconfigurations',
    body: { spec: level },
    status: { conditions },
  },
  {
    ...network,
    kind: 'Ingress',
    plural: 'ingresses',
    body: { spec: { defaultBackend: backend } },
    status: { loadBalancer },
  },
  {
    ...network,
    kind: 'IngressClass',
    plural: 'ingressclasses',
    cluster: true,
    body: { spec: { controller: 'e.com/c' } },
  },
  { group: 'node.k8s.io', kind: 'RuntimeClass', plural: 'runtimeclasses', cluster: true, body: { handler: 'h' } },
  {
    group: 'policy',
    kind: 'PodDisruptionBudget',
    plural: 'poddisruptionbudgets',
    body: { spec: { minAvailable: 1 } },
    status: { disruptedPods: { p: time } },
  },
  {
    group: 'resource.k8s.io',
    kind: 'ResourceClaim',
    plural: 'resourceclaims',
    body: { spec: { devices } },
    status: { allocation: { devices: { results: [result] } } },
  },
  {
    group: 'resource.k8s.io',
    kind: 'ResourceClaimTemplate',
    plural: 'resourceclaimtemplates',
    body: { spec: { spec: { devices } } },
  },
  {
    group: 'resource.k8s.io',
    kind: 'ResourceSlice',
    plural: 'resourceslices',
    cluster: true,
    body: { spec: { driver: 'd.example.com', nodeName: 'n', pool, devices: [{ name: 'd0' }] } },
  },
  { ...storage, kind: 'CSIDriver', plural: 'csidrivers', body: { spec: { volumeLifecycleModes: ['Persistent'] } } },
  { ...storage, kind: 'StorageClass', plural: 'storageclasses', body: { provisioner: 'p' } },
  {
    ...storage,
    kind: 'VolumeAttachment',
    plural: 'volumeattachments',
    body: { spec: attachment },
    status: { attached: true },
  },
];

const proto = 'application/vnd.kubernetes.protobuf';
const table = protobuf();
const schemaOf = (apiVersion: string, kind: string) => {
  const [group, version] = apiVersion.includes('/') ? apiVersion.split('/') : ['core', apiVersion];
  if (kind === 'Status') return 'io.k8s.apimachinery.pkg.apis.meta.v1.Status';
  return `io.k8s.api.${group?.split('.')[0]}.${version}.${kind}`;
};

for (const encoding of ['JSON', 'protobuf'])
  test.each(kinds)(
    `$plural in ${encoding}`,
    async ({ group, version = 'v1', kind, plural, cluster, body, status, stays }) => {
      const { server } = await testServer(openSql());
      const apiVersion = group === undefined ? version : `${group}/${version}`;
      const root = `${group === undefined ? '/api' : '/apis'}/${apiVersion}`;
      const path = cluster ? `${root}/${plural}` : `${root}/namespaces/default/${plural}`;
      const call = async (method: string, at: string, object?: Json): Promise<Json> => {
        const binary = encoding === 'protobuf' && method !== 'PATCH';
        const json = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
        const sent =
          binary && object ? encodeProtobuf(table, schemaOf(apiVersion, kind), object) : JSON.stringify(object);
        const headers = { authorization: `Bearer ${adminToken}`, accept: binary ? proto : 'application/json' };
        const request = new Request(`https://cluster.test${at}`, {
          method,
          headers: { ...headers, ...(object ? { 'content-type': binary ? proto : json } : {}) },
          ...(object ? { body: sent } : {}),
        });
        const response = await server.fetch(request);
        const bytes = new Uint8Array(await response.arrayBuffer());
        const answer: Json = binary
          ? decodeProtobuf(table, bytes, schemaOf).value
          : JSON.parse(new TextDecoder().decode(bytes));
        expect([response.status, answer.message]).toEqual([method === 'POST' ? 201 : 200, answer.message]);
        return answer;
      };
      const labels = { life: 'yes' };
      const names: string[] = [];
      for (let made = 0; made < 3; made++) {
        const { metadata } = await call('POST', path, {
          apiVersion,
          kind,
          metadata: { generateName: 'life-', labels },
          ...body,
        });
        names.push(metadata.name);
      }
      const own = `${path}/${names[0]}`;
      const read = await call('GET', own);
      expect(read).toMatchObject({ apiVersion, kind, metadata: { generateName: 'life-', labels } });
      const left = async () => ((await call('GET', `${path}?labelSelector=life%3Dyes`)).items ?? []).length;
      expect(await left()).toBe(3);
      const patched = await call('PATCH', own, { metadata: { annotations: { patched: 'yes' } } });
      expect(patched).toMatchObject({ metadata: { uid: read.metadata.uid, annotations: { patched: 'yes' } } });
      const current = await call('GET', own);
      current.metadata.annotations.updated = 'yes';
      const updated = await call('PUT', own, current);
      expect(updated).toEqual({
        ...current,
        metadata: { ...updated.metadata, annotations: current.metadata.annotations },
      });
      if (status !== undefined) {
        expect((await call('PATCH', `${own}/status`, { status })).status).toMatchObject(status);
        const replaced = await call('GET', `${own}/status`);
        expect((await call('PUT', `${own}/status`, replaced)).status).toEqual(replaced.status);
      }
      if (kind === 'Namespace') return; // cannot be deleted together
      await call('DELETE', own);
      expect(await left()).toBe(stays ? 3 : 2);
      await call('DELETE', `${path}?labelSelector=life%3Dyes`);
      expect(await left()).toBe(stays ? 3 : 0);
    },
  );
