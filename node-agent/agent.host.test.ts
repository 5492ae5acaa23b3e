// Pods on real containers: life, death, volumes, probes.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import type { Event, Pod } from '../src/generated/schemas/core-v1.ts';
import { testImage } from './testing/host.ts';
import {
  forever,
  gone,
  host,
  killTask,
  logsOf,
  onContainerd,
  plane,
  pod,
  reasons,
  running,
  sh,
  statusOf,
  until,
} from './testing/on-containerd.ts';

onContainerd('the agent on containerd', () => {
  test('a pod runs, says so as the kubelet would, and goes without a trace', async () => {
    const start = Date.now();
    plane.put(
      'pods',
      pod('first', {
        containers: [
          sh('web', forever, {
            resources: { requests: { cpu: '100m', memory: '32Mi' }, limits: { cpu: '200m', memory: '64Mi' } },
          }),
        ],
      }),
    );
    const status = await running('first');
    process.stderr.write(`create to Running: ${Date.now() - start} ms\n`);
    expect(status.podIP).toMatch(/^10\.244\.\d+\./);
    expect(status.conditions?.map((c) => [c.type, c.status])).toEqual([
      ['PodReadyToStartContainers', 'True'],
      ['Initialized', 'True'],
      ['Ready', 'True'],
      ['ContainersReady', 'True'],
      ['PodScheduled', 'True'],
    ]);
    expect(status.containerStatuses?.[0]).toMatchObject({
      name: 'web',
      ready: true,
      started: true,
      restartCount: 0,
      image: testImage,
      containerID: expect.stringMatching(/^containerd:\/\/[0-9a-f]{64}$/),
      state: { running: { startedAt: expect.any(String) } },
    });
    expect(status.qosClass).toBe('Burstable');
    const { uid } = plane.get<Pod>('pods', 'default', 'first')!.metadata;
    const cgroup = `/sys/fs/cgroup/cpu/${path.basename(host.directory)}-kubepods/burstable/pod${uid}`;
    if (existsSync('/sys/fs/cgroup/cpu')) {
      expect(readFileSync(`${cgroup}/cpu.shares`, 'utf8').trim()).toBe('102');
      expect(readFileSync(`${cgroup}/cpu.cfs_quota_us`, 'utf8').trim()).toBe('20000');
    }
    await until('events', () => reasons('first').includes('Started'));
    expect(reasons('first')).toEqual(['Pulled', 'Created', 'Started']);
    await gone('first');
    expect(plane.writes.filter((w) => w.type === 'podStatus' && w.uid === uid).at(-1)).toMatchObject({
      status: {
        phase: 'Succeeded',
        containerStatuses: [{ state: { terminated: { exitCode: 0, reason: 'Completed' } } }],
      },
    });
    expect(existsSync(cgroup)).toBe(false);
    expect(readdirSync(path.join(host.directory, 'agent', 'pods'))).not.toContain(uid);
  });

  test('a killed container is back at once, then backs off', async () => {
    plane.put('pods', pod('killed', { containers: [sh('web', forever)] }));
    const before = (await running('killed')).containerStatuses![0]!;
    const start = Date.now();
    killTask(before.containerID!);
    const after = await until(
      'restart',
      () =>
        statusOf('killed').containerStatuses?.[0]?.restartCount === 1 &&
        statusOf('killed').containerStatuses?.[0]?.ready &&
        statusOf('killed').containerStatuses![0],
    );
    const took = Date.now() - start;
    process.stderr.write(`killed to running again: ${took} ms\n`);
    expect(after.lastState?.terminated).toMatchObject({ exitCode: 137, reason: 'Error' });
    // Of the ten seconds of a back-off it waited none.
    expect(took).toBeLessThan(8000);
    killTask(after.containerID!);
    const waiting = await until('back-off', () => statusOf('killed').containerStatuses?.[0]?.state?.waiting);
    const { uid } = plane.get<Pod>('pods', 'default', 'killed')!.metadata;
    expect(waiting).toEqual({
      reason: 'CrashLoopBackOff',
      message: `back-off 10s restarting failed container=web pod=killed_default(${uid})`,
    });
    await gone('killed');
  });

  test('init containers, volumes, environment, logs', async () => {
    plane.put('configmaps', {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'cm', namespace: 'default' },
      data: { key: 'one' },
    });
    plane.put('secrets', {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'sec', namespace: 'default' },
      data: { pass: Buffer.from('word').toString('base64') },
    });
    plane.put(
      'pods',
      pod('vol', {
        initContainers: [sh('setup', 'echo ready > /shared/flag')],
        containers: [
          sh(
            'web',
            `cat /shared/flag /cm/key /sec/pass; echo " $MSG $POD"; cat /token/token; ls -l /etc/hosts >/dev/null && grep vol /etc/hosts; id -u; ${forever}`,
            {
              env: [
                { name: 'A', value: 'x' },
                { name: 'MSG', value: '$(A)-$$(A)' },
                { name: 'POD', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
              ],
              volumeMounts: [
                { name: 'shared', mountPath: '/shared' },
                { name: 'cm', mountPath: '/cm' },
                { name: 'sec', mountPath: '/sec' },
                { name: 'token', mountPath: '/token' },
              ],
              securityContext: { runAsUser: 1000 },
            },
          ),
        ],
        volumes: [
          { name: 'shared', emptyDir: {} },
          { name: 'cm', configMap: { name: 'cm' } },
          { name: 'sec', secret: { secretName: 'sec' } },
          { name: 'token', projected: { sources: [{ serviceAccountToken: { path: 'token' } }] } },
          { name: 'info', downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] } },
        ],
      }),
    );
    const mount = plane.get<Pod>('pods', 'default', 'vol')!;
    mount.spec!.initContainers![0]!.volumeMounts = [{ name: 'shared', mountPath: '/shared' }];
    plane.put('pods', mount);
    const status = await running('vol');
    expect(status.initContainerStatuses?.[0]).toMatchObject({
      ready: true,
      state: { terminated: { exitCode: 0, reason: 'Completed' } },
    });
    let text = '';
    // It runs before it has said all.
    for (let i = 0; i < 400 && !text.endsWith('\n1000\n'); i++) text = await logsOf('vol', 'web');
    expect(text).toMatch(/^ready\noneword x-\$\(A\) vol\ntoken-default10\.244\.\d+\.\d+\tvol\n1000\n$/);
    expect(await logsOf('vol', 'web', { tailLines: '1' })).toBe('1000\n');
    plane.put('configmaps', {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'cm', namespace: 'default' },
      data: { key: 'two' },
    });
    const { uid } = plane.get<Pod>('pods', 'default', 'vol')!.metadata;
    const file = path.join(host.directory, 'agent', 'pods', uid, 'volumes/kubernetes.io~configmap/cm/key');
    await until('update of the volume', () => readFileSync(file, 'utf8') === 'two');
    const labelled = plane.get<Pod>('pods', 'default', 'vol')!;
    plane.put('pods', { ...labelled, metadata: { ...labelled.metadata, labels: { tier: 'front' } } });
    const labels = path.join(host.directory, 'agent', 'memory', uid, 'volumes/kubernetes.io~downward-api/info/labels');
    await until('update of the labels', () => readFileSync(labels, 'utf8') === 'tier="front"');
    await gone('vol');
  });

  test('probes, hooks, termination messages, jobs', async () => {
    plane.put(
      'pods',
      pod('probed', {
        containers: [
          sh(
            'web',
            'echo ok > /tmp/live; sleep 3; rm /tmp/live; trap "exit 0" TERM; while :; do sleep 1000 & wait $!; done',
            {
              livenessProbe: {
                exec: { command: ['cat', '/tmp/live'] },
                periodSeconds: 1,
                failureThreshold: 1,
                timeoutSeconds: 10,
              },
            },
          ),
        ],
      }),
    );
    plane.put(
      'pods',
      pod('job', { restartPolicy: 'Never', containers: [sh('run', 'echo -n bye > /dev/termination-log; exit 3')] }),
    );
    plane.put(
      'pods',
      pod('bad', { containers: [sh('web', 'true', { image: 'tiffin.dev/absent:1', imagePullPolicy: 'Never' })] }),
    );
    plane.put(
      'pods',
      pod('conf', {
        containers: [
          sh('web', 'true', { env: [{ name: 'X', valueFrom: { configMapKeyRef: { name: 'nope', key: 'k' } } }] }),
        ],
      }),
    );
    plane.put(
      'pods',
      pod('exec', { restartPolicy: 'Never', containers: [{ name: 'web', image: testImage, command: ['/no/such'] }] }),
    );
    await until('job', () => statusOf('job').phase === 'Failed');
    expect(statusOf('job').containerStatuses?.[0]?.state?.terminated).toMatchObject({
      exitCode: 3,
      reason: 'Error',
      message: 'bye',
    });
    await until('never', () => statusOf('bad').containerStatuses?.[0]?.state?.waiting?.reason === 'ErrImageNeverPull');
    expect(statusOf('bad').phase).toBe('Pending');
    await until(
      'config error',
      () => statusOf('conf').containerStatuses?.[0]?.state?.waiting?.reason === 'CreateContainerConfigError',
    );
    expect(statusOf('conf').containerStatuses?.[0]?.state?.waiting?.message).toBe('configmap "nope" not found');
    await until(
      'start error',
      () => statusOf('exec').containerStatuses?.[0]?.state?.terminated?.reason === 'StartError',
    );
    await until('liveness', () => statusOf('probed').containerStatuses?.[0]?.restartCount === 1);
    const messages = (): (string | undefined)[] =>
      (plane.events as unknown as Event[]).filter((e) => e.involvedObject.name === 'probed').map((e) => e.message);
    // Events follow a little later.
    await until('what ended it', () => messages().includes('Container web failed liveness probe, will be restarted'));
    expect(messages().some((m) => m?.startsWith("Liveness probe failed: cat: can't open '/tmp/live'"))).toBe(true);
    await Promise.all(['probed', 'job', 'bad', 'conf', 'exec'].map((n) => gone(n)));
  });
});
