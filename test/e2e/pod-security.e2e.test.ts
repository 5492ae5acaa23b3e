// Pod Security from outside: a namespace held to `restricted` refuses what violates it, tells who deploys what would, and what
// it lets in runs as it was let in: without root, capabilities or a way to gain them.
import { expect, test } from 'vitest';
import type { Pod } from '../../src/generated/schemas/core-v1.ts';
import { apply, cluster, deployment, get, kubectl, podReady, tryKubectl, until } from './lib.ts';
import { forever, pod, sh } from './pods.ts';

const restricted = {
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'] },
  runAsNonRoot: true,
  runAsUser: 1000,
  seccompProfile: { type: 'RuntimeDefault' as const },
};

cluster('pod security', (ns) => {
  test('what violates the level is refused, and named', async () => {
    expect((await tryKubectl(['apply', '-n', ns, '-f', '-'], { input: pod('early', { hostPID: true }) })).code).toBe(0);
    const labelled = await tryKubectl(['label', 'namespace', ns, 'pod-security.kubernetes.io/enforce=restricted']);
    expect(labelled.code).toBe(0);
    expect(labelled.stderr).toContain(
      `Warning: existing pods in namespace "${ns}" violate the new PodSecurity enforce level "restricted:latest"`,
    );
    expect(labelled.stderr).toContain('Warning: early: host namespaces, allowPrivilegeEscalation != false');
    const refused = await tryKubectl(['run', 'x', '--image=tiffin.dev/busybox:1', '-n', ns]);
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toMatch(
      /pods "x" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false \(container "x"/,
    );
  });

  test('who deploys what would violate it is warned; the event says why nothing comes', async () => {
    const made = await tryKubectl(['apply', '-n', ns, '-f', '-'], { input: deployment('loose', { replicas: 1 }) });
    expect(made.code, made.stderr).toBe(0);
    expect(made.stderr).toContain('Warning: would violate PodSecurity "restricted:latest"');
    await until('the event', async () =>
      /is forbidden: violates PodSecurity/.test(
        await kubectl(`get events -n ${ns} --field-selector reason=FailedCreate`),
      ),
    );
  });

  test('what it lets in runs so', async () => {
    await apply(ns, pod('tight', { containers: [sh('web', forever, { securityContext: restricted })] }));
    await until('Ready', async () => podReady(await get<Pod>(`pod tight -n ${ns}`)));
    const { spec } = await get<Pod>(`pod tight -n ${ns}`);
    expect(spec.containers[0]?.securityContext).toEqual(restricted);
    const script = 'id -u; grep -E "^(CapEff|CapBnd|NoNewPrivs|Seccomp):" /proc/self/status';
    const seen = { restartPolicy: 'Never' as const, containers: [sh('web', script, { securityContext: restricted })] };
    await apply(ns, pod('seen', seen));
    await until('ended', async () => (await get<Pod>(`pod seen -n ${ns}`)).status.phase === 'Succeeded');
    const lines = (await kubectl(`logs seen -n ${ns}`)).replaceAll('\t', ' ').trim().split('\n');
    expect(lines).toEqual([
      '1000',
      'CapEff: 0000000000000000',
      'CapBnd: 0000000000000000',
      'NoNewPrivs: 1',
      'Seccomp: 2',
    ]);
  });
});
