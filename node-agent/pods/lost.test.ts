import { expect, test } from 'vitest';
import type { Pod, PodStatus } from '../../src/generated/schemas/core-v1.ts';
import type { ContainerRecord } from '../runtime.ts';
import { FakeTimers } from '../testing/timers.ts';
import { type Node, newState, type PodContext, seenOf } from './context.ts';
import { lose, recall } from './lost.ts';
import { plan } from './plan.ts';
import { computeStatus } from './status.ts';

const at = '2026-01-01T00:00:00Z';

function context(restartPolicy: 'Always' | 'OnFailure' | 'Never', status: PodStatus): PodContext {
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'p', namespace: 'd', uid: 'u', resourceVersion: '1', creationTimestamp: at },
    spec: { restartPolicy, containers: [{ name: 'a', image: 'i' }] },
    status,
  } as Pod;
  const c: PodContext = { state: newState(pod), node: { timers: new FakeTimers() } as unknown as Node };
  c.state.volumesMounted = true;
  c.state.images.set('a', {} as never);
  c.state.sandboxes = [
    {
      id: 's',
      podUid: 'u',
      podName: 'p',
      podNamespace: 'd',
      attempt: 0,
      ready: true,
      createdAtMs: 0,
      ips: ['10.0.0.2'],
    },
  ];
  return c;
}
const running: PodStatus = {
  phase: 'Running',
  containerStatuses: [
    {
      name: 'a',
      image: 'i',
      imageID: 'x',
      ready: true,
      restartCount: 2,
      containerID: 'containerd://old',
      state: { running: { startedAt: at } },
    },
  ],
};
const statusOf = (c: PodContext) =>
  computeStatus(seenOf(c), { hostIp: '1.1.1.1', old: c.state.status, runtimeName: 'containerd' });

test('after a restart of the machine a container goes on with its next restart', () => {
  const c = context('Always', running);
  recall(c);
  expect(plan(seenOf(c)).actions).toContainEqual(expect.objectContaining({ type: 'startContainer', attempt: 3 }));
  expect(statusOf(c)).toMatchObject({
    phase: 'Running',
    containerStatuses: [
      { restartCount: 2, state: { terminated: { exitCode: 137, reason: 'ContainerStatusUnknown' } } },
    ],
  });
});

test('what must not run again does not, and has failed', () => {
  const c = context('Never', running);
  recall(c);
  expect(plan(seenOf(c)).actions.map((a) => a.type)).toEqual(['stopSandbox']);
  expect(statusOf(c).phase).toBe('Failed');
});

test('what had ended well stays so', () => {
  const terminated = {
    exitCode: 0,
    reason: 'Completed',
    startedAt: at,
    finishedAt: at,
    containerID: 'containerd://old',
  };
  const c = context('OnFailure', {
    ...running,
    containerStatuses: [{ ...running.containerStatuses![0]!, state: { terminated } }],
  });
  recall(c);
  expect(plan(seenOf(c)).actions.map((a) => a.type)).toEqual(['stopSandbox']);
  expect(statusOf(c).phase).toBe('Succeeded');
});

test('a pod that never ran has nothing to recall; a container that is removed from outside counts as ended', () => {
  const c = context('Always', { phase: 'Pending' });
  recall(c);
  expect(c.state.containers.size).toBe(0);
  c.state.containers.set('n', { id: 'n', name: 'a', attempt: 0, state: 'running', sandboxId: 's' } as ContainerRecord);
  lose(c, 'n');
  expect(c.state.containers.get('n')).toMatchObject({ state: 'exited', exitCode: 137, lost: true });
  expect(plan(seenOf(c)).actions).toContainEqual(expect.objectContaining({ type: 'startContainer', attempt: 1 }));
});
