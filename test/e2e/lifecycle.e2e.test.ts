// down stops everything and leaves nothing behind but state; up brings the pods back. Runs last: it takes the shared cluster down.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
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
    const before = (await items<Pod>('pods -l app=hello')).map((p) => p.metadata.uid).sort();
    expect(before.length).toBe(3);
    const down = await tiffin('down');
    expect(down.code, down.stderr).toBe(0);
    await until('no process', () => processes().length === 0, 10_000).catch(() => expect(processes()).toEqual([]));
    expect(
      sh('cat /proc/mounts')
        .split('\n')
        .filter((l) => l.includes(stateDir)),
    ).toEqual([]);
    expect(fs.existsSync(stateDir)).toBe(true);
    expect((await tiffin('down')).code).toBe(0);

    const up = await run('./tiffin', ['up', '--state-dir', stateDir, '--nodes', '2'], { timeoutMs: 120_000 });
    expect(up.code, up.stderr).toBe(0);
    const after = await until('the same pods, ready', async () => {
      const pods = (await items<Pod>('pods -l app=hello')).filter(podReady);
      return pods.length === 3 ? pods : undefined;
    });
    expect(after.map((p) => p.metadata.uid).sort()).toEqual(before);
    expect(await kubectl('get service hello')).toContain('hello');
  });
});
