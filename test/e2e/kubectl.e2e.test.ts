// Every kubectl verb of an ordinary working day, against real containers.
import fs from 'node:fs';
import { expect, inject, test } from 'vitest';
import type { Deployment } from '../../src/generated/schemas/apps-v1.ts';
import type { Node, Pod, Service } from '../../src/generated/schemas/core-v1.ts';
import {
  apply,
  background,
  cluster,
  deployment,
  get,
  items,
  kubeconfig,
  kubectl,
  podReady,
  rolledOut,
  tryKubectl,
  until,
} from './lib.ts';

cluster('kubectl', (ns) => {
  const k = (args: string, input?: string) => kubectl(`${args} -n ${ns}`, input === undefined ? {} : { input });

  test('version, api-resources, cluster-info and auth can-i', async () => {
    expect(JSON.parse(await kubectl('version -o json')).serverVersion).toMatchObject({ major: '1', minor: '36' });
    expect(await kubectl('api-resources')).toMatch(/deployments\s+deploy\s+apps\/v1\s+true\s+Deployment/);
    expect(await kubectl('cluster-info')).toContain('Kubernetes control plane');
    expect(await kubectl('auth can-i create pods')).toContain('yes');
  });

  test('apply creates, is unchanged the second time, and configures', async () => {
    expect(await apply(ns, deployment('web', { replicas: 2 }))).toContain('deployment.apps/web created');
    expect(await apply(ns, deployment('web', { replicas: 2 }))).toContain('deployment.apps/web unchanged');
    expect(await apply(ns, deployment('web', { replicas: 3 }))).toContain('deployment.apps/web configured');
    expect(await k('rollout status deployment/web --timeout=60s')).toContain('successfully rolled out');
    expect((await get<Deployment>(`deployment web -n ${ns}`)).status.availableReplicas).toBe(3);
  });

  test('get: table, wide, yaml, all', async () => {
    expect(await k('get pods')).toMatch(
      /NAME\s+READY\s+STATUS\s+RESTARTS\s+AGE\nweb-[a-z0-9]+-[a-z0-9]+\s+1\/1\s+Running\s+0\s+\d+s/,
    );
    expect(await k('get pods -o wide')).toMatch(/IP\s+NODE\s+NOMINATED NODE\s+READINESS GATES[\s\S]*10\.\d+\.\d+\.\d+/);
    expect(await k('get deployment web -o yaml')).toMatch(/^apiVersion: apps\/v1\nkind: Deployment/);
    expect(await k('get all')).toMatch(/pod\/web[\s\S]*deployment.apps\/web[\s\S]*replicaset.apps\/web/);
    expect(await kubectl('get nodes')).toMatch(/STATUS\s+ROLES\s+AGE\s+VERSION\n\S+\s+Ready/);
  });

  test('get -w shows what happens', async () => {
    const watch = background(inject('kubectl'), [
      '--kubeconfig',
      kubeconfig,
      'get',
      'pods',
      '-n',
      ns,
      '-w',
      '--output-watch-events',
    ]);
    await until('the watch to begin', () => watch.output().includes('web-'));
    await apply(
      ns,
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'seen' },
        spec: { containers: [{ name: 'c', image: 'tiffin.dev/busybox:1', command: ['sleep', '3600'] }] },
      }),
    );
    await until('the pod running', () => /MODIFIED\s+seen\s+1\/1\s+Running/.test(watch.output()));
    await k('delete pod seen --grace-period=1');
    await until('its deletion', () => /DELETED\s+seen/.test(watch.output()));
    watch.stop();
  });

  test('describe tells events, conditions and what a pod mounts', async () => {
    const name = (await items<Pod>(`pods -n ${ns} -l app=web`))[0]?.metadata.name;
    const text = await k(`describe pod ${name}`);
    for (const part of [
      'Controlled By:  ReplicaSet/web-',
      'Image:          tiffin.dev/hello:1',
      'kube-api-access-',
      'Successfully assigned',
      'Started',
    ])
      expect(text).toContain(part);
    expect(await k('describe deployment web')).toContain('ScalingReplicaSet');
    expect(await kubectl(`describe node ${(await items<Node>('nodes'))[0]?.metadata.name}`)).toMatch(
      /Allocated resources:[\s\S]*cpu/,
    );
  });

  test('logs, logs -f, --previous, --tail', async () => {
    await apply(
      ns,
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'talker' },
        spec: {
          terminationGracePeriodSeconds: 1,
          containers: [
            {
              name: 'c',
              image: 'tiffin.dev/busybox:1',
              command: [
                'sh',
                '-c',
                'for i in 1 2 3; do echo line $i; done; [ -e /tmp/x ] || sleep 2; echo last; exit 3',
              ],
            },
          ],
        },
      }),
    );
    await until('its first lines', async () =>
      (await tryKubectl(['logs', 'talker', '-n', ns])).stdout.includes('line 3'),
    );
    expect(await k('logs talker --tail=1')).toMatch(/^(line 3|last)\n$/);
    const follow = background(inject('kubectl'), ['--kubeconfig', kubeconfig, 'logs', '-f', 'talker', '-n', ns]);
    await until('the end of the followed log', () => follow.output().endsWith('last\n'), 20_000);
    await until('kubectl logs -f to end', () => follow.child.exitCode !== null, 10_000);
    await until(
      'the log of the previous container',
      async () =>
        (await tryKubectl(['logs', '--previous', 'talker', '-n', ns])).stdout === 'line 1\nline 2\nline 3\nlast\n',
      30_000,
    );
    const pod = await get<Pod>(`pod talker -n ${ns}`);
    expect(pod.status.containerStatuses?.[0]?.lastState?.terminated).toMatchObject({ exitCode: 3, reason: 'Error' });
    await k('delete pod talker --now');
  });

  test('create deployment, expose, scale, set image, rollout history and undo', async () => {
    await k('create deployment made --image=tiffin.dev/hello:1 --replicas=1 --port=8080');
    await k('rollout status deployment/made --timeout=60s');
    await k('expose deployment made --port=80 --target-port=8080');
    expect((await get<Service>(`service made -n ${ns}`)).spec.clusterIP).toMatch(/^10\./);
    await k('scale deployment made --replicas=2');
    await until('two replicas', async () => rolledOut(await get<Deployment>(`deployment made -n ${ns}`)));
    await k('set image deployment/made hello=tiffin.dev/busybox:none');
    await until(
      'the new pod failing to pull',
      async () => /ErrImagePull|ImagePullBackOff/.test(await k('get pods')),
      60_000,
    );
    expect((await tryKubectl(['rollout', 'status', 'deployment/made', '-n', ns, '--timeout=1s'])).code).not.toBe(0);
    expect(await k('rollout history deployment/made')).toMatch(/REVISION[\s\S]*1[\s\S]*2/);
    await k('rollout undo deployment/made');
    expect(await k('rollout status deployment/made --timeout=60s')).toContain('successfully rolled out');
    expect((await get<Deployment>(`deployment made -n ${ns}`)).spec.template.spec?.containers[0]?.image).toBe(
      'tiffin.dev/hello:1',
    );
    await k('rollout restart deployment/made');
    await k('rollout status deployment/made --timeout=60s');
    await k('rollout pause deployment/made');
    await k('rollout resume deployment/made');
  });

  test('label, annotate, edit, patch', async () => {
    await k('label deployment web tier=front');
    await k('annotate deployment web note=hello');
    expect(await k('get deployment -l tier=front -o name')).toContain('deployment.apps/web');
    expect((await get<Deployment>(`deployment web -n ${ns}`)).metadata.annotations?.note).toBe('hello');
    await kubectl(`edit deployment web -n ${ns}`, { env: { KUBE_EDITOR: 'sed -i "s/replicas: 3/replicas: 2/"' } });
    await until('two replicas', async () => rolledOut(await get<Deployment>(`deployment web -n ${ns}`)));
    for (const [type, patch] of [
      ['merge', '{"spec":{"replicas":1}}'],
      ['json', '[{"op":"replace","path":"/spec/replicas","value":3}]'],
      ['strategic', '{"spec":{"replicas":2}}'],
    ] as const) {
      await kubectl(['patch', 'deployment', 'web', '-n', ns, `--type=${type}`, '-p', patch]);
    }
    expect((await get<Deployment>(`deployment web -n ${ns}`)).spec.replicas).toBe(2);
  });

  test('cordon keeps new pods away, drain moves the old ones, uncordon brings the node back', async () => {
    const node = (await items<Node>('nodes'))[0]?.metadata.name as string;
    try {
      await kubectl(`cordon ${node}`);
      expect(await kubectl('get nodes')).toContain('SchedulingDisabled');
      const drained = await tryKubectl([
        'drain',
        node,
        '--ignore-daemonsets',
        '--delete-emptydir-data',
        '--force',
        '--timeout=90s',
      ]);
      expect(drained.code, drained.stderr).toBe(0);
      expect(
        (await items<Pod>(`pods -n ${ns} --field-selector=spec.nodeName=${node}`)).filter(
          (p) => !p.metadata.deletionTimestamp,
        ),
      ).toEqual([]);
      await until(
        'all replicas elsewhere',
        async () => (await items<Pod>(`pods -n ${ns} -l app=web`)).filter(podReady).length === 2,
      );
    } finally {
      await kubectl(`uncordon ${node}`);
    }
  });

  test('secrets, config maps, namespaces and service accounts', async () => {
    await kubectl(['create', 'configmap', 'settings', '-n', ns, '--from-literal=colour=blue']);
    await kubectl(['create', 'secret', 'generic', 'key', '-n', ns, '--from-literal=password=tiffin']);
    await k('create serviceaccount robot');
    expect((await k('create token robot')).split('.')).toHaveLength(3);
    await apply(
      ns,
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'reader', labels: { a: 'b' } },
        spec: {
          restartPolicy: 'Never',
          serviceAccountName: 'robot',
          containers: [
            {
              name: 'c',
              image: 'tiffin.dev/busybox:1',
              command: [
                'sh',
                '-c',
                'echo $COLOUR $(cat /secret/password) $(cat /meta/labels) $NODE; ls /var/run/secrets/kubernetes.io/serviceaccount',
              ],
              env: [
                { name: 'COLOUR', valueFrom: { configMapKeyRef: { name: 'settings', key: 'colour' } } },
                { name: 'NODE', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
              ],
              volumeMounts: [
                { name: 's', mountPath: '/secret' },
                { name: 'm', mountPath: '/meta' },
              ],
            },
          ],
          volumes: [
            { name: 's', secret: { secretName: 'key' } },
            { name: 'm', downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] } },
          ],
        },
      }),
    );
    await until('the pod to succeed', async () => (await get<Pod>(`pod reader -n ${ns}`)).status.phase === 'Succeeded');
    expect(await k('logs reader')).toMatch(/^blue tiffin a="b" \S+\nca.crt\nnamespace\ntoken\n$/);
  });

  test('delete', async () => {
    await k('delete deployment web made --wait=true');
    await until('no pods of them', async () => (await items<Pod>(`pods -n ${ns} -l app=web`)).length === 0);
    expect((await tryKubectl(['get', 'deployment', 'web', '-n', ns])).stderr).toContain(
      'Error from server (NotFound): deployments.apps "web" not found',
    );
    expect(fs.existsSync(kubeconfig)).toBe(true);
  });
});
