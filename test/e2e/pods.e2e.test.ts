// How pods live and end, on real containers: order of starting and ending, hooks, probes, limits, restarts.
import fs from 'node:fs';
import path from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { cluster, containerPid, items, kubectl, podReady, tryKubectl, until } from './lib.ts';
import { forever, job, mount, pod, podSuite, sh, www } from './pods.ts';

cluster('pods', (ns) => {
  const { shared, hostVolume, add, create, read, ended, said, ready, restarted, saysEvents } = podSuite(ns);

  add(
    pod('sidecar', {
      restartPolicy: 'Never',
      volumes: [{ name: 'order', emptyDir: {} }, hostVolume],
      initContainers: [
        sh('first', 'echo first >> /order/log', { volumeMounts: mount('order') }),
        sh(
          'proxy',
          'trap "echo proxy ends >> /host/sidecar; exit 0" TERM; sleep 0.5; echo proxy >> /order/log; while :; do sleep 1000 & wait $!; done',
          {
            restartPolicy: 'Always',
            volumeMounts: mount('order', 'host'),
            startupProbe: { exec: { command: ['grep', 'proxy', '/order/log'] }, periodSeconds: 1 },
          },
        ),
        sh('second', 'echo second >> /order/log', { volumeMounts: mount('order') }),
      ],
      containers: [
        sh('web', 'echo web >> /order/log; cat /order/log; sleep 1; echo web ends >> /host/sidecar', {
          volumeMounts: mount('order', 'host'),
        }),
      ],
    }),
  );
  test('init containers in their order, a sidecar from its turn until everything else has ended', async () => {
    expect(await said('sidecar')).toBe('first\nproxy\nsecond\nweb\n');
    expect(fs.readFileSync(path.join(shared, 'sidecar'), 'utf8')).toBe('web ends\nproxy ends\n');
    const { initContainerStatuses } = (await read('sidecar')).status;
    expect(initContainerStatuses?.map((s) => [s.name, s.state?.terminated?.exitCode, s.restartCount])).toEqual([
      ['first', 0, 0],
      ['proxy', 0, 0],
      ['second', 0, 0],
    ]);
  });

  add(pod('init-fails', { restartPolicy: 'Never', initContainers: [sh('first', 'exit 4')] }));
  add(pod('init-loops', { initContainers: [sh('first', 'exit 4')] }));
  test('a failing init container fails the pod, or is tried again', async () => {
    const { status } = await ended('init-fails');
    expect(status).toMatchObject({
      phase: 'Failed',
      containerStatuses: [{ state: { waiting: { reason: 'PodInitializing' } } }],
    });
    expect(await kubectl(`get pod init-fails -n ${ns}`)).toContain('Init:Error');
    const { stderr } = await tryKubectl(['logs', '-n', ns, 'init-fails']);
    expect(stderr).toContain('is waiting to start: PodInitializing');
    await until('Init:CrashLoopBackOff', async () =>
      (await kubectl(`get pod init-loops -n ${ns}`)).includes('Init:CrashLoopBackOff'),
    );
    expect((await read('init-loops')).status.phase).toBe('Pending');
  });

  add(
    pod('hooks', {
      volumes: [hostVolume],
      containers: [
        sh('web', 'trap "echo TERM >> /host/hooks; exit 0" TERM; while :; do sleep 1000 & wait $!; done', {
          volumeMounts: mount('host'),
          lifecycle: {
            postStart: { exec: { command: ['sh', '-c', 'echo postStart >> /host/hooks'] } },
            preStop: {
              exec: { command: ['sh', '-c', 'echo preStop >> /host/hooks; sleep 1; echo preStop ends >> /host/hooks'] },
            },
          },
        }),
        sh(
          'other',
          'mkdir /tmp/w; echo x > /tmp/w/bye; httpd -f -p 81 -h /tmp/w -vv 2>> /host/hooks-http & trap "exit 0" TERM; while :; do sleep 1000 & wait $!; done',
          {
            volumeMounts: mount('host'),
            lifecycle: { preStop: { httpGet: { path: '/bye', port: 81 } } },
          },
        ),
        sh('third', forever, { lifecycle: { preStop: { sleep: { seconds: 1 } } } }),
      ],
    }),
  );
  add(
    pod('hook-fails', {
      containers: [
        sh('web', forever, { lifecycle: { postStart: { exec: { command: ['sh', '-c', 'echo no; exit 7'] } } } }),
      ],
    }),
  );
  test('postStart, then preStop, then SIGTERM; a postStart that fails ends the container', async () => {
    await ready('hooks');
    await kubectl(`delete pod hooks -n ${ns}`);
    expect(fs.readFileSync(path.join(shared, 'hooks'), 'utf8')).toBe('postStart\npreStop\npreStop ends\nTERM\n');
    expect(fs.readFileSync(path.join(shared, 'hooks-http'), 'utf8')).toContain('response:200');
    await restarted('hook-fails');
    await saysEvents('hook-fails', 'FailedPostStartHook: PostStartHook failed');
  });

  add(
    pod('stubborn', {
      terminationGracePeriodSeconds: 3,
      containers: [sh('web', 'trap "" TERM; while :; do sleep 1; done')],
    }),
  );
  test('who ignores SIGTERM is killed when the grace period is over', async () => {
    await ready('stubborn');
    const start = Date.now();
    await kubectl(`delete pod stubborn -n ${ns}`);
    const tookMs = Date.now() - start;
    expect(tookMs).toBeGreaterThan(2500);
    // Not the 30 s that are the default.
    expect(tookMs).toBeLessThan(20_000);
  });

  add(
    pod('probed', {
      containers: [
        sh('web', `sleep 1; ${www} ${forever}`, {
          ports: [{ name: 'http', containerPort: 8080 }],
          startupProbe: { httpGet: { path: '/ok', port: 'http' }, periodSeconds: 1, failureThreshold: 30 },
          livenessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1 },
          readinessProbe: { httpGet: { path: '/ready', port: 8080 }, periodSeconds: 1 },
        }),
      ],
    }),
  );
  add(
    pod('never-starts', {
      containers: [
        sh('web', forever, { startupProbe: { tcpSocket: { port: 9 }, periodSeconds: 1, failureThreshold: 2 } }),
      ],
    }),
  );
  test('startup, liveness and readiness probes over HTTP and TCP', async () => {
    const started = await until('started', async () => {
      const p = await read('probed');
      return p.status.containerStatuses?.[0]?.started ? p : undefined;
    });
    expect(podReady(started)).toBe(false);
    await saysEvents('probed', 'Unhealthy: Readiness probe failed: HTTP probe failed with statuscode: 404');
    const pid = containerPid(started.status.containerStatuses?.[0]?.containerID as string);
    fs.writeFileSync(`/proc/${pid}/root/tmp/www/ready`, 'x');
    const now = await ready('probed');
    expect(now.status.containerStatuses?.[0]?.restartCount).toBe(0);
    await restarted('never-starts');
    await saysEvents('never-starts', 'Killing: Container web failed startup probe, will be restarted');
  });

  add(
    pod('limited', {
      containers: [
        sh('web', forever, {
          resources: { requests: { cpu: '100m', memory: '16Mi' }, limits: { cpu: '500m', memory: '32Mi' } },
        }),
      ],
    }),
  );
  add(job('oom', 'tail /dev/zero', { resources: { limits: { memory: '16Mi' } } }));
  const limitsOf = (containerId: string) => {
    const cgroups = fs.readFileSync(`/proc/${containerPid(containerId)}/cgroup`, 'utf8');
    const value = (controller: string, v1: string, v2: string) => {
      const legacy = new RegExp(`^\\d+:(?:[^:]*,)?${controller}(?:,[^:]*)?:(.*)$`, 'm').exec(cgroups)?.[1];
      if (legacy) return fs.readFileSync(path.join('/sys/fs/cgroup', controller, legacy, v1), 'utf8').trim();
      return fs.readFileSync(path.join('/sys/fs/cgroup', /^0::(.*)$/m.exec(cgroups)?.[1] ?? '', v2), 'utf8').trim();
    };
    return {
      memoryBytes: Number(value('memory', 'memory.limit_in_bytes', 'memory.max')),
      quotaUs: Number(value('cpu', 'cpu.cfs_quota_us', 'cpu.max').split(' ')[0]),
    };
  };
  test('limits are in the cgroup; who needs more memory is OOMKilled', async () => {
    const id = (await ready('limited')).status.containerStatuses?.[0]?.containerID as string;
    expect(limitsOf(id)).toEqual({ memoryBytes: 32 << 20, quotaUs: 50_000 });
    const { status } = await ended('oom');
    expect(status.containerStatuses?.[0]?.state?.terminated).toMatchObject({ reason: 'OOMKilled', exitCode: 137 });
  });

  add(
    pod('resized', {
      containers: [
        sh('web', forever, {
          resources: { requests: { cpu: '100m', memory: '32Mi' }, limits: { cpu: '200m', memory: '32Mi' } },
        }),
      ],
    }),
  );
  add(
    pod('resized-anew', {
      restartPolicy: 'OnFailure',
      containers: [
        sh('web', forever, {
          resources: { limits: { memory: '32Mi' } },
          resizePolicy: [{ resourceName: 'memory', restartPolicy: 'RestartContainer' }],
        }),
      ],
    }),
  );
  test('a container that does not bear it is restarted for a resize', async () => {
    await ready('resized-anew');
    const limits = { memory: '48Mi' };
    const patch = JSON.stringify({ spec: { containers: [{ name: 'web', resources: { limits, requests: limits } }] } });
    await kubectl(['patch', 'pod', 'resized-anew', '-n', ns, '--subresource=resize', '-p', patch]);
    await restarted('resized-anew');
    const status = (await ready('resized-anew')).status.containerStatuses?.[0];
    expect(status).toMatchObject({
      restartCount: 1,
      resources: { limits },
      lastState: { terminated: { exitCode: 0 } },
    });
    expect(limitsOf(status?.containerID as string).memoryBytes).toBe(48 << 20);
    await saysEvents('resized-anew', 'Killing: Container web resize requires restart');
  });

  test('a resize changes the limits of a running container, up and down, and says so when it cannot', async () => {
    const before = (await ready('resized')).status.containerStatuses?.[0];
    const id = before?.containerID as string;
    const resize = async (cpu: string, memory: string, requested = '100m') => {
      const resources = { requests: { cpu: requested, memory }, limits: { cpu, memory } };
      const patch = JSON.stringify({ spec: { containers: [{ name: 'web', resources }] } });
      await kubectl(['patch', 'pod', 'resized', '-n', ns, '--subresource=resize', '-p', patch]);
      return resources;
    };
    const condition = async (type: string) => (await read('resized')).status.conditions?.find((c) => c.type === type);
    for (const [cpu, memory, limits] of [
      ['400m', '64Mi', { quotaUs: 40_000, memoryBytes: 64 << 20 }],
      ['150m', '24Mi', { quotaUs: 15_000, memoryBytes: 24 << 20 }],
    ] as const) {
      const resources = await resize(cpu, memory);
      const { metadata, status } = await until(`${cpu} and ${memory} in force`, async () => {
        const p = await read('resized');
        const done = p.status.containerStatuses?.[0]?.resources?.limits?.cpu === cpu;
        return done && !p.status.conditions?.some((c) => c.type.startsWith('PodResize')) ? p : undefined;
      });
      expect(limitsOf(id)).toEqual(limits);
      expect(status.observedGeneration).toBe(metadata.generation);
      expect(status.containerStatuses).toMatchObject([
        { containerID: id, restartCount: 0, ready: true, resources, allocatedResources: resources.requests },
      ]);
    }
    await resize('9000', '24Mi', '8999');
    const pending = await until('PodResizePending', () => condition('PodResizePending'));
    expect(pending).toMatchObject({
      status: 'True',
      reason: 'Infeasible',
      message: expect.stringMatching(
        /^Node didn't have enough capacity: cpu, requested: 8999000, capacity: \d+$/,
      ) as string,
    });
    expect(limitsOf(id)).toEqual({ quotaUs: 15_000, memoryBytes: 24 << 20 });
    expect((await read('resized')).status.containerStatuses?.[0]?.resources?.limits?.cpu).toBe('150m');
    await resize('200m', '24Mi');
    await until('feasible again', async () => !(await condition('PodResizePending')));
    await saysEvents('resized', 'ResizeInfeasible: Pod resize Infeasible: ', 'ResizeCompleted: Pod resize completed: ');
  });

  add(pod('deadline', { activeDeadlineSeconds: 2 }));
  add(
    pod('on-failure', {
      restartPolicy: 'OnFailure',
      volumes: [{ name: 'data', emptyDir: {} }],
      containers: [sh('web', 'test -f /data/x && exit 0; touch /data/x; exit 3', { volumeMounts: mount('data') })],
    }),
  );
  add(job('message', 'echo -n why > /dev/last; exit 3', { terminationMessagePath: '/dev/last' }));
  add(job('fallback', 'echo first; echo last words; exit 1', { terminationMessagePolicy: 'FallbackToLogsOnError' }));
  test('ends: deadlines, restart policies, termination messages', async () => {
    expect((await ended('deadline')).status).toMatchObject({
      phase: 'Failed',
      reason: 'DeadlineExceeded',
      message: 'Pod was active on the node longer than the specified deadline',
    });
    const again = await ended('on-failure');
    expect(again.status).toMatchObject({
      phase: 'Succeeded',
      containerStatuses: [{ restartCount: 1, lastState: { terminated: { exitCode: 3 } } }],
    });
    expect((await ended('message')).status.containerStatuses?.[0]?.state?.terminated).toMatchObject({
      exitCode: 3,
      reason: 'Error',
      message: 'why',
    });
    expect((await ended('fallback')).status.containerStatuses?.[0]?.state?.terminated?.message).toBe(
      'first\nlast words\n',
    );
  });

  add(pod('crash', { containers: [sh('web', 'exit 1')] }));
  test('a repeated event is one event whose count rises', async () => {
    const backOffs = async () =>
      (
        await items<{ reason: string; count: number }>(`events -n ${ns} --field-selector involvedObject.name=crash`)
      ).filter((e) => e.reason === 'BackOff');
    await until('a second back-off', async () => ((await backOffs())[0]?.count ?? 0) >= 2, 40_000);
    expect(await backOffs()).toHaveLength(1);
    expect(await kubectl(`describe pod crash -n ${ns}`)).toMatch(/Warning\s+BackOff\s+\S+ \(x\d+ over \S+\)\s+kubelet/);
  });

  beforeAll(() => create());
});
