// Resizing pods on real containers: what the kernel holds them to, and what is said of it.
import path from 'node:path';
import { expect, test } from 'vitest';
import type { Event, Pod, ResourceRequirements } from '../src/generated/schemas/core-v1.ts';
import { firstProcess, type KernelLimits, limitsOf } from './testing/cgroups.ts';
import {
  forever,
  gone,
  host,
  logsOf,
  onContainerd,
  plane,
  pod,
  restartAgent,
  running,
  sh,
  statusOf,
  until,
} from './testing/on-containerd.ts';

const Mi = 1 << 20;
const resources = (cpu: string, memory: string): ResourceRequirements => ({
  requests: { cpu, memory },
  limits: { cpu: `${Number.parseInt(cpu, 10) * 2}m`, memory },
});

const read = (name: string): Pod => plane.get<Pod>('pods', 'default', name)!;

function resize(name: string, changes: Record<string, ResourceRequirements>): void {
  const old = read(name);
  const containers = old.spec.containers.map((c) => ({ ...c, resources: changes[c.name] ?? c.resources ?? {} }));
  const generation = (old.metadata.generation ?? 0) + 1;
  plane.put('pods', { ...old, metadata: { ...old.metadata, generation }, spec: { ...old.spec, containers } });
}

const podCgroup = (name: string): string =>
  `${path.basename(host.directory)}-kubepods/burstable/pod${read(name).metadata.uid}`;
const containerOf = (name: string, i = 0) => statusOf(name).containerStatuses![i]!;
const containerCgroup = (name: string, i = 0): string =>
  `${podCgroup(name)}/${containerOf(name, i).containerID!.split('//')[1]}`;
const limits = (shares: number, quotaUs: number, memoryMi: number): KernelLimits => ({
  shares,
  quotaUs,
  memoryBytes: memoryMi * Mi,
});
const condition = (name: string, type: string) => statusOf(name).conditions?.find((c) => c.type === type);
const inForce = (name: string, wanted: ResourceRequirements, i = 0): Promise<unknown> =>
  until(
    `${name} resized`,
    () =>
      JSON.stringify(containerOf(name, i).resources) === JSON.stringify(wanted) &&
      !condition(name, 'PodResizeInProgress') &&
      !condition(name, 'PodResizePending'),
  );
const events = (name: string): [string, string][] =>
  (plane.events as unknown as Event[])
    .filter((e) => e.involvedObject.name === name && e.reason?.startsWith('Resize'))
    .map((e) => [e.reason ?? '', e.message ?? '']);

