// Two nodes with containers on a real kernel, taken down while healthy and while half dead: nothing may be left. Needs root,
// containerd and its friends; skipped elsewhere.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { down } from './commands/down.ts';
import { ensureLan, ensureNodeNetns } from './host-network.ts';
import { importBuiltIn } from './image-import.ts';
import { containerdComponents, containerdPlace, localNodes } from './local-nodes.ts';
import { isRoot, missingPackages } from './packages.ts';
import { runRootOf, statePaths } from './paths.ts';
import { find, findAll, signal, sleep, start } from './processes.ts';
import { type ClusterSettings, claimInstance, rangesOf, writeSettings } from './settings.ts';
import { makeStateDir } from './state-dir.ts';
import { cgroupsOf, mountsBelow } from './teardown.ts';

const paths = statePaths(fs.mkdtempSync(path.join(os.tmpdir(), 'tiffin-teardown-')));
let settings: ClusterSettings;
let rounds = 0;
/** Known by it: nobody else's containers sleep so long. */
const seconds = 1_000_000 + process.pid;
const sh = (command: string) => execFileSync('sh', ['-c', command], { encoding: 'utf8' });

async function raise(): Promise<void> {
  rounds++;
  makeStateDir(paths);
  settings = { instance: claimInstance(paths.dir, undefined), port: 0, listen: '', nodes: 2, simulatedNodes: 0 };
  writeSettings(paths, settings);
  const ranges = rangesOf(settings.instance);
  await ensureLan(ranges);
  await ensureNodeNetns(ranges, 'node-2', 2);
  const place = await containerdPlace(paths);
  for (const component of containerdComponents(paths, settings, place)) await start(paths, component);
  for (const { k, paths: node } of localNodes(paths, settings)) {
    while (!fs.existsSync(node.socket)) await sleep(20);
    await importBuiltIn(paths, node, place.snapshotter);
    const cgroup = `/tf${settings.instance}n${k}/pod-1/c`;
    const ctr = `ctr -a ${node.socket} -n k8s.io`;
    sh(
      `${ctr} run -d --runc-root ${node.run}/runc --cgroup ${cgroup} tiffin.dev/busybox:1 c${k}-${rounds} sh -c 'sleep ${seconds} & sleep ${seconds}'`,
    );
    expect(sh(`${ctr} task ls`)).toContain('RUNNING');
  }
  expect(cgroupsOf(settings.instance).length).toBeGreaterThan(0);
}

function expectNothingLeft(): void {
  const { instance } = settings;
  expect(findAll(paths)).toEqual([]);
  expect(mountsBelow([runRootOf(instance), paths.dir])).toEqual([]);
  expect(cgroupsOf(instance)).toEqual([]);
  expect(fs.existsSync(runRootOf(instance))).toBe(false);
  const own = new RegExp(`\\btf${instance}(n|lan|_)|tiffin-${instance}-|10\\.89\\.${instance}\\.`);
  for (const command of ['ip -o link', 'ip netns', 'ip -4 route', 'ip -4 addr', 'nft list tables'])
    expect(sh(command)).not.toMatch(own);
  expect(sh(`ps -eo args | grep '[s]leep ${seconds}' || true`)).toBe('');
}

describe.skipIf(!isRoot() || missingPackages().length > 0)('down', () => {
  beforeAll(raise);
  afterAll(() => down({ stateDir: paths.dir, purge: true }));

  test('of a healthy cluster leaves nothing but state', async () => {
    await down({ stateDir: paths.dir });
    expectNothingLeft();
    expect(fs.existsSync(paths.settings)).toBe(true);
    await down({ stateDir: paths.dir });
  });

  test('of one whose containerd was killed leaves nothing either; purge removes the directory', async () => {
    await raise();
    signal(find(paths, 'containerd-node-1')!.pid, 'SIGKILL');
    signal(find(paths, 'containerd-node-2')!.pid, 'SIGKILL');
    fs.rmSync(paths.pids, { recursive: true });
    await down({ stateDir: paths.dir, purge: true });
    expectNothingLeft();
    expect(fs.existsSync(paths.dir)).toBe(false);
  });
});
