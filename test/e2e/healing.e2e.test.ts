// What breaks is healed: a killed process, a deleted pod, a failing probe, a node that disappears and comes back.
import { expect, test } from 'vitest';
import type { Node, Pod } from '../../src/generated/schemas/core-v1.ts';
import {
  apply,
  cluster,
  componentPid,
  containerPid,
  deployment,
  get,
  items,
  kubectl,
  nodeReady,
  podReady,
  tiffin,
  until,
} from './lib.ts';

cluster('healing', (ns) => {
  const pods = (app: string) => items<Pod>(`pods -n ${ns} -l app=${app}`);
  const ready = async (app: string, n: number) =>
    until(`${n} ready pods of ${app}`, async () => {
      const list = (await pods(app)).filter(podReady);
      return list.length === n ? list : undefined;
    });

  test('a killed process is started again in its pod', async () => {
    await apply(ns, deployment('victim'));
    const [pod] = await ready('victim', 1);
    const status = pod?.status.containerStatuses?.[0];
    process.kill(containerPid(status?.containerID as string), 'SIGKILL');
    const after = await until('the restart', async () => {
      const seen = (await get<Pod>(`pod ${pod?.metadata.name} -n ${ns}`)).status.containerStatuses?.[0];
      return seen?.restartCount === 1 && seen.ready ? seen : undefined;
    });
    expect(after.lastState?.terminated).toMatchObject({ exitCode: 137, reason: 'Error' });
    expect(after.containerID).not.toBe(status?.containerID);
  });

  test('a deleted pod is replaced', async () => {
    await apply(ns, deployment('gone', { replicas: 2 }));
    const before = await ready('gone', 2);
    await kubectl(`delete pod ${before[0]?.metadata.name} -n ${ns} --wait=false`);
    const after = await until('a replacement', async () => {
      const list = (await pods('gone')).filter(podReady);
      return list.length === 2 && !list.some((p) => p.metadata.uid === before[0]?.metadata.uid) ? list : undefined;
    });
    expect(after).toHaveLength(2);
  });

  test('a failing liveness probe restarts the container; a failing readiness probe takes it out of the Service', async () => {
    await apply(
      ns,
      deployment('probed', {
        image: 'tiffin.dev/busybox:1',
        command: ['sh', '-c', 'touch /tmp/alive /tmp/ready; sleep 3600'],
        extra: {
          livenessProbe: { exec: { command: ['cat', '/tmp/alive'] }, periodSeconds: 1, failureThreshold: 2 },
          readinessProbe: { exec: { command: ['cat', '/tmp/ready'] }, periodSeconds: 1, failureThreshold: 1 },
        },
        podExtra: { terminationGracePeriodSeconds: 1 },
      }),
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'probed' },
        spec: { selector: { app: 'probed' }, ports: [{ port: 80 }] },
      }),
    );
    const [pod] = await ready('probed', 1);
    const name = pod?.metadata.name as string;
    const root = () =>
      get<Pod>(`pod ${name} -n ${ns}`).then(
        (p) => `/proc/${containerPid(p.status.containerStatuses?.[0]?.containerID as string)}/root`,
      );
    const { rmSync } = await import('node:fs');
    const addresses = async () =>
      (await get<{ subsets?: { addresses?: unknown[] }[] }>(`endpoints probed -n ${ns}`)).subsets?.flatMap(
        (s) => s.addresses ?? [],
      ) ?? [];
    await until('an endpoint', async () => (await addresses()).length === 1);
    rmSync(`${await root()}/tmp/ready`);
    await until('no endpoint', async () => (await addresses()).length === 0, 20_000);
    rmSync(`${await root()}/tmp/alive`);
    await until(
      'a restart',
      async () => (await get<Pod>(`pod ${name} -n ${ns}`)).status.containerStatuses?.[0]?.restartCount === 1,
      30_000,
    );
    await ready('probed', 1);
    expect(await kubectl(`get events -n ${ns}`)).toMatch(/Unhealthy[\s\S]*Liveness probe failed/);
  });

  test('a container that keeps failing is in CrashLoopBackOff, and says so', async () => {
    await apply(ns, deployment('crash', { image: 'tiffin.dev/busybox:1', command: ['sh', '-c', 'echo no; exit 1'] }));
    await until(
      'CrashLoopBackOff',
      async () => (await kubectl(`get pods -n ${ns} -l app=crash`)).includes('CrashLoopBackOff'),
      60_000,
    );
    const status = (await pods('crash'))[0]?.status.containerStatuses?.[0];
    expect(status?.state?.waiting?.message).toMatch(/back-off \d+s restarting failed container=main pod=crash-/);
    await kubectl(`delete deployment crash -n ${ns}`);
  });

  test('a lost node: its pods run elsewhere, and when it returns it drops what is no longer its own', async () => {
    // The defaults give an unreachable node 300 s; these pods ask for 5.
    const tolerations = ['not-ready', 'unreachable'].map((key) => ({
      key: `node.kubernetes.io/${key}`,
      operator: 'Exists',
      effect: 'NoExecute',
      tolerationSeconds: 5,
    }));
    await apply(ns, deployment('mobile', { replicas: 2, podExtra: { tolerations } }));
    await ready('mobile', 2);
    const lost = (await items<Node>('nodes'))
      .map((n) => n.metadata.name)
      .sort()
      .at(-1) as string;
    const there = (await pods('mobile')).filter((p) => p.spec.nodeName === lost);
    expect(there.length).toBeGreaterThan(0);
    // A stopped agent is as silent as a lost machine, and its containers go on running.
    const pid = componentPid(`agent-${lost}`);
    process.kill(pid, 'SIGSTOP');
    const silentSince = Date.now();
    try {
      await until('the node not ready', async () => !nodeReady(await get<Node>(`node ${lost}`)), 40_000);
      expect(Date.now() - silentSince).toBeLessThan(30_000);
      await until('the taint that evicts', async () =>
        (await get<Node>(`node ${lost}`)).spec.taints?.some(
          (t) => t.key === 'node.kubernetes.io/unreachable' && t.effect === 'NoExecute',
        ),
      );
      await until(
        'two pods elsewhere',
        async () => (await pods('mobile')).filter((p) => podReady(p) && p.spec.nodeName !== lost).length === 2,
        40_000,
      );
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    await until('the node ready again', async () => nodeReady(await get<Node>(`node ${lost}`)), 30_000);
    await until(
      'its old pods gone',
      async () => {
        const names = new Set((await pods('mobile')).map((p) => p.metadata.uid));
        return there.every((p) => !names.has(p.metadata.uid));
      },
      60_000,
    );
    for (const p of there) expect(() => containerPid(p.status.containerStatuses?.[0]?.containerID as string)).toThrow();
    expect((await get<Node>(`node ${lost}`)).spec.taints ?? []).toEqual([]);
    expect((await tiffin('status')).code).toBe(0);
  });
});
