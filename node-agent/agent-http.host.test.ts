// Requests to pods on real containers, and what the node says of them.
import { expect, test } from 'vitest';
import type { Pod } from '../src/generated/schemas/core-v1.ts';
import { get, gone, onContainerd, plane, pod, running, sh } from './testing/on-containerd.ts';
import { parsePrometheus } from './testing/prometheus-parser.ts';

onContainerd('requests on containerd', () => {
  test('a pod is asked, and counted', async () => {
    const page = '<a href="/next">next</a>';
    plane.put(
      'pods',
      pod('web', {
        containers: [
          sh(
            'server',
            `mkdir /www; echo '${page}' >/www/index.html; dd if=/dev/zero of=/data/f bs=1k count=200; exec httpd -f -p 80 -h /www`,
            {
              resources: { limits: { memory: '64Mi' } },
              volumeMounts: [{ name: 'data', mountPath: '/data' }],
            },
          ),
        ],
        volumes: [{ name: 'data', emptyDir: {} }],
      }),
    );
    await running('web');
    const { uid } = plane.get<Pod>('pods', 'default', 'web')!.metadata;
    const target = { type: 'pod' as const, namespace: 'default', pod: 'web', podUid: uid };
    const ask = () => get({ ...target, port: 80 }, '/index.html');
    let answer = await ask();
    for (let i = 0; i < 100 && answer.head?.status !== 200; i++) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      answer = await ask();
    }
    expect([answer.head?.status, answer.data.toString()]).toEqual([200, '<a href="/proxy/next">next</a>\n']);
    const closed = await get({ ...target, port: 81 }, '/');
    expect(closed.status).toMatchObject({
      code: 503,
      message: expect.stringMatching(
        /^error trying to reach service: dial tcp 10\.244\.\d+\.\d+:81: connect: connection refused$/,
      ),
    });
    expect((await get({ ...target, podUid: 'another', port: 80 }, '/')).status).toMatchObject({ code: 404 });
    expect((await get({ type: 'address', address: '127.0.0.1', port: 80 }, '/')).status).toMatchObject({ code: 400 });

    const summary = JSON.parse((await get({ type: 'node' }, '/stats/summary')).data.toString());
    const own = summary.pods.find((p: { podRef: { name: string } }) => p.podRef.name === 'web');
    expect(own.containers[0]).toMatchObject({ name: 'server', cpu: { usageCoreNanoSeconds: expect.any(Number) } });
    expect(own.containers[0].memory.workingSetBytes).toBeGreaterThan(0);
    expect(own.containers[0].memory.workingSetBytes + own.containers[0].memory.availableBytes).toBe(64 << 20);
    expect(own.memory.usageBytes).toBeGreaterThanOrEqual(own.containers[0].memory.usageBytes);
    expect(own.network).toMatchObject({ name: 'eth0' });
    expect(own.network.rxBytes).toBeGreaterThan(0);
    expect(own.volume).toMatchObject([{ name: 'data' }]);
    expect(own.volume[0].usedBytes).toBeGreaterThanOrEqual(200 * 1024);
    expect(own.process_stats.process_count).toBeGreaterThanOrEqual(2);

    const metrics = async (at: string) => parsePrometheus((await get({ type: 'node' }, at)).data.toString());
    const cadvisor = await metrics('/metrics/cadvisor');
    const labels = { namespace: 'default', pod: 'web' };
    const of = (name: string, more: object) =>
      cadvisor
        .get(name)
        ?.samples.find((s) => Object.entries({ ...labels, ...more }).every(([k, v]) => s.labels[k] === v));
    expect(of('container_cpu_usage_seconds_total', { container: 'server' })?.value).toBeGreaterThan(0);
    expect(of('container_network_receive_bytes_total', { interface: 'eth0' })?.value).toBeGreaterThan(0);
    expect(of('container_spec_memory_limit_bytes', { container: 'server' })?.value).toBe(64 << 20);
    const resource = await metrics('/metrics/resource');
    expect(resource.get('scrape_error')?.samples[0]?.value).toBe(0);
    expect(resource.get('pod_cpu_usage_seconds_total')?.samples[0]?.labels).toEqual(labels);
    await metrics('/metrics');
    await metrics('/metrics/probes');
    expect((await get({ type: 'node' }, '/healthz')).data.toString()).toBe('ok');
    await gone('web');
  });
});
