// Objects for the tests of this folder: small, stored-looking, with uids derived from names.
import type { Deployment, ReplicaSet } from '../../generated/schemas/apps-v1.ts';
import type { Node, Pod, Service } from '../../generated/schemas/core-v1.ts';
import type { ObjectMeta } from '../../machinery/meta.ts';
import { formatTime } from '../../machinery/time.ts';

export const startMs = Date.UTC(2026, 0, 2, 3, 4, 0);
export const at = (seconds: number): string => formatTime(startMs + seconds * 1000);

export function meta(name: string, more: Partial<ObjectMeta> = {}): ObjectMeta {
  return {
    name,
    namespace: 'default',
    uid: `uid-${name}`,
    resourceVersion: '1',
    creationTimestamp: at(0),
    generation: 1,
    ...more,
  };
}

const template = (image: string): Deployment['spec']['template'] => ({
  metadata: { labels: { app: 'web' } } as unknown as ObjectMeta,
  spec: { containers: [{ name: 'c', image, resources: {} }] } as unknown as Pod['spec'],
});

export function deployment(
  spec: Partial<Deployment['spec']> = {},
  status: Deployment['status'] = {},
  image = 'v1',
): Deployment {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: meta('web'),
    spec: {
      replicas: 3,
      selector: { matchLabels: { app: 'web' } },
      template: template(image),
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } },
      revisionHistoryLimit: 10,
      progressDeadlineSeconds: 600,
      ...spec,
    },
    status,
  };
}

export interface PodFacts {
  node?: string;
  phase?: NonNullable<Pod['status']['phase']>;
  /** Seconds after the start since which it has been ready. */
  readySince?: number;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  owner?: ReplicaSet;
  created?: number;
  deleted?: boolean;
  restarts?: number;
  ip?: string;
  spec?: Partial<Pod['spec']>;
}

export function pod(name: string, facts: PodFacts = {}): Pod {
  const ready = facts.readySince;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: meta(name, {
      labels: facts.labels ?? { app: 'web' },
      creationTimestamp: at(facts.created ?? 0),
      ...(facts.annotations ? { annotations: facts.annotations } : {}),
      ...(facts.deleted ? { deletionTimestamp: at(0), deletionGracePeriodSeconds: 30 } : {}),
      ...(facts.owner
        ? {
            ownerReferences: [
              {
                apiVersion: 'apps/v1',
                kind: 'ReplicaSet',
                name: facts.owner.metadata.name,
                uid: facts.owner.metadata.uid,
                controller: true,
              },
            ],
          }
        : {}),
    }),
    spec: {
      containers: [{ name: 'c', image: 'v1' }],
      ...(facts.node ? { nodeName: facts.node } : {}),
      ...facts.spec,
    } as Pod['spec'],
    status: {
      phase: facts.phase ?? 'Running',
      conditions: [
        { type: 'Ready', status: ready === undefined ? 'False' : 'True', lastTransitionTime: at(ready ?? 0) },
      ],
      ...(facts.restarts === undefined
        ? {}
        : { containerStatuses: [{ name: 'c', image: 'v1', imageID: '', ready: true, restartCount: facts.restarts }] }),
      ...(facts.ip ? { podIP: facts.ip, podIPs: [{ ip: facts.ip }] } : {}),
    },
  };
}

export function node(
  name: string,
  ready: 'True' | 'False' | 'Unknown' | undefined,
  more: Partial<Node['spec']> = {},
  labels: Record<string, string> = {},
): Node {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { ...meta(name, { labels }), namespace: undefined } as ObjectMeta,
    spec: more,
    status: ready === undefined ? {} : { conditions: [{ type: 'Ready', status: ready, lastTransitionTime: at(0) }] },
  };
}

export function service(spec: Partial<Service['spec']> = {}): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: meta('web', { labels: { team: 'a' } }),
    spec: {
      selector: { app: 'web' },
      ports: [{ port: 80, targetPort: 8080, protocol: 'TCP' }],
      clusterIP: '10.96.0.5',
      ...spec,
    },
    status: {},
  };
}
