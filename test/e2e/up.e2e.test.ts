// What `./tiffin up --nodes 2 --demo` printed and left behind, and that doing it again is harmless.
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, inject, test } from 'vitest';
import type { Node } from '../../src/generated/schemas/core-v1.ts';
import { componentPid, items, kubeconfig, kubectl, nodeReady, run, stateDir, tiffin } from './lib.ts';

describe.skipIf(inject('skip') !== '')('up', () => {
  test('the demo ends with its page, fetched through its Service', () => {
    expect(inject('upOutput')).toMatch(/hello-[a-z0-9]+-[a-z0-9]+/);
    expect(inject('upOutput')).toContain('kubectl');
  });

  test('two real nodes are Ready, with pod ranges of their own', async () => {
    const nodes = await items<Node>('nodes');
    expect(nodes).toHaveLength(2);
    expect(nodes.every(nodeReady)).toBe(true);
    expect(new Set(nodes.map((n) => n.spec.podCIDR)).size).toBe(2);
    for (const node of nodes) {
      expect(node.status.nodeInfo?.containerRuntimeVersion).toMatch(/^containerd:\/\//);
      expect(Number(node.status.capacity?.cpu)).toBeGreaterThan(0);
    }
  });

  test('pods of one node reach pods of the other, and names resolve', async () => {
    const pods = await items<{ status: { podIP: string }; spec: { nodeName: string }; metadata: { name: string } }>(
      'pods -l app=hello',
    );
    expect(new Set(pods.map((p) => p.spec.nodeName)).size).toBe(2);
    await kubectl([
      'run',
      'caller',
      '--image=tiffin.dev/busybox:1',
      '--restart=Never',
      '--command',
      '--',
      'sh',
      '-c',
      `for ip in ${pods.map((p) => p.status.podIP).join(' ')}; do wget -q -O - http://$ip:8080/ || exit 1; done; wget -q -O - http://hello.default.svc.cluster.local/ && wget -q -O - http://hello/`,
    ]);
    try {
      await kubectl(['wait', 'pod/caller', '--for=jsonpath={.status.phase}=Succeeded', '--timeout=60s']);
      const log = await kubectl('logs caller');
      for (const pod of pods) expect(log).toContain(pod.metadata.name);
    } finally {
      await kubectl('delete pod caller --now');
    }
  });

  test('a second up is harmless, and quick', async () => {
    const before = componentPid('workerd');
    const again = await run('./tiffin', ['up', '--state-dir', stateDir, '--nodes', '2']);
    expect(again.code, again.stderr).toBe(0);
    expect(componentPid('workerd')).toBe(before);
  });

  test('status, logs and the files in place', async () => {
    const status = await tiffin('status');
    expect(status.code).toBe(0);
    expect(status.stdout).toContain('workerd');
    expect((await tiffin('logs', 'workerd')).code).toBe(0);
    expect(fs.statSync(kubeconfig).mode & 0o077).toBe(0);
    expect(fs.existsSync(path.join(stateDir, 'logs'))).toBe(true);
  });

  test('unknown commands and options fail with a line that helps', async () => {
    for (const args of [
      ['fly'],
      ['up', '--nodes', 'many'],
      ['logs', 'nothing', '--state-dir', stateDir],
      ['status', '--state-dir', '/nonexistent/tiffin'],
    ]) {
      const outcome = await run('./tiffin', args);
      expect(outcome.code, args.join(' ')).not.toBe(0);
      expect(outcome.stderr.trim(), args.join(' ')).not.toBe('');
      expect(outcome.stderr, args.join(' ')).not.toContain('    at ');
    }
  });
});
