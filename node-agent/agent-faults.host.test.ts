// The agent on real containers when something around it goes: itself, containerd, the control plane.
import { expect, test } from 'vitest';
import type { Pod, PodStatus } from '../src/generated/schemas/core-v1.ts';
import { ContainerdRuntime } from './cri/containerd.ts';
import {
  agent,
  forever,
  gone,
  host,
  killTask,
  onContainerd,
  plane,
  pod,
  restartAgent,
  running,
  sh,
  statusOf,
  until,
} from './testing/on-containerd.ts';

onContainerd('the agent on containerd, disturbed', () => {
  test('a restart of the agent or of containerd touches no container; the control plane may be away', async () => {
    plane.put(
      'pods',
      pod('stay', {
        containers: [sh('web', forever, { readinessProbe: { exec: { command: ['true'] }, periodSeconds: 1 } })],
      }),
    );
    const { containerID } = (await running('stay')).containerStatuses![0]!;
    plane.away = true;
    await restartAgent();
    // Away from the control plane it still heals.
    killTask(containerID!);
    const { uid } = plane.get<Pod>('pods', 'default', 'stay')!.metadata;
    await until('restart while away', () =>
      [...(agent.pods.worker(uid)?.state.containers.values() ?? [])].some(
        (c) => c.attempt === 1 && c.state === 'running',
      ),
    );
    plane.away = false;
    const second = await until(
      'report after return',
      () =>
        statusOf('stay').containerStatuses?.[0]?.restartCount === 1 &&
        statusOf('stay').containerStatuses?.[0]?.ready &&
        statusOf('stay').containerStatuses![0],
    );
    const seen = plane.writes.length;
    await restartAgent();
    await new Promise((r) => setTimeout(r, 1500));
    expect(
      plane.writes
        .slice(seen)
        .filter(
          (w) =>
            w.type === 'podStatus' &&
            (w.status as PodStatus).conditions?.some((c) => c.type === 'Ready' && c.status === 'False'),
        ),
    ).toEqual([]);
    await host.restart();
    await new Promise((r) => setTimeout(r, 1500));
    expect(statusOf('stay').containerStatuses?.[0]?.containerID).toBe(second.containerID);
    await gone('stay');
    const left = await new ContainerdRuntime(host.socket).list();
    expect(left).toEqual({ sandboxes: [], containers: [] });
  });

  test('SIGTERM waits until no node routes to a Ready pod, and no longer than two seconds', async () => {
    for (const name of ['drain', 'held']) plane.put('pods', pod(name, { containers: [sh('web', forever)] }));
    await Promise.all(['drain', 'held'].map(running));
    const { uid } = plane.get<Pod>('pods', 'default', 'drain')!.metadata;
    const start = Date.now();
    plane.deletePod('default', 'drain', 30);
    plane.deletePod('default', 'held', 30);
    await new Promise((r) => setTimeout(r, 700));
    expect(agent.pods.worker(uid)?.state.containers.values().next().value?.state).toBe('running');
    plane.drained.push(uid);
    plane.wake();
    await until('gone', () => !plane.get('pods', 'default', 'drain'));
    // Of which nothing is said: its time begins later, however long an end takes here.
    expect(plane.get('pods', 'default', 'held')).toBeDefined();
    await until('gone, too', () => !plane.get('pods', 'default', 'held'));
    expect(Date.now() - start).toBeGreaterThanOrEqual(2000);
  });
});
