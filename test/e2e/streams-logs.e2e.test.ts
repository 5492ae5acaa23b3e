// `kubectl logs` with every flag, against real containers; following over a rotation, over the end and restart of the node's
// agent, and over that of the control plane's process, without loss or repeat.
import fs from 'node:fs';
import path from 'node:path';
import { beforeAll, expect, inject, test } from 'vitest';
import type { Pod } from '../../src/generated/schemas/core-v1.ts';
import {
  apply,
  background,
  cluster,
  componentPid,
  deployment,
  get,
  kubeconfig,
  kubectl,
  type Outcome,
  sleep,
  stateDir,
  tiffin,
  tryKubectl,
  until,
} from './lib.ts';
import { forever, pod, sh } from './pods.ts';

/** Many numbered lines a second, from 1 on. */
const counting = (pause: string): string => `i=0; while :; do echo "number $((i=i+1))"; sleep ${pause}; done`;
/** About 12 MiB within some seconds, which is more than a file may have, slowly enough that it is followed. */
const large =
  'long=$(head -c 4000 /dev/zero | tr "\\0" x); i=0; while [ $i -lt 3200 ]; do echo "number $((i=i+1)) $long"; ' +
  '[ $((i % 100)) = 0 ] && sleep 1; done; while :; do echo "number $((i=i+1))"; sleep 0.2; done';

