// A pod of one container `a` in its sandbox, as the planner sees it: what tests of pure parts begin with.
import type { Pod, PodSpec } from '../../src/generated/schemas/core-v1.ts';
import type { Seen } from '../pods/seen.ts';
import type { ContainerRecord, Sandbox } from '../runtime.ts';

export const now = 1_700_000_000_000;

export function pod(spec: Partial<PodSpec> = {}): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: 'p',
      namespace: 'd',
      uid: 'u',
      resourceVersion: '1',
      creationTimestamp: '2026-01-01T00:00:00Z',
      generation: 1,
    },
    spec: { containers: [{ name: 'a', image: 'i' }], restartPolicy: 'Always', ...spec },
    status: {},
  };
}

export const sandbox = (more: Partial<Sandbox> = {}): Sandbox => ({
  id: 's0',
  podUid: 'u',
  podName: 'p',
  podNamespace: 'd',
  attempt: 0,
  ready: true,
  createdAtMs: now,
  ips: ['10.0.0.2'],
  ...more,
});

export const record = (name: string, more: Partial<ContainerRecord> = {}): ContainerRecord => ({
  id: `${name}-${more.attempt ?? 0}`,
  sandboxId: 's0',
  podUid: 'u',
  name,
  attempt: 0,
  state: 'running',
  createdAtMs: now,
  startedAtMs: now,
  finishedAtMs: 0,
  exitCode: 0,
  reason: '',
  message: '',
  image: 'i',
  imageRef: 'sha256:x',
  annotations: {},
  ...more,
});
export const exited = (name: string, exitCode: number, more: Partial<ContainerRecord> = {}): ContainerRecord =>
  record(name, { state: 'exited', exitCode, finishedAtMs: now, reason: exitCode ? 'Error' : 'Completed', ...more });

export function seen(more: Partial<Seen> = {}): Seen {
  const containers = more.containers ?? [];
  return {
    pod: pod(),
    nowMs: now,
    sandboxes: [sandbox()],
    containers,
    memory: new Map(containers.map((c) => [c.id, { started: true, ready: true }])),
    busy: new Set(),
    volumesMounted: true,
    volumesStale: false,
    released: false,
    imagesReady: new Set(['a', 'b', 'i1', 'i2']),
    retryAtMs: new Map(),
    backoffs: new Map(),
    waiting: new Map(),
    ...more,
  };
}