onContainerd('resizing on containerd', () => {
  test('limits go up and down under a running container, and its pod with it', async () => {
    plane.put('pods', pod('size', { containers: [sh('web', forever, { resources: resources('100m', '64Mi') })] }));
    await running('size');
    const before = containerOf('size');
    expect(before).toMatchObject({ resources: resources('100m', '64Mi'), allocatedResources: { cpu: '100m' } });
    for (const [cpu, memory, expected] of [
      ['200m', '128Mi', limits(204, 40_000, 128)],
      ['50m', '32Mi', limits(51, 10_000, 32)],
    ] as const) {
      resize('size', { web: resources(cpu, memory) });
      await inForce('size', resources(cpu, memory));
      expect(limitsOf(containerCgroup('size'))).toEqual(expected);
      expect(limitsOf(podCgroup('size'))).toEqual(expected);
      expect(containerOf('size')).toMatchObject({
        containerID: before.containerID,
        restartCount: 0,
        ready: true,
        allocatedResources: { cpu, memory },
      });
    }
    expect(statusOf('size').observedGeneration).toBe(3);
    const summary = (cpu: string, limit: string, memory: string, generation: number): string =>
      `{"containers":[{"name":"web","resources":{"limits":{"cpu":"${limit}","memory":"${memory}"},"requests":{"cpu":"${cpu}","memory":"${memory}"}}}],"generation":${generation}}`;
    await until('events', () => events('size').length === 4);
    expect(events('size')).toEqual([
      ['ResizeStarted', `Pod resize started: ${summary('200m', '400m', '128Mi', 2)}`],
      ['ResizeCompleted', `Pod resize completed: ${summary('200m', '400m', '128Mi', 2)}`],
      ['ResizeStarted', `Pod resize started: ${summary('50m', '100m', '32Mi', 3)}`],
      ['ResizeCompleted', `Pod resize completed: ${summary('50m', '100m', '32Mi', 3)}`],
    ]);
    await gone('size');
  });

  test('a container whose policy says so is restarted with the new limits, its neighbour is not', async () => {
    const resizePolicy = [
      { resourceName: 'cpu', restartPolicy: 'NotRequired' },
      { resourceName: 'memory', restartPolicy: 'RestartContainer' },
    ];
    plane.put(
      'pods',
      pod('policy', {
        restartPolicy: 'OnFailure',
        containers: [
          sh('a', forever, { resources: resources('100m', '64Mi'), resizePolicy }),
          sh('b', forever, { resources: resources('100m', '64Mi') }),
        ],
      }),
    );
    await running('policy');
    const [a, b] = [containerOf('policy', 0), containerOf('policy', 1)];
    resize('policy', { a: resources('200m', '64Mi') });
    await inForce('policy', resources('200m', '64Mi'));
    expect(containerOf('policy').containerID).toBe(a.containerID);
    resize('policy', { a: resources('800m', '128Mi') });
    await inForce('policy', resources('800m', '128Mi'));
    await running('policy');
    expect(containerOf('policy', 0)).toMatchObject({
      restartCount: 1,
      resources: resources('800m', '128Mi'),
      lastState: { terminated: { containerID: a.containerID, exitCode: 0 } },
    });
    expect(containerOf('policy', 1).containerID).toBe(b.containerID);
    expect(limitsOf(containerCgroup('policy'))).toEqual(limits(819, 160_000, 128));
    expect(limitsOf(podCgroup('policy'))).toEqual(limits(921, 180_000, 192));
    await gone('policy');
  });

  test('what never fits is infeasible, what does not fit now waits for its turn', async () => {
    plane.put('pods', pod('large', { containers: [sh('web', forever, { resources: resources('2000m', '64Mi') })] }));
    plane.put('pods', pod('small', { containers: [sh('web', forever, { resources: resources('100m', '64Mi') })] }));
    await Promise.all([running('large'), running('small')]);
    const id = containerOf('small').containerID;
    resize('small', { web: resources('40000m', '64Mi') });
    await until('infeasible', () => condition('small', 'PodResizePending'));
    expect(condition('small', 'PodResizePending')).toMatchObject({
      status: 'True',
      reason: 'Infeasible',
      message: "Node didn't have enough capacity: cpu, requested: 40000, capacity: 4000",
      observedGeneration: 2,
    });
    expect(condition('small', 'PodResizeInProgress')).toBeUndefined();
    expect(containerOf('small')).toMatchObject({
      resources: resources('100m', '64Mi'),
      allocatedResources: { cpu: '100m', memory: '64Mi' },
    });
    resize('small', { web: resources('3000m', '64Mi') });
    await until('deferred', () => condition('small', 'PodResizePending')?.reason === 'Deferred');
    expect(condition('small', 'PodResizePending')).toMatchObject({
      message: "Node didn't have enough resource: cpu, requested: 3000, used: 2000, capacity: 4000",
      observedGeneration: 3,
    });
    // What has not been told yet ends with the agent.
    await until('events', () => events('small').length === 2);
    await restartAgent();
    await running('small');
    expect(condition('small', 'PodResizePending')?.reason).toBe('Deferred');
    expect(containerOf('small').resources).toEqual(resources('100m', '64Mi'));
    expect(limitsOf(containerCgroup('small')).quotaUs).toBe(20_000);
    await gone('large');
    await inForce('small', resources('3000m', '64Mi'));
    expect(limitsOf(containerCgroup('small'))).toEqual(limits(3072, 600_000, 64));
    expect(containerOf('small')).toMatchObject({ containerID: id, restartCount: 0 });
    await until('events', () => events('small').length === 4);
    expect(events('small').map(([reason]) => reason)).toEqual([
      'ResizeInfeasible',
      'ResizeDeferred',
      'ResizeStarted',
      'ResizeCompleted',
    ]);
    await gone('small');
  });

  test('memory that is in use is not taken away, until it is free', async () => {
    const script = `trap "rm /tmp/m" USR1; trap "exit 0" TERM; dd if=/dev/zero of=/tmp/m bs=1M count=48; echo in use; while :; do sleep 1000 & wait $!; done`;
    plane.put(
      'pods',
      pod('full', {
        volumes: [{ name: 'tmp', emptyDir: { medium: 'Memory' } }],
        containers: [
          sh('web', script, {
            resources: resources('100m', '128Mi'),
            volumeMounts: [{ name: 'tmp', mountPath: '/tmp' }],
          }),
        ],
      }),
    );
    await running('full');
    for (let i = 0; i < 400 && !(await logsOf('full', 'web')).endsWith('in use\n'); i++);
    resize('full', { web: resources('200m', '32Mi') });
    const failed = await until('refused', () => {
      const c = condition('full', 'PodResizeInProgress');
      return c?.reason === 'Error' && c;
    });
    expect(failed.message).toMatch(
      /^cannot decrease memory limits: \[attempting to set pod memory limit \(33554432\) below current usage \(\d+\), attempting to set container "web" memory limit \(33554432\) below current usage \(\d+\)\]$/,
    );
    expect(failed).toMatchObject({ status: 'True', observedGeneration: 2 });
    expect(containerOf('full')).toMatchObject({
      resources: resources('100m', '128Mi'),
      allocatedResources: { cpu: '200m', memory: '32Mi' },
    });
    await until('event', () => events('full').some(([reason]) => reason === 'ResizeError'));
    await restartAgent();
    expect(limitsOf(containerCgroup('full'))).toEqual(limits(102, 20_000, 128));
    process.kill(firstProcess(containerCgroup('full')), 'SIGUSR1');
    await inForce('full', resources('200m', '32Mi'));
    expect(limitsOf(containerCgroup('full'))).toEqual(limits(204, 40_000, 32));
    expect(containerOf('full').restartCount).toBe(0);
    await gone('full');
  });
});