cluster('streams logs', (ns) => {
  const k = (...args: string[]): Promise<Outcome> => tryKubectl(['-n', ns, ...args], { timeoutMs: 60_000 });
  const logs = (...args: string[]): Promise<string> => kubectl(['logs', ...args, '-n', ns]);
  const follow = (...args: string[]) =>
    background(inject('kubectl'), ['--kubeconfig', kubeconfig, '-n', ns, 'logs', '-f', ...args]);
  const numbers = (text: string): number[] =>
    text
      .split('\n')
      .slice(0, -1)
      .map((line) => Number(/^number (\d+)/.exec(line)?.[1]));
  /** What follows each other without loss or repeat. */
  const expectInOrder = (text: string): void => {
    const seen = numbers(text);
    const wrong = seen.findIndex((n, i) => n !== (seen[0] ?? 0) + i);
    expect(wrong < 0 ? 'in order' : seen.slice(Math.max(0, wrong - 3), wrong + 3)).toBe('in order');
  };

  beforeAll(async () => {
    const ten = 'for i in 1 2 3 4 5 6 7 8 9 10; do echo "out $i"; done; echo "err 1" >&2;';
    await apply(
      ns,
      pod(
        'talks',
        { containers: [sh('web', `${ten} ${forever}`), sh('other', `echo from the other; ${forever}`)] },
        { labels: { app: 'talks' } },
      ),
      pod('talks-too', { containers: [sh('web', `echo me too; ${forever}`)] }, { labels: { app: 'talks' } }),
      pod('restarts', {
        containers: [
          sh('web', `[ -e /keep/x ] && { echo second; ${forever}; }; touch /keep/x; echo first; exit 3`, {
            volumeMounts: [{ name: 'keep', mountPath: '/keep' }],
          }),
        ],
        volumes: [{ name: 'keep', emptyDir: {} }],
      }),
      pod('counts', { containers: [sh('web', counting('0.05'))] }),
      pod('large', { containers: [sh('web', large)] }),
      pod('init', { initContainers: [sh('first', 'echo first')], containers: [sh('web', `echo main; ${forever}`)] }),
      deployment('served', {
        replicas: 2,
        image: 'tiffin.dev/busybox:1',
        command: ['sh', '-c', `echo deployed; ${forever}`],
      }),
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'talks' },
        spec: { selector: { app: 'talks' }, ports: [{ port: 80 }] },
      }),
    );
    const ready = ['talks', 'talks-too', 'counts', 'large'].map((name) => `pod/${name}`);
    await kubectl(['wait', ...ready, 'deployment/served', '--for=jsonpath={.status}', '-n', ns]);
    await kubectl(['wait', ...ready, '--for=condition=Ready', '--timeout=60s', '-n', ns]);
  });

  test('following over a rotation, and over the end of the agent: nothing lost, nothing twice', async () => {
    const [counts, rotated] = [follow('counts'), follow('large')];
    await until('some lines', () => numbers(counts.output()).length > 20);
    const node = (await get<Pod>(`pod counts -n ${ns}`)).spec.nodeName ?? '';
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      const seen = numbers(counts.output()).length;
      process.kill(componentPid(`agent-${node}`), signal);
      await until(`more lines after ${signal}`, () => numbers(counts.output()).length > seen + 60, 30_000);
    }
    expectInOrder(counts.output());
    const complete = counts.output();
    const rest = await logs('counts');
    expect(rest.startsWith('number 1\n')).toBe(true);
    expect(rest.slice(0, complete.length)).toBe(complete);
    counts.stop();
    await until('all of the large one', () => numbers(rotated.output()).length > 3210, 90_000, 500);
    const { uid } = (await get<Pod>(`pod large -n ${ns}`)).metadata;
    const placed = (await get<Pod>(`pod large -n ${ns}`)).spec.nodeName ?? '';
    const folder = path.join(stateDir, 'nodes', placed, `agent/logs/${ns}_large_${uid}/web`);
    await until('a rotation', () => fs.readdirSync(folder).length > 1, 60_000, 500);
    const after = numbers(rotated.output()).length;
    await until('more lines after it', () => numbers(rotated.output()).length > after + 10, 30_000);
    expect(rotated.output().startsWith('number 1 ')).toBe(true);
    expectInOrder(rotated.output());
    rotated.stop();
  });

  test('how many: --tail, --limit-bytes, and neither', async () => {
    const all = await logs('talks', '-c', 'web');
    expect(all.split('\n').sort().join()).toBe(
      ['', 'err 1', ...Array.from({ length: 10 }, (_, i) => `out ${i + 1}`)].sort().join(),
    );
    expect((await logs('talks', '-c', 'web', '--tail=2')).trim().split('\n')).toHaveLength(2);
    expect(await logs('talks', '-c', 'web', '--tail=0')).toBe('');
    expect(await logs('talks', '-c', 'web', '--limit-bytes=8')).toBe(all.slice(0, 8));
  });

  test('since when: --since, --since-time, --timestamps', async () => {
    const lines = (await logs('talks-too', '--timestamps')).trim();
    expect(lines).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}(Z|[+-]\d\d:\d\d) me too$/);
    const [time = ''] = lines.split(' ');
    expect(await logs('talks-too', '--since=1h')).toBe('me too\n');
    expect(await logs('talks-too', `--since-time=${new Date(Date.parse(time) - 2000).toISOString()}`)).toBe('me too\n');
    expect(await logs('talks-too', `--since-time=${new Date(Date.parse(time) + 2000).toISOString()}`)).toBe('');
    await sleep(1500);
    expect(await logs('talks-too', '--since=1s')).toBe('');
  });

  test('of what: all containers, a selector, prefixes, a deployment, one of the streams', async () => {
    expect(await logs('talks', '--all-containers')).toContain('from the other');
    const selected = await logs('-l', 'app=talks', '--all-containers', '--prefix', '--tail=-1');
    expect(selected).toContain('[pod/talks/other] from the other');
    expect(selected).toContain('[pod/talks-too/web] me too');
    expect(selected).toContain('[pod/talks/web] out 10');
    await until('the deployment', async () => (await k('logs', 'deployment/served')).stdout === 'deployed\n');
    const raw = `/api/v1/namespaces/${ns}/pods/talks/log?container=web`;
    expect(await kubectl(['get', '--raw', `${raw}&stream=Stderr`])).toBe('err 1\n');
    expect(await kubectl(['get', '--raw', `${raw}&stream=Stdout`])).not.toContain('err');
  });

  test.each([
    [['talks', '--all-containers', '--prefix'], /^\[pod\/talks\/other\] from the other$/m],
    [['init'], /^main\n$/],
    [['init', '-c', 'first'], /^first\n$/],
    [['init', '--all-containers'], /^(first\nmain|main\nfirst)\n$/],
    [['deployment/served', '--all-pods'], /^(\[pod\/served-[a-z0-9]+-[a-z0-9]+\/main\] deployed\n){2}$/],
    [['service/talks', '-c', 'web', '--tail=-1'], /^(me too|out 1)$/m],
    [['talks', '-c', 'other', '--ignore-errors', '--insecure-skip-tls-verify-backend'], /^from the other\n$/],
    [['talks', 'other'], /^from the other\n$/],
    [['-l', 'app=nobody'], /^$/],
  ])('kubectl logs %j', async (args, expected) => {
    await until('the pods', async () => expected.test((await k('logs', ...args)).stdout), 30_000);
  });

  test('following many at once: no more than it is told', async () => {
    const flags = ['-l', 'app=talks', '--all-containers', '--prefix'];
    expect(await k('logs', '-f', ...flags, '--max-log-requests=2')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(
        'you are attempting to follow 3 log streams, but maximum allowed concurrency is 2',
      ),
    });
    const followed = follow(...flags, '--max-log-requests=3');
    await until('all of them', () => /from the other/.test(followed.output()) && /me too/.test(followed.output()));
    await until('and the third', () => /\/web\] out 10/.test(followed.output()));
    followed.stop();
  });

  test('--previous: the instance before; none, where there was none', async () => {
    await until('it restarted', async () => (await k('logs', 'restarts')).stdout === 'second\n');
    expect(await logs('restarts', '--previous')).toBe('first\n');
    expect(await k('logs', 'talks-too', '--previous')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('previous terminated container "web" in pod "talks-too" not found'),
    });
  });

  test('what is refused', async () => {
    const refused = async (message: string | RegExp, ...args: string[]): Promise<void> => {
      const { code, stderr } = await k('logs', ...args);
      expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(message) });
    };
    await refused('container absent is not valid for pod talks', 'talks', '-c', 'absent');
    await refused('pods "absent" not found', 'absent');
    const raw = `/api/v1/namespaces/${ns}/pods/talks/log?container=web`;
    for (const wrong of ['tailLines=-1', 'limitBytes=0', 'sinceSeconds=0', 'stream=All&tailLines=1&container=..'])
      expect((await tryKubectl(['get', '--raw', `${raw}&${wrong}`])).code, wrong).toBe(wrong.includes('..') ? 0 : 1);
  });

  test('a control plane that restarts: following ends, or goes on; what came is a prefix', async () => {
    const followed = follow('counts');
    await until('some lines', () => numbers(followed.output()).length > 20);
    process.kill(componentPid('workerd'), 'SIGKILL');
    const ended = new Promise((resolve) => followed.child.on('exit', resolve));
    // Nothing goes on over a connection whose other end is gone: the client is told so by its end.
    await Promise.race([ended, sleep(15_000)]);
    expect(followed.child.exitCode ?? followed.child.signalCode).not.toBeNull();
    const text = followed.output();
    const whole = text.slice(0, text.lastIndexOf('\nnumber') + 1);
    expectInOrder(whole);
    await until('it serves again', async () => (await k('logs', 'counts', '--tail=1')).code === 0, 30_000);
    expect((await tiffin('status')).code).toBe(0);
  });
});
