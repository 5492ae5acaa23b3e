// `kubectl top` with the real kubectl: what real containers use, as the kernel counts it.
import { beforeAll, expect, test } from 'vitest';
import { apply, cluster, kubectl, tryKubectl, until } from './lib.ts';
import { forever, job, pod, sh } from './pods.ts';

const mib = 1024 * 1024;
/** Rows of a table without its head, by words. */
const rows = (text: string): string[][] =>
  text
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/));

cluster('top', (ns) => {
  const top = async (args: string) => rows(await kubectl(`top ${args} --no-headers`));

  beforeAll(async () => {
    const labels = { labels: { app: 'spin' } };
    // A fifth of a core, and 20 MiB that are its own.
    const busy = sh('spin', 'while :; do :; done', { resources: { limits: { cpu: '200m', memory: '64Mi' } } });
    const held = sh('hold', `x=$(head -c ${20 * mib} /dev/zero | tr '\\0' x); ${forever}`);
    await apply(ns, pod('busy', { containers: [busy, held] }, labels), pod('idle', {}), job('over', 'true'));
    await until(`metrics of both pods`, async () => (await top(`pods -n ${ns}`)).length === 2, 90_000, 1000);
    const holds = async () =>
      (await top(`pods -n ${ns} --containers -l app=spin`)).find((row) => row[1] === 'hold')?.[3];
    // A shell takes its time to have so much.
    await until('what is held is had', async () => Number.parseInt((await holds()) ?? '', 10) >= 19, 60_000, 1000);
  });

  test('pods and their containers, by what they use', async () => {
    expect((await top(`pods -n ${ns} --sort-by=cpu`)).map(([name]) => name)).toEqual(['busy', 'idle']);
    const containers = await top(`pods -n ${ns} --containers -l app=spin`);
    const [hold, spin] = containers.sort((a, b) => ((a[1] ?? '') < (b[1] ?? '') ? -1 : 1));
    expect([hold?.[1], spin?.[1]]).toEqual(['hold', 'spin']);
    expect(Number.parseInt(spin?.[2] ?? '', 10)).toBeGreaterThan(100);
    expect(Number.parseInt(spin?.[2] ?? '', 10)).toBeLessThan(300);
    expect(Number.parseInt(hold?.[3] ?? '', 10)).toBeGreaterThanOrEqual(19);
    expect((await top(`pods -A`)).map(([namespace, name]) => `${namespace}/${name}`)).toContain(`${ns}/idle`);
    expect(await top(`pod idle -n ${ns}`)).toEqual([
      ['idle', expect.stringMatching(/^\d+m$/), expect.stringMatching(/^\d+Mi$/)],
    ]);
  });

  test('nodes, with what of them is used', async () => {
    const nodes = await top('nodes --sort-by=memory');
    expect(nodes.map(([name]) => name).sort()).toEqual(['node-1', 'node-2']);
    for (const [, cores, share, memory, part] of nodes) {
      expect(Number.parseInt(cores ?? '', 10)).toBeGreaterThan(0);
      expect(share).toMatch(/^\d+%$/);
      expect(Number.parseInt(memory ?? '', 10)).toBeGreaterThan(50);
      expect(part).toMatch(/^\d+%$/);
    }
    expect(await top('node node-1 -l kubernetes.io/hostname=node-1').catch(String)).toMatch(
      /only one of NAME or --selector/,
    );
    expect((await top('nodes -l kubernetes.io/hostname=node-2')).map(([name]) => name)).toEqual(['node-2']);
  });

  test('what has ended, and what is not there', async () => {
    expect(await tryKubectl(['top', 'pod', 'over', '-n', ns])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`podmetrics.metrics.k8s.io "${ns}/over" not found`),
    });
    expect((await tryKubectl(['top', 'pod', 'nobody', '-n', ns])).stderr).toContain('pods "nobody" not found');
    expect((await tryKubectl(['top', 'node', 'nobody'])).stderr).toContain('nodes "nobody" not found');
  });

  test('the API that serves it is there, and available', async () => {
    expect(await kubectl('get apiservice v1beta1.metrics.k8s.io --no-headers')).toMatch(
      /^v1beta1\.metrics\.k8s\.io +Local +True /,
    );
    await kubectl('wait apiservice/v1beta1.metrics.k8s.io --for=condition=Available --timeout=10s');
    expect(await kubectl('explain podmetrics.containers.usage --api-version=metrics.k8s.io/v1beta1')).toContain(
      'working set',
    );
  });
});
