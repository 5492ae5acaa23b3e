// A machine elsewhere becomes a node: `tiffin node join` in a network namespace of its own, over https to the control plane's
// address on another network, with nothing but a bootstrap token and the cluster's CA. It only ever dials out.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import type { Node, Pod } from '../../src/generated/schemas/core-v1.ts';
import {
  apply,
  background,
  cluster,
  get,
  kubeconfig,
  kubectl,
  nodeReady,
  root,
  run,
  tiffin,
  tryKubectl,
  until,
} from './lib.ts';

const sh = (command: string): string => execFileSync('sh', ['-c', command], { encoding: 'utf8' });

cluster('join', (ns) => {
  const netns = `tjoin${process.pid}`;
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'tiffin-join-'));
  const nodeDir = path.join(directory, 'node');
  const link = `tj${process.pid}`.slice(0, 15);

  beforeAll(() => {
    sh(`ip netns add ${netns} && ip -n ${netns} link set lo up`);
    sh(
      `ip link add ${link} type veth peer name eth0 netns ${netns} && ip addr add 10.88.7.1/24 dev ${link} && ip link set ${link} up`,
    );
    sh(
      `ip -n ${netns} addr add 10.88.7.2/24 dev eth0 && ip -n ${netns} link set eth0 up && ip -n ${netns} route add default via 10.88.7.1`,
    );
  });
  afterAll(async () => {
    await run('nsenter', [
      `--net=/run/netns/${netns}`,
      path.join(root, 'tiffin'),
      'down',
      '--state-dir',
      nodeDir,
      '--purge',
    ]);
    await tryKubectl(['delete', 'node', 'elsewhere', '--ignore-not-found']);
    sh(`ip netns del ${netns}; ip link del ${link} 2>/dev/null || true`);
    fs.rmSync(directory, { recursive: true, force: true });
  });

  test('joins with a token, runs a pod, answers logs, and the pod reaches the API', async () => {
    const config = parse(fs.readFileSync(kubeconfig, 'utf8')) as {
      clusters: { cluster: { server: string; 'certificate-authority-data': string } }[];
    };
    const entry = config.clusters[0]?.cluster;
    const ca = path.join(directory, 'ca.crt');
    fs.writeFileSync(ca, Buffer.from(entry?.['certificate-authority-data'] ?? '', 'base64'));
    // The control plane's address on the nodes' network; from the namespace it is reached through a router.
    const first = (await get<{ items: Node[] }>('nodes')).items.find((n) => n.metadata.name.endsWith('1'));
    const address = first?.status.addresses?.find((a) => a.type === 'InternalIP')?.address;
    const url = `https://${address}:${new URL(entry?.server ?? '').port}`;
    const made = await tiffin('token', 'create');
    const token = /[a-z0-9]{6}\.[a-z0-9]{16}@sha256:[0-9a-f]{64}/.exec(made.stdout)?.[0];
    expect(token, made.stderr).toBeDefined();
    const agent = background('nsenter', [
      `--net=/run/netns/${netns}`,
      path.join(root, 'tiffin'),
      'node',
      'join',
      '--url',
      url,
      '--token',
      token as string,
      '--ca-file',
      ca,
      '--name',
      'elsewhere',
      '--address',
      '10.88.7.2',
      '--node-dir',
      nodeDir,
    ]);
    await until('the node to be Ready', async () => nodeReady(await get<Node>('node elsewhere')), 60_000).catch(
      (error: unknown) => {
        throw new Error(`${String(error)}\n${agent.output()}`);
      },
    );
    await apply(
      ns,
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'far' },
        spec: {
          nodeSelector: { 'kubernetes.io/hostname': 'elsewhere' },
          terminationGracePeriodSeconds: 1,
          containers: [
            {
              name: 'c',
              image: 'tiffin.dev/busybox:1',
              command: ['sh', '-c', 'nc -w 5 kubernetes.default.svc 443 < /dev/null && echo connected; sleep 3600'],
            },
          ],
        },
      }),
    );
    await until('the pod', async () => (await get<Pod>(`pod far -n ${ns}`)).status.phase === 'Running');
    await until(
      'its connection to the API',
      async () => (await kubectl(`logs far -n ${ns}`)).includes('connected'),
      20_000,
    );
    await kubectl(`delete pod far -n ${ns} --wait=true`);
  });

  test('a wrong token is refused in one line', async () => {
    const outcome = await run(path.join(root, 'tiffin'), [
      'node',
      'join',
      '--url',
      'https://127.0.0.1:1',
      '--token',
      'nonsense',
      '--node-dir',
      path.join(directory, 'other'),
    ]);
    expect(outcome.code).not.toBe(0);
    expect(outcome.stderr).toContain('not a bootstrap token');
  });
});
