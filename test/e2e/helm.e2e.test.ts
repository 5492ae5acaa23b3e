// helm 4 with a chart of its own: hooks (as Pods), upgrade, rollback, test, uninstall.
import path from 'node:path';
import { expect, inject, test } from 'vitest';
import type { Deployment } from '../../src/generated/schemas/apps-v1.ts';
import type { ConfigMap, Secret } from '../../src/generated/schemas/core-v1.ts';
import { cluster, get, items, kubeconfig, kubectl, type Outcome, run, tryKubectl, until } from './lib.ts';

const chart = path.join(import.meta.dirname, 'chart');

cluster('helm', (ns) => {
  const tryHelm = (...args: string[]): Promise<Outcome> =>
    run(inject('helm'), ['--kubeconfig', kubeconfig, '-n', ns, ...args], { timeoutMs: 120_000 });
  const helm = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await tryHelm(...args);
    expect(code, `helm ${args.join(' ')}: ${stderr}${stdout}`).toBe(0);
    return stdout;
  };
  const greeting = async () => (await get<ConfigMap>(`configmap shop-settings -n ${ns}`)).data?.greeting;
  const deployed = () => get<Deployment>(`deployment shop -n ${ns}`);

  test('install waits for what it made, after its hook', async () => {
    expect(await helm('install', 'shop', chart, '--wait', '--timeout', '90s')).toMatch(/STATUS: deployed\nREVISION: 1/);
    expect(await kubectl(`logs shop-prepare -n ${ns}`)).toBe('prepared\n');
    expect((await deployed()).status.availableReplicas).toBe(1);
    expect(await helm('list')).toMatch(/shop\s+\S+\s+1\s+.*deployed\s+shop-0\.1\.0/);
    const [release] = await items<Secret>(`secrets -n ${ns} -l owner=helm`);
    expect(release?.type).toBe('helm.sh/release.v1');
    expect(await helm('get', 'manifest', 'shop')).toContain('kind: Deployment');
    expect(await helm('status', 'shop')).toContain('STATUS: deployed');
  });

  test('its test pod reaches the Service', async () => {
    expect(await helm('test', 'shop', '--timeout', '60s')).toMatch(/TEST SUITE:\s+shop-test[\s\S]*Phase:\s+Succeeded/);
    expect(await kubectl(`logs shop-test -n ${ns}`)).toContain('reached');
  });

  test('upgrade changes what changed, and runs its hook', async () => {
    const before = await deployed();
    await helm('upgrade', 'shop', chart, '--set', 'replicas=2,greeting=salut', '--wait', '--timeout', '90s');
    expect(await greeting()).toBe('salut');
    const after = await deployed();
    expect([after.metadata.uid, after.status.availableReplicas]).toEqual([before.metadata.uid, 2]);
    expect(await kubectl(`logs shop-migrate -n ${ns}`)).toBe('migrated\n');
  });

  test('an upgrade whose hook fails is failed, and rollback restores the one before', async () => {
    const failed = await tryHelm(
      'upgrade',
      'shop',
      chart,
      '--set',
      'greeting=ciao,brokenUpgrade=true',
      '--timeout',
      '60s',
    );
    expect(failed.code).not.toBe(0);
    expect(failed.stderr).toContain('post-upgrade hooks failed');
    expect(await helm('history', 'shop')).toMatch(/3\s+.*failed/);
    await helm('rollback', 'shop', '2', '--wait', '--timeout', '90s');
    expect(await greeting()).toBe('salut');
    expect((await deployed()).spec.replicas).toBe(2);
    expect(await helm('history', 'shop')).toMatch(/4\s+.*deployed\s+shop-0\.1\.0\s+1\s+Rollback to 2/);
  });

  test('uninstall leaves nothing', async () => {
    await helm('uninstall', 'shop', '--wait', '--timeout', '60s');
    for (const kind of ['deployment/shop', 'service/shop', 'configmap/shop-settings'])
      expect((await tryKubectl(['get', kind, '-n', ns])).stderr).toContain('NotFound');
    expect(await items(`secrets -n ${ns} -l owner=helm`)).toEqual([]);
    await until('no pods of it', async () => (await items(`pods -n ${ns} -l app=shop`)).length === 0);
  });
});
