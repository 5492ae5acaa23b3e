// The runtime contract on a real containerd.
import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runtimeContract } from '../runtime.contract.ts';
import { limitsOf } from '../testing/cgroups.ts';
import { type Host, missing, startHost, testImage } from '../testing/host.ts';
import { ContainerdRuntime } from './containerd.ts';

const why = missing();
if (why) process.stderr.write(`skipped: the runtime contract on containerd: ${why}\n`);

describe.skipIf(why !== undefined)('containerd', () => {
  let host: Host;
  let runtime: ContainerdRuntime;
  beforeAll(async () => {
    host = await startHost();
    runtime = new ContainerdRuntime(host.socket);
  });
  afterAll(async () => {
    runtime?.close();
    await host?.stop();
  });
  runtimeContract(() => ({
    runtime,
    image: testImage,
    logsDirectory: `${host.directory}/logs`,
    kill: (id) => void execFileSync('ctr', ['-a', host.socket, '-n', 'k8s.io', 'tasks', 'kill', '-s', 'SIGKILL', id]),
    limitsOf: (id) => limitsOf(`k8s.io/${id}`),
  }));

  test('tells what images take', async () => {
    // The runtime counts it every ten seconds.
    expect(await runtime.imageUsage()).toEqual({
      mountpoint: expect.stringContaining(host.directory),
      bytes: expect.any(Number),
      inodes: expect.any(Number),
    });
  });

  test('knows its version, its images and what is absent', async () => {
    expect((await runtime.version()).name).toBe('containerd');
    expect(await runtime.status()).toMatchObject({ runtimeReady: true, networkReady: true });
    expect((await runtime.listImages()).flatMap((i) => i.tags)).toContain(testImage);
    expect(await runtime.imageStatus('tiffin.dev/absent:1')).toBeUndefined();
  });
});
