// Debugging pods and nodes as `kubectl debug` does, by the whole agent on real containers.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import type { EphemeralContainer, Event, Pod, PodSpec } from '../src/generated/schemas/core-v1.ts';
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

/** Adds containers to a pod as the API does. */
const attach = (name: string, ...containers: EphemeralContainer[]): void => {
  const before = plane.get<Pod>('pods', 'default', name)!;
  const ephemeralContainers = [...(before.spec!.ephemeralContainers ?? []), ...containers];
  plane.put('pods', { ...before, spec: { ...before.spec!, ephemeralContainers } });
};
const stateOf = (name: string, container: string) =>
  statusOf(name).ephemeralContainerStatuses?.find((s) => s.name === container)?.state ?? {};
const ended = (name: string, container: string) =>
  until(`${container} ended: ${JSON.stringify(statusOf(name))}`, () => stateOf(name, container).terminated);
const waiting = (name: string, container: string, reason: string) =>
  until(`${container} ${reason}`, () => {
    const { waiting } = stateOf(name, container);
    return waiting?.reason === reason && waiting;
  });
const eventsOf = (name: string, container: string): string[] =>
  (plane.events as unknown as Event[])
    .filter(
      (e) => e.involvedObject.name === name && e.involvedObject.fieldPath === `spec.ephemeralContainers{${container}}`,
    )
    .map((e) => `${e.reason}: ${e.message}`);
/** What a container that ends has written. */
const outputOf = async (name: string, container: string): Promise<string> => {
  await ended(name, container);
  return logsOf(name, container);
};
const processes = 'for p in /proc/[0-9]*; do tr "\\0" " " < $p/cmdline; echo; done';

