// down stops everything and leaves nothing behind but state; up brings the pods back. Runs last: it takes the shared cluster down.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, inject, test } from 'vitest';
import type { Pod } from '../../src/generated/schemas/core-v1.ts';
import { items, kubectl, podReady, run, stateDir, tiffin, until } from './lib.ts';

const sh = (command: string): string => execFileSync('sh', ['-c', command], { encoding: 'utf8' });
const processes = (): string[] =>
  fs
    .readdirSync('/proc')
    .filter((e) => /^\d+$/.test(e))
    .flatMap((pid) => {
      try {
        const line = fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
        return line.includes(stateDir) ? [`${pid} ${line}`] : [];
      } catch {
        return [];
      }
    });

describe.skipIf(inject('skip') !== '')('down and up', () => {
  test('down leaves no process, mount, namespace, bridge or rule; up brings the pods back', async () => {
    // Restarts of each pod by its uid.
    const restarts = (pods: readonly Pod[], more = 0): Map<string, number> =>
      new Map(
        pods
          .map((p) => [p.metadata.uid, (p.status.containerStatuses?.[0]?.restartCount ?? 0) + more] as const)
          .toSorted(),
      );
    const before = await items<Pod>('pods -l app=hello');
    expect(before).toHaveLength(3);
    const down = await tiffin('down');
    expect(down.code, down.stderr).toBe(0);
    await until('no process', () => processes().length === 0, 10_000).catch(() => expect(processes()).toEqual([]));
    expect(
      sh('cat /proc/mounts')
        .split('\n')
        .filter((l) => l.includes(stateDir)),
    ).toEqual([]);
    // Everything that a cluster has in the kernel carries its number.
    const { instance } = JSON.parse(fs.readFileSync(path.join(stateDir, 'cluster.json'), 'utf8')) as {
      instance: number;
    };
    const own = new RegExp(
      `\\btf${instance}(n|lan|_)|tiffin-${instance}-|10\\.89\\.${instance}\\.|/run/tiffin/${instance}/`,
    );
    for (const command of [
      'ip -o link',
      'ip netns',
      'ip -4 route',
      'ip -4 addr',
      'nft list tables',
      'cat /proc/mounts',
    ])
      expect(sh(command), command).not.toMatch(own);
    expect(sh('find /sys/fs/cgroup -maxdepth 3 -type d')).not.toMatch(new RegExp(`/tf${instance}n\\d`));
    expect(fs.existsSync(stateDir)).toBe(true);
    expect((await tiffin('down')).code).toBe(0);

    const up = await run('./tiffin', ['up', '--state-dir', stateDir, '--nodes', '2'], { timeoutMs: 120_000 });
    expect(up.code, up.stderr).toBe(0);
    // The same pods once more, not anew. What is stored speaks of the containers before `down` until the node has reported.
    const expected = JSON.stringify([...restarts(before, 1)]);
    await until('the same pods, each restarted once and ready', async () => {
      const pods = await items<Pod>('pods -l app=hello');
      return pods.every(podReady) && JSON.stringify([...restarts(pods)]) === expected;
    });
    expect(await kubectl('get service hello')).toContain('hello');
  });
});
