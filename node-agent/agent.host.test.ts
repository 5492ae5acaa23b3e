// The whole agent on real containers, against a stand-in for the control plane.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Event, Pod, PodSpec, PodStatus } from '../src/generated/schemas/core-v1.ts';
import { Agent } from './agent.ts';
import { ContainerdRuntime } from './cri/containerd.ts';
import type { Stream } from './link/streams.ts';
import { noNetwork } from './network-none.ts';
import { thisMachine } from './node-status.ts';
import { gateOf, systemRandom, systemTimers } from './platform.ts';
import { NodeProber } from './probes/probe.ts';
import { KernelCgroups } from './resources/cgroups.ts';
import { FakeControlPlane } from './testing/control-plane.ts';
import { type Host, missing, startHost, testImage } from './testing/host.ts';
import { DiskVolumes } from './volumes/manager.ts';

const why = missing();
if (why) process.stderr.write(`skipped: the agent on real containers: ${why}\n`);

let host: Host;
let plane: FakeControlPlane;
let agent: Agent;
let received: { id: string; data: Buffer; status?: unknown; ended: boolean }[] = [];
const log = { debug: () => {}, info: () => {}, warn: note('warn'), error: note('error') };

function note(level: string) {
  return (message: string, fields?: Record<string, unknown>): void => {
    if (process.env.AGENT_LOG) process.stderr.write(`${level} ${message} ${JSON.stringify(fields)}\n`);
  };
}

function buildAgent(): Agent {
  const runtime = new ContainerdRuntime(host.socket);
  const stateDir = path.join(host.directory, 'agent');
  return new Agent({
    config: {
      nodeName: 'n1',
      url: 'https://control.invalid',
      stateDir,
      runDir: stateDir,
      bootstrapToken: 't',
      address: '127.0.0.1',
      networkId: 'test',
      capacity: { cpu: '4', memory: '4Gi' },
    },
    nodeName: 'n1',
    stateDir,
    runtime,
    volumes: new DiskVolumes(path.join(stateDir, 'pods'), () => Date.now()),
    cgroups: new KernelCgroups(`${path.basename(host.directory)}-kubepods`),
    prober: new NodeProber(runtime),
    network: () => noNetwork,
    machine: async () => thisMachine({ bytes: 1e11, freeBytes: 5e10 }),
    hostDns: { servers: [], searches: [], options: [] },
    fetch: plane.fetch,
    dial: () => async (id) => {
      const entry: (typeof received)[number] = { id, data: Buffer.alloc(0), ended: false };
      received.push(entry);
      return {
        signal: new AbortController().signal,
        write: async (data) => {
          entry.data = Buffer.concat([entry.data, data]);
          return true;
        },
        end: (status) => Object.assign(entry, { status, ended: true }),
      } satisfies Stream;
    },
    timers: systemTimers,
    random: systemRandom,
    log,
    gate: gateOf(10),
  });
}

let serial = 0;
function pod(name: string, spec: Partial<PodSpec>, more: Partial<Pod['metadata']> = {}): Pod {
  const uid = `00000000-0000-4000-8000-${String(++serial).padStart(12, '0')}`;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: 'default',
      uid,
      resourceVersion: '1',
      creationTimestamp: new Date().toISOString(),
      generation: 1,
      ...more,
    },
    spec: { nodeName: 'n1', restartPolicy: 'Always', terminationGracePeriodSeconds: 5, containers: [], ...spec },
    status: {},
  };
}

const sh = (name: string, script: string, more: object = {}): PodSpec['containers'][number] => ({
  name,
  image: testImage,
  imagePullPolicy: 'IfNotPresent',
  command: ['/bin/sh', '-c', script],
  ...more,
});
const forever = 'trap "exit 0" TERM; while :; do sleep 1000 & wait $!; done';
const statusOf = (name: string): PodStatus => plane.get<Pod>('pods', 'default', name)?.status ?? {};

async function until<T>(what: string, probe: () => T | undefined | false | null, timeoutMs = 20_000): Promise<T> {
  const start = Date.now();
  for (;;) {
    const value = probe();
    if (value) return value;
    if (Date.now() - start > timeoutMs) throw new Error(`timed out: ${what}`);
    await new Promise((r) => setTimeout(r, 5));
  }
}