onContainerd('debugging', () => {
  test('a container is added to a pod that runs, sees its target, ends once, and outlives an agent', async () => {
    const volumes: PodSpec['volumes'] = [{ name: 'shared', emptyDir: {} }];
    const volumeMounts = [{ name: 'shared', mountPath: '/shared' }];
    const main = sh('main', `echo there > /shared/file; exec sleep 31337`, { volumeMounts });
    const other = sh('other', 'exec sleep 31338');
    plane.put('pods', pod('web', { containers: [main, other], volumes }));
    const { containerStatuses: before, conditions } = await running('web');

    attach(
      'web',
      {
        ...sh('target', `${processes}; cat /shared/file /proc/1/root/shared/file; echo $WORD`, { volumeMounts }),
        env: [{ name: 'WORD', valueFrom: { configMapKeyRef: { name: 'late', key: 'word' } } }],
        targetContainerName: 'main',
      },
      sh('alone', processes),
      sh('shell', forever, { stdin: true, tty: true }),
    );
    // What only it needs comes with it.
    plane.put('configmaps', { metadata: { name: 'late', namespace: 'default' }, data: { word: 'hello' } });
    const seen = await outputOf('web', 'target');
    expect(seen).toContain('sleep 31337');
    expect(seen).not.toContain('31338');
    expect(seen).toContain('there\nthere\nhello');
    const alone = await outputOf('web', 'alone');
    expect(alone).not.toContain('3133');
    await until('shell', () => stateOf('web', 'shell').running);
    await until('started', () => eventsOf('web', 'target').some((e) => e.startsWith('Started')));
    expect(statusOf('web')).toMatchObject({ phase: 'Running', containerStatuses: before, conditions });

    await restartAgent();
    const shell = statusOf('web').ephemeralContainerStatuses?.find((s) => s.name === 'shell');
    attach('web', sh('after', 'echo after'));
    expect(await outputOf('web', 'after')).toBe('after\n');
    const after = statusOf('web').ephemeralContainerStatuses;
    expect(after?.find((s) => s.name === 'shell')).toEqual(shell);
    expect(after?.map((s) => s.restartCount)).toEqual([0, 0, 0, 0]);
    const told = eventsOf('web', 'target').map((e) => e.split(':')[0]);
    expect(told.filter((reason) => reason !== 'Pulled' && reason !== 'Failed')).toEqual(['Created', 'Started']);
    await gone('web', 1);
  });

  test('what keeps one from starting is said, and the pod runs on', async () => {
    const init = sh('init', 'sleep 1000');
    plane.put('pods', pod('stuck', { initContainers: [init], containers: [sh('main', forever)] }));
    await until('init runs', () => statusOf('stuck').initContainerStatuses?.[0]?.state?.running);
    attach(
      'stuck',
      { ...sh('early', 'true'), targetContainerName: 'main' },
      { ...sh('absent', 'true'), image: 'tiffin.dev/absent:1', imagePullPolicy: 'Never' },
      sh('wrong', '', { command: ['/no/such'] }),
      sh('fine', `${processes}; exit 3`, { terminationMessagePolicy: 'FallbackToLogsOnError' }),
      { ...sh('init-too', processes), targetContainerName: 'init' },
    );
    expect(await waiting('stuck', 'early', 'CreateContainerConfigError')).toMatchObject({
      message: 'unable to find target container main',
    });
    expect(await waiting('stuck', 'absent', 'ErrImageNeverPull')).toMatchObject({
      message: 'Container image "tiffin.dev/absent:1" is not present with pull policy of Never',
    });
    await until('event', () => eventsOf('stuck', 'absent').includes('Failed: Error: ErrImageNeverPull'));
    expect(await ended('stuck', 'wrong')).toMatchObject({ reason: 'StartError', exitCode: 128 });
    expect(await ended('stuck', 'fine')).toMatchObject({ reason: 'Error', exitCode: 3, message: expect.any(String) });
    expect(await outputOf('stuck', 'init-too')).toContain('sleep 1000');
    expect(statusOf('stuck')).toMatchObject({ phase: 'Pending' });
    await gone('stuck', 1);
  });

  test('a target that has ended refuses; a container with more rights than its pod runs', async () => {
    const containers = [sh('main', forever), sh('short', 'sleep 1; exit 1')];
    plane.put('pods', pod('two', { restartPolicy: 'Never', containers }));
    await until('short ended', () => statusOf('two').containerStatuses?.some((s) => s.state?.terminated));
    attach(
      'two',
      { ...sh('late', 'true'), targetContainerName: 'short' },
      sh('root', 'grep CapEff /proc/self/status; mkdir /m; mount -t tmpfs none /m && echo mounted', {
        securityContext: { privileged: true },
      }),
      sh('user', 'id -u', { securityContext: { runAsUser: 7 } }),
      sh('nonroot', 'id -u', { securityContext: { runAsNonRoot: true } }),
    );
    expect(await waiting('two', 'late', 'CreateContainerError')).toMatchObject({
      message: expect.stringContaining('not running'),
    });
    expect(await outputOf('two', 'root')).toContain('mounted');
    expect(await outputOf('two', 'user')).toBe('7\n');
    expect(await waiting('two', 'nonroot', 'CreateContainerConfigError')).toMatchObject({
      message: expect.stringContaining('container has runAsNonRoot and image will run as root'),
    });
    await gone('two', 1);
  });

  test('they neither keep a pod that ends nor hold up its deletion', async () => {
    plane.put(
      'pods',
      pod('job', { restartPolicy: 'Never', containers: [sh('main', 'until [ -e /dev/shm/go ]; do sleep 0.1; done')] }),
    );
    await running('job');
    attach('job', sh('shell', 'touch /dev/shm/go; trap "exit 9" TERM; while :; do sleep 0.1; done'));
    await until('succeeded', () => statusOf('job').phase === 'Succeeded');
    expect(await ended('job', 'shell')).toMatchObject({ exitCode: 9 });
    await gone('job', 1);
  });

  test('a node is looked at from a pod: its processes, network, files, and what is mounted later', async () => {
    const mounts = path.join(host.directory, 'mounts');
    mkdirSync(mounts);
    execFileSync('mount', ['-t', 'tmpfs', 'none', mounts]);
    execFileSync('mount', ['--make-shared', mounts]);
    const script = [
      'for n in pid net ipc; do readlink /proc/self/ns/$n; done',
      'head -n 1 /host/etc/os-release',
      'chroot /host readlink /proc/self/ns/pid',
      'test -c /host/dev/null && echo devices',
      'until [ -e /later/new/file ]; do sleep 0.1; done; echo mounted',
      'mkdir /both/own && mount -t tmpfs none /both/own && touch /both/own/file',
    ].join('; ');
    const volumeMounts = [
      { name: 'host-root', mountPath: '/host' },
      { name: 'mounts', mountPath: '/later', mountPropagation: 'HostToContainer' },
      { name: 'mounts', mountPath: '/both', mountPropagation: 'Bidirectional' },
    ];
    const securityContext = { privileged: true };
    const spec: Partial<PodSpec> = {
      hostPID: true,
      hostIPC: true,
      hostNetwork: true,
      restartPolicy: 'Never',
      tolerations: [{ operator: 'Exists' }],
      volumes: [
        { name: 'host-root', hostPath: { path: '/' } },
        { name: 'mounts', hostPath: { path: mounts } },
      ],
      containers: [sh('debugger', script, { stdin: true, tty: true, securityContext, volumeMounts })],
    };
    try {
      plane.put('pods', pod('node', spec));
      await running('node');
      mkdirSync(path.join(mounts, 'new'));
      execFileSync('mount', ['-t', 'tmpfs', 'none', path.join(mounts, 'new')]);
      writeFileSync(path.join(mounts, 'new/file'), '');
      await until('ended', () => statusOf('node').phase === 'Succeeded');
      const namespaces = ['pid', 'net', 'ipc'].map((n) => readlinkSync(`/proc/self/ns/${n}`));
      const release = readFileSync('/etc/os-release', 'utf8').split('\n')[0];
      const lines = (await logsOf('node', 'debugger')).split(/\r?\n/);
      expect(lines).toEqual([...namespaces, release, namespaces[0], 'devices', 'mounted', '']);
      expect(existsSync(path.join(mounts, 'own/file'))).toBe(true);
      expect(statusOf('node').podIP).toBe(statusOf('node').hostIP);
      await gone('node', 1);
    } finally {
      execFileSync('umount', ['-R', mounts]);
    }
  });

  test('containers of a pod see each other when it says so', async () => {
    // The pattern is not what it looks for: else it would find itself.
    const seesOther = `until (${processes}) | grep '^sleep 3133[9]'; do sleep 0.1; done`;
    const containers = [sh('a', seesOther), sh('b', 'exec sleep 31339')];
    plane.put(
      'pods',
      pod('sharing', {
        shareProcessNamespace: true,
        restartPolicy: 'Never',
        terminationGracePeriodSeconds: 1,
        containers,
      }),
    );
    await until('a ended', () => statusOf('sharing').containerStatuses?.find((s) => s.name === 'a')?.state?.terminated);
    expect(await logsOf('sharing', 'a')).toContain('sleep 31339');
    attach('sharing', sh('late', processes));
    expect(await outputOf('sharing', 'late')).toContain('sleep 31339');
    await gone('sharing', 1);
  });
});
