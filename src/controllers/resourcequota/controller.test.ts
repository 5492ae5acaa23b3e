// The controller over the real API server: what conformance asks of quotas, without nodes.
import { expect, test } from 'vitest';
import { openSql } from '../../../test/harness/sql.ts';
import { TestRandom, testServer } from '../../apiserver/testing.ts';
import { defaultClusterConfig } from '../../ports/index.ts';
import { createRunner } from '../../reconcile/runner.ts';
import { create } from './controller.ts';

const base = '/api/v1/namespaces/shop';

async function cluster() {
  const { call, server, ledger, clock, log } = await testServer(openSql());
  await call('POST', '/api/v1/namespaces', { metadata: { name: 'shop' } });
  await call('POST', `${base}/serviceaccounts`, { metadata: { name: 'default' } });
  let alarmMs: number | undefined;
  const runner = createRunner({
    sql: openSql(),
    clock,
    random: new TestRandom(3),
    config: defaultClusterConfig,
    log,
    client: server.client('resourcequota-controller'),
    feed: server.feed,
    controllers: [create({} as never)],
    alarm: {
      set: (atMs) => {
        alarmMs = atMs;
      },
    },
  });
  const settle = async () => {
    for (let before = -1; before !== ledger.revision; ) {
      before = ledger.revision;
      await runner.poke(before);
    }
  };
  const status = async (name = 'q') => {
    await settle();
    return (await call('GET', `${base}/resourcequotas/${name}`)).json.status;
  };
  const advance = async (ms: number) => {
    clock.advance(ms);
    if (alarmMs !== undefined && alarmMs <= clock.now()) await runner.alarm();
    await settle();
  };
  return { call, status, advance };
}

const quota = (hard: Record<string, string>) => ({ metadata: { name: 'q' }, spec: { hard } });
const pod = (name: string, cpu: string) => ({
  metadata: { name },
  spec: { containers: [{ name: 'c', image: 'i', resources: { requests: { cpu } } }] },
});

test('a new quota is counted, and again when its bounds change', async () => {
  const { call, status } = await cluster();
  await call('POST', `${base}/configmaps`, { metadata: { name: 'a' } });
  await call('POST', `${base}/resourcequotas`, quota({ configmaps: '2', pods: '1' }));
  expect(await status()).toEqual({ hard: { configmaps: '2', pods: '1' }, used: { configmaps: '1', pods: '0' } });
  await call('PATCH', `${base}/resourcequotas/q`, { spec: { hard: { configmaps: '9', pods: null, secrets: '3' } } });
  expect(await status()).toEqual({ hard: { configmaps: '9', secrets: '3' }, used: { configmaps: '1', secrets: '0' } });
});

test('a status that somebody else wrote is set right', async () => {
  const { call, status } = await cluster();
  const hard = { configmaps: '2', pods: '1' };
  await call('POST', `${base}/resourcequotas`, quota(hard));
  const right = { hard, used: { configmaps: '0', pods: '0' } };
  expect(await status()).toEqual(right);
  for (const wrong of [{ hard: { pods: '2', configmaps: '3' } }, { used: { pods: null } }, null]) {
    const { code, json } = await call('PATCH', `${base}/resourcequotas/q/status`, { status: wrong });
    expect([code, json.status]).not.toEqual([200, right]);
    expect(await status()).toEqual(right);
  }
});

test('the life of objects: charged as they come, given back as they go or end', async () => {
  const { call, status } = await cluster();
  const hard = { pods: '2', 'requests.cpu': '1', services: '2', 'services.nodeports': '1', configmaps: '1' };
  await call('POST', `${base}/resourcequotas`, quota(hard));
  await status();
  await call('POST', `${base}/pods`, pod('a', '600m'));
  expect((await call('POST', `${base}/pods`, pod('b', '600m'))).code).toBe(403);
  await call('POST', `${base}/configmaps`, { metadata: { name: 'a' } });
  const service = { metadata: { name: 's' }, spec: { type: 'NodePort', ports: [{ port: 80 }] } };
  await call('POST', `${base}/services`, service);
  const used = { pods: '1', 'requests.cpu': '600m', services: '1', 'services.nodeports': '1', configmaps: '1' };
  expect((await status()).used).toEqual(used);

  await call('PATCH', `${base}/services/s`, { spec: { type: 'ClusterIP', ports: [{ port: 80, nodePort: null }] } });
  expect((await status()).used).toEqual({ ...used, 'services.nodeports': '0' });
  await call('PATCH', `${base}/pods/a/status`, { status: { phase: 'Succeeded' } });
  expect((await status()).used).toMatchObject({ pods: '0', 'requests.cpu': '0' });
  await call('POST', `${base}/pods`, pod('b', '600m'));
  expect((await status()).used).toMatchObject({ pods: '1', 'requests.cpu': '600m' });
  await call('DELETE', `${base}/pods/b?gracePeriodSeconds=0`);
  await call('DELETE', `${base}/configmaps/a`);
  await call('DELETE', `${base}/services/s`);
  expect((await status()).used).toEqual(Object.fromEntries(Object.keys(hard).map((name) => [name, '0'])));
});

test('a pod that does not go is charged no longer than its grace, twice', async () => {
  const { call, status, advance } = await cluster();
  await call('POST', `${base}/resourcequotas`, quota({ pods: '2', 'count/pods': '2' }));
  await status();
  await call('POST', `${base}/pods`, { ...pod('a', '1'), spec: { ...pod('a', '1').spec, nodeName: 'n' } });
  await call('POST', `${base}/configmaps`, { metadata: { name: 'a' } });
  await call('DELETE', `${base}/pods/a`);
  expect((await status()).used).toEqual({ pods: '1', 'count/pods': '1' });
  await call('DELETE', `${base}/configmaps/a`);
  await status();
  await advance(59_000);
  expect((await status()).used).toEqual({ pods: '1', 'count/pods': '1' });
  await advance(5_000);
  expect((await status()).used).toEqual({ pods: '0', 'count/pods': '1' });
});
