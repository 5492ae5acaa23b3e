// What pods are given, on real containers: users and groups, volumes, environment, names and addresses.
import fs from 'node:fs';
import path from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import type { Node, Service } from '../../src/generated/schemas/core-v1.ts';
import { cluster, get, items, kubectl, until } from './lib.ts';
import { forever, job, mount, pod, podSuite, sh, www } from './pods.ts';

cluster('pods content', (ns) => {
  const { shared, add, create, read, log, said, ready, waiting, saysEvents } = podSuite(ns);

  add(
    job(
      'identity',
      'id -u; id -g; id -G; ls -dn /data | cut -c1-10; ls -dn /data | awk "{print \\$4}"; touch /data/f && ls -n /data/f | awk "{print \\$4}"; touch /x 2>&1; grep -E "CapEff|NoNewPrivs|Seccomp:" /proc/self/status',
      {
        volumeMounts: mount('data'),
        securityContext: {
          readOnlyRootFilesystem: true,
          allowPrivilegeEscalation: false,
          capabilities: { drop: ['ALL'] },
          seccompProfile: { type: 'RuntimeDefault' },
        },
      },
      {
        volumes: [{ name: 'data', emptyDir: {} }],
        securityContext: { runAsUser: 1000, runAsGroup: 3000, fsGroup: 2000, supplementalGroups: [4000] },
      },
    ),
  );
  add(pod('root-refused', { containers: [sh('web', forever, { securityContext: { runAsNonRoot: true } })] }));
  add(
    job('caps', 'grep CapEff /proc/self/status', {
      securityContext: { capabilities: { drop: ['ALL'], add: ['NET_ADMIN'] } },
    }),
  );
  test('users, groups, capabilities, a read-only root', async () => {
    const lines = (await said('identity')).split('\n').map((l) => l.replace(/\s+/g, ' ').trim());
    expect(lines.slice(0, 2)).toEqual(['1000', '3000']);
    expect(lines[2]?.split(' ').sort()).toEqual(['2000', '3000', '4000']);
    expect(lines.slice(3)).toEqual([
      'drwxrwsrwx',
      '2000',
      '2000',
      'touch: /x: Read-only file system',
      'CapEff: 0000000000000000',
      'NoNewPrivs: 1',
      'Seccomp: 2',
      '',
    ]);
    expect(await said('caps')).toMatch(/CapEff:\s0000000000001000/);
    expect((await waiting('root-refused', 'CreateContainerConfigError')).message).toMatch(
      /^container has runAsNonRoot and image will run as root \(pod: "root-refused_/,
    );
  });

  add(
    job(
      'volumes',
      [
        'df -m /memory | tail -1 | awk "{print \\$1, \\$2}"',
        'echo a > /sub/own; echo b > /expr/own; find /all -type f -o -type l | grep -v "/\\.\\." | sort',
        'cat /all/cm/color /all/secret/password /all/name; echo; cat /all/labels; echo; cat /single',
        'ls /absent | wc -l; stat -Lc %a /all/secret/password; touch /all/x 2>&1',
        'test -d /made && touch /file && echo made',
      ].join('\n'),
      {
        volumeMounts: [
          ...mount('memory', 'all', 'absent', 'made', 'file'),
          { name: 'data', mountPath: '/whole' },
          { name: 'data', mountPath: '/sub', subPath: 'x/y' },
          { name: 'data', mountPath: '/expr', subPathExpr: '$(POD)/z' },
          { name: 'config', mountPath: '/single', subPath: 'other' },
        ],
        env: [{ name: 'POD', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }],
      },
      {
        volumes: [
          { name: 'memory', emptyDir: { medium: 'Memory', sizeLimit: '8Mi' } },
          { name: 'data', hostPath: { path: path.join(shared, 'data'), type: 'DirectoryOrCreate' } },
          { name: 'made', hostPath: { path: path.join(shared, 'made'), type: 'DirectoryOrCreate' } },
          { name: 'file', hostPath: { path: path.join(shared, 'file'), type: 'FileOrCreate' } },
          { name: 'config', configMap: { name: 'settings' } },
          { name: 'absent', configMap: { name: 'no-such-map', optional: true } },
          {
            name: 'all',
            projected: {
              defaultMode: 0o440,
              sources: [
                { configMap: { name: 'settings', items: [{ key: 'color', path: 'cm/color' }] } },
                { secret: { name: 'credentials', items: [{ key: 'password', path: 'secret/password' }] } },
                {
                  downwardAPI: {
                    items: [
                      { path: 'name', fieldRef: { fieldPath: 'metadata.name' } },
                      { path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } },
                    ],
                  },
                },
                { serviceAccountToken: { path: 'token', expirationSeconds: 3600, audience: 'here' } },
              ],
            },
          },
        ],
      },
      { labels: { a: 'b' } },
    ),
  );
  add(
    pod('wrong-type', {
      volumes: [{ name: 'host', hostPath: { path: `${shared}/nothing`, type: 'File' } }],
      containers: [sh('web', forever, { volumeMounts: mount('host') })],
    }),
  );
  add(
    pod('updated', {
      volumes: [{ name: 'live', configMap: { name: 'live' } }],
      containers: [
        sh('web', 'until grep -q two /live/value; do sleep 0.1; done; echo seen; sleep 1000', {
          volumeMounts: mount('live'),
        }),
      ],
    }),
  );
  test('volumes of every kind', async () => {
    expect((await said('volumes')).split('\n')).toEqual([
      'tmpfs 8',
      '/all/cm',
      '/all/labels',
      '/all/name',
      '/all/secret',
      '/all/token',
      'redpassvolumes',
      'a="b"',
      'other0',
      '440',
      'touch: /all/x: Read-only file system',
      'made',
      '',
    ]);
    expect(fs.readFileSync(path.join(shared, 'data/x/y/own'), 'utf8')).toBe('a\n');
    expect(fs.readFileSync(path.join(shared, 'data/volumes/z/own'), 'utf8')).toBe('b\n');
    await saysEvents(
      'wrong-type',
      'FailedMount: MountVolume.SetUp failed for volume "host" : hostPath type check failed',
    );
    expect((await read('wrong-type')).status.containerStatuses?.[0]?.state?.waiting?.reason).toBe('ContainerCreating');
    await ready('updated');
    await kubectl(['patch', 'configmap', 'live', '-n', ns, '-p', '{"data":{"value":"two"}}']);
    await until('the update inside', async () => (await log('updated')).includes('seen'), 20_000);
  });

  const missing = (name: string) =>
    pod(name, {
      containers: [
        sh('web', forever, { env: [{ name: 'X', valueFrom: { configMapKeyRef: { name: 'late', key: 'x' } } }] }),
      ],
    });
  add(missing('late-env'));
  add(
    pod('late-volume', {
      volumes: [{ name: 'late', secret: { secretName: 'late' } }],
      containers: [sh('web', forever, { volumeMounts: mount('late') })],
    }),
  );
  test('what is missing is waited for', async () => {
    expect((await waiting('late-env', 'CreateContainerConfigError')).message).toBe('configmap "late" not found');
    await saysEvents('late-volume', 'MountVolume.SetUp failed for volume "late" : secret "late" not found');
    await kubectl(`create configmap late --from-literal=x=1 -n ${ns}`);
    await kubectl(`create secret generic late --from-literal=x=1 -n ${ns}`);
    const start = Date.now();
    await Promise.all([ready('late-env'), ready('late-volume')]);
    // Soon, and not by a slow look at everything.
    expect(Date.now() - start).toBeLessThan(20_000);
  });

  add(
    job(
      'environment',
      'env | grep ^E_ | sort; echo "$0 $1"',
      {
        args: ['$(E_A)', '$$(E_A) $(NONE)'],
        envFrom: [
          { prefix: 'E_CM_', configMapRef: { name: 'settings' } },
          { prefix: 'E_S_', secretRef: { name: 'credentials' } },
          { configMapRef: { name: 'none', optional: true } },
        ],
        env: [
          { name: 'E_A', value: 'a' },
          { name: 'E_B', value: '$(E_A)-$(E_CM_color)-$(E_LATER)' },
          { name: 'E_LATER', value: 'later' },
          { name: 'E_CM_color', value: 'overridden' },
          { name: 'E_NODE', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
          { name: 'E_LABEL', valueFrom: { fieldRef: { fieldPath: "metadata.labels['a']" } } },
          { name: 'E_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
          { name: 'E_MEM', valueFrom: { resourceFieldRef: { resource: 'limits.memory', divisor: '1Mi' } } },
          { name: 'E_CPU', valueFrom: { resourceFieldRef: { resource: 'requests.cpu', divisor: '1m' } } },
          { name: 'E_OPT', valueFrom: { secretKeyRef: { name: 'none', key: 'x', optional: true } } },
        ],
        resources: { requests: { cpu: '50m' }, limits: { memory: '64Mi' } },
      },
      {},
      { labels: { a: 'b' } },
    ),
  );
  test('the environment', async () => {
    const text = await said('environment');
    const p = await read('environment');
    expect(text.split('\n')).toEqual([
      'E_A=a',
      'E_B=a-red-$(E_LATER)',
      'E_CM_color=overridden',
      'E_CM_other=other',
      'E_CPU=50',
      `E_IP=${p.status.podIP}`,
      'E_LABEL=b',
      'E_LATER=later',
      'E_MEM=64',
      `E_NODE=${p.spec.nodeName}`,
      'E_S_password=pass',
      'E_S_user=me',
      'a $(E_A) $(NONE)',
      '',
    ]);
  });

  add(
    job(
      'names',
      'hostname; hostname -f; grep -c "1.2.3.4 *.*alias" /etc/hosts; cat /etc/resolv.conf',
      {},
      {
        hostname: 'custom',
        subdomain: 'sub',
        hostAliases: [{ ip: '1.2.3.4', hostnames: ['alias', 'other'] }],
        dnsPolicy: 'None',
        dnsConfig: {
          nameservers: ['9.9.9.9'],
          searches: ['example.com'],
          options: [{ name: 'ndots', value: '2' }, { name: 'rotate' }],
        },
      },
    ),
  );
  add(job('resolver', 'cat /etc/resolv.conf; nslookup kubernetes.default.svc.cluster.local | tail -3'));
  add(
    pod('host-port', {
      containers: [
        sh('web', `${www} ${forever}`, {
          ports: [{ containerPort: 8080, hostPort: 28080 }],
          readinessProbe: { httpGet: { path: '/ok', port: 8080 }, periodSeconds: 1 },
        }),
      ],
    }),
  );
  add(
    job(
      'host-spaces',
      'ls -d /proc/[0-9]* | wc -l; cat /proc/1/comm; hostname',
      {},
      { hostNetwork: true, hostPID: true },
    ),
  );
  test('names, resolvers, ports and name spaces of the node', async () => {
    expect((await said('names')).split('\n')).toEqual([
      'custom',
      `custom.sub.${ns}.svc.cluster.local`,
      '1',
      'search example.com',
      'nameserver 9.9.9.9',
      'options ndots:2 rotate',
      '',
    ]);
    const api = await get<Service>('service kubernetes -n default');
    expect(await said('resolver')).toMatch(
      new RegExp(
        `search ${ns}\\.svc\\.cluster\\.local svc\\.cluster\\.local cluster\\.local[\\s\\S]*options ndots:5[\\s\\S]*Address: ${api.spec.clusterIP}`,
      ),
    );
    const { status } = await ready('host-port');
    const answer = await fetch(`http://${status.hostIP}:28080/ok`);
    expect(await answer.text()).toBe('ok\n');
    const spaces = (await said('host-spaces')).split('\n');
    expect(Number(spaces[0])).toBeGreaterThan(5);
    expect(spaces[1]).toBe(fs.readFileSync('/proc/1/comm', 'utf8').trim());
    const own = await read('host-spaces');
    expect(own.status.podIP).toBe(own.status.hostIP);
  });

  test('a node names the version that the API names', async () => {
    const { gitVersion } = JSON.parse(await kubectl('get --raw /version')) as { gitVersion: string };
    const nodes = await items<Node>('nodes');
    for (const { status } of nodes) expect(status.nodeInfo?.kubeletVersion).toBe(gitVersion);
  });

  beforeAll(() =>
    create(
      { kind: 'ConfigMap', metadata: { name: 'settings' }, data: { color: 'red', other: 'other' } },
      { kind: 'ConfigMap', metadata: { name: 'live' }, data: { value: 'one' } },
      { kind: 'Secret', metadata: { name: 'credentials' }, stringData: { user: 'me', password: 'pass' } },
    ),
  );
});
