// What the commands write for other programs: workerd, containerd, kubectl, systemd.
import path from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { unitText } from './commands/node-join.ts';
import { containerdToml } from './containerd.ts';
import { durationMs } from './duration.ts';
import { kubeconfigText } from './kubeconfig.ts';
import { nodePaths } from './paths.ts';
import { pkiFiles } from './pki.ts';
import { cgroupsOf, mountsBelow } from './teardown.ts';
import { workerdConfig } from './workerd-config.ts';

test('kubeconfig', () => {
  const config = parse(
    kubeconfigText({ name: 'tiffin', server: 'https://127.0.0.1:6443', token: 't: #1', ca: 'PEM' }),
  ) as Record<string, unknown>;
  expect(config).toMatchObject({
    'current-context': 'tiffin',
    clusters: [
      {
        name: 'tiffin',
        cluster: {
          server: 'https://127.0.0.1:6443',
          'certificate-authority-data': Buffer.from('PEM').toString('base64'),
        },
      },
    ],
    users: [{ user: { token: 't: #1' } }],
    contexts: [{ context: { cluster: 'tiffin', user: 'tiffin-admin' } }],
  });
});

const pem = (base64: string) => `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`;

test('workerd listens on every address with one certificate; embedded paths are relative', () => {
  const config = workerdConfig({
    dir: '/s/worker',
    bundle: '/s/worker/main-1.js',
    ledger: '/s/ledger',
    pki: pkiFiles('/s/pki'),
    addresses: ['127.0.0.1', '::1'],
    port: 6443,
    configuration: '/state/configuration.json',
    certificateAuthorities: [pem('QQ=='), `${pem('Qg==')}# and another\n${pem('Qw==')}`],
    clusterConfig: { podCidr: '10.244.0.0/16' },
  });
  expect(config).toContain('address = "127.0.0.1:6443"');
  expect(config).toContain('address = "[::1]:6443"');
  expect(config).toContain('esModule = embed "main-1.js"');
  expect(config).toContain('embed "../pki/ca.key"');
  expect(config).toContain('disk = (path = "/s/ledger"');
  expect(config).toContain('"{\\"podCidr\\":\\"10.244.0.0/16\\"}"');
  expect(config).toContain('globalOutbound = "outbound"');
  expect(config).toContain('(name = "OUTBOUND_1", service = "outbound-1")');
  expect(
    config
      .split('\n')
      .find((line) => line.includes('"outbound-1", network'))
      ?.match(/BEGIN/g),
  ).toHaveLength(2);
});

test('containerd: both generations of configuration name the same places', () => {
  const node = nodePaths('/s/nodes', '/run/tiffin/0', 'node-1');
  const place = { runc: '/usr/sbin/runc', cniBinDir: '/usr/lib/cni', snapshotter: 'overlayfs' as const };
  const old = containerdToml(node, { ...place, major: 1 });
  const recent = containerdToml(node, { ...place, major: 2 });
  expect(old).toContain('version = 2\n');
  expect(recent).toContain('version = 3\n');
  for (const text of [old, recent]) {
    for (const part of [
      node.socket,
      node.containerdRoot,
      node.cniConf,
      node.certs,
      'tiffin.dev/pause:1',
      'restrict_oom_score_adj = true',
    ]) {
      expect(text).toContain(part);
    }
  }
  // A Unix socket's path has at most 107 bytes.
  expect(nodePaths('/s', '/run/tiffin/63', 'n'.repeat(63)).socket.length).toBeLessThan(108);
});

test('a systemd unit runs the same join, without the token', () => {
  const unit = unitText(
    { url: 'https://h', name: 'n', label: ['a=b c', 'p=50%'], nodeDir: '/var/lib/tiffin/node' },
    '/opt/tiffin/tiffin',
    '/bin',
  );
  expect(unit).toContain(
    'ExecStart=/opt/tiffin/tiffin node join --url https://h --name n --label "a=b c" --label p=50%% --node-dir /var/lib/tiffin/node',
  );
  expect(unit).toContain('KillMode=process');
});

test('durations', () => {
  expect(['0', '90s', '30m', '24h', '1h30m', '7d', '1d12h'].map(durationMs)).toEqual([
    0, 90_000, 1_800_000, 86_400_000, 5_400_000, 604_800_000, 129_600_000,
  ]);
  for (const bad of ['', 'x', '5', '-1h', '1w']) expect(() => durationMs(bad), bad).toThrow(/not a duration/);
});

test('mounts below a folder, innermost first', () => {
  const line = (point: string) => `1 2 0:1 / ${point} rw - tmpfs tmpfs rw`;
  const info = ['/', '/run/t/0', '/run/t/0/a\\040b', '/run/t/01'].map(line).join('\n');
  expect(mountsBelow(['/run/t/0'], info)).toEqual(['/run/t/0/a b', '/run/t/0']);
});

test("cgroups are recognised by the cluster's index", () => {
  // No cluster has index 99.
  expect(cgroupsOf(99)).toEqual([]);
  expect(cgroupsOf(0, path.join('/nonexistent'))).toEqual([]);
});
