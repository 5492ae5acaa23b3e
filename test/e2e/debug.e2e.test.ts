// `kubectl debug` as people use it: of a pod, with a copy of it, of a node; every profile, and what is refused.
import { spawn } from 'node:child_process';
import { beforeAll, expect, inject, test } from 'vitest';
import type { ContainerStatus, Pod } from '../../src/generated/schemas/core-v1.ts';
import { apply, cluster, get, items, kubeconfig, kubectl, type Outcome, podReady, tryKubectl, until } from './lib.ts';
import { pod, sh } from './pods.ts';

const image = '--image=tiffin.dev/busybox:1';

cluster('debug', (ns) => {
  const read = (name: string): Promise<Pod> => get<Pod>(`pod ${name} -n ${ns}`);
  const debug = (...args: string[]): Promise<Outcome> => tryKubectl(['debug', '-n', ns, ...args]);
  const logs = (name: string, container: string): Promise<string> => kubectl(`logs ${name} -c ${container} -n ${ns}`);
  const statusOf = async (name: string, container: string): Promise<ContainerStatus | undefined> =>
    (await read(name)).status.ephemeralContainerStatuses?.find((s) => s.name === container);
  /** Adds a container that ends; what it wrote. */
  const ask = async (name: string, container: string, script: string, ...flags: string[]): Promise<string> => {
    const { code, stderr } = await debug(name, image, '-c', container, ...flags, '--', 'sh', '-c', script);
    expect(code, stderr).toBe(0);
    await until(`${container} ended`, async () => (await statusOf(name, container))?.state?.terminated);
    return logs(name, container);
  };

  beforeAll(async () => {
    const containers = [sh('web', 'exec sleep 31337'), sh('other', 'exec sleep 31338')];
    const spec = { terminationGracePeriodSeconds: 1, containers };
    await apply(
      ns,
      pod('web', spec, { labels: { app: 'web' } }),
      pod('victim', spec),
      pod('done', { restartPolicy: 'Never', containers: [sh('web', 'true')] }),
    );
    await kubectl(['wait', 'pod/web', 'pod/victim', '--for=condition=Ready', '--timeout=60s', '-n', ns]);
    // Until that is said, one would still be started.
    await kubectl(['wait', 'pod/done', '--for=jsonpath={.status.phase}=Succeeded', '--timeout=60s', '-n', ns]);
  });

  test('a pod: each profile has the rights that it says', async () => {
    const before = (await read('web')).status;
    const capabilities = 'grep CapEff /proc/self/status | cut -f 2';
    const seen = async (profile: string): Promise<string> =>
      ask('web', profile, capabilities, `--profile=${profile}`).then((text) => text.trim());
    // The runtime's own; with SYS_PTRACE; with NET_ADMIN; everything that this machine gives.
    expect(await seen('baseline')).toBe('00000000a80425fb');
    expect(await seen('general')).toBe('00000000a80c25fb');
    expect(await seen('netadmin')).toBe('00000000a80435fb');
    const sysAdmin = 1n << 21n;
    expect(BigInt(`0x${await seen('sysadmin')}`) & sysAdmin).toBe(sysAdmin);
    const { ephemeralContainerStatuses, observedGeneration: _, ...after } = (await read('web')).status;
    expect(ephemeralContainerStatuses).toHaveLength(4);
    const { conditions, observedGeneration: __, ...rest } = before;
    expect(after).toMatchObject(rest);
    expect(after.conditions?.map(({ type, status }) => [type, status])).toEqual(
      conditions?.map(({ type, status }) => [type, status]),
    );
  });

  test('a pod: the processes of one container, of itself, the environment that is asked for', async () => {
    const target = await ask(
      'web',
      'target',
      'ps; echo $WORD',
      '--target=other',
      '--env=WORD=hello',
      '--profile=general',
    );
    expect(target).toContain('sleep 31338');
    expect(target).not.toContain('31337');
    expect(target).toContain('hello');
    expect(await ask('web', 'alone', 'ps', '--profile=general')).not.toContain('3133');
  });

  test('a pod: what does not start says why', async () => {
    const { stderr } = await debug('web', image, '-c', 'wrong', '--attach', '--profile=general', '--', '/no/such');
    expect(stderr).toMatch(/^Warning: container wrong: .*"\/no\/such": .*no such file or directory/m);
    await until('ended', async () => (await statusOf('web', 'wrong'))?.state?.terminated?.reason === 'StartError');
    await debug('web', '--image=localhost:1/absent:1', '-c', 'absent', '--profile=general');
    await until('waits', async () =>
      /^(ErrImagePull|ImagePullBackOff)$/.test((await statusOf('web', 'absent'))?.state?.waiting?.reason ?? ''),
    );
    await debug('web', image, '-c', 'root', '--profile=restricted', '--', 'true');
    await until('waits', async () =>
      /image will run as root/.test((await statusOf('web', 'root'))?.state?.waiting?.message ?? ''),
    );
    expect(podReady(await read('web'))).toBe(true);
  });

  test('a pod: what is refused', async () => {
    const refused = async (message: string, ...args: string[]): Promise<void> => {
      const { code, stderr } = await debug(...args, image, '--profile=general');
      expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining(message) });
    };
    await refused('targetContainerName: Not found: "absent"', 'web', '--target=absent');
    await refused('existing ephemeral containers "alone" may not be changed', 'web', '-c', 'alone');
    await refused('pods "absent" not found', 'absent');
    await kubectl(['label', 'namespace', ns, 'pod-security.kubernetes.io/enforce=baseline']);
    const privileged = await debug('web', image, '--profile=sysadmin');
    await kubectl(['label', 'namespace', ns, 'pod-security.kubernetes.io/enforce-']);
    expect(privileged.stderr).toMatch(/violates PodSecurity "baseline:latest": .*privileged \(.*"debugger-\w+"/);
  });

  test('a pod that has ended: stored, and not started', async () => {
    expect((await debug('done', image, '-c', 'late', '--profile=general', '--', 'true')).code).toBe(0);
    await ask('web', 'later', 'true', '--profile=general');
    expect(await statusOf('done', 'late')).toBeUndefined();
    expect((await read('done')).status.phase).toBe('Succeeded');
  });

  test('a shell in a pod: attached once it runs, until it ends; commands beside it', async () => {
    const shell = spawn(inject('kubectl'), [
      ...['--kubeconfig', kubeconfig, 'debug', '-n', ns, 'web', image, '-c', 'shell', '-i', '--target=web'],
      ...['--profile=general', '--', 'sh'],
    ]);
    try {
      let output = '';
      shell.stdout.on('data', (data: Buffer) => {
        output += data.toString();
      });
      const closed = new Promise((resolve) => shell.once('close', resolve));
      shell.stdin.write('ps\n');
      await until('its target', async () => output.includes('sleep 31337'));
      const beside = await tryKubectl([
        'exec',
        '-n',
        ns,
        'web',
        '-c',
        'shell',
        '--',
        'sh',
        '-c',
        'echo beside; exit 3',
      ]);
      expect(beside).toMatchObject({ code: 3, stdout: 'beside\n' });
      shell.stdin.write('echo over; exit 4\n');
      await closed;
      expect(output).toContain('over');
      const ended = await until('its end', async () => (await statusOf('web', 'shell'))?.state?.terminated);
      expect(ended.exitCode).toBe(4);
    } finally {
      shell.kill();
    }
  });

  test('a copy: with a container more, other images, another command, in place of the pod', async () => {
    const copy = async (name: string, to: string, ...flags: string[]): Promise<Pod> => {
      const { code, stderr } = await debug(name, `--copy-to=${to}`, '--profile=general', ...flags);
      expect(code, stderr).toBe(0);
      return until(`${to} Ready`, async () => {
        const made = await read(to);
        return podReady(made) ? made : undefined;
      });
    };
    const shared = await copy(
      'web',
      'shared',
      image,
      '-c',
      'dbg',
      '--share-processes',
      '--',
      'sh',
      '-c',
      'sleep 1; ps; sleep 1000',
    );
    expect(shared.spec.shareProcessNamespace).toBe(true);
    expect(shared.metadata.labels).toBeUndefined();
    expect(shared.status.ephemeralContainerStatuses).toBeUndefined();
    await until('all processes', async () => /31337.*31338/s.test(await logs('shared', 'dbg')));
    const other = await copy(
      'web',
      'images',
      '--set-image=*=tiffin.dev/hello:1,web=tiffin.dev/busybox:1',
      '--keep-labels',
    );
    expect(other.spec.containers.map((c) => c.image)).toEqual(['tiffin.dev/busybox:1', 'tiffin.dev/hello:1']);
    expect(other.metadata.labels).toEqual({ app: 'web' });
    const command = await copy('web', 'command', '--container=web', '--same-node', '--', 'sleep', '4242');
    expect(command.spec.containers[0]?.command ?? command.spec.containers[0]?.args).toContain('4242');
    expect(command.spec.nodeName).toBe((await read('web')).spec.nodeName);
    await copy('victim', 'heir', image, '--replace', '-c', 'dbg', '--', 'sleep', '1000');
    await until('replaced', async () => (await tryKubectl(['get', 'pod', 'victim', '-n', ns])).code !== 0);
  });

  test('a node: its namespaces and files, though nothing is scheduled there', async () => {
    const [{ metadata: node }] = (await items<{ metadata: { name: string } }>('nodes')) as [
      { metadata: { name: string } },
    ];
    const script = 'for n in pid net ipc; do readlink /proc/self/ns/$n; done; chroot /host true && echo in';
    const look = async (profile: string): Promise<[Pod, string[]]> => {
      const { stdout, stderr } = await debug(
        `node/${node.name}`,
        image,
        `--profile=${profile}`,
        '--',
        'sh',
        '-c',
        script,
      );
      const name = /pod (node-debugger-\S+)/.exec(stdout + stderr)?.[1] ?? '';
      const ended = await until(`${name} ended`, async () => {
        const made = await read(name);
        return made.status.phase === 'Succeeded' || made.status.phase === 'Failed' ? made : undefined;
      });
      return [ended, (await logs(name, 'debugger')).trim().split('\n')];
    };
    await kubectl(['cordon', node.name]);
    try {
      const [admin, output] = await look('sysadmin');
      expect(admin.spec).toMatchObject({ hostPID: true, hostNetwork: true, hostIPC: true, nodeName: node.name });
      expect(admin.status.podIP).toBe(admin.status.hostIP);
      expect(output.at(-1)).toBe('in');
      const [, general] = await look('general');
      expect(general.slice(0, 3)).toEqual(output.slice(0, 3));
      const [baseline, own] = await look('baseline');
      expect(baseline.spec.hostPID ?? false).toBe(false);
      for (const [i, namespace] of own.slice(0, 3).entries()) expect(namespace).not.toBe(output[i]);
    } finally {
      await kubectl(['uncordon', node.name]);
    }
  });
});
