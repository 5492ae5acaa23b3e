// Nodes and pods for the scheduler's tests, in few words.
import type { Node, NodeSpec, Pod, PodSpec, Taint } from '../generated/schemas/core-v1.ts';

export interface NodeSketch {
  cpu?: string;
  memory?: string;
  pods?: string;
  extra?: Record<string, string>;
  labels?: Record<string, string>;
  taints?: Taint[];
  spec?: NodeSpec;
}

export function node(name: string, sketch: NodeSketch = {}): Node {
  const { cpu = '4', memory = '8Gi', pods = '110', extra = {}, labels = {}, taints, spec = {} } = sketch;
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name,
      uid: `node-${name}`,
      resourceVersion: '1',
      creationTimestamp: '2026-01-01T00:00:00Z',
      labels: { 'kubernetes.io/hostname': name, ...labels },
    },
    spec: { ...spec, ...(taints ? { taints } : {}) },
    status: { allocatable: { cpu, memory, pods, 'ephemeral-storage': '100Gi', ...extra } },
  };
}

export interface PodSketch {
  requests?: Record<string, string>;
  spec?: Partial<PodSpec>;
  owner?: string;
  created?: string;
  hostPort?: number;
  labels?: Record<string, string>;
}

export function pod(name: string, sketch: PodSketch = {}): Pod {
  const { requests, spec = {}, owner, created = '2026-01-01T00:00:00Z', hostPort, labels } = sketch;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: 'default',
      uid: `pod-${name}`,
      resourceVersion: '1',
      creationTimestamp: created,
      generation: 1,
      ...(labels ? { labels } : {}),
      ...(owner
        ? {
            ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: owner, uid: owner, controller: true }],
          }
        : {}),
    },
    spec: {
      schedulerName: 'default-scheduler',
      containers: [
        {
          name: 'c',
          ...(requests ? { resources: { requests } } : {}),
          ...(hostPort ? { ports: [{ containerPort: hostPort, hostPort, protocol: 'TCP' as const }] } : {}),
        },
      ],
      ...spec,
    },
    status: { phase: 'Pending' },
  };
}
