// Images that a node pulls from a registry, with and without credentials, and the logs of containers in every form that
// kubectl asks for.
import fs from 'node:fs';
import { beforeAll, expect, inject, test } from 'vitest';
import type { Node } from '../../src/generated/schemas/core-v1.ts';
import { background, cluster, items, kubeconfig, kubectl, stateDir, tryKubectl, until } from './lib.ts';
import { forever, job, pod, podSuite, sh } from './pods.ts';
import { type Registry, serveRegistry } from './registry.ts';

cluster('images', (ns) => {
  const { add, create, read, ready, ended, waiting, restarted, saysEvents } = podSuite(ns);
  let registry: Registry;
  const logs = (...args: string[]) => kubectl(['logs', '-n', ns, ...args]);

  beforeAll(async () => {
    if (inject('skip')) return;
    registry = await serveRegistry();
    const hosts = (await items<Node>('nodes')).map((n) => n.metadata.name).sort();
    // The first node shares this machine's loopback.
    const from = (name: string, image: string, more: object = {}) =>
      pod(name, { nodeName: hosts[0], containers: [{ name: 'web', image: `${registry.host}/${image}` }], ...more });
    const login = Buffer.from('me:pass').toString('base64');
    const secret = (name: string, auth: string) => ({
      kind: 'Secret',
      metadata: { name },
      type: 'kubernetes.io/dockerconfigjson',
      stringData: { '.dockerconfigjson': JSON.stringify({ auths: { [registry.host]: { auth } } }) },
    });
    add(
      from('pulled', 'open/image:1'),
      from('absent', 'open/image:none'),
      from('secret', 'private/image:1', { imagePullSecrets: [{ name: 'wrong' }, { name: 'login' }] }),
      from('refused', 'private/other:1'),
    );
    const end = await create(secret('login', login), secret('wrong', Buffer.from('me:no').toString('base64')));
    return async () => {
      registry.stop();
      await end();
    };
  });

  test('an image is pulled, once, and said to be', async () => {
    await ready('pulled');
    expect(await logs('pulled')).toBe('pulled\n');
    await saysEvents(
      'pulled',
      `Pulling: Pulling image "${registry.host}/open/image:1"`,
      /Pulled: Successfully pulled image "\S+" in \S+ \(\S+ including waiting\)\. Image size: \d+ bytes\./,
    );
    const { containerStatuses } = (await read('pulled')).status;
    expect(containerStatuses?.[0]?.imageID).toMatch(/@sha256:[0-9a-f]{64}$/);
    expect(containerStatuses?.[0]?.image).toMatch(/\/open\/image:1$/);
  });

  test('an image that is not there: ErrImagePull, then ImagePullBackOff', async () => {
    const { message } = await waiting('absent', 'ImagePullBackOff');
    expect(message).toMatch(/^Back-off pulling image "\S+open\/image:none": ErrImagePull: /);
    await saysEvents(
      'absent',
      'Failed: Failed to pull image',
      'Failed: Error: ErrImagePull',
      'Failed: Error: ImagePullBackOff',
    );
    expect(await kubectl(`get pod absent -n ${ns}`)).toContain('ImagePullBackOff');
    const { code, stderr } = await tryKubectl(['logs', '-n', ns, 'absent']);
    expect([code, stderr]).toEqual([
      1,
      expect.stringContaining('container "web" in pod "absent" is waiting to start: trying and failing to pull image'),
    ]);
  });

  test('pull secrets are tried until one fits', async () => {
    await ready('secret');
    expect((await waiting('refused', 'ImagePullBackOff')).message).toContain('ErrImagePull');
  });

  add(
    job(
      'talker',
      'for i in 1 2 3 4 5; do echo line $i; echo err $i >&2; sleep 0.5; done',
      {},
      {},
      { labels: { app: 'talk' } },
    ),
    pod(
      'pair',
      { containers: [sh('one', `echo from one; ${forever}`), sh('two', `echo from two; ${forever}`)] },
      { labels: { app: 'talk2' } },
    ),
    pod('twice', { restartPolicy: 'OnFailure', containers: [sh('web', 'echo try; exit 1')] }),
  );
  test('logs: since, timestamps, limits, containers, selectors, previous instances', async () => {
    await ended('talker');
    const stamped = (await logs('talker', '--timestamps')).trim().split('\n');
    expect(stamped).toHaveLength(10);
    expect(stamped[0]).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z (line|err) 1$/);
    const time = stamped[6]?.split(' ')[0] as string;
    expect((await logs('talker', `--since-time=${time}`)).trim().split('\n').length).toBeLessThan(10);
    expect(await logs('talker', '--since=1h', '--tail=1')).toMatch(/^(line|err) 5\n$/);
    expect(await logs('talker', '--since=1s', '--since=1s')).not.toContain('line 1');
    expect(await logs('talker', '--limit-bytes=6')).toMatch(/^(line 1|err 1\n)/);
    expect(await logs('-l', 'app=talk', '--tail=-1')).toContain('line 3');
    await ready('pair');
    expect(await logs('pair', '-c', 'two')).toBe('from two\n');
    expect((await logs('pair', '--all-containers')).trim().split('\n').sort()).toEqual(['from one', 'from two']);
    expect(await logs('pair', '--all-containers', '--prefix')).toContain('[pod/pair/two] from two');
    expect((await tryKubectl(['logs', '-n', ns, 'pair', '-c', 'three'])).stderr).toContain(
      'container three is not valid for pod pair',
    );
    expect(await logs('pair')).toContain('from one');
    await restarted('twice');
    expect(await logs('twice', '--previous')).toBe('try\n');
    expect((await tryKubectl(['logs', '-n', ns, 'pair', '-c', 'one', '--previous'])).stderr).toContain(
      'previous terminated container "one" in pod "pair" not found',
    );
  });

  add(
    pod('flood', {
      containers: [
        sh(
          'web',
          `text=$(head -c 10000 /dev/zero | tr "\\0" x); i=0; while [ $i -lt 1400 ]; do echo $i $text; i=$((i+1)); [ $i -gt 1150 ] && sleep 0.05; done; echo done; ${forever}`,
        ),
      ],
    }),
  );
  test('a log that is followed loses nothing when it is rotated', async () => {
    await ready('flood');
    const follow = background(inject('kubectl'), ['--kubeconfig', kubeconfig, 'logs', '-f', '-n', ns, 'flood']);
    await until('the end', () => follow.output().endsWith('done\n'));
    follow.stop();
    const files = fs.globSync(`${stateDir}/**/${ns}_flood_*/web/0.log*`);
    expect(files).toHaveLength(2);
    for (const text of [follow.output(), await logs('flood')])
      expect(text.split('\n').map((l) => l.split(' ')[0])).toEqual([
        ...Array.from({ length: 1400 }, (_, i) => String(i)),
        'done',
        '',
      ]);
  });
});