const running = (name: string): Promise<PodStatus> =>
  until(
    `${name} running: ${JSON.stringify(statusOf(name))}`,
    () =>
      statusOf(name).phase === 'Running' && statusOf(name).containerStatuses?.every((c) => c.ready) && statusOf(name),
  );

const gone = async (name: string, graceSeconds = 5): Promise<void> => {
  plane.deletePod('default', name, graceSeconds);
  await until(`${name} gone`, () => !plane.get('pods', 'default', name));
};

const logsOf = async (podName: string, container: string, options: Record<string, string> = {}): Promise<string> => {
  const id = `s${++serial}`;
  plane.streams.push({
    id,
    kind: 'log',
    namespace: 'default',
    pod: podName,
    podUid: plane.get<Pod>('pods', 'default', podName)!.metadata.uid,
    container,
    options,
  });
  plane.wake();
  const entry = await until('log stream', () => received.find((r) => r.id === id && r.ended));
  return entry.data.toString();
};

const reasons = (name: string): string[] =>
  (plane.events as unknown as Event[]).filter((e) => e.involvedObject.name === name).map((e) => e.reason ?? '');

describe.skipIf(why !== undefined)('the agent on containerd', () => {
  beforeAll(async () => {
    host = await startHost();
    plane = new FakeControlPlane();
    received = [];
    agent = buildAgent();
    await agent.start();
  });

  afterAll(async () => {
    await agent?.stop();
    await host?.stop();
  });

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
    expect(status.podIP).toMatch(/^10\.244\.250\./);
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

  test('a killed container is back within half a second, then backs off', async () => {
    plane.put('pods', pod('killed', { containers: [sh('web', forever)] }));
    const before = (await running('killed')).containerStatuses![0]!;
    const killTask = (id: string): void =>
      void execFileSync('ctr', [
        '-a',
        host.socket,
        '-n',
        'k8s.io',
        'tasks',
        'kill',
        '-s',
        'SIGKILL',
        id.split('//')[1]!,
      ]);
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
    expect(took).toBeLessThan(1500);
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
    const text = await until('log', () => true).then(async () => {
      await new Promise((r) => setTimeout(r, 300));
      return logsOf('vol', 'web');
    });
    expect(text).toMatch(/^ready\noneword x-\$\(A\) vol\ntoken-default10\.244\.250\.\d+\tvol\n1000\n$/);
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
                timeoutSeconds: 1,
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
    const messages = (plane.events as unknown as Event[])
      .filter((e) => e.involvedObject.name === 'probed')
      .map((e) => e.message);
    expect(messages).toContain('Container web failed liveness probe, will be restarted');
    expect(messages.some((m) => m?.startsWith("Liveness probe failed: cat: can't open '/tmp/live'"))).toBe(true);
    await Promise.all(['probed', 'job', 'bad', 'conf', 'exec'].map((n) => gone(n)));
  });

  test('a restart of the agent or of containerd touches no container; the control plane may be away', async () => {
    plane.put(
      'pods',
      pod('stay', {
        containers: [sh('web', forever, { readinessProbe: { exec: { command: ['true'] }, periodSeconds: 1 } })],
      }),
    );
    const { containerID } = (await running('stay')).containerStatuses![0]!;
    plane.away = true;
    await agent.stop();
    agent = buildAgent();
    await agent.start();
    // Away from the control plane it still heals.
    execFileSync('ctr', [
      '-a',
      host.socket,
      '-n',
      'k8s.io',
      'tasks',
      'kill',
      '-s',
      'SIGKILL',
      containerID!.split('//')[1]!,
    ]);
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
    await agent.stop();
    agent = buildAgent();
    await agent.start();
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
    plane.put('pods', pod('drain', { containers: [sh('web', forever)] }));
    await running('drain');
    const { uid } = plane.get<Pod>('pods', 'default', 'drain')!.metadata;
    plane.deletePod('default', 'drain', 5);
    await new Promise((r) => setTimeout(r, 700));
    expect(agent.pods.worker(uid)?.state.containers.values().next().value?.state).toBe('running');
    plane.drained.push(uid);
    plane.wake();
    const start = Date.now();
    await until('gone', () => !plane.get('pods', 'default', 'drain'));
    expect(Date.now() - start).toBeLessThan(1500);
  });
});
