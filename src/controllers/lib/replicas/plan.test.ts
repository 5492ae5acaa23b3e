import { describe, expect, it } from 'vitest';
import type { ReplicaSet } from '../../../generated/schemas/apps-v1.ts';
import { at, deployment, meta, pod, startMs } from '../testing.ts';
import { nextAvailabilityMs, planReplicas, statusOf } from './plan.ts';
import { rankForDeletion } from './ranking.ts';

const set = (replicas: number, minReadySeconds = 0): ReplicaSet => ({
  apiVersion: 'apps/v1',
  kind: 'ReplicaSet',
  metadata: meta('web-1'),
  spec: { replicas, minReadySeconds, selector: { matchLabels: { app: 'web' } }, template: deployment().spec.template },
  status: { replicas: 0 },
});
const nowMs = startMs + 1000_000;

describe('the order of deletion', () => {
  it.each([
    ['unassigned before assigned', pod('a', {}), pod('b', { node: 'n', readySince: 1 })],
    ['pending before running', pod('a', { node: 'n', phase: 'Pending' }), pod('b', { node: 'n' })],
    ['not ready before ready', pod('z', { node: 'n' }), pod('b', { node: 'n', readySince: 1 })],
    [
      'cheap before dear',
      pod('z', { node: 'n', readySince: 1, annotations: { 'controller.kubernetes.io/pod-deletion-cost': '-5' } }),
      pod('b', { node: 'n', readySince: 1 }),
    ],
    [
      'ready for a short time before ready for long',
      pod('z', { node: 'n', readySince: 990 }),
      pod('b', { node: 'n', readySince: 1 }),
    ],
    [
      'often restarted before calm',
      pod('z', { node: 'n', readySince: 1, restarts: 3 }),
      pod('b', { node: 'n', readySince: 1, restarts: 0 }),
    ],
    [
      'young before old',
      pod('z', { node: 'n', readySince: 1, created: 990 }),
      pod('b', { node: 'n', readySince: 1, created: 1 }),
    ],
  ])('%s', (_, first, second) => {
    expect(rankForDeletion([second, first], [], nowMs).map((p) => p.metadata.name)).toEqual([
      first.metadata.name,
      second.metadata.name,
    ]);
  });
  it('takes from the more crowded node, siblings counted', () => {
    const [a, b] = [pod('a', { node: 'n1', readySince: 1 }), pod('z', { node: 'n2', readySince: 1 })];
    expect(rankForDeletion([a, b], [pod('other', { node: 'n2' })], nowMs)[0]).toBe(b);
  });
});

describe('replicas', () => {
  it('makes up for what is missing, finished or ending', () => {
    const pods = [pod('a', { readySince: 1 }), pod('b', { phase: 'Failed' }), pod('c', { deleted: true })];
    const writes = planReplicas(set(3), pods, [], nowMs);
    expect(writes.map(({ verb }) => verb)).toEqual(['create', 'create']);
    expect(writes[0]).toMatchObject({
      object: {
        metadata: {
          generateName: 'web-1-',
          labels: { app: 'web' },
          ownerReferences: [{ controller: true, blockOwnerDeletion: true, uid: 'uid-web-1' }],
        },
      },
    });
  });
  it('does nothing while it is itself deleted', () => {
    const deleted = { ...set(3), metadata: meta('web-1', { deletionTimestamp: at(0) }) };
    expect(planReplicas(deleted, [], [], nowMs)).toEqual([]);
  });
  it('works in bursts', () => {
    expect(planReplicas(set(2000), [], [], nowMs)).toHaveLength(500);
  });
});

describe('status', () => {
  it('leaves zero counts out, as the API does', () => {
    expect(statusOf(set(0), [], undefined, nowMs)).toEqual({
      replicas: 0,
      observedGeneration: 1,
      terminatingReplicas: 0,
    });
  });
  it('counts ready, available and terminating pods, and tells when the next is available', () => {
    const pods = [
      pod('a', { readySince: 1 }),
      pod('b', { readySince: 995, labels: { x: 'y' } }),
      pod('c', { deleted: true }),
    ];
    expect(statusOf(set(2, 10), pods, undefined, nowMs)).toEqual({
      replicas: 2,
      fullyLabeledReplicas: 1,
      readyReplicas: 2,
      availableReplicas: 1,
      observedGeneration: 1,
      terminatingReplicas: 1,
    });
    expect(nextAvailabilityMs(set(2, 10), pods, nowMs)).toBe(5000);
  });
  it('keeps a failure until it has passed', () => {
    const failed = statusOf(set(1), [], { reason: 'FailedCreate', message: 'no' }, nowMs);
    expect(failed.conditions).toEqual([
      { type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message: 'no', lastTransitionTime: at(1000) },
    ]);
    expect(statusOf({ ...set(1), status: failed }, [], undefined, nowMs).conditions).toBeUndefined();
  });
});
